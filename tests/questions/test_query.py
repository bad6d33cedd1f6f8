"""Queries on draws against hand formulas, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws.nominal import nominal_runs
from bayes_scaling.posterior.prior import prior_member
from tests.synthetic import synthetic_ensemble, synthetic_fit

KAPLAN = synthetic_fit("kaplan-nd")


def hand_bound(params: float, tolerance: float) -> np.ndarray:
    flat = KAPLAN.flat
    alpha_n, alpha_d = flat["alpha_N"], flat["alpha_D"]
    share = (1 + tolerance) ** (1 / alpha_d) - 1
    return np.asarray(flat["D_c"] / share * (params / flat["N_c"]) ** (alpha_n / alpha_d))


def test_the_overfitting_bound_has_a_tolerance_and_an_interval() -> None:
    found = KAPLAN.query("overfitting-bound", {"params": [1e9, 8e9], "tolerance": 0.05})
    for case, params in enumerate((1e9, 8e9)):
        np.testing.assert_allclose(found.draws["tokens"][:, case], hand_bound(params, 0.05))
    row = found.rows()[0]
    assert (row["params"], row["tolerance"]) == (1e9, 0.05)
    assert row["tokens_lower"] < row["tokens"] < row["tokens_upper"]
    assert row["tokens"] == pytest.approx(np.median(hand_bound(1e9, 0.05)))


def test_a_setting_has_a_default() -> None:
    found = KAPLAN.query("overfitting-bound", {"N": 1e9})
    np.testing.assert_allclose(found.draws["tokens"][:, 0], hand_bound(1e9, 0.02))
    assert found.rows()[0]["tolerance"] == 0.02


def test_the_loss_at_the_bound_is_within_the_tolerance() -> None:
    tokens = KAPLAN.query("overfitting-bound", {"params": 1e9, "tolerance": 0.05}).draws["tokens"]
    at = KAPLAN.predict({"params": np.array(1e9), "tokens": tokens}, group=np.array(0))
    flat = KAPLAN.flat
    limit = (flat["N_c"] / 1e9) ** flat["alpha_N"]
    np.testing.assert_allclose(at[:, 0] / limit, 1.05)


@pytest.mark.parametrize("name", ["chinchilla", "chinchilla-lr"])
def test_the_closed_form_is_the_allocation(name: str) -> None:
    """A law that multiplies its base may be asked as the base is."""
    fit = synthetic_fit(name)
    found = fit.query("chinchilla-optimum", {"flops": [1e21, 1e23]})
    split = fit.allocate(flops=[1e21, 1e23])
    np.testing.assert_allclose(found.draws["params"], split.params, rtol=1e-6)
    np.testing.assert_allclose(found.draws["tokens"], split.tokens, rtol=1e-6)


def test_a_transient_leaves_the_settled_law_to_be_asked() -> None:
    fit = synthetic_fit(bs.load_model("chinchilla").with_features(transient=True).to_dict())
    found = fit.query("chinchilla-optimum", {"flops": 1e22})
    np.testing.assert_allclose(found.draws["params"], fit.allocate(flops=1e22).params, rtol=1e-6)


def test_drift_is_said() -> None:
    fit = synthetic_fit(bs.load_model("chinchilla").with_features(drift=True).to_dict())
    (note,) = fit.query("chinchilla-optimum", {"flops": 1e22}).notes
    assert "reference sizes" in note


def test_groups_have_their_own_answer() -> None:
    fit = synthetic_fit("kaplan-nd", families=("code", "web"))
    with pytest.raises(InputError, match="say which family"):
        fit.query("overfitting-bound", {"params": 1e9})
    found = fit.query("overfitting-bound", {"params": 1e9}, family="web")
    flat = {name: x[:, 1] if x.ndim == 2 else x for name, x in fit.flat.items()}
    ratio = flat["alpha_N"] / flat["alpha_D"]
    share = 1.02 ** (1 / flat["alpha_D"]) - 1
    wanted = flat["D_c"] / share * (1e9 / flat["N_c"]) ** ratio
    np.testing.assert_allclose(found.draws["tokens"][:, 0], wanted)
    assert found.rows()[0]["family"] == "web"


def test_a_query_of_a_user_asks_as_well(tmp_path: Path) -> None:
    path = tmp_path / "ratio.toml"
    path.write_text(
        'kind = "query"\nbase = "kaplan-nd"\nresponse = "tokens_per_param"\n'
        'formula = "alpha_N / alpha_D"\nextra_inputs = ["tokens_per_param"]\n'
    )
    found = KAPLAN.query(path)
    wanted = KAPLAN.flat["alpha_N"] / KAPLAN.flat["alpha_D"]
    np.testing.assert_allclose(found.draws["tokens_per_param"][:, 0], wanted)
    assert len(found.rows()) == 1


def test_an_input_may_have_a_default_of_the_law() -> None:
    """Without a loss to stop at, training stops where that is cheapest."""
    curves = bs.load_model("kaplan-ns")
    fit = Fit.of_one(prior_member(curves, nominal_runs(curves), draws=50, random_seed=0))
    found = fit.query("early-stop", {"params": 1e9})
    flat = fit.flat
    converged = (flat["N_c"] / 1e9) ** flat["alpha_N"]
    np.testing.assert_allclose(
        found.draws["loss"][:, 0], (1 + flat["alpha_N"] / flat["alpha_S"]) * converged
    )
    steps = flat["S_c"] * (flat["alpha_N"] / flat["alpha_S"] * converged) ** (-1 / flat["alpha_S"])
    np.testing.assert_allclose(found.draws["steps"][:, 0], steps)
    limited = fit.query("early-stop", {"params": 1e9, "loss_limited": 3.0}).draws["steps"][:, 0]
    out = converged >= 3.0
    assert 0 < out.mean() < 1
    assert np.isinf(limited[out]).all()  # no steps reach a loss below the converged one
    wanted = flat["S_c"][~out] * (3.0 - converged[~out]) ** (-1 / flat["alpha_S"][~out])
    np.testing.assert_allclose(limited[~out], wanted)


# ---- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("overfitting-bound", {}, "tokens needs params"),
        ("overfitting-bound", {"params": 1e9, "tolerence": 0.1}, "did you mean 'tolerance'"),
        ("overfitting-bound", {"params": 1e9, "width": 3}, "reads no 'width'; it reads params, to"),
        ("overfitting-bound", {"params": -1}, "must be positive"),
        ("critical-batch", {"loss_reached": -1}, "'loss_reached' must be above 0, got -1"),
        ("overfitting-bound", {"params": [1, 2], "tolerance": [0.1] * 3}, "has 2 values, others"),
        ("overfitting-bound", {"params": 1e9, "N": 1e9}, "both mean 'params'"),
        ("chinchilla-optimum", {"flops": 1e20}, "asks chinchilla, and the law here is kaplan-nd"),
        ("chinchilla", {"flops": 1e20}, "is a law, no query"),
        ("overfiting-bound", {}, "did you mean 'overfitting-bound'"),
    ],
)
def test_what_cannot_be_asked_is_said(name: str, values: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        KAPLAN.query(name, values)


def test_a_law_built_on_the_base_with_another_formula_is_not_asked() -> None:
    with pytest.raises(InputError, match="coupled, though built on it, has another formula"):
        synthetic_fit("coupled").query("chinchilla-optimum", {"flops": 1e20})
    with pytest.raises(InputError, match="though built on it"):
        synthetic_ensemble().query("chinchilla-optimum", {"flops": 1e20})


def test_members_that_are_all_of_the_base_answer_together() -> None:
    ensemble = synthetic_ensemble("chinchilla")
    found = ensemble.query("chinchilla-optimum", {"flops": 1e22})
    np.testing.assert_allclose(
        found.draws["params"], ensemble.allocate(flops=1e22).params, rtol=1e-6
    )
