"""The tables of a backtest: they agree with the scores, with each other and with the JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bayes_scaling import scores
from bayes_scaling.validation import Backtest, backtest
from tests.validation.oracle import SHORT, Oracle, simulated


@pytest.fixture
def found(oracle: Oracle) -> Backtest:
    oracle.unconverged = frozenset({"b"})
    return backtest(
        simulated(("a", "b")), fit_where="flops <= 2e19", target_where="flops > 2e19",
        by="family", models="chinchilla", **SHORT,
    )  # fmt: skip


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
