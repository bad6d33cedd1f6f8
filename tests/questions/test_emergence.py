"""Jumps of a score: their place, the effect of a technique, and what they move."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws import load_model
from bayes_scaling.posterior import Posterior
from bayes_scaling.posterior.prior import prior_member
from bayes_scaling.runs import RunTable

REFERENCE = 1e19


def runs() -> RunTable:
    flops = np.geomspace(1e18, 1e20, 9)
    return RunTable.from_columns({"flops": flops, "score": np.full(9, 0.25)})


def drawn(model: str, draws: int = 300) -> Fit:
    member = prior_member(load_model(model), runs(), draws=draws, random_seed=2)
    return Fit.of_one(member).accept_unconverged()


@pytest.fixture(scope="module")
def fit() -> Fit:
    return drawn("emergence")


def test_the_chance_is_the_share_of_places_below(fit: Fit) -> None:
    jump = fit.flat["C_jump"]
    np.testing.assert_allclose(jump, REFERENCE * np.exp(fit.flat["jump"]), rtol=1e-9)
    found = fit.emergence([1e20, 1e22])
    np.testing.assert_allclose(found.chance, [(jump <= c).mean() for c in (1e20, 1e22)])
    assert found.chance_among_runs == pytest.approx(found.chance[0])
    assert found.runs_to == pytest.approx(1e20)
    row = found.rows()[1]
    assert row["score_lower"] < row["score"] < row["score_upper"]
    assert "jump below it" in str(found.page())
    assert np.isnan(found.valid_to), "nothing to compare with"


def test_a_law_without_a_jump_never_jumps_and_is_moved_by_one_that_may(fit: Fit) -> None:
    smooth = drawn("score-c")
    members = {**smooth.members, **fit.members}
    both = Posterior(
        members=members, weights={"score-c": 0.6, "emergence": 0.4}, settings=fit.settings
    )
    found = Fit.of_posterior(both).accept_unconverged().emergence(1e22)
    assert np.isinf(found.jump).mean() == pytest.approx(0.6, abs=0.01)
    assert found.weight == pytest.approx(0.4)
    row = found.rows()[0]
    assert row["chance_of_jump"] < 0.4
    assert np.isfinite(row["moved_score"])


def test_a_technique_is_the_difference_of_two_groups(fit: Fit) -> None:
    member = fit.only
    wide = {
        name: np.stack([values, values if name != "C_jump" else values * 10], axis=-1)
        for name, values in member.draws.items()
    }
    wide["jump"] = np.stack([member.draws["jump"], member.draws["jump"] + np.log(10)], axis=-1)
    two = replace(member, draws=wide, groups=("chain", "plain"))
    found = Fit.of_one(two).accept_unconverged().emergence(1e22, family="chain", without="plain")
    assert found.effect is not None
    assert (found.effect >= 0).all(), "the same jump, ten times earlier"
    assert found.rows()[0]["chance_of_earlier_jump"] == 1
    assert "score over plain" in str(found.page())


def test_other_laws_have_no_jump() -> None:
    with pytest.raises(InputError, match="such as emergence"):
        drawn("score-c").emergence(1e22)


def later(fit: Fit, factor: float) -> Fit:
    """The same fit of runs that rise at so many times the compute."""
    draws = {**fit.only.draws, "C_jump": fit.only.draws["C_jump"] * factor}
    return Fit.of_one(replace(fit.only, draws=draws)).accept_unconverged()


def test_a_metric_that_is_flat_where_another_rises_is_told(fit: Fit) -> None:
    found = later(fit, 1e30).emergence([1e20, 1e22], beside=fit)
    assert found.beside is not None
    started = fit.flat["C_jump"] / 9 ** (1 / fit.flat["steep"])
    np.testing.assert_allclose(found.beside.onset, started, rtol=1e-9)
    assert found.smoother_earlier == 1
    row = found.rows()[1]
    assert row["onset_flops"] == pytest.approx(1e30 * row["smoother_onset_flops"])
    assert row["smoother_score"] == pytest.approx(float(np.median(1 - found.beside.error[:, 1])))
    text = str(found.page())
    assert "earlier with probability 1.00" in text
    assert row["smoother_gradual"] == pytest.approx(
        np.mean(4.394449 / fit.flat["steep"] > np.log(100))
    )
    assert "may jump too" in text, "the same law, that jumps"


def test_a_jump_is_one_of_the_metric_where_the_smoother_one_rises_slowly(fit: Fit) -> None:
    draws = {**fit.only.draws, "steep": fit.only.draws["steep"] / 20}
    slow = Fit.of_one(replace(fit.only, draws=draws)).accept_unconverged()
    found = later(fit, 1e30).emergence(1e22, beside=slow)
    assert found.beside is not None
    assert found.beside.gradual > 0.95
    assert "a jump here would be one of the metric" in found.text


def test_a_tenth_of_the_rise_is_done_at_its_onset(fit: Fit) -> None:
    found = fit.emergence(1e22)
    flat, after = fit.flat["top"], fit.flat["top"] * (1 - fit.flat["height"])
    part = fit.only
    draw = np.arange(found.onset.size)
    error = part.predict({"flops": found.onset}, group=np.zeros(draw.size, np.int64), draw=draw)
    np.testing.assert_allclose((flat - error) / (flat - after), 0.1, rtol=1e-6)


def test_two_metrics_that_rise_together_are_not_told_apart(fit: Fit) -> None:
    found = fit.emergence(1e22, beside=fit)
    assert found.smoother_earlier == pytest.approx(0.5, abs=0.01)
    assert "one of the metric" not in str(found.page())
    with pytest.raises(InputError, match="smoother metric"):
        _ = fit.emergence(1e22).smoother_earlier


def test_the_smoother_metric_is_of_the_same_runs(fit: Fit) -> None:
    more = RunTable.from_columns({"flops": np.geomspace(1e18, 1e21, 9), "score": np.full(9, 0.25)})
    member = prior_member(load_model("score-c"), more, draws=50, random_seed=2)
    with pytest.raises(
        InputError, match="9 of 1e\\+18 to 1e\\+20 FLOP under the one, 9 of 1e\\+18 to 1e\\+21"
    ):
        fit.emergence(1e22, beside=Fit.of_one(member).accept_unconverged())
    losses = RunTable.from_columns({"flops": np.geomspace(1e18, 1e20, 9), "loss": np.full(9, 2.5)})
    other = prior_member(load_model("kaplan-c"), losses, draws=50, random_seed=2)
    with pytest.raises(InputError, match="kaplan-c gives loss from flops"):
        fit.emergence(1e22, beside=Fit.of_one(other).accept_unconverged())


def test_a_jump_beyond_the_runs_is_said_to_be_the_prior_of_its_place(fit: Fit) -> None:
    found = fit.emergence([1e19, 1e23])
    assert found.beyond["flops"] == pytest.approx([0.0, np.log(1e3)])
    rows = found.rows()
    assert rows[1]["efolds_flops"] == pytest.approx(np.log(1e3))
    assert "beyond the fitted runs: flops 6.9 e-folds (1,000x)" in found.text
    unseen = ((found.onset > 1e20) & (found.jump <= 1e23)).mean()
    assert unseen > 0.3
    (text,) = found.warnings
    assert f"{unseen:.2f} is of jumps that begin beyond the runs" in text
    assert text in found.text
    assert fit.emergence(1e20).warnings == ()


def test_a_jump_that_the_runs_see_begin_is_no_mere_prior(fit: Fit) -> None:
    seen = fit.emergence(1e23)
    begun = replace(seen, onset=np.full_like(seen.onset, 5e19), jump=np.full_like(seen.jump, 2e20))
    assert begun.warnings == ()
