"""Duels of groups whose compute multiplier is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError, UnconvergedError
from bayes_scaling.facade import Fit
from bayes_scaling.fitting import DUEL
from bayes_scaling.laws import load_model
from bayes_scaling.laws.read import read_model
from bayes_scaling.posterior import Member
from bayes_scaling.posterior.recipes import pooled_as_variants
from bayes_scaling.questions.duel import Duel
from bayes_scaling.runs import RunTable
from tests.synthetic import PLAIN, UNCONVERGED, changed, synthetic_fit

GAIN = 1.44
"""Compute multiplier: params and tokens of the variant count 1.2 times."""


def twins(*gains: float, draws: int = 50, checks: Any = None) -> Fit:
    """A fit whose groups have the law of the first one at sizes that count as many times more."""
    names = ("base", *(f"variant{place}" for place in range(len(gains))))
    more = {} if checks is None else {"checks": checks}
    fit = synthetic_fit(PLAIN, families=names, draws=draws, **more)
    kept = {name: values.copy() for name, values in fit.draws.items()}
    for values in kept.values():
        if values.ndim == 3:
            values[...] = values[..., :1]
    for place, gain in enumerate(gains, start=1):
        for coefficient, exponent in (("a", "alpha"), ("b", "beta")):
            slope = kept[exponent][..., 0] if kept[exponent].ndim == 3 else kept[exponent]
            kept[coefficient][..., place] *= gain ** (-slope / 2)
    return changed(fit, draws=kept)


def test_the_multiplier_is_the_compute_that_the_baseline_needs_for_the_same_loss() -> None:
    found = twins(GAIN).duel("base", "variant0", flops=[1e21, 1e24])
    np.testing.assert_allclose(found.multiplier["variant0"], GAIN, rtol=1e-5)
    assert found.chance("variant0").tolist() == [1.0, 1.0]
    assert found.verdict("variant0") == "promote"
    assert np.isnan(found.crossing["variant0"]).all()
    assert found.best == {"base": 0.0, "variant0": 1.0}
    first, last = found.rows()
    assert first["multiplier"] == pytest.approx(GAIN, rel=1e-5)
    assert first["loss_gap_upper"] < 0
    assert ("verdict" in first, last["verdict"]) == (False, "promote")
    assert last["efolds_flops"] > first["efolds_flops"]


def test_the_other_way_round_it_is_the_inverse() -> None:
    found = twins(GAIN).duel("variant0", "base", flops=1e22)
    np.testing.assert_allclose(found.multiplier["base"], 1 / GAIN, rtol=1e-5)
    assert found.verdict("base") == "drop"


def test_slower_hardware_can_undo_it() -> None:
    fit = twins(GAIN)
    found = fit.duel("base", "variant0", flops=1e22, throughput={"variant0": 0.5})
    np.testing.assert_allclose(found.multiplier["variant0"], GAIN / 2, rtol=1e-5)
    assert found.verdict("variant0") == "drop"
    assert found.best["base"] == 1.0


def test_all_variants_are_ranked() -> None:
    found = twins(0.9, 1.2, 1.1).duel("base", flops=1e22)
    assert found.arms == ("variant0", "variant1", "variant2")
    assert found.best["variant1"] == 1.0
    assert [found.verdict(arm) for arm in found.arms] == ["drop", "promote", "promote"]


def test_sets_of_the_best_have_probabilities() -> None:
    found = twins(0.9, 1.2, 1.1).duel("base", flops=1e22)
    assert found.top(1) == found.best
    assert found.top(2) == {"base": 0.0, "variant0": 0.0, "variant1": 1.0, "variant2": 1.0}
    assert set(found.top(4).values()) == {1.0}
    wide = twins(0.9, 1.2, 1.1, 1.3).duel("base", flops=1e22)
    assert "among the best 3" in str(wide.page())


def test_where_exponents_differ_the_lines_cross_at_the_scale_of_equal_loss() -> None:
    fit = synthetic_fit(PLAIN, families=("base", "steep"), draws=50)
    kept = {name: values.copy() for name, values in fit.draws.items()}
    for values in kept.values():
        if values.ndim == 3:
            values[...] = values[..., :1]
    for coefficient, exponent in (("a", "alpha"), ("b", "beta")):
        if kept[exponent].ndim != 3:
            kept[exponent] = np.repeat(kept[exponent][..., None], 2, axis=-1)
        kept[coefficient][..., 1] *= 1.1
        kept[exponent][..., 1] *= 1.1
    found = changed(fit, draws=kept).duel("base", "steep", flops=[1e20, 1e26])
    chances = found.chance("steep")
    assert chances[0] < 0.5 < chances[1]
    crossing = found.crossing["steep"]
    assert np.isfinite(crossing).mean() > 0.9
    at = float(np.nanmedian(crossing))
    near = changed(fit, draws=kept).duel("base", "steep", flops=at)
    assert np.median(near.multiplier["steep"]) == pytest.approx(1.0, abs=0.05)


def test_a_law_of_one_size_is_compared_along_it() -> None:
    fit = synthetic_fit("kaplan-c", families=("base", "variant"), draws=50)
    found = fit.duel("base", "variant", flops=1e22)
    draws = fit.flat
    loss = found.loss["variant"][:, 0]
    needed = found.multiplier["variant"][:, 0] * 1e22
    back = fit.predict({"flops": needed}, group=np.array(0), draw=np.arange(fit.only.n_draws))
    np.testing.assert_allclose(back, loss, rtol=1e-6)
    assert draws


def test_it_shows_its_answer() -> None:
    text = repr(twins(GAIN).duel("base", "variant0", flops=1e22))
    assert "variant0 against base at 1e+22 FLOP: compute multiplier 1.44x [1.44, 1.44]" in text
    assert "promote" in text


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"a": "nobody", "b": "variant0"}, "'nobody' is no group of these runs"),
        ({"a": "base", "b": "base"}, "at least one other group"),
        ({"a": "base", "throughput": {"other": 1.0}}, "which is no variant here"),
        ({"a": "base", "throughput": {"variant0": 0.0}}, "must be above 0"),
        ({"a": "base", "error": 0.6}, "between 0 and .5"),
        ({"a": "base", "flops": -1.0}, "flops must be above 0"),
    ],
)
def test_what_cannot_be_asked_is_said(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        twins(GAIN).duel(**{"flops": 1e22, **asked})


def test_draws_that_did_not_converge_decide_nothing() -> None:
    fit = twins(GAIN, checks=UNCONVERGED)
    with pytest.raises(UnconvergedError):
        fit.duel("base", flops=1e22)
    assert isinstance(fit.accept_unconverged().duel("base", flops=1e22), Duel)


# ---- published laws ------------------------------------------------------------------------------


def test_a_published_law_stands_beside_groups_of_runs() -> None:
    fit = twins(GAIN)
    found = fit.duel("hoffmann-2022", ["base", "variant0"], flops=[1e21, 1e23])
    law = bs.published("hoffmann-2022")
    assert found.loss["hoffmann-2022"].shape == found.loss["base"].shape
    stated = law.allocate(flops=1e23).rows()[0]["loss"]
    np.testing.assert_allclose(found.loss["hoffmann-2022"][:, 1], stated, rtol=1e-6)
    ratio = found.multiplier["variant0"] / found.multiplier["base"]
    assert (ratio[np.isfinite(ratio)] > 1).all()
    needed = found.multiplier["base"][0, 0] * 1e21
    at_needed = law.allocate(flops=float(needed)).rows()[0]["loss"]
    assert at_needed == pytest.approx(found.loss["base"][0, 0], rel=1e-6)
    turned = fit.duel("base", law, flops=1e23)
    assert turned.arms == ("hoffmann-2022",)
    assert "taken at its word" in turned.text
    assert np.isfinite(found.beyond).all()


def test_two_published_laws_are_compared_without_intervals() -> None:
    laws = {name: bs.published(name) for name in ("hoffmann-2022", "epoch-2024")}
    found = bs.duel(a="hoffmann-2022", b=laws["epoch-2024"], flops=[1e21, 1e24])
    first, last = found.rows()
    for row in (first, last):
        needed = laws["hoffmann-2022"].allocate(flops=row["multiplier"] * row["flops"])
        reached = laws["epoch-2024"].allocate(flops=row["flops"])
        assert needed.rows()[0]["loss"] == pytest.approx(reached.rows()[0]["loss"], rel=1e-6)
    assert (first["chance"], last["chance"], last["verdict"]) == (1.0, 0.0, "drop")
    assert 1e21 < last["crossing_flops"] < 1e24
    assert not [key for key in last if key.endswith("_lower")]
    assert "drop, if both laws hold there" in repr(found)
    assert "known" not in found.text
    assert "beyond the runs\n1e+21" in found.text
    again = laws["hoffmann-2022"].duel("hoffmann-2022", "epoch-2024", flops=[1e21, 1e24])
    assert again.rows()[0]["multiplier"] == first["multiplier"]
    alone = bs.duel(a="hoffmann-2022", b="epoch-2024", flops=1e24)
    assert np.isfinite(alone.crossing["epoch-2024"]).all()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ("li-2025", "gives learning_rate, batch_size, and no loss"),
        ("kaplan-2020-n", "nothing is equal for all, to compare at"),
        ("nobody", "no published law; there are no runs"),
        (None, "name a baseline and at least one other group"),
    ],
)
def test_laws_that_do_not_compare_are_refused(other: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        bs.duel(a="hoffmann-2022", b=other, flops=1e22)


def test_inputs_go_to_the_laws_that_read_them() -> None:
    asked: dict[str, Any] = {"a": "hoffmann-2022", "b": "muennighoff-2023", "flops": 1e22}
    free = bs.duel(**asked).loss["muennighoff-2023"]
    few = bs.duel(**asked, inputs={"unique_tokens": 1e9}).loss["muennighoff-2023"]
    assert few > free


# ---- from runs -----------------------------------------------------------------------------------


def test_variants_are_pooled_closely() -> None:
    model = pooled_as_variants(load_model("coupled-drift"))
    pools = {item.name: item.pool for item in model.parameters}
    partial = {name for name, pool in pools.items() if pool.kind == "partial"}
    assert partial == {"m", "alpha", "beta", "excess", "decay"}
    own = {name for name, pool in pools.items() if pool.kind == "separate"}
    assert own == {"gain_place", "floor_shift_place"}
    assert {"c_recipe", "f_shift_recipe", "gain_sd", "sigma", "tau"} <= set(pools) - partial - own
    assert read_model(model.to_dict()).to_dict() == model.to_dict()


def test_a_gain_lowers_what_can_be_foreseen_and_a_shift_the_floor() -> None:
    law = load_model("coupled")
    variants = pooled_as_variants(law)
    rest: dict[str, Any] = {"m": 0.4, "alpha": 0.3, "beta": 0.35, "k": 0.6}
    sizes = {"params": np.geomspace(1e7, 1e10, 4), "tokens": np.geomspace(1e9, 1e11, 4)}
    references = {"params_ref": 1e8, "tokens_ref": 2e9}
    shared: dict[str, Any] = {"c": 3.0, "f_shift": 0.3, **rest}
    plain = law.predict(shared, sizes, references)
    floor = 3.0 / (1 + np.exp(-0.3))
    for gain, shift in ((0.0, 0.0), (0.2, 0.0), (0.0, -0.05), (-0.1, 0.02)):
        own: dict[str, Any] = {"c_recipe": 3.0, "f_shift_recipe": 0.3, **rest}
        own |= {"gain_sd": 0.1, "gain_place": gain / 0.1}
        own |= {"floor_shift_sd": 0.01, "floor_shift_place": shift / 0.01}
        found = variants.predict(own, sizes, references)
        expected = floor * np.exp(shift) + (plain - floor) * np.exp(-gain)
        np.testing.assert_allclose(found, expected, rtol=1e-12)
        told = variants.derive(own, references)
        assert told["E"] == pytest.approx(floor * np.exp(shift))
        assert told["gain"] == pytest.approx(gain)


def test_levels_of_laws_without_a_floor_are_pooled() -> None:
    model = pooled_as_variants(load_model("kaplan-c"))
    assert model.parameter("c").pool.kind == "partial"
    assert "gain_sd" not in {item.name for item in model.parameters}


def test_small_runs_of_each_variant_may_have_an_excess_of_their_own() -> None:
    for name in DUEL:
        excess = pooled_as_variants(load_model(name)).parameter("excess")
        assert excess.pool == load_model(name).parameter("excess").pool
        assert excess.pool.kind == "partial"


def test_the_column_of_variants_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = synthetic_fit(PLAIN).runs
    half = np.where(np.arange(len(runs)) % 2, "muon", "adam")
    seen: list[RunTable] = []

    def average(table: RunTable, models: Any, **_: Any) -> Fit:
        seen.append(table)
        made: Member = synthetic_fit(PLAIN, families=("adam", "muon"), draws=20).only
        return Fit.of_one(made)

    monkeypatch.setattr("bayes_scaling.fitting.fit_ensemble", average)
    table = RunTable(columns={**runs.columns, "optimizer": half})
    found = bs.duel(table, a="adam", b="muon", by="optimizer", flops=1e22)
    assert (found.a, found.arms) == ("adam", ("muon",))
    assert set(seen[0]["family"]) == {"adam", "muon"}
    with pytest.raises(InputError, match="no run has optimizer 'sgd'; known are"):
        bs.duel(table, a="adam", b="sgd", by="optimizer", flops=1e22)


def test_pairs_have_noise_in_common(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = synthetic_fit(PLAIN).runs
    seeds, budgets = np.arange(len(runs)) % 2, np.round(np.log10(runs["flops"]))
    columns = {**runs.columns, "seed": np.zeros(len(runs)), "budget": budgets}
    columns["optimizer"] = np.where(seeds, "muon", "adam")
    seen: list[tuple[RunTable, Any]] = []

    def average(table: RunTable, models: Any, **_: Any) -> Fit:
        seen.append((table, models))
        return twins(GAIN)

    monkeypatch.setattr("bayes_scaling.fitting.fit_ensemble", average)
    asked: dict[str, Any] = {"a": "adam", "b": "muon", "by": "optimizer", "flops": 1e22}
    table = RunTable(columns=columns)
    with pytest.raises(InputError, match="'adam' is no group"):
        bs.duel(table, pairs="seed/budget", **asked)
    (given, laws) = seen[0]
    assert given["pair"][0] == f"0/{budgets[0]:g}"
    assert all(law.run_effect.on for law in laws)
    assert all(item.pool.kind == "shared" for law in laws for item in law.parameters
               if item.name in ("sigma", "nu", "sigma_run"))  # fmt: skip
    with pytest.raises(InputError, match="no column pair; they have"):
        bs.duel(table, pairs="pair", **asked)
    with pytest.raises(InputError, match="no two runs have the same run"):
        bs.duel(table, pairs="run", **asked)


def _of_metrics(*metrics: str) -> RunTable:
    """Runs of two optimizers, whose losses are of some metrics by turns."""
    runs = synthetic_fit(PLAIN).runs
    place = np.arange(len(runs))
    columns = {**runs.columns, "optimizer": np.where(place % 2, "muon", "adam")}
    return RunTable(columns={**columns, "metric": np.array(metrics)[place % len(metrics)]})


def test_groups_without_a_common_metric_are_refused() -> None:
    with pytest.raises(InputError, match="no loss that all groups have in common") as told:
        bs.duel(_of_metrics("causal", "masked"), a="adam", b="muon", by="optimizer", flops=1e22)
    assert "adam: causal; muon: masked" in str(told.value)


def test_several_metrics_are_refused_unless_they_are_pairs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = _of_metrics("c4", "c4", "pile", "pile")
    asked: dict[str, Any] = {"a": "adam", "b": "muon", "by": "optimizer", "flops": 1e22}
    with pytest.raises(InputError, match=r"choose one that all groups have.*metric == 'c4'"):
        bs.duel(table, **asked)
    monkeypatch.setattr("bayes_scaling.fitting.fit_ensemble", lambda *_, **__: twins(GAIN))
    with pytest.raises(InputError, match="'adam' is no group"):
        bs.duel(table, **asked, pairs="metric")


def test_a_duel_of_runs_needs_a_group_of_them() -> None:
    with pytest.raises(InputError, match="name a group of the runs on one side at least"):
        bs.duel(synthetic_fit(PLAIN).runs, a="hoffmann-2022", b="epoch-2024", flops=1e22)
