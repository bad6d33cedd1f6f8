"""What any fit is asked: values by hand, groups, and laws without sizes."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.laws.design import make_design
from bayes_scaling.posterior.reference_answers import FACTORS, reference_answers
from tests.synthetic import synthetic_fit


def test_losses_and_exponents_are_those_at_the_largest_run() -> None:
    fit = synthetic_fit("chinchilla")
    design = make_design(fit.model, fit.runs)
    found = reference_answers(fit.only, design)
    largest = np.argmax(np.log(fit.runs["params"]) + np.log(fit.runs["tokens"]))
    flat = fit.flat
    for factor in FACTORS:
        params, tokens = (fit.runs[name][largest] * factor**0.5 for name in ("params", "tokens"))
        loss = flat["E"] + flat["A"] / params ** flat["alpha"] + flat["B"] / tokens ** flat["beta"]
        np.testing.assert_allclose(found[f"loss at {factor:g}x"].ravel(), np.log(loss), rtol=1e-9)
    fall = found["loss at 1x"] - found["loss at 10x"]
    np.testing.assert_allclose(found["exponent at 10x"], fall / np.log(10), rtol=1e-9)
    assert found["exponent at 100x"].shape == fit.draws["alpha"].shape


def test_every_group_is_asked_at_its_own_largest_run() -> None:
    fit = synthetic_fit(families=("a", "b"))
    found = reference_answers(fit.only, make_design(fit.model, fit.runs))
    chains, draws = fit.draws["nu"].shape
    assert found["loss at 10x"].shape == (chains, draws, 2)


@pytest.mark.filterwarnings("ignore::bayes_scaling.errors.BayesScalingWarning")
def test_an_answer_that_is_not_finite_is_not_judged() -> None:
    fit = synthetic_fit("chinchilla")
    fit.draws["alpha"][0, 0] = np.nan
    assert reference_answers(fit.only, make_design(fit.model, fit.runs)) == {}
