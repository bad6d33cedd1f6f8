"""`backtest`: what the fit sees, groups, seeds, baselines, refusals, and the tables it returns."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling import scores
from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.runs import RunTable
from bayes_scaling.validation import Backtest, backtest
from tests.validation.oracle import SHORT, Oracle, simulated

CUT: dict[str, Any] = {"fit_where": "flops <= 2e20", "target_where": "flops > 2e20"}


def quantiles(found: Backtest) -> list[list[float]]:
    return [answer.quantiles.tolist() for answer in found.answers]


def test_the_fit_sees_the_small_runs_only(oracle: Oracle) -> None:
    backtest(simulated(), **CUT, models="chinchilla", **SHORT)
    (given,) = oracle.given
    assert len(given) == 12
    assert given["flops"].max() < 2e20


def test_losses_of_targets_do_not_move_forecasts(oracle: Oracle) -> None:
    runs = simulated()
    loss = np.where(runs["flops"] > 2e20, 9.0, runs["loss"])
    other = RunTable(columns={**runs.columns, "loss": loss})
    one, two = (backtest(each, **CUT, models="chinchilla", **SHORT) for each in (runs, other))
    assert quantiles(one) == quantiles(two)
    assert two.scores["bias"][0] < -0.5
    assert one.scores["coverage90"][0] > 0


def test_one_fit_pools_families_and_scores_each(oracle: Oracle) -> None:
    found = backtest(simulated(("a", "b")), **CUT, models="chinchilla", **SHORT)
    assert len(oracle.given) == 1
    assert found.scores["group"].tolist() == ["a", "b"]
    assert found.scores["n_fit"].tolist() == [12, 12]
    assert found.scores["n_target"].tolist() == [4, 4]
    assert found.scores["efolds"].to_numpy() == pytest.approx(np.log(10))


def test_every_family_by_itself(oracle: Oracle) -> None:
    found = backtest(simulated(("a", "b")), **CUT, models="chinchilla", by="family", **SHORT)
    assert [set(given["family"]) for given in oracle.given] == [{"a"}, {"b"}]
    assert len(set(oracle.seeds)) == 2
    assert found.scores["group"].tolist() == ["a", "b"]


def test_a_single_family_is_one_row_called_all(oracle: Oracle) -> None:
    assert backtest(simulated(), **CUT, **SHORT).scores["group"].tolist() == ["all"]


def test_models_may_be_one_several_or_left_out(oracle: Oracle) -> None:
    runs = simulated()
    one = backtest(runs, **CUT, models=bs.load_model("chinchilla"), **SHORT)
    same = backtest(runs, **CUT, models=["chinchilla"], **SHORT)
    several = backtest(runs, **CUT, models=["chinchilla", "coupled"], **SHORT)
    default = backtest(runs, **CUT, **SHORT)
    assert (one.method, several.method, default.method) == ("chinchilla", "ensemble", "ensemble")
    assert quantiles(one) == quantiles(same)
    assert several.fits["model"].tolist() == ["chinchilla", "coupled"]
    assert default.settings["models"] is None


def test_the_same_seed_gives_the_same_anywhere(oracle: Oracle) -> None:
    runs = simulated(("a", "b", "c"))
    here = backtest(runs, **CUT, models="chinchilla", by="family", **SHORT)
    with ThreadPoolExecutor(3) as executor:
        there = backtest(runs, **CUT, models="chinchilla", by="family", executor=executor, **SHORT)
    assert here.to_dict() == there.to_dict()
    other = backtest(runs, **CUT, models="chinchilla", by="family", **{**SHORT, "random_seed": 4})
    assert quantiles(other) != quantiles(here)


def test_a_seed_is_taken_and_kept(oracle: Oracle) -> None:
    settings = {**SHORT, "random_seed": None}
    found = backtest(simulated(), **CUT, models="chinchilla", **settings)
    again = backtest(
        simulated(),
        **CUT,
        models="chinchilla",
        **{**SHORT, "random_seed": found.settings["random_seed"]},
    )
    assert quantiles(found) == quantiles(again)


def test_baselines_may_be_left_out(oracle: Oracle) -> None:
    found = backtest(simulated(), **CUT, models="chinchilla", baselines=False, **SHORT)
    assert found.baselines.empty
    assert found.table["method"].tolist() == ["chinchilla"]


def test_rolling_has_a_row_for_every_cut_and_ratio(oracle: Oracle) -> None:
    found = backtest(simulated(), models="chinchilla", rolling=True, **SHORT)
    rows = found.scores[["cut", "ratio", "n_fit", "n_target"]].to_numpy().tolist()
    assert rows == [
        [pytest.approx(1e19), 10, 8, 4],
        [pytest.approx(1e19), 100, 8, 4],
        [pytest.approx(1e20), 10, 12, 4],
    ]
    assert found.rolling


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        ({"fit_where": None, "target_where": None}, ["fit_where is missing", "target_where is"]),
        ({"fit_where": "flop <= 1"}, ["fit_where: .*unknown name 'flop'; did you mean 'flops'"]),
        ({"fit_where": "flops < 1", "target_where": "flops"}, ["none of 16 runs", "nothing"]),
        ({"target_where": "flops > 2e18"}, ["8 rows.* fitted and forecast at once"]),
        ({"models": "chinchila"}, ["chinchila"]),
        ({"models": ["chinchila", "copled"]}, ["chinchila", "copled"]),
        ({"models": []}, ["an ensemble needs a member; name a model"]),
        ({"models": ["chinchilla", "chinchilla"]}, ["2 members are called 'chinchilla'"]),
        ({"models": "chinchilla-lr"}, ["no column 'learning_rate'"]),
        ({"by": "corpus"}, ["by='corpus' is no column"]),
        ({"draws": 3}, ["draws must be"]),
    ],
)
def test_what_is_refused_before_anything_is_sampled(
    oracle: Oracle, changes: dict[str, Any], messages: list[str]
) -> None:
    with pytest.raises(InputError, match=messages[0]) as caught:
        backtest(simulated(), **{**CUT, **SHORT, **changes})
    assert len(caught.value.problems) == len(messages)
    assert oracle.given == []


# ---- its tables ----------------------------------------------------------------------------------


@pytest.fixture
def found(oracle: Oracle) -> Backtest:
    oracle.unconverged = frozenset({"b"})
    return backtest(
        simulated(("a", "b")),
        fit_where="flops <= 2e19",
        target_where="flops > 2e19",
        by="family",
        models="chinchilla",
        **SHORT,
    )


@pytest.fixture
def rolled(oracle: Oracle) -> Backtest:
    return backtest(simulated(), rolling=True, models="chinchilla", **SHORT)


def test_scores_are_those_of_the_forecasts(found: Backtest) -> None:
    table = found.scores.set_index("group")
    assert tuple(table.columns[:8]) == scores.COLUMNS
    for split, answer in zip(found.splits, found.answers, strict=True):
        wanted = scores.score_quantiles(answer.quantiles, split.observed)
        assert table.loc[split.label, list(wanted)].to_dict() == pytest.approx(wanted, rel=1e-12)
        assert table.loc[split.label, "log_density"] == np.mean(answer.log_density)


def test_an_unconverged_fit_is_scored_and_marked(found: Backtest) -> None:
    assert found.scores["status"].tolist() == ["converged", "unconverged"]
    assert found.status == "unconverged"
    assert "Backtest(chinchilla, 2 fits, 16 targets: 90 % intervals cover" in repr(found)


def test_overall_is_the_mean_over_groups(found: Backtest) -> None:
    assert found.overall["crps"] == pytest.approx(found.scores["crps"].mean())
    methods = found.table.set_index("method")
    assert list(methods.index) == ["chinchilla", "least squares", "carry forward"]
    theirs = found.baselines.groupby("baseline")["mare"].mean()
    assert methods.loc["carry forward", "mare"] == pytest.approx(theirs["carry forward"])
    assert methods.loc["chinchilla", "mare"] == pytest.approx(found.overall["mare"])


def test_baselines_have_the_columns_of_the_scores(found: Backtest) -> None:
    assert set(found.scores) - set(found.baselines) == {"log_density", "status"}
    assert len(found.baselines) == 4


def test_forecasts_hold_every_target(found: Backtest) -> None:
    table = found.forecasts
    assert len(table) == 16
    ends = table[["lower90", "lower50", "median", "upper50", "upper90"]].to_numpy()
    assert (np.diff(ends, axis=1) > 0).all()
    inside = (table["lower90"] <= table["observed"]) & (table["observed"] <= table["upper90"])
    assert inside.groupby(table["group"]).mean().tolist() == found.scores["coverage90"].tolist()
    assert sorted(table["efolds"].unique()) == pytest.approx([np.log(10), np.log(100)])
    assert ((table["pit"] > 0.05) & (table["pit"] < 0.95) == inside).mean() > 0.9


def test_coverage_at_the_levels_of_the_scores(found: Backtest) -> None:
    table = found.coverage.set_index(found.coverage["nominal"].round(2))
    for nominal, name in ((0.5, "coverage50"), (0.9, "coverage90")):
        assert table.loc[nominal, "chinchilla"] == pytest.approx(found.overall[name])
    # Binomial of 16 targets: 90 % nominal is seen between 12 and 16 times, 9 times in 10.
    assert table.loc[0.9, ["lower", "upper"]].tolist() == [12 / 16, 1.0]


def test_the_curve_has_every_method_at_every_ratio(rolled: Backtest) -> None:
    table = rolled.curve
    assert table["ratio"].tolist() == [10, 100] * 3
    assert table["n_target"].tolist() == [8, 4] * 3
    rows = rolled.scores[rolled.scores["ratio"] == 10]
    assert table.loc[0, "interval_score90"] == pytest.approx(rows["interval_score90"].mean())


def test_any_backtest_has_a_curve(found: Backtest) -> None:
    assert found.curve["ratio"].tolist() == [10, 100] * 3
    assert "ratio" not in found.scores


def test_the_dict_is_json_and_holds_the_tables(found: Backtest, rolled: Backtest) -> None:
    for each in (found, rolled):
        read = json.loads(json.dumps(each.to_dict(), allow_nan=False))
        assert read["scores"] == each.scores.to_dict("records")
        assert len(read["forecasts"]) == len(each.forecasts)
        assert len(read["coverage"]) == 19
        assert read["settings"]["random_seed"] == 3
    assert set(rolled.forecasts["cut"]) == set(rolled.scores["cut"])


# ---- the real thing ------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_real_backtest_covers_what_its_law_has_made(fitted: Fit) -> None:
    """`fitted` has compiled the model: both fits use it again."""
    runs = RunTable(columns={**fitted.runs.columns, "family": np.tile(["a", "b"], 40)})
    found = backtest(
        runs,
        fit_where="flops <= 2e20",
        target_where="flops > 2e20",
        by="family",
        models="chinchilla",
        draws=300,
        tune=400,
        chains=2,
        random_seed=1,
    )
    assert found.fits["compile_seconds"].max() < 1
    assert found.scores["n_target"].tolist() == [10, 10]
    assert found.overall["coverage90"] >= 0.75
    assert found.overall["mare"] < 0.01
    assert found.overall["log_density"] > 2
