"""What a modeller may build on: the names below stay, with their signatures, until the changelog says otherwise.

`make api` writes public_api.txt anew after a change that is meant; tests/test_public_api.py fails for one that is not.
All of it is read from the source, so that it is the same on every Python and needs no import.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LISTING = Path(__file__).with_suffix(".txt")
EVERYTHING = ("*",)
"""All names of `__all__`, or else of the module without a leading underscore."""

PUBLIC: dict[str, tuple[str, ...]] = {
    # What is known: reports, the ledger of what was published when, the series, scenarios of production.
    "features.errors": ("SalvocastError", "InputError"),
    "features.records": ("UKRAINE", "SHAHED", "KYIV", "ReportingRegime", "QuietDayRule", "SalvoReport"),
    "features.sources.reading": ("Reading", "RejectedRow"),
    "features.sources.bundled": ("read_bundled",),
    "features.sources.table": ("read_table",),
    "features.database": ("Database",),
    "features.ledger": ("Ledger", "end_of_day"),
    "features.views": ("LedgerReport",),
    "features.history": ("LaunchHistory",),
    "features.covariates": ("Covariate",),
    "features.calendar_days": EVERYTHING,
    "features.massed": ("massed_threshold",),
    "features.scenarios": ("ProductionScenario", "bundled_scenarios", "load_scenario", "parse_scenario"),
    # What will come: the contract of a model and what helps to keep it, forecasts, a defence, plans and their scores.
    "forecasting.salvos.model": (
        "ModelError",
        "SimulationRequest",
        "Fitted",
        "Model",
        "GlobalModel",
        "require_days",
        "add_model",
        "load_model",
        "forecast",
    ),
    "forecasting.salvos.contract": ("check_contract",),
    "forecasting.salvos.sampling": EVERYTHING,
    "forecasting.salvos.from_quantiles": ("past_windows", "paths_from_quantiles"),
    "forecasting.salvos.forecast": ("SalvoForecast",),
    "forecasting.defence.outcome": ("DefenceCounts", "InterceptorDemand", "StockOutlook", "Engagements"),
    "forecasting.record.scores": EVERYTHING,
    "forecasting.defence.layers": ("Defence", "DefenceLayer", "Against", "Met", "DroneKind", "Wave", "parse_defence"),
    "forecasting.losses.reported_losses": ("ReportedLosses", "StatedKills", "parse_kill_shares"),
    "forecasting.supply.scenario_forecast": ("ScenarioRequest", "SuppliedForecast", "under_scenario"),
    "forecasting.defence.stock": ("Delivery", "parse_stock", "parse_deliveries", "with_stock"),
    "forecasting.orders.ordering": ("InterceptorOrder", "Cover", "cover"),
    "forecasting.plan": ("Prepared", "Target", "Plan", "prepare", "prepare_calibration", "make_plan"),
    "forecasting.report.document": ("forecast_document", "plan_document", "document_json"),
    "forecasting.salvos.saved": ("SavedModel", "save_model", "load_saved"),
    "forecasting.registry": ("Registry", "RegisteredModel", "Promotion", "registered_name", "tracking_uri"),
    # How we know: folds, backtests, differences of paired scores.
    "experiments.folds": EVERYTHING,
    "experiments.backtest": ("Backtest", "Replay", "FoldScores", "run_backtest"),
    "experiments.comparison": EVERYTHING,
    "experiments.compare": EVERYTHING,
    "experiments.outside": ("OutsideForecast", "OutsideForecasts", "read_forecasts", "histories", "hub_output"),
}


def listing() -> str:
    """Every public name with its signature, fields or values, one a line, sorted by module as above."""
    return "".join(f"{line}\n" for module, names in PUBLIC.items() for line in module_lines(module, names))


def module_lines(module: str, names: tuple[str, ...]) -> list[str]:
    return [f"{module}{line}" for name, node in public(module, names).items() for line in lines_of(name, node)]


def public(module: str, names: tuple[str, ...]) -> dict[str, ast.stmt]:
    """Name -> where it is defined, be it in a module that this one takes it from. Raises LookupError for a name that is
    not there."""
    path = ROOT.joinpath(*module.split("."))
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    if not source.exists():
        raise LookupError(f"{module} is public, but is no longer there")
    body = ast.parse(source.read_text(encoding="utf-8")).body
    defined = definitions(body)
    if names == EVERYTHING and isinstance(stated := defined.get("__all__"), ast.Assign):
        names = tuple(ast.literal_eval(stated.value))
    if names == EVERYTHING:
        names = tuple(name for name in defined if not name.startswith("_"))
    for node in body:
        if isinstance(node, ast.ImportFrom):
            taken = tuple(each.name for each in node.names if each.name in names and each.name not in defined)
            defined |= public(str(node.module), taken) if taken else {}
    if gone := set(names) - set(defined):
        raise LookupError(f"{module}.{', '.join(sorted(gone))}: public, but no longer there")
    return {name: defined[name] for name in names}


def definitions(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    found: dict[str, ast.stmt] = {}
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found[node.target.id] = node
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node
    return found


def lines_of(name: str, node: ast.stmt) -> Iterator[str]:
    """ ".name(arguments) -> result", ".name: type", ".name = value"; of a class also what can be called on it."""
    if isinstance(node, ast.FunctionDef):
        kinds = [ast.unparse(each) for each in node.decorator_list]
        if {"property", "cached_property"} & set(kinds):
            yield f".{name}: {_annotation(node.returns)}"
        else:
            kind = "".join(f" [{kind}]" for kind in kinds if kind in ("classmethod", "staticmethod", "contextmanager"))
            yield f".{name}({ast.unparse(node.args)}) -> {_annotation(node.returns)}{kind}"
    elif isinstance(node, ast.ClassDef):
        kinds = [ast.unparse(each) for each in node.decorator_list]
        bases = f"({', '.join(map(ast.unparse, node.bases))})" if node.bases else ""
        yield f".{name}{bases}" + "".join(f" [{kind}]" for kind in kinds)
        for inner, member in definitions(node.body).items():
            if not inner.startswith("_") or inner in ("__init__", "__call__"):
                yield from (f".{name}{line}" for line in lines_of(inner, member))
    elif isinstance(node, ast.AnnAssign):
        default = f" = {ast.unparse(node.value)}" if node.value else ""
        yield f".{name}: {ast.unparse(node.annotation)}{default}"
    elif isinstance(node, ast.Assign):
        yield f".{name} = {ast.unparse(node.value)}"


def _annotation(node: ast.expr | None) -> str:
    """Without the quotes that only spare an import."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return "None" if node is None else ast.unparse(node)


if __name__ == "__main__":
    LISTING.write_text(listing(), encoding="utf-8")
