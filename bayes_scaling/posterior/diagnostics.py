"""Whether a posterior can be trusted: each check gives a verdict, its evidence and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.laws.design import Design
from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.noise import RUN_EFFECT

Verdict = Literal["ok", "warn", "fail"]
Draws = Mapping[str, NDArray[np.float64]]

R_HAT = (1.01, 1.03)
ESS = (400.0, 100.0)
DIVERGENT = (0.001, 0.01)
BFMI = (0.3, 0.2)
PRIOR_TAIL = (0.01, 0.001)
"""Bounds between ok and warn, and between warn and fail, of each check."""

STUCK_R_HAT, STUCK_ESS = 1.1, 50.0
"""Bounds from which a parameter fails a fit whose answers are fine: chains sit in different places,
or hardly move, and the answers may owe their agreement to that."""

MORE, MOST_MORE = 2, 10.0
"""How many times the draws are asked for where chains disagree, and at most where there are few."""

LARGEST = 0.1
"""Share of the runs, by size, that count as the largest; at least nine. The best third of them, by
loss, are where a forecast starts."""

LEANING = 2.0
"""Median residual of those runs, in noise scales, from which the law leans. Taking the best of
several favours low residuals by about one noise scale, so one alone would say nothing."""


DESIGN = "design"
"""Checks of what the runs cannot tell, the first to know of: this, and ``design: few runs``."""

CONFLICT = "prior against data"
"""The check that says where a posterior sits where its prior thought impossible."""

OF = " of "
"""Between the name of a check and that of the fit it is about, where there are several."""

CEILING = "ceiling"
"""The check that says how the runs speak for a ceiling, and which laws are left out for that."""

TEMPERING = "tempering"
"""The check that says of a tempered posterior that it is one."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """The result of one check.

    Attributes
    ----------
    name : str
        What was checked.
    verdict : {"ok", "warn", "fail"}
        ``fail`` means that decisions should not rest on the fit.
    evidence : str
        The number behind it.
    advice : str
        What to do; empty where all is well.
    sampling : bool
        Whether it is about the sampler: a fit that fails such a check did not converge.
    """

    name: str
    verdict: Verdict
    evidence: str
    advice: str = ""
    sampling: bool = False

    @property
    def stuck(self) -> bool:
        """Whether it says that the sampler did not do its work."""
        return self.sampling and self.verdict == "fail"

    def of(self, name: str) -> Check:
        """Return the check as that of one of several fits."""
        return replace(self, name=f"{self.name}{OF}{name}")

    @property
    def kind(self) -> str:
        """What was checked, without of which fit."""
        return self.name.split(OF)[0]

    @property
    def of_design(self) -> bool:
        """Whether it is about what the runs cannot tell."""
        return self.kind.split(":")[0] == DESIGN

    def __str__(self) -> str:
        """Write one line."""
        return f"{self.name}: {self.verdict} ({self.evidence})" + (
            f" - {self.advice}" if self.advice else ""
        )


def doubts(checks: Iterable[Check]) -> list[Check]:
    """Return what failed and what warns, the gravest first, once for each kind.

    Of several fits that warn of the same kind, the gravest speaks for the others: the first, where
    they are alike. What is said of all fits together stands for itself. Failures go first, then
    what the runs cannot tell, of all fits before of one, then the rest in its order.
    """

    def kind(check: Check) -> str:
        return check.kind if OF in check.name else str(check)

    def grave(check: Check) -> tuple[bool, bool, bool]:
        of_one = check.of_design and OF in check.name
        return check.verdict != "fail", not check.of_design, of_one

    found = [check for check in checks if check.verdict != "ok"]
    ordered = sorted(found, key=grave)
    kinds = Counter(map(kind, found))
    first = {kind(check): check for check in reversed(ordered)}
    return [
        replace(check, name=f"{check.name} and {kinds[key] - 1} more") if kinds[key] > 1 else check
        for key, check in ((key, first[key]) for key in dict.fromkeys(map(kind, ordered)))
    ]


def said_of_ceiling(checks: Iterable[Check]) -> str:
    """Say what the runs tell of a ceiling, and who is left out; empty where nobody asked."""
    return next((check.evidence for check in checks if check.kind == CEILING), "")


def standing(checks: Iterable[Check]) -> str:
    """Say in a word or two whether a fit can be relied on, as its exit code does."""
    failed = [check for check in checks if check.verdict == "fail"]
    if any(check.stuck for check in failed):
        return "unconverged"
    names = ", ".join(dict.fromkeys(check.name for check in failed))
    return f"converged, but not to be relied on: {names}" if names else "converged"


@dataclass(frozen=True, kw_only=True)
class Mixing:
    """How well the chains agree on one quantity.

    Attributes
    ----------
    r_hat : float
        Rank-normalised split R-hat.
    ess, ess_tail : float
        Effective draws for the bulk and for the tails.
    """

    r_hat: float
    ess: float
    ess_tail: float


def mixing(draws: NDArray[np.float64]) -> Mixing:
    """R-hat and effective sample sizes of one quantity (n_chains, n_draws).

    References
    ----------
    Vehtari et al. 2021, arXiv:1903.08008.
    """
    from arviz_stats.base import array_stats

    return Mixing(
        r_hat=float(array_stats.rhat(draws)),
        ess=float(array_stats.ess(draws, method="bulk")),
        ess_tail=float(array_stats.ess(draws, method="tail", prob=(0.05, 0.95))),
    )


def elements(draws: Draws, groups: tuple[str, ...]) -> Iterable[tuple[str, NDArray[np.float64]]]:
    """Yield every scalar quantity of the draws as ``alpha`` or ``alpha[group]``."""
    for name, values in draws.items():
        if values.ndim == 2:
            yield name, values
        else:
            for index, label in enumerate(groups):
                yield f"{name}[{label}]", values[..., index]


def diagnose(
    model: Model,
    design: Design,
    draws: Draws,
    stats: Mapping[str, NDArray[Any]],
    mixed: Mapping[str, Mixing],
    asked: Mapping[str, Mixing],
    law: NDArray[np.float64],
) -> tuple[Check, ...]:
    """Check a posterior.

    Parameters
    ----------
    model : Model
        The law, for its priors.
    design : Design
        The data.
    draws : mapping of str to array (n_chains, n_draws, ...)
        The posterior.
    stats : mapping of str to array (n_chains, n_draws)
        Sampler statistics.
    mixed : mapping of str to Mixing
        R-hat and effective sizes by parameter and derived quantity.
    asked : mapping of str to Mixing
        The same of the answers of `reference_answers`, which decide.
    law : array (n_draws, n_runs)
        The law at the fitted runs on the scale of the noise, under some of the draws.

    Returns
    -------
    tuple of Check
    """
    return (
        *of_chains(mixed, asked, stats),
        _check_bfmi(stats),
        _check_conflict(model, draws),
        _check_largest(model, design, draws, law),
        *_said_of_tempering(model, design),
        *(
            Check(
                name=f"{DESIGN}: {each.about}",
                verdict="warn",
                evidence=each.says,
                advice=each.advice,
            )
            for each in design.forewarnings
        ),
    )


def of_chains(
    mixed: Mapping[str, Mixing], asked: Mapping[str, Mixing], stats: Mapping[str, NDArray[Any]]
) -> tuple[Check, ...]:
    """Check what R-hat, effective sizes and statistics say; nothing is computed from the draws."""
    draws = int(np.shape(stats["diverging"])[1])
    return (
        _check_r_hat(mixed, asked, draws),
        _check_ess(mixed, asked, draws),
        _check_divergences(stats),
    )


def _grade(value: float, bounds: tuple[float, float], *, low_is_good: bool) -> Verdict:
    ok, warn = bounds
    good: Callable[[float], bool] = (
        (lambda bound: value <= bound) if low_is_good else (lambda bound: value >= bound)
    )
    return "ok" if good(ok) else "warn" if good(warn) else "fail"


def _advised(
    name: str, verdict: Verdict, evidence: str, advice: str, *, sampling: bool = False
) -> Check:
    advice = "" if verdict == "ok" else advice
    return Check(name=name, verdict=verdict, evidence=evidence, advice=advice, sampling=sampling)


def _check_r_hat(mixed: Mapping[str, Mixing], asked: Mapping[str, Mixing], draws: int) -> Check:
    """Judge by the answers, and by parameters only where chains are stuck apart."""
    found = {name: _or(item.r_hat, np.inf) for name, item in {**mixed, **asked}.items()}
    worst = max(asked or mixed, key=lambda name: found[name])
    parameter = max(mixed, key=lambda name: found[name])
    verdict = _grade(found[worst], R_HAT, low_is_good=True)
    if found[parameter] > STUCK_R_HAT:
        verdict, worst = "fail", parameter
    return _advised(
        "R-hat",
        verdict,
        f"largest {found[worst]:.3f} ({worst})" + _rough(parameter, found, R_HAT[0], worst, ".3f"),
        f"the chains disagree: raise tune and draws (--draws {MORE * draws}), or use a simpler "
        "model",
        sampling=True,
    )


def _check_ess(mixed: Mapping[str, Mixing], asked: Mapping[str, Mixing], draws: int) -> Check:
    """Judge by the answers, and by parameters only where chains hardly move."""
    found = {
        name: _or(min(item.ess, item.ess_tail), 0.0) for name, item in {**mixed, **asked}.items()
    }
    worst = min(asked or mixed, key=lambda name: found[name])
    parameter = min(mixed, key=lambda name: found[name])
    verdict = _grade(found[worst], ESS, low_is_good=False)
    if found[parameter] < STUCK_ESS:
        verdict, worst = "fail", parameter
    lacking = min(float(np.ceil(ESS[0] / max(found[worst], 1.0))), MOST_MORE)
    return _advised(
        "effective draws",
        verdict,
        f"smallest {found[worst]:.0f} ({worst})" + _rough(parameter, found, ESS[0], worst, ".0f"),
        f"raise draws (--draws {int(lacking) * draws}); until then tails of intervals are rough",
        sampling=True,
    )


def _rough(
    parameter: str, found: Mapping[str, float], bound: float, worst: str, digits: str
) -> str:
    """Name a parameter that is rough where the answers are not; empty where none is."""
    value = found[parameter]
    rough = value > bound if bound < STUCK_ESS else value < bound
    if not rough or parameter == worst:
        return ""
    return f"; {parameter} has {value:{digits}}, on a ridge that moves no answer"


def _or(value: float, default: float) -> float:
    """Return `value`, or `default` where it is not a number."""
    return value if np.isfinite(value) else default


def _check_divergences(stats: Mapping[str, NDArray[Any]]) -> Check:
    diverging = np.asarray(stats["diverging"], bool)
    return _advised(
        "divergences",
        _grade(float(diverging.mean()), DIVERGENT, low_is_good=True),
        f"{int(diverging.sum())} of {diverging.size} draws",
        "part of the posterior was not explored: raise target_accept, or give narrower priors",
        sampling=True,
    )


def _check_bfmi(stats: Mapping[str, NDArray[Any]]) -> Check:
    from arviz_stats.base import array_stats

    worst = float(np.min(array_stats.bfmi(np.asarray(stats["energy"], float))))
    return _advised(
        "E-BFMI",
        _grade(_or(worst, 0.0), BFMI, low_is_good=False),
        f"smallest {worst:.2f}",
        "heavy tails were explored poorly: raise tune, or give narrower priors",
        sampling=True,
    )


def _check_conflict(model: Model, draws: Draws) -> Check:
    """Compare where the posterior sits with what the prior thought possible."""
    tails = {}
    for parameter in model.parameters:
        name = parameter.population_name if parameter.population_name in draws else parameter.name
        medians = np.median(draws[name], axis=(0, 1))
        below = parameter.prior.cdf(medians)
        smallest = float(np.min(2 * np.minimum(below, 1 - below)))
        tails[name] = min(1.0, smallest * np.size(medians))  # of so many groups
    name, worst = min(tails.items(), key=lambda pair: pair[1])
    return _advised(
        CONFLICT,
        _grade(worst, PRIOR_TAIL, low_is_good=False),
        f"posterior median of {name} at prior tail probability {worst:.2g}",
        f"the data pull {name} where the prior thought it impossible: check units and outliers, "
        f"or widen the prior of {name}",
    )


def _check_largest(model: Model, design: Design, draws: Draws, law: NDArray[np.float64]) -> Check:
    """See whether the best of the largest runs lie off the law: a forecast starts there."""
    residual = link_of(model).forward(design.response) - np.median(law, axis=0)
    sigma = np.broadcast_to(np.median(draws["sigma"], axis=(0, 1)), len(design.groups))
    if RUN_EFFECT in draws:  # rows of one run share its deviation: the noise is that of runs
        between = np.broadcast_to(np.median(draws[RUN_EFFECT], axis=(0, 1)), sigma.shape)
        sigma = np.hypot(sigma, between)
    sizes = [np.log(design.inputs[n]) for n in ("params", "tokens", "flops") if n in design.inputs]
    if not sizes:
        return Check(name="largest runs", verdict="ok", evidence="the law reads no size")
    count = min(design.response.size, max(9, round(LARGEST * design.response.size)))
    largest = np.argsort(sum(sizes))[-count:]
    best = largest[np.argsort(design.response[largest])][: max(1, count // 3)]
    leaning = float(np.median(residual[best] / sigma[design.group[best]]))
    shift = float(np.expm1(np.median(residual[best])))
    side = "below" if shift < 0 else "above"
    return _advised(
        "largest runs",
        "ok" if abs(leaning) < LEANING else "warn",
        f"the best {best.size} of the {count} largest lie {abs(shift):.1%} {side} the law, "
        f"{abs(leaning):.1f} times the noise",
        "the form leaves the data where the forecast starts: expect the big run on that side too, "
        "and try another law (coupled) or the larger runs alone",
    )


def _said_of_tempering(model: Model, design: Design) -> tuple[Check, ...]:
    """Say that a posterior is tempered, and how much its runs weigh."""
    if model.temper is None:
        return ()
    count, weight = design.weights.size, float(design.weights.sum())
    said = (
        f"tempered posterior, length {model.temper:g}: {count} runs weigh as {weight:.3g}, the "
        "largest most; not a plain posterior"
    )
    return (Check(name=TEMPERING, verdict="ok", evidence=said),)
