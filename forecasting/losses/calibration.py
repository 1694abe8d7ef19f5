"""What the record of kills says about the ranges that a defence states: prior draws -> calibrated draws.

The stated ranges are the prior: every quantity that bears on kills is drawn from its triangular distribution, by its
level, a uniform number. For each draw the cascade of `forecasting.defence.engagement` is taken in expectation, which
gives the share of the drones of a night of n that each layer kills. Reports are compared with what they count:

    shot down only: fire           apart: fire, and suppressed           merged: fire and suppressed together

each beside the rest of the launched drones, under a Dirichlet-multinomial distribution (Mosimann 1962, On the compound
multinomial distribution); with one count that is the beta-binomial (Gelman et al. 2013, Bayesian Data Analysis, 3rd
ed., ch. 5.3). Sums of Dirichlet shares are Dirichlet shares of the same precision, so a change of style changes how
much is told, not what is. The precision is (n - phi)/(phi - 1): the variance of a count is phi times the binomial one
for any n, as where drones fall or pass in groups of phi (McCullagh and Nelder 1989, Generalized Linear Models, 4.5).
phi and the drift below are fitted to the record itself, without any defence (`fitted_variation`).

No cascade of limited layers loses more of many drones than of few, but the record since August 2025 says so: of 400
and more it lets through a third of what it does of 50 to 100. It says so of nights beside the other nights of a month;
months of many drones were neutralised less. So the odds may depend on the size of a night beside the nights before it,

    logit(share) = logit(share by the cascade) + b (ln(n/m) - c),     b ~ Normal(0, SIZE_EFFECT),

m the mean of the LEVEL_NIGHTS nights before, c the size that the average drone comes in (a discrepancy: Kennedy and
O'Hagan 2001, Bayesian calibration of computer models), held at the smallest and the largest that the record has seen;
the level m acts through the limits of the layers alone. b stands beside the quantities, prior and posterior; every draw
of those stays within its range.

The defence changes: the ranges are those of the origin, and each BLOCK_DAYS further back the odds have walked by one
more Normal(0, drift) step (a local level: West and Harrison 1997, Bayesian Forecasting and Dynamic Models, ch. 2), as
they will for each to come. So nights before the last block tell less and less of it. Published shares of kills by layer
are a second term, of normal errors. The posterior is drawn from by `forecasting.losses.importance`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from features.errors import InputError
from features.messages import Message
from forecasting.defence.kinds import mean_shares
from forecasting.defence.layers import Defence
from forecasting.losses.calibrated_defence import STREAM, Calibration, Comparison, UpdatedQuantity
from forecasting.losses.evidence import BLOCKS, Evidence, UnknownParameters, some_sizes
from forecasting.losses.importance import Sampler, sample_posterior
from forecasting.losses.night_size import NightSizes
from forecasting.losses.reported_losses import Array, ReportedLosses, StatedKills
from forecasting.losses.variation import BLOCK_DAYS, Variation, Vary, fitted_variation

STATED_DAYS = 91
"""How long a published share of kills by layer bears on them: layers take over from each other within a season."""
SIZE_EFFECT = 0.5
"""Standard deviation of b before the record: odds that change by a half where the night doubles are no surprise."""
LARGE_NIGHT = 400
RECENT_NIGHTS = 28
LEAST_DRAWS = 200
"""Below so many independent draws, quantiles of 10 and 90 % are told with a warning."""


@dataclass(frozen=True)
class Learning:
    """The steps of a calibration that take long, or what gives the same: they rest on the record, not on a request."""

    sample: Sampler = sample_posterior
    vary: Vary = fitted_variation


LEARNED_NOW = Learning()


def calibrate(
    defence: Defence,
    record: ReportedLosses,
    origin: date,
    *,
    stated: Sequence[StatedKills] = (),
    armed_share: float | None = None,
    n_draws: int = 4_000,
    seed: int = 1,
    variation: Variation | None = None,
    size_effect: float = SIZE_EFFECT,
    learning: Learning = LEARNED_NOW,
) -> Calibration:
    """The ranges of the defence, updated with what was reported until the origin.

    record: as published by the origin; later nights are left out. stated: shares of kills by layer; those published
    after the origin, or of a layer that the defence does not have, are left out. armed_share: of the drones, where
    layers tell decoys. variation: without it, that of the record. size_effect: standard deviation of
    b, 0 for none. Without a night in the last BLOCKS blocks the posterior is the prior.
    Raises InputError for numbers out of their range.
    """
    if n_draws < 100 or size_effect < 0:
        raise InputError(f"{n_draws} draws and a size effect of {size_effect}: expected at least 100, and 0 or more")
    if variation is not None and not (variation.overdispersion > 1 and variation.drift > 0):
        raise InputError(
            f"overdispersion {variation.overdispersion} and drift {variation.drift}: expected above 1, and above 0"
        )
    evidence = _evidence(defence, record, origin, stated, armed_share, variation or learning.vary(record, origin))
    rng = np.random.default_rng([seed, STREAM])
    unknown = UnknownParameters.of(defence, size_effect, evidence.variation.drift)
    prior = posterior = unknown.draws(rng.standard_normal((n_draws, unknown.n_scores)))
    effective = float(n_draws)
    if evidence.record.days.size:
        scores, effective = learning.sample(
            lambda scores: evidence.log_likelihood(unknown.draws(scores)), unknown.n_scores, n_draws, rng
        )
        posterior = unknown.draws(scores)
    found = Calibration(
        defence=defence,
        origin=origin,
        prior=prior,
        posterior=posterior,
        effective_sample_size=effective,
        n_nights=int(evidence.record.days.size),
        variation=evidence.variation,
        quantities=(),
        periods=(),
        kill_shares=(),
        notes=_notes(evidence, origin, stated, effective),
        evidence=evidence,
    )
    return replace(
        found,
        quantities=tuple(_updated_quantities(found)),
        periods=tuple(_periods(found, seed)),
        kill_shares=tuple(_kill_shares_compared(found)),
    )


def _evidence(
    defence: Defence,
    record: ReportedLosses,
    origin: date,
    stated: Sequence[StatedKills],
    armed_share: float | None,
    variation: Variation,
) -> Evidence:
    ages = record.ages(origin)
    used = (ages >= 0) & (ages < BLOCKS * BLOCK_DAYS)
    kept = record[used]
    known = {layer.id for layer in defence.layers}
    usable = tuple(
        each
        for each in stated
        if each.published <= origin and (origin - each.last_day).days < STATED_DAYS and each.layer_id in known
    )
    past = ages >= 0
    sizes = NightSizes.of(record.launched[past], used[past])
    blocks = (ages[used] // BLOCK_DAYS).astype(np.intp)
    shares = mean_shares(defence, origin)
    return Evidence(defence, kept, blocks, usable, variation, sizes, armed_share, shares)


def _quantiles(values: Array) -> tuple[float, float, float]:
    low, middle, high = np.quantile(values, (0.1, 0.5, 0.9)).tolist()
    return low, middle, high


def _updated_quantities(found: Calibration) -> Iterable[UpdatedQuantity]:
    values = [draws.values(found.defence) for draws in (found.prior, found.posterior)]
    for index, layer in enumerate(found.defence.layers):
        for name in found.prior.levels[index]:
            prior, posterior = (_quantiles(each[index][name]) for each in values)
            yield UpdatedQuantity(layer.id, name, prior, posterior)
    if found.prior.size_effect.any():
        effects = (found.prior.size_effect, found.posterior.size_effect)
        yield UpdatedQuantity("", "size_effect", *map(_quantiles, effects))


def _periods(found: Calibration, seed: int) -> Iterable[Comparison]:
    """The months that the record was used of, its last nights, and its large ones; each by style of reporting."""
    record = found.evidence.record
    n, months = record.days.size, record.days.astype("datetime64[M]")
    if not n:
        return
    told = ~np.isnan(record.impact_sites)
    size = found.evidence.sizes.relative - found.evidence.sizes.centre
    prior, posterior = (
        found.reported_shares(record.launched, seed, size=size, counts_all=record.counts_all, calibrated=calibrated)
        * record.launched
        for calibrated in (False, True)
    )
    styles: dict[Literal["lost", "shot_down"], NDArray[np.bool_]]
    styles = {"lost": record.counts_all, "shot_down": ~record.counts_all}
    chosen = [(Message.of("month", month=str(month)), months == month) for month in np.unique(months)]
    chosen.append((Message.of("last_nights", n=min(n, RECENT_NIGHTS)), np.arange(n) >= n - RECENT_NIGHTS))
    chosen.append((Message.of("large_nights", drones=LARGE_NIGHT), record.launched >= LARGE_NIGHT))
    for period, of_period in chosen:
        for counts, of_style in styles.items():
            nights = of_period & of_style
            if not nights.any():
                continue
            launched, share = record.launched[nights].sum(), record.lost[nights].sum() / record.launched[nights].sum()
            hit = record.impact_sites[nights & told].sum() / max(record.launched[nights & told].sum(), 1.0)
            yield Comparison(
                period,
                counts,
                layer_id="",
                first_day=record.days[nights][0].item(),
                last_day=record.days[nights][-1].item(),
                n_nights=int(nights.sum()),
                low=float(share),
                high=float(share),
                prior=_quantiles(prior[:, nights].sum(axis=1) / launched),
                posterior=_quantiles(posterior[:, nights].sum(axis=1) / launched),
                impact_sites=float(hit) if (nights & told).any() else None,
            )


def _kill_shares_compared(found: Calibration) -> Iterable[Comparison]:
    evidence = found.evidence
    if not evidence.record.days.size:
        return
    sizes, spread = some_sizes(evidence.record.launched)
    kills = [evidence.kills(draws, sizes) for draws in (found.prior, found.posterior)]
    for stated in evidence.stated:
        prior, posterior = (_quantiles(evidence.share_of_kills(stated, each, spread)) for each in kills)
        days, bounds = (stated.first_day, stated.last_day), (stated.low, stated.high)
        period = Message.of("published_share", source=stated.source)
        yield Comparison(period, "kills", stated.layer_id, *days, 0, *bounds, prior, posterior)


def _notes(evidence: Evidence, origin: date, stated: Sequence[StatedKills], effective: float) -> tuple[Message, ...]:
    notes = []
    if evidence.defence.as_of > origin:
        notes.append(Message.of("defence_after_origin", day=evidence.defence.as_of, origin=origin))
    if not evidence.record.days.size:
        notes.append(Message.of("no_reported_losses"))
    if late := sum(each.published > origin for each in stated):
        notes.append(Message.of("kill_shares_left_out", late=late, all=len(stated)))
    if effective < LEAST_DRAWS:
        notes.append(Message.of("few_effective_draws", n=round(effective)))
    shown = not evidence.record.counts_all.all() or not np.isnan(evidence.record.suppressed).all()
    if shown and not evidence.suppressing_layers.any():
        notes.append(Message.of("no_electronic_warfare"))
    return tuple(notes)
