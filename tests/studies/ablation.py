"""What each ingredient of the default ensemble is worth: the benchmark without it, one at a time.

python -m tests.studies.ablation size|deep|curves [--only NAME ...]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from bayes_scaling.laws import Model, load_model
from bayes_scaling.posterior.members import PLAIN
from tests.studies.benchmark import SOURCES, cases, rows_of, run_models, show, task_means

Models = tuple[Model, ...]

WEAK = {
    "k": {"dist": "LogNormal", "mu": -0.5, "sigma": 0.6},
    "f_shift": {"dist": "Normal", "mu": 0.0, "sigma": 1.5},
    "m": {"dist": "Beta", "alpha": 2.0, "beta": 2.0},
    "alpha": {"dist": "LogNormal", "mu": -1.1, "sigma": 0.6},
    "beta": {"dist": "LogNormal", "mu": -1.1, "sigma": 0.6},
    "sigma": {"dist": "LogNormal", "mu": -5.0, "sigma": 1.5},
}
"""Priors that a user might write down knowing no other sweep."""


def default() -> Models:
    """Return the members as they are."""
    return tuple(load_model(name) for name in PLAIN)


def each(change: Callable[[Model], Model]) -> Models:
    """Return the members with one change, each once."""
    changed = {replace(item, id="any").content_hash: item for item in map(change, default())}
    return tuple(changed.values())


def uncoupled() -> Models:
    """Return the members built on the sum of chinchilla in place of the coupled one."""
    base = load_model("chinchilla")
    return each(
        lambda item: replace(
            item,
            formula=base.formula,
            where=base.where,
            derived=base.derived,
            parameters=tuple(p for p in item.parameters if p.name != "k"),
        )
    )


def alone(name: str) -> Models:
    """Return one member."""
    return (load_model(name),)


VARIANTS: dict[str, Callable[[], Models]] = {
    "default": default,
    "no drift": lambda: each(lambda item: item.with_features(drift=False)),
    "no transient": lambda: each(lambda item: item.with_features(transient=False)),
    "no tempering": lambda: each(lambda item: item.with_features(temper=0)),
    "no form error": lambda: each(lambda item: replace(item, form_error=None)),
    "weak priors": lambda: each(lambda item: item.with_priors(WEAK)),
    "no coupling": uncoupled,
    **{f"{name} alone": partial(alone, name) for name in PLAIN},
    "plain coupled": lambda: (load_model("coupled").with_priors(WEAK),),
    "plain chinchilla": lambda: (load_model("chinchilla"),),
}
"""By what is taken away."""


def main() -> None:
    """Run every variant on the tasks of one source and print the means over tasks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source", choices=SOURCES)
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    given = parser.parse_args()
    found = cases(given.source, pooled=False, only="")
    settings = {"draws": 1000, "tune": 600, "chains": 2, "random_seed": 1}
    for name in given.only:
        started = time.perf_counter()
        answers = run_models(found, VARIANTS[name](), settings, jobs=1)
        quantiles = [answer.quantiles for answer in answers]
        rows = rows_of(name, found, quantiles, [answer.log_density for answer in answers])
        wall = time.perf_counter() - started
        show(f"{name} ({wall:.0f} s)", {"MEAN": task_means(rows)["MEAN"]})


if __name__ == "__main__":
    main()
