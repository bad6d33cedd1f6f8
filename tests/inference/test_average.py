"""`fit_ensemble`: refusals before any sampling, seeds, and one real ensemble of two small fits."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.inference import Ensemble, Fit
from bayes_scaling.inference.sampler import Settings
from bayes_scaling.laws import load_model
from bayes_scaling.runs import RunTable
from tests.synthetic import synthetic_fit, synthetic_runs

RUNS = synthetic_runs(load_model("chinchilla"))


def refuse(*_: object, **__: object) -> Fit:
    raise AssertionError("sampled before the arguments were checked")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"models": ["chinchila", "coupled"]}, "did you mean 'chinchilla'"),
        ({"models": ["chinchila", "couplet"]}, "2 problems"),
        ({"models": "chinchilla"}, "models must be a list such as"),
        ({"models": []}, "an ensemble needs a member"),
        ({"models": ["coupled", "coupled"]}, "2 members are called 'coupled'"),
        ({"models": ["chinchilla", "kaplan-n"]}, "members must agree in this"),
        ({"weights": {"chinchilla": 1.0}}, "no weight of 'coupled'"),
        ({"draws": 3, "chains": 1}, "2 problems"),
        ({"models": ["chinchilla-lr"]}, "learning_rate"),
    ],
)
def test_what_cannot_be_averaged_is_said_before_sampling(
    arguments: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bayes_scaling.inference.average.fit", refuse)
    with pytest.raises(InputError, match=message):
        bs.fit_ensemble(RUNS, **{"models": ["chinchilla", "coupled"], **arguments})


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Put fits made by hand in place of sampling, and return what was asked of each."""
    asked: list[dict[str, Any]] = []

    def by_hand(model: Any, runs: RunTable, **options: Any) -> Fit:
        asked.append({"model": model.id, **options})
        warnings.warn("as a fit does", BayesScalingWarning, stacklevel=2)
        made = synthetic_fit(model.id)
        assert runs.content_hash == made.runs.content_hash
        return made

    monkeypatch.setattr("bayes_scaling.inference.average.fit", by_hand)
    monkeypatch.setattr("tests.synthetic.synthetic_runs", lambda *_, **__: RUNS)
    return asked


def test_every_member_has_a_seed_of_its_own(sampled: list[dict[str, Any]]) -> None:
    def fit(seed: int) -> Ensemble:
        return bs.fit_ensemble(RUNS, ["chinchilla", "coupled"], draws=70, random_seed=seed)

    found = fit(4)
    assert found.settings == Settings(draws=70, random_seed=4)
    fit(4)
    fit(5)
    assert [item["model"] for item in sampled] == ["chinchilla", "coupled"] * 3
    assert {item["draws"] for item in sampled} == {70}
    first, again, other = ([item["random_seed"] for item in sampled[i : i + 2]] for i in (0, 2, 4))
    assert first == again
    assert len({*first, *other}) == 4


def test_a_seed_that_is_not_given_is_taken_and_kept(sampled: list[dict[str, Any]]) -> None:
    one, two = (bs.fit_ensemble(RUNS, ["chinchilla"]) for _ in range(2))
    assert one.settings.random_seed != two.settings.random_seed


def test_the_default_members_suit_the_table(sampled: list[dict[str, Any]]) -> None:
    from bayes_scaling.inference.members import default_members

    found = bs.fit_ensemble(RUNS, random_seed=1)
    assert list(found.members) == [model.id for model in default_members(RUNS)]


def test_what_all_members_warn_of_is_said_once(sampled: list[dict[str, Any]]) -> None:
    tied = RunTable(columns={**RUNS.columns, "params": RUNS["tokens"] / 20})
    with pytest.warns(BayesScalingWarning) as caught, pytest.raises(AssertionError):
        bs.fit_ensemble(tied, ["chinchilla", "coupled"], random_seed=1)
    texts = [str(item.message) for item in caught]
    assert texts
    assert len(set(texts)) == len(texts)
    assert "as a fit does" not in texts


# ---- really sampled ------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_real_ensemble_finds_the_truth_and_mixes_its_members(averaged: Ensemble) -> None:
    assert list(averaged.members) == ["chinchilla", "coupled"]
    assert averaged.status == "converged"
    sizes = {"params": averaged.runs["params"][:5], "tokens": averaged.runs["tokens"][:5]}
    found = averaged.forecast(sizes)
    assert found.draws.shape == (800, 5)
    medians = np.median(found.noise_free, axis=0)
    np.testing.assert_allclose(medians, averaged.runs["loss"][:5], rtol=0.03)
    seeds = {fit.settings.random_seed for fit in averaged.members.values()}
    assert len(seeds) == 2
    assert averaged.settings.random_seed == 11


@pytest.mark.slow
def test_the_same_seed_gives_the_same_ensemble(averaged: Ensemble) -> None:
    models = [fit.model for fit in averaged.members.values()]
    again = bs.fit_ensemble(
        averaged.runs, models, draws=200, tune=300, chains=2, random_seed=11
    )  # fmt: skip
    for name, fit in averaged.members.items():
        for key, values in fit.draws.items():
            np.testing.assert_array_equal(again.members[name].draws[key], values)
    sizes = {"params": 7e10, "tokens": 1.4e12}
    assert again.forecast(sizes).rows() == averaged.forecast(sizes).rows()
