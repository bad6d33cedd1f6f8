"""`compare`: tables, weights, forecasts and checks, on fits that were never sampled."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.laws import load_model
from bayes_scaling.posterior.members import default_members
from bayes_scaling.runs import RunTable
from bayes_scaling.scores import COLUMNS, score
from bayes_scaling.validation.comparison import (
    AVERAGES,
    Comparison,
    default_target,
    score_groups,
)
from bayes_scaling.validation.split import Split, deep_split
from tests.comparisons import MODELS, synthetic_comparison
from tests.synthetic import synthetic_runs


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return synthetic_comparison()


# ---- inside the data -----------------------------------------------------------------------------


def test_models_are_ordered_by_density_with_errors_of_the_differences(
    comparison: Comparison,
) -> None:
    table = comparison.table
    assert table.index[0] == "chinchilla"  # which made the runs
    assert set(table.index) == set(MODELS)
    assert table["elpd"].is_monotonic_decreasing
    assert table.loc["chinchilla", ["elpd_difference", "difference_se"]].tolist() == [0, 0]
    best, other = (comparison.loo[name].pointwise for name in ("chinchilla", "saturating-m2-c"))
    row = table.loc["saturating-m2-c"]
    assert row["elpd_difference"] == pytest.approx(np.sum(other - best))
    assert row["difference_se"] == pytest.approx(4 * np.std(other - best, ddof=1))  # 16 runs
    assert (table["likelihood"] == "plain").all()


def test_both_weightings_are_shown_and_sum_to_one(comparison: Comparison) -> None:
    assert comparison.weights["equal"] == pytest.approx(dict.fromkeys(MODELS, 1 / 3))
    assert sum(comparison.weights["stacking"].values()) == pytest.approx(1)
    assert comparison.table["weight_stacking"]["chinchilla"] > 0.9
    assert comparison.table["weight_equal"].tolist() == pytest.approx([1 / 3] * 3)


def test_a_model_that_did_not_converge_is_shown_and_has_no_weight() -> None:
    found = synthetic_comparison(unconverged=["chinchilla"])
    assert found.table.loc["chinchilla", "status"] == "unconverged"
    assert found.table.loc["chinchilla", "weight_equal"] == 0
    assert set(found.weights["stacking"]) == set(MODELS) - {"chinchilla"}
    assert not found.trustworthy
    failed = [check.name for check in found.checks if check.verdict == "fail"]
    assert failed == ["R-hat of chinchilla"]
    (split,) = (check for check in found.checks if check.name == "deep split")
    assert "chinchilla did not converge there" in split.evidence


def test_without_models_those_of_the_default_ensemble_are_compared() -> None:
    runs = synthetic_runs(load_model("chinchilla"))
    found = synthetic_comparison(None, runs=runs)
    assert set(found.fits) == {model.id for model in default_members(runs)}


# ---- its upper end -------------------------------------------------------------------------------


def test_the_deep_split_scores_every_model_and_average(comparison: Comparison) -> None:
    deep = comparison.deep_split
    assert list(deep.index) == [*MODELS, *AVERAGES.values()]
    assert list(deep.columns) == list(COLUMNS)
    assert deep.loc["chinchilla", "crps"] < deep.loc["saturating-m2-c", "crps"]
    assert comparison.table["deep_crps"]["coupled"] == deep.loc["coupled", "crps"]


def test_the_small_runs_alone_decide_the_scored_forecasts() -> None:
    asked: list[dict[str, Any]] = []
    runs = synthetic_runs(load_model("chinchilla"))
    first = synthetic_comparison(runs=runs, asked=asked)
    assert [call["rows"] for call in asked] == [16, 16, 16, 8, 8, 8]
    split = deep_split(runs)
    assert isinstance(split, Split)
    large = runs["flops"] > 2e20
    higher = RunTable(columns={**runs.columns, "loss": np.where(large, 1.1, 1.0) * runs["loss"]})
    second = synthetic_comparison(runs=higher)
    error = {
        name: found.deep["chinchilla"]["bias"]
        for name, found in (("as is", first), ("higher", second))
    }
    assert 1.1 * (1 + error["higher"]) == pytest.approx(1 + error["as is"], rel=1e-9)


def test_seeds_differ_between_fits_and_come_from_one() -> None:
    calls: list[list[dict[str, Any]]] = [[], [], []]
    for asked, seed in zip(calls, (1, 1, 2), strict=True):
        synthetic_comparison(asked=asked, random_seed=seed, draws=300)
    seeds = [[call["random_seed"] for call in asked] for asked in calls]
    assert seeds[0] == seeds[1] != seeds[2]
    assert len(set(seeds[0])) == 6
    assert {call["draws"] for call in calls[0]} == {300}


def test_without_enough_runs_there_is_no_deep_split_and_the_reason_is_a_check() -> None:
    runs = synthetic_runs(load_model("chinchilla")).take(np.arange(0, 16, 2))
    found = synthetic_comparison(runs=runs)
    assert found.deep == {}
    assert found.deep_split.empty
    assert "deep_crps" not in found.table
    (check,) = (check for check in found.checks if check.name == "deep split")
    assert check.verdict == "warn"
    assert check.evidence.startswith("left out: ")
    assert "skipped" in found.to_dict()["deep_split"]


# ---- beyond it -----------------------------------------------------------------------------------


def test_forecasts_stand_side_by_side_at_100_times_the_compute(comparison: Comparison) -> None:
    table = comparison.forecasts
    assert table["model"].tolist() == [*MODELS, *AVERAGES.values()]
    np.testing.assert_allclose(table["flops"], 1e23)
    np.testing.assert_allclose(table["tokens"] / table["params"], 90000**0.25)
    np.testing.assert_allclose(table["efolds_flops"], np.log(100))
    beyond = table.set_index("model")["efolds_params"]
    assert np.isnan(beyond["saturating-m2-c"])
    assert beyond["average, equal weights"] == pytest.approx(beyond["chinchilla"])


def test_averages_mix_the_draws_of_the_models_by_their_weights(comparison: Comparison) -> None:
    mixed = comparison.predictions["average, equal weights"]
    assert mixed.members == MODELS
    for index, name in enumerate(MODELS):
        mine = mixed.draws[mixed.member == index]
        np.testing.assert_array_equal(mine, comparison.predictions[name].draws)
    assert mixed.spread["form"][0] > 0
    stacked = comparison.predictions["average, stacking weights"]
    shares = np.bincount(stacked.member) / stacked.member.size
    wanted = [comparison.weights["stacking"][name] for name in stacked.members]
    np.testing.assert_allclose(shares, wanted, atol=0.02)


def test_targets_may_be_given_and_are_asked_of_every_family() -> None:
    runs = synthetic_runs(load_model("chinchilla"), families=("code", "web"))
    found = synthetic_comparison(
        MODELS[:2], runs=runs, at={"params": [1e10, 7e10], "tokens": 1e12}, probability=0.5
    )
    rows = found.forecasts
    chosen = rows[rows["model"] == "coupled"]
    assert chosen["family"].tolist() == ["code", "code", "web", "web"]
    assert chosen["params"].tolist() == [1e10, 7e10, 1e10, 7e10]
    assert set(rows["probability"]) == {0.5}
    one = synthetic_comparison(
        MODELS[:2], runs=runs, at={"params": 1e10, "tokens": 1e12, "family": "web"}
    )
    assert set(one.forecasts["family"]) == {"web"}


def test_a_table_of_one_size_is_carried_along_it() -> None:
    tokens = np.geomspace(1e7, 1e10, 30)
    runs = RunTable.from_columns({"tokens": tokens, "loss": 2 + (tokens / 1e8) ** -0.3})
    found = synthetic_comparison(["saturating-m2", "kaplan-d"], runs=runs)
    assert set(found.forecasts["tokens"]) == {1e12}
    np.testing.assert_allclose(found.forecasts["efolds_tokens"], np.log(100))
    assert len(found.deep) == 4


def test_non_embedding_params_are_carried_along_too() -> None:
    runs = synthetic_runs(load_model("chinchilla"))
    asked = default_target(runs)
    assert asked["params_nonembedding"] == pytest.approx(0.9 * np.asarray(asked["params"], float))
    found = synthetic_comparison(["chinchilla", "kaplan-nd"], runs=runs)
    rows = found.predictions
    assert rows["kaplan-nd"].plan.columns["params"] == pytest.approx(
        0.9 * rows["chinchilla"].plan.columns["params"]
    )


def test_a_named_family_is_carried_from_its_own_runs() -> None:
    runs = synthetic_runs(load_model("chinchilla"), families=("code", "web"))
    small = (runs.labels("family") == "web") | (runs["flops"] < 2e19)
    found = synthetic_comparison(MODELS[:2], runs=runs.take(small), at={"family": "code"})
    assert set(found.forecasts["family"]) == {"code"}
    np.testing.assert_allclose(found.forecasts["flops"], 1e21)
    np.testing.assert_allclose(found.forecasts["efolds_flops"], np.log(100))


def test_a_target_that_lacks_a_size_is_refused_before_anything_is_sampled() -> None:
    asked: list[dict[str, Any]] = []
    with pytest.raises(InputError, match="needs 'tokens' at the target") as caught:
        synthetic_comparison(at={"N": 1e10}, asked=asked)
    assert "saturating-m2-c needs 'flops'" in str(caught.value)
    assert asked == []


def test_runs_without_any_size_need_a_target() -> None:
    runs = RunTable(columns={"loss": np.array([2.0, 3.0]), "depth": np.array([2.0, 4.0])})
    with pytest.raises(InputError, match="say at which sizes to forecast"):
        default_target(runs)


# ---- all of it -----------------------------------------------------------------------------------


def test_everything_is_plain_data(comparison: Comparison) -> None:
    found = comparison.to_dict()
    assert json.loads(json.dumps(found)) == found
    assert [row["model"] for row in found["models"]] == list(comparison.table.index)
    assert found["deep_split"]["fitted"] == 8
    assert found["deep_split"]["scores"]["coupled"] == comparison.deep["coupled"]
    assert len(found["forecasts"]) == 5
    assert repr(comparison).startswith("Comparison(chinchilla, coupled, saturating-m2-c on 16 runs")


@pytest.mark.parametrize(
    ("models", "messages"),
    [
        (["chinchilla"], ["1 model: name two or more"]),
        (
            ["coupled", "coupled", "chinchilla-lr"],
            ["2 models are called 'coupled'", "chinchilla-lr: the runs have no column"],
        ),
        (
            [{**load_model("coupled").to_dict(), "response": "score"}, "chinchilla"],
            ["chinchilla explains 'loss' and coupled 'score'", "coupled: the runs have no column"],
        ),
        (
            [load_model("coupled").pooled_by("corpus"), "chinchilla"],
            ["has its groups in 'family' and coupled 'corpus'"],
        ),
    ],
)
def test_what_cannot_be_compared_is_refused_with_every_reason(
    models: list[Any], messages: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        bs.compare(synthetic_runs(load_model("chinchilla")), models)
    for message in messages:
        assert message in str(caught.value)


def test_a_run_that_one_model_cannot_read_is_refused_for_all() -> None:
    runs = synthetic_runs(load_model("chinchilla"))
    columns = {**runs.columns, "params": runs["params"].copy()}
    columns["params"][3] = np.nan
    with pytest.raises(InputError, match=r"chinchilla: column 'params'.*row 4"):
        bs.compare(RunTable(columns=columns), ["chinchilla", "saturating-m2-c"])


@pytest.mark.slow
def test_sampled_comparison_of_two_curves() -> None:
    tokens = np.geomspace(1e7, 1e10, 24)
    rng = np.random.default_rng(5)
    loss = (2 + (tokens / 3e8) ** -0.35) * np.exp(0.003 * rng.standard_normal(24))
    runs = RunTable.from_columns({"tokens": tokens, "loss": loss})
    settings: dict[str, Any] = {"draws": 500, "tune": 500, "chains": 2, "random_seed": 3}
    found = bs.compare(runs, ["kaplan-d", "saturating-m2"], **settings)
    assert found.table.index[0] == "saturating-m2"
    assert found.table["elpd_difference"]["kaplan-d"] < -20
    assert found.weights["stacking"]["saturating-m2"] > 0.95
    assert found.deep["saturating-m2"]["mare"] < found.deep["kaplan-d"]["mare"]
    row = found.forecasts.set_index("model").loc["saturating-m2"]
    truth = 2 + (row["tokens"] / 3e8) ** -0.35
    assert row["noise_free_lower"] < truth < row["noise_free_upper"]
    again = bs.compare(runs, ["kaplan-d", "saturating-m2"], **settings)
    assert again.to_dict() == found.to_dict()


# ---- scores of groups ----------------------------------------------------------------------------


def curve(sizes: np.ndarray, **more: np.ndarray) -> RunTable:
    return RunTable.from_columns({"tokens": sizes, "loss": 3 * (sizes / 1e8) ** -0.1, **more})


def test_groups_count_the_same_however_many_runs_they_have() -> None:
    sizes = np.r_[np.geomspace(1e6, 1e8, 11), np.geomspace(1e9, 1e12, 41)]
    split = deep_split(curve(sizes, family=np.repeat(["few", "many"], [11, 41])))
    assert isinstance(split, Split)
    rng = np.random.default_rng(0)
    draws = split.observed * np.exp(0.1 * rng.standard_normal((400, split.observed.size)))
    labels = split.targets.labels("family")
    parts = [
        score(draws[:, labels == name], split.observed[labels == name]) for name in ("few", "many")
    ]
    found = score_groups(draws, split)
    assert set(found) == set(parts[0])
    for name, value in found.items():
        assert value == pytest.approx((parts[0][name] + parts[1][name]) / 2)


def test_a_draw_without_bound_does_not_stop_the_score() -> None:
    split = deep_split(curve(np.geomspace(1e6, 1e9, 20)))
    assert isinstance(split, Split)
    draws = split.observed * np.exp(
        0.1 * np.random.default_rng(0).standard_normal((400, split.observed.size))
    )
    wanted = score_groups(draws, split)
    draws[np.argmax(draws, axis=0), np.arange(draws.shape[1])] = np.inf
    assert score_groups(draws, split) == pytest.approx(wanted)
