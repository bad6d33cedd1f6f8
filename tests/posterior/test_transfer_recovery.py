"""Fits of fine-tuning recover what was simulated: the study, at a size CI can afford."""

from __future__ import annotations

import pytest

from tests.studies.transfer import recovery

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::bayes_scaling.errors.BayesScalingWarning"),
]


def test_intervals_cover_exponents_and_multipliers_in_most_simulations() -> None:
    told, lines = recovery(range(6))
    assert sum(": converged" in line for line in lines) >= 5, lines
    counts = {name: text.split(" of ") for name, text in told.items() if "hurts" not in name}
    hits = sum(int(hit) for hit, _ in counts.values())
    total = sum(int(count) for _, count in counts.values())
    assert hits / total > 0.75, told
