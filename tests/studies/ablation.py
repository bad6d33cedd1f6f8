"""What each choice of the default average is worth, at home and abroad side by side.

python -m tests.studies.ablation [--only NAME ...] [--every N] [--draws N]

On the inner cases of `tests.studies.abroad`, whose targets choices are made on; what both fit is
kept in one place.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bayes_scaling.laws import Model, load_model
from bayes_scaling.posterior.members import BELOW_CEILING, PLAIN, default_members, shares
from tests.studies.abroad import Row, means_of_tasks, scored
from tests.studies.homes import INNER, Case, load_cases
from tests.studies.kept_fits import FOLDER, Effort, Kept, Work, make_all, mixed

Change = Callable[[Model], Model]

WIDE = {
    "f_shift": {"dist": "Normal", "mu": -1.0, "sigma": 1.2},
    "alpha": {"dist": "LogNormal", "mu": -1.1, "sigma": 0.6},
    "beta": {"dist": "LogNormal", "mu": -1.1, "sigma": 0.6},
    "k": {"dist": "LogNormal", "mu": -0.6, "sigma": 0.45},
}
"""Priors below a ceiling that know no other sweep."""

SHOWN = {"coverage90": "cov90", "interval_score90": "IS", "crps": "crps", "bias": "bias"}


@dataclass(frozen=True, kw_only=True)
class Variant:
    """The default average with one thing changed.

    Attributes
    ----------
    change : callable
        What becomes of each member.
    plain : float or None
        Share of the members without a ceiling; by the odds where absent.
    """

    change: Change = lambda model: model
    plain: float | None = None

    def weights(self, members: Mapping[str, Model], parts: Mapping[str, Kept]) -> list[float]:
        """Return the weight of each member."""
        if PLAIN[0] not in members:
            return [1.0] * len(members)
        told = [part.odds for part in parts.values() if np.isfinite(part.odds) and not part.failed]
        by_odds = shares(told[0] if told else 0.0)
        by_hand = {name: self.plain or 0.0 for name in PLAIN}
        by_hand |= {name: 1 - (self.plain or 0.0) for name in BELOW_CEILING}
        given = by_odds if self.plain is None else by_hand
        return [given[name] for name in members]


def wide(model: Model) -> Model:
    """Give a law below a ceiling in two sizes priors that know no other sweep."""
    known = {item.name for item in model.parameters}
    return model.with_priors(WIDE) if model.ceiling.on and set(WIDE) <= known else model


def on_log(model: Model) -> Model:
    """Let an error rate err by a share of itself, at a level of any unit."""
    level = load_model("coupled").parameter("c").prior
    return replace(model, scale="log").with_priors({"c": level.to_dict()})


VARIANTS = {
    "default": Variant(),
    "no ceiling": Variant(plain=1.0),
    "ceiling alone": Variant(plain=0.0),
    "half and half": Variant(plain=0.5),
    "wide priors below the ceiling": Variant(change=wide),
    "error rates on the log": Variant(change=on_log),
    "no form error": Variant(change=lambda model: replace(model, form_error=None)),
    "no drift": Variant(change=lambda model: model.with_features(drift=False)),
    "no tempering": Variant(change=lambda model: model.with_features(temper=0)),
    "no transient": Variant(change=lambda model: model.with_features(transient=False)),
}
"""By what is changed."""


def works(variant: Variant, case: Case, effort: Effort) -> dict[str, Work]:
    """Return the fits of a variant to a case, by the id of the default member."""
    return {
        model.id: Work(case=case, model=variant.change(model), effort=effort, folder=FOLDER)
        for model in default_members(case.split.fitted)
    }


def judge(variant: Variant, cases: Sequence[Case], effort: Effort) -> dict[str, dict[str, Row]]:
    """Score a variant on the cases of every suite."""
    rows: dict[str, dict[tuple[str, str], list[Row]]] = defaultdict(lambda: defaultdict(list))
    for case in cases:
        items = works(variant, case, effort)
        parts = {name: kept for name, item in items.items() if (kept := item.load())}
        if len(parts) < len(items):
            continue
        members = {name: item.model for name, item in items.items()}
        said = mixed(list(parts.values()), variant.weights(members, parts))
        for key, row in scored(case, said, list(parts.values())).items():
            rows[case.suite][key].append(row)
    return {suite: means_of_tasks(groups) for suite, groups in rows.items()}


def main() -> None:
    """Fit what is missing, and print a line for each variant."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--suites", nargs="+", choices=INNER, default=list(INNER))
    parser.add_argument("--every", type=int, default=1, help="every n-th case only")
    parser.add_argument("--draws", type=int, default=500)
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    effort = Effort(draws=given.draws)
    cases = [case for suite in given.suites for case in load_cases([suite])[:: given.every]]
    variants = {name: VARIANTS[name] for name in given.only}
    items = [
        item
        for variant in variants.values()
        for case in cases
        for item in works(variant, case, effort).values()
    ]
    for problem in make_all(items, jobs=given.jobs):
        print(f"no fit: {problem}")
    print("".ljust(30), *(f"{suite}: {' '.join(SHOWN.values())}" for suite in given.suites))
    for name, variant in variants.items():
        found = judge(variant, cases, effort)
        means = [" ".join(f"{rows['MEAN'][key]:.4f}" for key in SHOWN) for rows in found.values()]
        print(name.ljust(30), " | ".join(means))


if __name__ == "__main__":
    main()
