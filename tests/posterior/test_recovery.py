"""Intervals cover what was simulated, and pooling helps: the studies, at a size CI can afford."""

from __future__ import annotations

import numpy as np
import pytest

from tests.studies.recovery import kaplan_coverage, pooling_errors, ratio_interval

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::bayes_scaling.errors.BayesScalingWarning"),
]


def test_intervals_cover_kaplans_constants_in_most_of_twenty_simulations() -> None:
    counts = kaplan_coverage(range(20))
    assert set(counts) == {"alpha_N", "alpha_D", "N_c", "D_c", "sigma"}
    assert min(counts.values()) >= 15, counts


def test_pooling_families_beats_fitting_them_apart() -> None:
    errors = np.array([pooling_errors(seed) for seed in range(10)])
    ratio, _, high = ratio_interval(errors[:, 0], errors[:, 1])
    assert ratio < high < 1
    assert errors[:, 2].max() <= 0.005, "divergent draws in the pooled fits"
