"""Comparisons made by hand, from fits that were never sampled."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any
from unittest import mock

from bayes_scaling.facade import Fit
from bayes_scaling.laws import Model
from bayes_scaling.laws.design import make_design
from bayes_scaling.runs import RunTable
from bayes_scaling.validation.comparison import Comparison, compare
from tests.synthetic import OK, UNCONVERGED, changed, synthetic_fit, synthetic_runs

MODELS = ("chinchilla", "coupled", "saturating-m2-c")


def unsampled(
    unconverged: Collection[str] = (), asked: list[dict[str, Any]] | None = None
) -> Callable[..., Fit]:
    """Return a stand-in for `fit`: draws close around `tests.synthetic.truth`.

    Parameters
    ----------
    unconverged : collection of str
        Models whose checks say that they did not converge.
    asked : list, optional
        Settings of each call are added to it.
    """

    def fit(runs: RunTable, model: Model, **settings: Any) -> Fit:
        if asked is not None:
            asked.append({"model": model.id, "rows": len(runs), **settings})
        checks = UNCONVERGED if model.id in unconverged else OK
        families = runs.groups("family")
        options: dict[str, Any] = {"families": families, "checks": checks, "draws": 50}
        made = synthetic_fit(model.to_dict(), **options, spread=0.0005)
        provenance = {**made.provenance, "runs_hash": runs.content_hash}
        references = make_design(model, runs).references
        return changed(made, runs=runs, references=references, provenance=provenance)

    return fit


def synthetic_comparison(
    models: Collection[str] | None = MODELS,
    *,
    runs: RunTable | None = None,
    unconverged: Collection[str] = (),
    asked: list[dict[str, Any]] | None = None,
    **options: Any,
) -> Comparison:
    """Compare models on simulated runs of chinchilla without sampling any."""
    if runs is None:
        from bayes_scaling.laws import load_model

        runs = synthetic_runs(load_model("chinchilla"))
    with mock.patch("bayes_scaling.validation.tasks.fit", unsampled(unconverged, asked)):
        return compare(
            runs, None if models is None else list(models), **{"random_seed": 1, **options}
        )
