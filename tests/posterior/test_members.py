"""The members that are averaged where none is named, and what they weigh."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.laws import load_model
from bayes_scaling.laws.link import link_of
from bayes_scaling.posterior.members import (
    BELOW_CEILING,
    LEAST,
    LOW,
    PLAIN,
    SMALL,
    default_members,
    floor_before,
    floor_shares,
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


def test_tables_of_two_sizes_have_six_members() -> None:
    runs = synthetic_runs(load_model("chinchilla"))
    assert [model.id for model in default_members(runs)] == [*PLAIN, *BELOW_CEILING]


def test_runs_of_one_size_have_members_below_a_ceiling_of_any_level() -> None:
    runs = synthetic_runs(load_model("chinchilla"))
    for name, end in (("params", "-n"), ("tokens", ""), ("flops", "-c")):
        one = RunTable(columns={key: runs[key] for key in (name, "loss")})
        members = default_members(one)
        likes = BELOW_CEILING[0], BELOW_CEILING[2]
        law = f"saturating-m2{end}"
        floors = law, f"{law}-open", f"{law}-low"
        named = [f"{start}-{like}" for start in floors for like in likes]
        assert [model.id for model in members] == named
        for model, below in zip(members, likes * 3, strict=True):
            like = load_model(below)
            assert model.ceiling.on
            assert (model.temper, model.form_error) == (like.temper, like.form_error)
            assert len(model.drifting) == bool(like.drifting)
            (saturation,) = [item for item in model.parameters if item.name == "saturation"]
            assert dict(saturation.prior.args) == {"alpha": 1.0, "beta": 1.0}


def test_a_size_that_is_the_same_in_all_runs_of_a_family_is_none() -> None:
    rising, same = np.geomspace(1e8, 1e10, 8), np.repeat([1e8, 1e9], 4)
    columns = {"loss": 9 * rising**-0.05, "family": np.repeat(["a", "b"], 4)}
    for name, other in (("tokens", "params"), ("params", "tokens")):
        runs = RunTable.from_columns({name: rising, other: same, **columns})
        assert [tuple(model.sizes) for model in default_members(runs)] == [(name,)] * 6
    alone = RunTable.from_columns({"tokens": rising, "params": same, "loss": columns["loss"]})
    assert len(default_members(alone)) == 6


def test_members_of_one_size_weigh_what_the_runs_say_of_the_floor() -> None:
    runs = synthetic_runs(load_model("chinchilla"))
    one = RunTable(columns={key: runs[key] for key in ("tokens", "loss")})
    ids = [model.id for model in default_members(one)]
    text, open_, low = ids[:2], ids[2:4], ids[4:]
    assert [floor_before(name) for name in ids] == [None, None, *text, *open_]
    even = floor_shares(ids, dict.fromkeys([*open_, *low], 0.0))
    assert even[text[0]] == even[open_[1]] > 0
    assert even[low[0]] == 0, "it is rare beforehand"
    told = floor_shares(ids, {open_[0]: 0.0, low[0]: -2.0, low[1]: 0.0})
    assert told[low[1]] / told[open_[0]] == pytest.approx(LOW * np.e)
    falls = floor_shares(ids, {open_[0]: -4.0, open_[1]: -6.0, low[0]: -6.0})
    assert [name for name, weight in falls.items() if weight > 0] == low
    rests = floor_shares(ids, {open_[0]: 1.0, low[0]: 3.0})
    assert rests[text[0]] / rests[open_[0]] == pytest.approx(np.e)
    assert rests[low[0]] == 0


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


def curve(metric: str, seed: int) -> tuple[RunTable, float, float]:
    """Runs in compute alone of an error rate that goes far down, and the truth 30 times beyond."""
    rng = np.random.default_rng(seed)
    floor = rng.uniform(0.03, 0.15)
    flops = np.geomspace(1e17, 1e20, 14)

    def law(compute: np.ndarray | float) -> np.ndarray | float:
        return floor + (0.95 - floor) * (1 + np.asarray(compute) / 1e17) ** -0.25

    odds = law(flops) / (1 - law(flops)) * np.exp(0.03 * rng.normal(size=14))
    columns = {"flops": flops, "loss": odds / (1 + odds), "metric": np.full(14, metric)}
    return RunTable.from_columns(columns), 3e21, float(law(3e21))


def test_the_floor_of_one_size_is_open_and_of_a_loss_also_that_of_text() -> None:
    text, free, low = (4.0, 1.5), (2.0, 2.0), (0.3, 3.0)
    every = [text] * 2 + [free] * 2 + [low] * 2
    for metric, wanted in (("top-1 error", [free] * 2), ("loss", every)):
        laws = default_members(curve(metric, 0)[0])
        priors = [dict(law.parameter("f").prior.args) for law in laws]
        assert [(each["alpha"], each["beta"]) for each in priors] == wanted
        assert len({law.id for law in laws}) == len(laws)
        assert ["open" in law.id for law in laws] == [each == free for each in wanted]


@pytest.mark.slow
def test_an_error_rate_that_goes_far_down_is_not_forecast_too_high() -> None:
    beyond, inside = [], []
    for seed in range(6):
        runs, target, truth = curve("top-1 error", seed)
        fit = bs.fit(runs, draws=400, tune=600, chains=2, random_seed=1, progress=False)
        low, middle, high = np.quantile(
            fit.accept_unconverged().forecast({"flops": target}).noise_free, (0.05, 0.5, 0.95)
        )
        beyond.append(middle / truth - 1)
        inside.append(low <= truth <= high)
    assert abs(np.mean(beyond)) < 0.1
    assert sum(inside) >= 5
