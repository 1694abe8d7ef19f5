"""What each step of the default plan costs: seconds here, and the ratio to a fixed piece of NumPy work of the same run.

Ratios, because seconds say more about the machine than about the code: `make bench`.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib import resources
from itertools import count, cycle, islice
from pathlib import Path
from time import perf_counter

import numpy as np

from features.ledger import Ledger
from features.records import SHAHED
from features.sources.bundled import read_bundled
from forecasting.answers.context import FALLBACK_MODEL
from forecasting.defence.engagement import engage, engage_in_total
from forecasting.defence.layers import Defence, DefenceLayer, parse_defence
from forecasting.defence.trials import OrderTrials
from forecasting.losses.calibrated_defence import Calibration
from forecasting.orders.advice import market_of
from forecasting.orders.frontier import evaluated, leaker_mixes
from forecasting.orders.information import perfect_information
from forecasting.orders.policy import futures_of, policy_year
from forecasting.plan import Plan, Target, make_plan, prepare, prepare_calibration
from forecasting.report.document import plan_document
from forecasting.report.pictures import plan_picture, render
from forecasting.salvos.forecast import SalvoForecast
from forecasting.salvos.model import MODELS, SimulationRequest, forecast, load_model

RUNS = 7


def median_seconds(work: Callable[[], object], runs: int = RUNS) -> float:
    """The median of several runs, after one that is not counted."""
    work()
    seconds = []
    for _ in range(runs):
        started = perf_counter()
        work()
        seconds.append(perf_counter() - started)
    return statistics.median(seconds)


def salvocast(home: str, *arguments: str) -> Callable[[], object]:
    """The command as a person runs it, in a process of its own; home: whose ledger it reads."""
    command = [sys.executable, "-m", "forecasting.commands.main", *arguments]
    environment = os.environ | {"SALVOCAST_HOME": home}
    return lambda: subprocess.run(command, check=True, capture_output=True, env=environment)


def defence_of_ten(defence: Defence) -> Defence:
    """The layers of the defence, and of its first ones once more, so that they are ten."""
    missing = of_another_name(defence.layers, 10 - len(defence.layers))
    return defence.model_copy(update={"layers": (*defence.layers, *missing)})


def of_another_name(layers: tuple[DefenceLayer, ...], n: int) -> tuple[DefenceLayer, ...]:
    """So many layers: these from the first on, and over again."""
    return tuple(layer.model_copy(update={"id": f"{layer.id}_{i}"}) for i, layer in enumerate(islice(cycle(layers), n)))


def defence_sizes(salvos: SalvoForecast, defence: Defence) -> None:
    """What the defence takes, against two bare binomial draws for each path, night and layer, and how it grows."""

    def draw_binomials(sized: SalvoForecast, n_layers: int) -> None:
        for _ in range(2 * n_layers):
            np.random.default_rng(1).binomial(sized.paths, 0.3)

    def seconds(n_paths: int, horizon: int, n_layers: int) -> float:
        sized, some = sized_defence(salvos, defence, n_paths, horizon, n_layers)
        took = median_seconds(partial(engage_in_total, sized, some), 3)
        ratio = took / median_seconds(partial(draw_binomials, sized, n_layers), 1)
        print(f"{took:8.2f} s, {ratio:.2f} of two bare draws a cell: {n_paths:,} paths x {horizon} x {n_layers}")
        return took

    seconds(2_000, 28, 10)
    whole = seconds(10_000, 90, 10)
    halves = {"paths": (5_000, 90, 10), "nights": (10_000, 45, 10), "layers": (10_000, 90, 5)}
    for name, size in halves.items():
        print(f"         slope in the {name}: {np.log2(whole / seconds(*size)):.2f} (1: linear)")


def sized_defence(
    salvos: SalvoForecast, defence: Defence, n_paths: int, horizon: int, n_layers: int
) -> tuple[SalvoForecast, Defence]:
    """The salvos repeated to so many paths and nights, and so many layers."""
    sized = replace(salvos, paths=np.resize(salvos.paths, (n_paths, horizon)))
    return sized, defence.model_copy(update={"layers": of_another_name(defence.layers, n_layers)})


def raid_sizes(salvos: SalvoForecast, defence: Defence) -> None:
    """What three kinds and three classes take against two kinds: of ten layers four meet missiles, one of them nothing
    else; 10,000 paths of 90 nights, cruise missiles on one in five, ballistic ones on every other; and the memory."""
    sized, ten = sized_defence(salvos, defence, 10_000, 90, 10)
    rng, shape = np.random.default_rng(1), sized.paths.shape
    others = {
        "cruise": rng.poisson(20, shape) * (rng.random(shape) < 0.2),
        "ballistic": rng.poisson(4, shape) * (rng.random(shape) < 0.5),
    }
    armed = np.full((1, 90), 0.62)
    two_kinds = ten.model_copy(update={"kinds": ()}).facing((SHAHED,))

    def two() -> None:
        engage_in_total(sized, two_kinds, armed_share=armed)

    def three() -> None:
        engage_in_total(sized, ten, armed_share=armed, others=others)

    before, after = median_seconds(two, 3), median_seconds(three, 3)
    print(f"{before:8.2f} s  two kinds, {len(two_kinds.layers)} layers: 10,000 paths x 90")
    print(f"{after:8.2f} s, {after / before:.2f} times that: three kinds and three classes, {len(ten.layers)} layers")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{peak:8.2f} GB at most until here")


def order_steps(plan: Plan, unit: float) -> None:
    """What the orders of a plan take beside its simulation: the frontier, what numbers are worth, a year's policy."""
    ids = set(plan.defence.ids)
    trials = OrderTrials(plan.defence)
    met = engage(plan.forecast, plan.defence, trials=trials)
    market = market_of(plan.defence, met, ids)
    none = np.zeros(plan.forecast.n_paths, np.int64)
    stocks = {stock.layer_id: stock.shortfall for stock in met.stocks}
    lacking = np.stack([stocks.get(name, none) for name in plan.defence.ids])
    rng = np.random.default_rng(1)
    drawn = {("", str(number)): rng.random(plan.forecast.n_paths) for number in range(60)}
    utilities = rng.random((6, plan.forecast.n_paths))
    sized, ten = sized_defence(plan.forecast, plan.defence, 2_000, 365, 10)
    futures = futures_of(ten, engage(sized, ten), sized, plan.history, {layer.id for layer in ten.layers})
    assert futures is not None
    steps: dict[str, Callable[[], object]] = {
        "frontier of ten points": lambda: evaluated(
            (fresh := trials.first(trials.n_paths - 1)),
            market,
            leaker_mixes(fresh.first(400), market, lacking, 10, steps=0),
        ),
        "what 60 numbers are worth to find out": lambda: perfect_information(drawn, utilities),
        f"a year's policy, {len(futures.layer_ids)} stocks of ten layers, after its simulation": lambda: policy_year(
            futures, "adjusted_base_stock", 28, 0.95
        ),
    }
    for name, work in steps.items():
        seconds = median_seconds(work, 3)
        print(f"{seconds:8.3f} s {seconds / unit:8.2f}  {name}")


def whole_year(plan_of: Callable[[SimulationRequest], Plan]) -> None:
    """The largest plan that is aimed at, once, with the memory of this process."""
    started = perf_counter()
    plan_document(plan_of(SimulationRequest(365, 100_000)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{perf_counter() - started:8.2f} s, {peak:.1f} GB: a plan of 100,000 paths x 365")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--year", action="store_true", help="also 100,000 paths of a year (some six minutes)")
    year = parser.parse_args().year
    counts, shares = np.full((2_000, 28), 200), np.full((2_000, 1), 0.3)
    unit = median_seconds(lambda: [np.random.default_rng(1).binomial(counts, shares) for _ in range(18)])
    text = resources.files("features.bundled").joinpath("defence_ukraine.toml").read_text(encoding="utf-8")
    whole, request = parse_defence(text, "bundled"), SimulationRequest(28, 2_000)
    defence = whole.facing((SHAHED,))
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'ledger.db'}"
        fresh = iter(range(100))

        def ingest() -> None:
            with Ledger.open(f"sqlite:///{Path(folder) / f'{next(fresh)}.db'}") as ledger:
                ledger.ingest(read_bundled(), datetime.now(UTC))

        with Ledger.open(url) as ledger:
            ledger.ingest(read_bundled(), datetime.now(UTC))
            history = ledger.history()
            reference = load_model("empirical_window")
            salvos = forecast(reference, history, request, 1)
            prepared = prepare(load_model(FALLBACK_MODEL), history)
            calibrated = prepare_calibration(defence, history)
            ten, seeds = defence_of_ten(defence), count(2)

            def anew(*given: str) -> object:
                """With a seed of its own, since an answer that was given before is kept."""
                return salvocast(folder, "plan", f"--seed={next(seeds)}", *given)()

            of_ten = prepare_calibration(ten, history)

            def plan_for(of: Defence, known: Calibration, seed: int = 1) -> Plan:
                return make_plan(prepared, of, request, service_level=0.95, seed=seed, calibrated=known)

            plan = plan_for(defence, calibrated)
            document = plan_document(plan)
            steps: dict[str, Callable[[], object]] = {
                "ingest of the bundled reports into a new ledger": ingest,
                "history as of a day": lambda: ledger.history(origin=history.last_day),
                **{
                    f"fit and 2,000 paths of 28 days, {name}": partial(forecast, load_model(name), history, request, 1)
                    for name in MODELS
                },
                "calibration, learned before requests": lambda: prepare_calibration(defence, history),
                "calibrated draws for 2,000 paths": lambda: calibrated.for_paths(salvos.paths, next(seeds)),
                f"defence of {len(defence.layers)} layers": lambda: engage(salvos, defence),
                f"plan of {len(ten.layers)} layers, all prepared": lambda: plan_for(ten, of_ten, next(seeds)),
                "document": lambda: plan_document(plan),
                "document as JSON": lambda: document.model_dump_json(indent=2),
                "picture": lambda: render(plan_picture(document, history), ".png", "plan"),
                "salvocast --help, a process": salvocast(folder, "--help"),
                "salvocast plan again, a process": salvocast(folder, "plan"),
                "salvocast plan of another seed, a process": anew,
                "salvocast plan of three classes, a process": lambda: anew("--threats", "shahed,cruise,ballistic"),
                "salvocast plan with a target of leakers, a process": lambda: anew("--leak-target", "438"),
            }
            print(f"1 unit = {len(defence.layers)} x 2 binomial draws of 2,000 x 28 = {unit:.4f} s here")
            for name, work in steps.items():
                seconds = median_seconds(work)
                print(f"{seconds:8.3f} s {seconds / unit:8.2f}  {name}")
            target = partial(make_plan, prepared, defence, request, service_level=0.95, calibrated=calibrated)
            for leakers in (424.0, 420.0):
                seconds = median_seconds(partial(target, target=Target(leakers), seed=1), 3)
                print(f"{seconds:8.3f} s {seconds / unit:8.2f}  plan with a target of {leakers:.0f} leakers")
            order_steps(plan, unit)
            defence_sizes(salvos, defence)
            raid_sizes(salvos, whole)
            if year:
                whole_year(
                    lambda sized: make_plan(prepared, defence, sized, service_level=0.95, seed=1, calibrated=calibrated)
                )


if __name__ == "__main__":
    main()
