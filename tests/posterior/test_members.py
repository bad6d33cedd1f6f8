"""The members that are averaged where none is named, and what they weigh."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.laws import load_model
from bayes_scaling.posterior.members import (
    BELOW_CEILING,
    LEAST,
    PLAIN,
    SMALL,
    default_members,
    shares,
)
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
    wanted = np.clip(1 / (1 + np.exp(-np.clip(odds, -99, 99))), LEAST, 1 - LEAST)
    assert together(found, PLAIN) == pytest.approx(wanted)


def test_even_odds_give_six_equal_weights() -> None:
    assert shares(0.0) == pytest.approx(dict.fromkeys((*PLAIN, *BELOW_CEILING), 1 / 6))


def test_no_odds_silence_either_kind() -> None:
    for odds, loud, quiet in ((1e6, PLAIN, BELOW_CEILING), (-1e6, BELOW_CEILING, PLAIN)):
        found = shares(odds)
        assert together(found, quiet) == pytest.approx(LEAST)
        assert [found[name] for name in loud] == pytest.approx([(1 - LEAST) / 3] * 3)


@pytest.mark.parametrize(
    ("sign", "small", "alone"),
    [(1, BELOW_CEILING, "ceiling-tempered"), (-1, PLAIN, "coupled-drift")],
)
def test_one_member_speaks_for_three_that_weigh_little(
    sign: int, small: tuple[str, ...], alone: str
) -> None:
    edge = np.log((1 - SMALL) / SMALL)
    found = shares(sign * (edge + 0.01))
    assert found[alone] == together(found, small) == pytest.approx(SMALL, abs=0.01)
    assert [name for name in found if found[name] == 0] == [n for n in small if n != alone]
    found = shares(sign * (edge - 0.01))
    assert [found[name] for name in small] == pytest.approx([together(found, small) / 3] * 3)
    assert min(found.values()) > 0


# ---- members -------------------------------------------------------------------------------------


def test_tables_of_two_sizes_have_six_members_and_others_three() -> None:
    runs = synthetic_runs(load_model("chinchilla"))
    assert [model.id for model in default_members(runs)] == [*PLAIN, *BELOW_CEILING]
    for name, end in (("params", "-n"), ("tokens", ""), ("flops", "-c")):
        one = RunTable(columns={key: runs[key] for key in (name, "loss")})
        members = default_members(one)
        assert len(members) == 3
        assert {model.id.split("-drift")[0] for model in members} == {
            f"saturating-m2{end}", f"saturating-m4{end}",
        }  # fmt: skip


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
