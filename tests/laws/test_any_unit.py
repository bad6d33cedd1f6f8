"""Members for losses and sizes of any unit: what another unit changes in their density."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.laws import load_model
from bayes_scaling.laws.density import draw_prior, log_likelihood, log_prior
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.drift import KNOTS, REACH, walk
from bayes_scaling.posterior.members import BELOW_CEILING, PLAIN
from bayes_scaling.runs import RunTable
from tests.laws.tables import table

pytestmark = pytest.mark.filterwarnings("ignore::bayes_scaling.errors.BayesScalingWarning")
"""What reading doubts of these tables is tested where they are read."""

MEMBERS = ("chinchilla", "coupled", *PLAIN, *BELOW_CEILING)

UNITS = {
    "losses of 1e-4": {"loss": 1e-4},
    "losses of 1e4": {"loss": 1e4},
    "params in thousandths": {"params": 1e3},
    "tokens in millionths": {"tokens": 1e6},
}

N = 20


def densities(law: str | dict[str, Any], units: dict[str, float]) -> tuple[np.ndarray, np.ndarray]:
    """Log likelihood and log prior of some draws of the prior, all columns in other units."""
    model = load_model(law)
    given = table(3)
    runs = RunTable.from_columns(
        {key: given[key] * units.get(key, 1.0) for key in ("params", "tokens", "loss")}
    )
    design = make_design(model, runs)
    rng = np.random.default_rng(4)
    draws = draw_prior(model, (N,), rng)
    draws["c"] = 3.0 * np.exp(rng.normal(0, 0.3, N)) * units.get("loss", 1.0)
    steps = rng.standard_normal((2, N, REACH))
    inside = steps[0, :, : KNOTS - 1]
    walks = {
        key: walk(key, design.references, draws["tau"], inside, steps) for key in model.drifting
    }
    likelihood = (design.weights * log_likelihood(model, design, draws, walks)).sum(axis=1)
    prior = log_prior(model, draws, design.grouping)
    return likelihood, np.asarray(sum(value for key, value in prior.items() if key != "c"))


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("name", MEMBERS)
def test_another_unit_changes_nothing_but_the_level(name: str, unit: str) -> None:
    """And the prior of the level is as good as flat: its density moves by less than three nats."""
    for found, wanted in zip(densities(name, UNITS[unit]), densities(name, {}), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-7)
    assert np.ptp(level_density(name)) < 3


def level_density(name: str) -> np.ndarray:
    """Density of the log of the level at losses of 1e-4 to 1e4 times three nats."""
    level = load_model(name).parameter("c").prior
    at = 3.0 * np.array([1e-4, 1.0, 1e4])
    return np.asarray(level.logpdf(at) + np.log(at))


def test_a_law_whose_prior_reads_its_reference_does_change() -> None:
    """So `densities` would show it: here the floor leans on the size, as it once did in text."""
    given = load_model("chinchilla").to_dict()
    given["where"]["f"] = "sigmoid(0.1 * log(params_ref * tokens_ref / 1e17) + f_shift)"
    found, wanted = (densities(given, units)[0] for units in ({"tokens": 1e6}, {}))
    assert np.abs(found - wanted).max() > 1


@pytest.mark.parametrize("name", MEMBERS)
def test_the_prior_holds_error_rates_and_perplexities(name: str) -> None:
    found = bs.prior_predictive(name, random_seed=0)
    assert np.isfinite(found.noise_free).all()
    rows = {row["run"]: row for row in found.rows()}
    at = rows["reference run"]
    assert at["noise_free_lower90"] < 0.01
    assert at["noise_free_upper90"] > 100
    ratio = found.noise_free[:, 0] / found.noise_free[:, 1]
    assert (ratio > 1).mean() > 0.99, "smaller runs are worse"
    assert 1.05 < np.median(ratio) < 10
