"""The law of routed models: effective experts, dense models, published constants."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from math import log10
from pathlib import Path

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.laws import load_model
from bayes_scaling.laws.design import make_design
from bayes_scaling.runs import RunTable
from tests.laws.draws import draws_of, predicted

MODEL = load_model("moe")
REFERENCES = {"params_ref": 2e8, "experts_ref": 12.0}
PUBLISHED = {"a": -0.082, "b": -0.108, "c": 0.009, "d": 1.104, "E_start": 1.847, "E_max": 314.5}


def seen(experts: float) -> float:
    """Effective experts at the published constants."""
    start, most = PUBLISHED["E_start"], PUBLISHED["E_max"]
    extra = experts - 1 + 1 / (1 / start - 1 / most)
    return 1 / (1 / extra + 1 / most)


def clark(params: float, experts: float) -> float:
    """The published loss."""
    n, e = log10(params), log10(seen(experts))
    p = PUBLISHED
    return float(10 ** (p["a"] * n + p["b"] * e + p["c"] * n * e + p["d"]))


@pytest.mark.parametrize(("params", "experts"), [(1.5e7, 1), (3.7e8, 64), (1.3e9, 512)])
def test_published_constants_give_the_published_loss(params: float, experts: float) -> None:
    law = bs.published("clark-2022")
    found = float(law.loss({"params": params, "experts": experts}))
    assert found == pytest.approx(clark(params, experts), rel=1e-12)
    at, middle = log10(REFERENCES["params_ref"]), log10(seen(REFERENCES["experts_ref"]))
    point = {
        "level": clark(REFERENCES["params_ref"], REFERENCES["experts_ref"]),
        "alpha": -PUBLISHED["a"] - PUBLISHED["c"] * middle,
        "gamma": -PUBLISHED["b"] - PUBLISHED["c"] * at,
        **{name: PUBLISHED[name] for name in ("c", "E_start", "E_max")},
    }
    values = {name: np.array(value) for name, value in point.items()}
    ours = predicted(MODEL, values, REFERENCES, params=params, experts=experts)
    assert float(ours) == pytest.approx(clark(params, experts), rel=1e-10)
    derived = MODEL.derive(values, REFERENCES)
    assert {name: float(derived[name]) for name in "abd"} == pytest.approx(
        {name: PUBLISHED[name] for name in "abd"}
    )


def test_a_dense_model_counts_as_e_start_experts() -> None:
    assert seen(1) == pytest.approx(PUBLISHED["E_start"], rel=1e-12)
    draws = draws_of(MODEL, 8)
    derived = MODEL.derive(draws, REFERENCES)
    n, e = log10(3e8), np.log10(draws["E_start"])
    wanted = 10 ** (derived["a"] * n + derived["b"] * e + draws["c"] * n * e + derived["d"])
    found = predicted(MODEL, draws, REFERENCES, params=3e8, experts=1)
    np.testing.assert_allclose(found, wanted, rtol=1e-10)


def test_experts_without_end_are_e_max() -> None:
    assert seen(1e9) == pytest.approx(PUBLISHED["E_max"], rel=1e-6)
    experts = np.geomspace(1, 1e6, 30)
    counts = np.array([seen(value) for value in experts])
    assert np.all(np.diff(counts) > 0)
    assert counts[-1] < PUBLISHED["E_max"]


def test_params_are_those_that_a_token_meets() -> None:
    active = np.geomspace(1e7, 1e9, 12)
    columns = {"params": 8 * active, "params_active": active, "tokens": np.full(12, 1e10)}
    runs = RunTable.from_columns(
        {**columns, "experts": np.resize([1.0, 8.0, 64.0], 12), "loss": np.linspace(3, 2, 12)}
    )
    design = make_design(MODEL, runs)
    np.testing.assert_array_equal(design.inputs["params"], active)
    assert any("params_active" in text for text in design.warnings)


@pytest.mark.slow
def test_public_sweep_fits_with_a_level_for_every_number_of_tokens(
    public_data: Callable[[str], Path],
) -> None:
    import pandas as pd

    rows = pd.read_csv(public_data("steplaw_moe.csv"))
    rows = rows.loc[rows.groupby(["params_active", "experts", "topk", "tokens"]).loss.idxmin()]
    columns = {name: rows[name].to_numpy(float) for name in ("params_active", "tokens", "loss")}
    per_used = (rows["experts"] / rows["topk"]).to_numpy(float)
    runs = RunTable.from_columns({**columns, "experts": per_used})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", BayesScalingWarning)
        fit = bs.fit(MODEL.pooled_by("tokens"), runs, random_seed=2)
    assert fit.status == "converged", fit.checks
    assert np.mean(fit.stats["diverging"]) < 0.002
    (said,) = [text for item in caught if "move together" in (text := str(item.message))]
    assert "experts" in said, "the sweep trades active parameters for experts"
    order = np.argsort([float(label) for label in fit.groups])
    assert np.all(np.diff(np.median(fit.flat["level"], axis=0)[order]) < 0)
