"""Every law on data of its own: intervals cover what the data were simulated with."""

from __future__ import annotations

import pytest

from bayes_scaling.laws import list_models, load_model
from tests.laws.shapes import shapes
from tests.studies.convergence import DATA, data_of, fitted_kind
from tests.studies.own_data import coverage

KNOWN = {item.id: item for item in list_models()}
STANDING = shapes(item for item in list_models() if item.kind == "law")

SEEDS = 10
FEWER = {"broken-3": 4}
"""Laws whose fits take ten seconds each."""


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(STANDING.values())))
def test_intervals_cover_the_parameters_the_data_came_from(name: str) -> None:
    found = coverage(load_model(name), range(FEWER.get(name, SEEDS)))
    assert found.share >= 0.8, found
    assert found.divergent <= 0.005, found


def test_every_law_has_development_data() -> None:
    assert set(DATA) <= set(KNOWN)
    for model in KNOWN.values():
        if fitted_kind(model):
            assert data_of(model, KNOWN).source
