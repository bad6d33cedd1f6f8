"""A definition that stands on a law, put on another one: ``coupled+lr-valley``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.laws import load_model
from bayes_scaling.laws.catalogue import catalogue_hash
from bayes_scaling.laws.density import draw_prior

REFERENCES = {"params_ref": 1e8, "tokens_ref": 2e9}
SIZES = {"params": np.array([3e8]), "tokens": np.array([9e9])}


@pytest.mark.parametrize("law", ["coupled", "kaplan-nd", "farseer"])
@pytest.mark.parametrize("valley", ["lr-valley", "lr-valley-steep", "lr-batch-valley"])
def test_a_valley_on_any_law_has_that_law_at_its_bottom_and_lies_above_it(
    law: str, valley: str
) -> None:
    model, below = load_model(f"{law}+{valley}"), load_model(law)
    assert model.base == (law if valley != "lr-valley-steep" else f"{law}+lr-valley")
    draws = draw_prior(model, (5,), np.random.default_rng(1))
    bottom = model.predict(draws, SIZES, REFERENCES)
    np.testing.assert_allclose(bottom, below.predict(draws, SIZES, REFERENCES))
    best = model.tuned_values(draws, SIZES, REFERENCES)["learning_rate"]
    for factor in (0.3, 3.0):
        assert (
            model.predict(draws, {**SIZES, "learning_rate": factor * best}, REFERENCES) > bottom
        ).all()


def test_the_best_rate_of_a_given_batch_follows_the_batch() -> None:
    model = load_model("lr-batch-valley")
    draws = draw_prior(model, (7,), np.random.default_rng(2))
    free = model.tuned_values(draws, SIZES, REFERENCES)
    given = {**SIZES, "batch_size": 4 * free["batch_size"]}
    moved = model.tuned_values(draws, given, REFERENCES)
    assert set(moved) == {"learning_rate"}
    np.testing.assert_allclose(moved["learning_rate"] / free["learning_rate"], 4.0 ** draws["tilt"])
    at_best = model.predict(draws, given, REFERENCES)
    for factor in (0.9, 1.1):
        rate = factor * moved["learning_rate"]
        assert (model.predict(draws, {**given, "learning_rate": rate}, REFERENCES) > at_best).all()


def test_features_of_the_law_below_stay_on() -> None:
    assert load_model("coupled-drift+lr-valley").features == ("drift", "transient")


def test_the_name_of_a_law_in_two_parts_is_known_to_the_catalogue() -> None:
    assert catalogue_hash("coupled+lr-valley") == load_model("coupled+lr-valley").content_hash
    assert catalogue_hash("coupled+mine") == ""


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("coupled+chinchilla", "stands on no other law"),
        ("chinchilla+coupled", "both chinchilla and coupled have 'alpha'"),
        ("coupled+lr-vally", "did you mean 'lr-valley'"),
        ("copled+lr-valley", "did you mean 'coupled'"),
        ("coupled+lr-valley+lr-batch-valley", "have 's_N'"),
    ],
)
def test_what_cannot_be_put_together_is_said(name: str, pattern: str) -> None:
    with pytest.raises(InputError, match=pattern):
        load_model(name)


def test_a_file_of_ones_own_goes_on_a_law_too(tmp_path: Path) -> None:
    path = tmp_path / "slow.toml"
    path.write_text(
        'title = "slow"\nbase = "chinchilla"\nformula = "base * (1 + slow)"\n'
        '[parameters.slow]\nprior = { dist = "HalfNormal", sigma = 0.1 }\n'
    )
    assert load_model(f"coupled+{path}").base == "coupled"
