"""`fit_ensemble`: refusals before any sampling, seeds, and one real ensemble of two small fits."""

from __future__ import annotations

import warnings
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest
from scipy import stats

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws import Model, load_model
from bayes_scaling.posterior import Check, Member
from bayes_scaling.posterior.evidence import log_odds_without
from bayes_scaling.posterior.members import (
    BELOW_CEILING,
    LEAST_FLOOR,
    LOW,
    PLAIN,
    default_members,
    shares,
)
from bayes_scaling.posterior.sampler import Settings
from bayes_scaling.runs import RunTable
from tests import synthetic
from tests.synthetic import UNCONVERGED, changed, synthetic_fit, synthetic_runs

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
    monkeypatch.setattr("bayes_scaling.posterior.average.fit_law", refuse)
    with pytest.raises(InputError, match=message):
        bs.fit_ensemble(RUNS, **{"models": ["chinchilla", "coupled"], **arguments})


@pytest.fixture
def sampled(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Put fits made by hand in place of sampling, and return what was asked of each."""
    asked: list[dict[str, Any]] = []

    def by_hand(model: Any, runs: RunTable, settings: Settings, **_: Any) -> Member:
        asked.append({"model": model.id, **asdict(settings)})
        warnings.warn("as a fit does", BayesScalingWarning, stacklevel=2)
        made = synthetic_fit(model.id)
        assert runs.content_hash == made.runs.content_hash
        return made.only

    monkeypatch.setattr("bayes_scaling.posterior.average.fit_law", by_hand)
    monkeypatch.setattr("tests.synthetic.synthetic_runs", lambda *_, **__: RUNS)
    return asked


def test_every_member_has_a_seed_of_its_own(sampled: list[dict[str, Any]]) -> None:
    def fit(seed: int) -> Fit:
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


# ---- the default average -------------------------------------------------------------------------

TELLS, OTHERS = BELOW_CEILING[0], BELOW_CEILING[1:]


@pytest.fixture
def odds(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Put odds in place of those of the draws: under ``log``; ``asked`` says of which laws."""
    found: dict[str, Any] = {"log": 0.0, "asked": []}

    def given(fit: Fit, plain: Model) -> float:
        found["asked"].append((fit.model.id, plain.id))
        return float(found["log"])

    monkeypatch.setattr("bayes_scaling.posterior.average.log_odds_without", given)
    return found


def ceiling_check(found: Fit) -> Check:
    (check,) = (check for check in found.members[TELLS].checks if check.name == "ceiling")
    assert [c.name for c in found.checks if c.name.startswith("ceiling")] == [f"ceiling of {TELLS}"]
    return check


def test_the_member_that_tells_of_a_ceiling_is_sampled_first(
    sampled: list[dict[str, Any]], odds: dict[str, Any]
) -> None:
    found = bs.fit_ensemble(RUNS, random_seed=1)
    assert odds["asked"] == [(TELLS, PLAIN[0])]
    assert [item["model"] for item in sampled] == [TELLS, *PLAIN, *OTHERS]
    assert list(found.members) == [model.id for model in default_members(RUNS)]
    assert found.weights == pytest.approx(dict.fromkeys((*PLAIN, *BELOW_CEILING), 1 / 6))
    assert found.left_out == {}
    assert "1 to 1; laws below one weigh 0.50 together" in ceiling_check(found).evidence


@pytest.mark.parametrize(
    ("log_odds", "members", "says"),
    [
        (10.0, [*PLAIN, TELLS], "against a ceiling, 22000 to 1; laws below one weigh 0.10"),
        (1.5, [*PLAIN, TELLS], "against a ceiling, 4.48 to 1; laws below one weigh 0.18"),
        (-1.5, [PLAIN[1], *BELOW_CEILING], "for a ceiling, 4.48 to 1; laws below one weigh 0.82"),
        (-99.0, [PLAIN[1], *BELOW_CEILING], "for a ceiling, 1e+06 to 1; laws below one weigh 0.90"),
    ],
)
def test_members_without_weight_are_not_sampled_and_the_odds_are_said(
    log_odds: float, members: list[str], says: str,
    sampled: list[dict[str, Any]], odds: dict[str, Any],
) -> None:  # fmt: skip
    odds["log"] = log_odds
    found = bs.fit_ensemble(RUNS, random_seed=1)
    assert [item["model"] for item in sampled] == [TELLS, *(m for m in members if m != TELLS)]
    assert list(found.members) == members
    assert found.weights == pytest.approx({name: shares(log_odds)[name] for name in members})
    assert found.left_out == {}, "what is not needed is no warning"
    check = ceiling_check(found)
    assert check.verdict == "ok"
    assert says in check.evidence
    idle = [name for name, weight in shares(log_odds).items() if weight == 0]
    assert all(name in check.evidence for name in idle), "who is left out is told by name"
    assert ("left out" in check.evidence) == bool(idle)


def test_seeds_of_members_do_not_depend_on_the_odds(
    sampled: list[dict[str, Any]], odds: dict[str, Any]
) -> None:
    seeds = []
    for odds["log"] in (0.0, 10.0, -10.0):
        sampled.clear()
        bs.fit_ensemble(RUNS, random_seed=1)
        seeds.append({item["model"]: item["random_seed"] for item in sampled})
    every, without, below = seeds
    assert len(set(every.values())) == 6
    assert without.items() <= every.items()
    assert below.items() <= every.items()


@pytest.mark.parametrize(("saturation", "speak"), [(0.02, "against"), (0.6, "for")])
def test_the_odds_are_those_of_the_draws(
    saturation: float, speak: str, sampled: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "tests.synthetic.TRUTH", {**synthetic.TRUTH, "saturation": saturation}
    )  # fmt: skip
    found = bs.fit_ensemble(RUNS, random_seed=1)
    fit = found.members[TELLS]
    wanted = log_odds_without(fit, load_model(PLAIN[0]))
    assert found.weights == pytest.approx(
        {name: share for name, share in shares(wanted).items() if share > 0}
    )
    assert f"speak {speak} a ceiling" in ceiling_check(found).evidence


def test_weights_that_are_given_leave_the_odds_unasked(
    sampled: list[dict[str, Any]], odds: dict[str, Any]
) -> None:
    given = {name: index + 1.0 for index, name in enumerate((*PLAIN, *BELOW_CEILING))}
    found = bs.fit_ensemble(RUNS, weights=given, random_seed=1)
    assert odds["asked"] == []
    assert [item["model"] for item in sampled] == list(given)
    assert found.weights == pytest.approx({name: value / 21 for name, value in given.items()})


def test_a_member_that_does_not_converge_tells_nothing(
    sampled: list[dict[str, Any]], odds: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    odds["log"] = 10.0
    failing = {TELLS}

    def fails(model: Model, *_: Any, **__: Any) -> Member:
        found = synthetic_fit(model.id).only
        return changed(found, checks=UNCONVERGED) if model.id in failing else found

    monkeypatch.setattr("bayes_scaling.posterior.average.fit_law", fails)
    found = bs.fit_ensemble(RUNS, random_seed=1)
    assert odds["asked"] == [(BELOW_CEILING[1], PLAIN[1])]
    assert list(found.members) == [*PLAIN]
    assert set(found.left_out) == {TELLS, BELOW_CEILING[1]}
    failing |= set(BELOW_CEILING)
    found = bs.fit_ensemble(RUNS, random_seed=1)
    assert len(odds["asked"]) == 1
    assert found.weights == pytest.approx(dict.fromkeys(PLAIN, 1 / 3)), "no odds are even odds"


def test_runs_of_one_size_weigh_members_by_the_floor_that_draws_tell_of(
    odds: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = RunTable(columns={"tokens": np.geomspace(1e7, 1e10, 20), "loss": np.full(20, 2.0)})

    def by_hand(model: Model, runs: RunTable, *_: Any, **__: Any) -> Member:
        made = synthetic_fit(model.to_dict())
        floor = np.full_like(made.draws["f"], 0.03 if falls else 0.7)
        return changed(made.only, model=model, runs=runs, draws={**made.draws, "f": floor})

    monkeypatch.setattr("bayes_scaling.posterior.average.fit_law", by_hand)
    for falls in (False, True):
        found = bs.fit_ensemble(runs, random_seed=1)
        densities = [stats.beta(a, b).pdf(0.03 if falls else 0.7) for a, b in FLOORS]
        shares = np.array(densities) * [1, 1, LOW]
        shares /= shares.sum()
        kept = np.where(shares < LEAST_FLOOR, 0, shares)
        wanted = np.repeat(kept / kept.sum() / 2, 2)
        ids = [model.id for model in default_members(runs)]
        assert [found.weights.get(name, 0.0) for name in ids] == pytest.approx(wanted.tolist())
        assert ("irreducible loss" in " ".join(c.name for c in found.checks)) == (0 in kept)
    assert odds["asked"] == []


FLOORS = ((4.0, 1.5), (2.0, 2.0), (0.3, 3.0))
"""Priors of the floor of the members of one size, in their order."""


# ---- what is said --------------------------------------------------------------------------------


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
def test_a_real_ensemble_finds_the_truth_and_mixes_its_members(averaged: Fit) -> None:
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
def test_the_same_seed_gives_the_same_ensemble(averaged: Fit) -> None:
    models = [fit.model for fit in averaged.members.values()]
    again = bs.fit_ensemble(
        averaged.runs, models, draws=200, tune=300, chains=2, random_seed=11
    )  # fmt: skip
    for name, fit in averaged.members.items():
        for key, values in fit.draws.items():
            np.testing.assert_array_equal(again.members[name].draws[key], values)
    sizes = {"params": 7e10, "tokens": 1.4e12}
    assert again.forecast(sizes).rows() == averaged.forecast(sizes).rows()
