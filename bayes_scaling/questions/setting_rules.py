"""Rules that carry a setting from a small run to a large one: whether they hold, and the cost.

A rule says by which powers of sizes the best learning rate, weight decay or other setting moves. It
is asked of a law with a valley in that setting (``coupled+lr-valley``, ``timescale-valley``,
``coupled+valley:weight_decay``), whose posterior says where the best one lies at either size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.laws.features import SIZES
from bayes_scaling.questions.answer import Answer
from bayes_scaling.questions.distance import farthest
from bayes_scaling.questions.sizes import wrong_numbers
from bayes_scaling.questions.surface import Source, Surface, surface
from bayes_scaling.runs.columns import canonical_name, nearest

Array = NDArray[np.float64]

RULES: Mapping[str, Mapping[str, Mapping[str, float]]] = {
    "learning_rate": {
        "constant": {},
        "muP": {"width": -1.0},
        "Step Law": {"params": -0.713, "tokens": 0.307},
        "square root of the batch": {"batch_size": 0.5},
        "linear in the batch": {"batch_size": 1.0},
    },
    "weight_decay": {
        "constant": {},
        "constant tau": {"batch_size": 1.0, "learning_rate": -1.0, "tokens": -1.0},
        "constant rate times decay": {"learning_rate": -1.0},
    },
}
"""Published rules by setting: exponents of columns; any other setting has ``constant`` alone."""

TOLERANCE = 1.5
"""Factor within which a rule counts as right, by default."""

HARMLESS = 0.01
"""Loss above the best, relative, that a choice may cost by default."""


def setting_rules(
    source: Source,
    setting: str,
    *,
    small: Mapping[str, float] | None = None,
    target: Mapping[str, float] | None = None,
    exponents: Mapping[str, float] | None = None,
    tolerance: float = TOLERANCE,
    harmless: float = HARMLESS,
    family: str | None = None,
) -> Answer:
    """Tell whether rules carry a setting from a small run to a target, and what they cost there.

    Parameters
    ----------
    source : Fit
        A posterior of a law with a valley in the setting.
    setting : str
        What is carried over, such as learning_rate or weight_decay.
    small : mapping of str to float
        The run at which the setting is tuned: params and tokens, and whatever else the law or a
        rule reads, such as width, batch_size or learning_rate.
    target : mapping of str to float
        The large run, by the same names.
    exponents : mapping of str to float, optional
        A rule of your own: exponents of columns. Every published rule whose columns are given is
        asked by default.
    tolerance : float
        Factor within which the setting of a rule counts as that of the law.
    harmless : float
        Loss above the best, relative, up to which a rule counts as harmless.
    family : str, optional
        The group, where the fit has several.

    Returns
    -------
    Answer
        Of each rule the setting it chooses, the best one, by what factor the rule is off, what that
        costs of the loss, and with which probability it holds and is harmless. The distance beyond
        the runs is that of the small run or of the target, whichever is farther, with the setting.

    Raises
    ------
    InputError
        The law has no best value of the setting, a size is missing, neither the law nor a rule
        reads what was given, or a number cannot be used.

    References
    ----------
    arXiv:2203.03466 (muP), arXiv:2503.04715 (Step Law), arXiv:2505.13738 (constant tau).

    Notes
    -----
    The rule starts from the setting that is best at the small run over all draws. Whether it holds
    is asked draw by draw, of the factor by which the best setting moves between the two.
    """
    setting = canonical_name(setting) or setting
    _check(source, setting, tolerance, harmless, exponents)
    runs = {"small": _numbers("small", small), "target": _numbers("target", target)}
    _check_read(source, setting, runs, exponents)
    rules = _rules(setting, runs, exponents)
    near, far = (_surface(source, setting, family, run) for run in runs.values())
    best = {
        name: law.tuned(_sizes(run))[setting][:, 0]
        for (name, run), law in zip(runs.items(), (near, far), strict=True)
    }
    start = float(np.exp(np.median(np.log(best["small"]))))
    moves = {
        name: float(
            np.prod([(runs["target"][x] / runs["small"][x]) ** power for x, power in rule.items()])
        )
        for name, rule in rules.items()
    }
    moved = np.array(list(moves.values()))
    sizes = _sizes(runs["target"])
    at_best = far.at(sizes, far.draws[:, None])[:, 0]
    loss = np.stack(
        [
            _surface(source, setting, family, runs["target"], start * move).at(
                sizes, far.draws[:, None]
            )[:, 0]
            for move in moves.values()
        ],
        axis=1,
    )
    cost = loss / at_best[:, None] - 1
    apart = np.abs(np.log((best["target"] / best["small"])[:, None] / moved))
    found = np.repeat(best["target"][:, None], moved.size, axis=1)
    return Answer(
        asked={"rule": np.array(list(moves)), "chosen": start * moved},
        draws={f"best_{setting}": found, "off_by": start * moved / found, "cost": cost},
        flags={"holds": apart < np.log(tolerance), "harmless": cost < harmless},
        extrapolation=farthest(
            law.beyond({name: np.full(moved.size, at) for name, at in run.items()} | own)
            for law, run, own in (
                (near, runs["small"], {setting: np.full(moved.size, start)}),
                (far, runs["target"], {setting: start * moved}),
            )
        ),
        member=far.member,
        members=far.members,
        weights=far.weights,
        notes=far.notes,
    )


def _check(
    source: Source,
    setting: str,
    tolerance: float,
    harmless: float,
    exponents: Mapping[str, float] | None,
) -> None:
    """Raise where a law has no best value of the setting, or a tolerance cannot be used."""
    problems = []
    for law in source.members.values():
        if setting not in law.tunes:
            known = [name for name in law.tunes if name not in SIZES]
            hint = nearest(setting, known)
            problems.append(
                f"{law.id} knows no best {setting}"
                + (f"; did you mean {hint!r}?" if hint else "")
                + f": fit a law with a valley in it, such as coupled+valley:{hint or setting}"
            )
    problems += wrong_numbers({"tolerance": tolerance, "harmless": harmless})
    if not problems and tolerance <= 1:
        problems.append(f"tolerance is a factor above 1, got {tolerance!r}")
    for name, power in (exponents or {}).items():
        if np.ndim(power) or not isinstance(power, int | float) or not np.isfinite(power):
            problems.append(f"the exponent of {name} must be a finite number, got {power!r}")
    if problems:
        raise InputError(problems, source="setting rules")


def _check_read(
    source: Source,
    setting: str,
    runs: Mapping[str, Mapping[str, float]],
    exponents: Mapping[str, float] | None,
) -> None:
    """Raise where neither the law nor a rule reads what was given of a run."""
    by_law = {name for law in source.members.values() for name in law.reads.inputs}
    by_rules = {name for rule in RULES.get(setting, {}).values() for name in rule}
    by_rules |= {canonical_name(name) or name for name in exponents or {}}
    read = sorted((by_law | by_rules) - {setting})
    problems = []
    for which, run in runs.items():
        for name in run:
            if name == setting:
                problems.append(
                    f"{which}: {name} is what is carried, from its best value at the small run: "
                    "leave it out; forecast says what one of your own costs"
                )
            elif name not in read:
                hint = nearest(name, read)
                said = f"did you mean {hint!r}?" if hint else f"they read {', '.join(read)}"
                problems.append(f"{which}: neither the law nor a rule reads {name}; {said}")
    if problems:
        raise InputError(problems, source="setting rules")


def _numbers(what: str, given: Mapping[str, float] | None) -> dict[str, float]:
    """Return a run by canonical names, or say what is wrong with it."""
    run = {canonical_name(name) or name: value for name, value in (given or {}).items()}
    problems = [f"{what}: {problem}" for problem in wrong_numbers(run)]
    if not run:
        problems.append(
            f"say which run is {what}, such as {what}={{'params': 1e8, 'tokens': 2e9}} (in a shell "
            f"--{what} params=1e8 --{what} tokens=2e9)"
        )
    if problems:
        raise InputError(problems, source="setting rules")
    return {name: float(value) for name, value in run.items()}


def _rules(
    setting: str, runs: Mapping[str, Mapping[str, float]], exponents: Mapping[str, float] | None
) -> dict[str, Mapping[str, float]]:
    """Return the rules that can be asked, or say what one of the user's own lacks."""
    if exponents:
        own = {canonical_name(name) or name: power for name, power in exponents.items()}
        lacking = [
            f"the rule reads {name}: give it in {which}"
            for name in own
            for which, run in runs.items()
            if name not in run
        ]
        if lacking:
            raise InputError(lacking, source="setting rules")
        said = " ".join(f"{name}^{power:g}" for name, power in own.items())
        return {said or "constant": own}
    known = RULES.get(setting, {"constant": {}})
    return {
        name: rule
        for name, rule in known.items()
        if all(set(rule) <= set(run) for run in runs.values())
    }


def _sizes(run: Mapping[str, float]) -> dict[str, Array]:
    return {name: np.array([run[name]]) for name in SIZES if name in run}


def _surface(
    source: Source,
    setting: str,
    family: str | None,
    run: Mapping[str, float],
    value: float | None = None,
) -> Surface:
    """Settle what a law reads of a run beside sizes; the setting where a value is given."""
    read = {name for law in source.members.values() for name in law.reads.inputs}
    needed = {name for law in source.members.values() for name in law.reads.needed}
    missing = [name for name in sorted(needed & set(SIZES)) if name not in run]
    if missing:
        raise InputError(
            [f"the law reads {name}: give it of both runs" for name in missing],
            source="setting rules",
        )
    inputs: dict[str, Any] = {
        name: at for name, at in run.items() if name in read and name not in (*SIZES, setting)
    }
    if value is not None:
        inputs[setting] = value
    return surface(source, group=family, inputs=inputs)
