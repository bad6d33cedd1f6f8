"""What the field has published, found again on public data; skipped where the data is absent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bayes_scaling.facade import Fit
from bayes_scaling.fitting import fit
from bayes_scaling.runs import read_runs, select_rows
from tests.studies.best_rate import forecast_rate

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::bayes_scaling.errors.BayesScalingWarning"),
]


@pytest.fixture(scope="module")
def chinchilla(public_data: Callable[[str], Path]) -> Fit:
    runs = read_runs(public_data("chinchilla_epoch.csv"))
    return fit("chinchilla", select_rows(runs, "epoch_outlier == 0"), random_seed=1)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("alpha", 0.317, 0.373), ("beta", 0.331, 0.415), ("E", 1.769, 1.871)],
)
def test_the_refit_of_the_240_points_is_found_again(
    chinchilla: Fit, name: str, low: float, high: float
) -> None:
    assert low <= np.median(chinchilla.flat[name]) <= high


def test_the_240_points_are_sampled_well(chinchilla: Fit) -> None:
    assert max(item.r_hat for item in chinchilla.mixing.values()) <= 1.01
    assert min(item.ess for item in chinchilla.mixing.values()) >= 1000
    assert np.mean(chinchilla.stats["diverging"]) <= 0.001


def test_the_best_rate_of_step_laws_largest_cell_is_within_a_factor_two(
    public_data: Callable[[str], Path],
) -> None:
    found = forecast_rate(public_data("steplaw_dense.csv"))
    assert found.status == "converged"
    assert 0.5 <= found.forecast.median / found.grid_best <= 2
