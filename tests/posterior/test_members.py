"""The members that are averaged where none is named, and what they weigh."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.laws import load_model
from bayes_scaling.laws.link import link_of
from bayes_scaling.posterior.members import (
    BELOW_CEILING,
    MOST_PLAIN,
    PLAIN,
    default_members,
    shares,
)
from bayes_scaling.posterior.weights import LEAST
from bayes_scaling.runs import RunTable
from tests.synthetic import synthetic_runs


def together(weights: dict[str, float], members: tuple[str, ...]) -> float:
    return sum(weights[name] for name in members)


# ---- weights -------------------------------------------------------------------------------------


@pytest.mark.parametrize("odds", [-1e4, -50.0, -2.0, -1.0, 0.0, 0.3, 1.09, 1.11, 3.0, 50.0, 1e4])
def test_weights_sum_to_one_and_follow_the_odds(odds: float) -> None:
    found = shares(odds)
    assert list(found) == [*PLAIN, *BELOW_CEILING]
    assert sum(found.values()) == pytest.approx(1)
    wanted = min(1 / (1 + np.exp(-np.clip(odds, -99, 99))), MOST_PLAIN)
    wanted = wanted if wanted >= 2 * LEAST else 0
    assert together(found, PLAIN) == pytest.approx(wanted)


def test_even_odds_give_four_equal_weights() -> None:
    assert shares(0.0) == pytest.approx(dict.fromkeys((*PLAIN, *BELOW_CEILING), 1 / 4))


def test_no_odds_silence_the_members_with_a_ceiling() -> None:
    assert together(shares(1e6), BELOW_CEILING) == pytest.approx(1 - MOST_PLAIN)
    found = shares(-1e6)
    assert together(found, PLAIN) == 0
    assert [found[name] for name in BELOW_CEILING] == [0.5, 0.5]


def test_no_weight_is_so_small_that_its_member_would_be_left_out() -> None:
    for odds in np.linspace(-8, 0, 200):
        assert all(share == 0 or share >= LEAST for share in shares(odds).values())


# ---- members -------------------------------------------------------------------------------------


def test_runs_of_one_size_have_the_members_below_a_ceiling() -> None:
    runs = synthetic_runs(load_model("chinchilla"))
    assert [model.id for model in default_members(runs)] == [*PLAIN, *BELOW_CEILING]
    for name, end in (("params", "-n"), ("tokens", ""), ("flops", "-c")):
        one = RunTable(columns={key: runs[key] for key in (name, "loss")})
        members = default_members(one)
        assert [model.id for model in members] == [
            f"saturating-m2{end}-{below}" for below in BELOW_CEILING
        ]
        for model, below in zip(members, BELOW_CEILING, strict=True):
            like = load_model(below)
            assert model.ceiling.on
            assert (model.temper, model.form_error) == (like.temper, like.form_error)
            assert len(model.drifting) == bool(like.drifting)


def test_a_size_that_is_the_same_in_all_runs_of_a_family_is_none() -> None:
    rising, same = np.geomspace(1e8, 1e10, 8), np.repeat([1e8, 1e9], 4)
    columns = {"loss": 9 * rising**-0.05, "family": np.repeat(["a", "b"], 4)}
    for name, other in (("tokens", "params"), ("params", "tokens")):
        runs = RunTable.from_columns({name: rising, other: same, **columns})
        assert [tuple(model.sizes) for model in default_members(runs)] == [(name,)] * 2
    alone = RunTable.from_columns({"tokens": rising, "params": same, "loss": columns["loss"]})
    assert len(default_members(alone)) == 4


@pytest.mark.parametrize(
    ("metric", "most", "scale"),
    [("error rate", 0.9, "logit"), ("error rate", 1.0, "log"), ("nats per token", 0.9, "log")],
)
def test_error_rates_have_a_ceiling_and_err_by_a_share_of_their_odds(
    metric: str, most: float, scale: str
) -> None:
    runs = synthetic_runs(load_model("chinchilla"))
    loss = runs["loss"] * most / runs["loss"].max()
    columns = {"params": runs["params"], "tokens": runs["tokens"], "loss": loss}
    named = RunTable.from_columns({**columns, "metric": np.full(len(runs), metric)})
    members = default_members(named)
    assert {link_of(model).scale for model in members} == {scale}
    wanted = BELOW_CEILING if metric == "error rate" else (*PLAIN, *BELOW_CEILING)
    assert tuple(model.id for model in members) == wanted


def test_members_differ_in_their_ceiling_alone_and_groups_have_laws_of_their_own() -> None:
    members = {model.id: model for model in default_members(synthetic_runs(load_model("coupled")))}
    for plain, below in zip(PLAIN, BELOW_CEILING, strict=True):
        one, other = members[plain], members[below]
        assert (one.ceiling.on, other.ceiling.on) == (False, True)
        assert set(one.drifting) == set(other.drifting)
        assert one.temper == other.temper
        for model in (one, other):
            kinds = {item.name: item.pool.kind for item in model.parameters}
            own = ("alpha", "beta", "excess", "decay", "c", "f_shift")
            assert {kinds[name] for name in own} == {"separate"}
            assert kinds.get("saturation", "shared") == "shared"
