"""A run in flight: conditioning, false alarms, shapes of curves, and the whole, by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError, UnconvergedError
from bayes_scaling.facade import Fit
from bayes_scaling.questions import alarm
from bayes_scaling.questions.curve_shapes import (
    LOOKS,
    at_looks,
    covered,
    fit_shapes,
    looks_until,
)
from bayes_scaling.runs import RunTable
from tests.synthetic import UNCONVERGED, synthetic_fit

FIT = synthetic_fit()
PLAN = {"params": 5e9, "tokens": 1e11}
WAY = np.geomspace(0.02, 1.0, 60)


def curve_of(
    fit: Fit, params: float, tokens: float, factor: float = 1.0, seed: int = 0
) -> dict[str, Any]:
    """Rows of one run whose log loss comes down along a power of the way, over the law's end."""
    rng = np.random.default_rng(seed)
    logs = np.median(np.log(fit.forecast({"params": params, "tokens": tokens}).noise_free))
    descent = 0.5 * np.exp(0.1 * rng.standard_normal())
    loss = np.exp(logs + descent * (WAY**-0.2 - 1) + 0.002 * rng.standard_normal(WAY.size))
    return {
        "run": np.full(WAY.size, f"run-{seed}"),
        "params": np.full(WAY.size, params),
        "tokens": tokens * WAY,
        "loss": factor * loss,
    }


def table_of(*curves: dict[str, Any]) -> RunTable:
    """Join curves."""
    return RunTable(
        columns={name: np.concatenate([each[name] for each in curves]) for name in curves[0]}
    )


FINISHED = table_of(
    *(
        curve_of(FIT, params, tokens, seed=100 + 7 * i + j)
        for i, params in enumerate(np.geomspace(3e8, 3e9, 6))
        for j, tokens in enumerate(np.geomspace(5e9, 5e10, 7))
    )
)


def flown(share: float, **changes: Any) -> RunTable:
    """Return a run of the plan, until a share of the way."""
    whole = table_of(curve_of(FIT, PLAN["params"], PLAN["tokens"], **changes))
    return whole.take(WAY <= share * (1 + 1e-9))


# ---- the parts -----------------------------------------------------------------------------------


def test_a_look_is_the_mean_of_the_rows_just_before_it() -> None:
    way = np.array([0.04, 0.0975, 0.1, 0.5, 1.0])
    found = at_looks(way, np.array([5.0, 3.0, 1.0, 2.0, 4.0]), np.array([0.03, 0.1, 0.5, 1.0]))
    np.testing.assert_allclose(found[1:], [2.0, 2.0, 4.0])
    assert np.isnan(found[0])


def test_a_look_beyond_the_last_row_is_not_made() -> None:
    way = np.linspace(0.01, 0.62, 62)
    found = at_looks(way, np.ones(62))
    assert np.isfinite(found[LOOKS <= 0.5]).all()
    assert np.isnan(found[LOOKS > 0.62]).all()  # .63 lies less than the window beyond
    looks, between = looks_until(0.62)
    assert (looks[between or 0], looks.size) == (0.62, LOOKS.size + 1)
    assert at_looks(way, np.ones(62), looks)[between or 0] == 1
    for last in (np.nan, 0.01, 0.63, 1.0, 1 + 1e-9):
        assert looks_until(last)[1] is None


def test_updates_are_those_of_joint_normals() -> None:
    rng = np.random.default_rng(1)
    root = rng.standard_normal((5, 5))
    mean, covariance, values = rng.standard_normal(5), root @ root.T, rng.standard_normal(5)
    expected, spread, end, end_spread = alarm.update(mean, covariance, values, 3)
    known = covariance[:3, :3]
    gain = np.linalg.solve(known, covariance[:3, 4])
    assert end[-1] == pytest.approx(mean[4] + gain @ (values[:3] - mean[:3]))
    assert end_spread[-1] == pytest.approx(np.sqrt(covariance[4, 4] - gain @ covariance[:3, 4]))
    assert (expected[0], spread[0]) == pytest.approx((mean[0], np.sqrt(covariance[0, 0])))


def test_the_limit_is_passed_by_as_many_healthy_runs_as_asked() -> None:
    rng = np.random.default_rng(2)
    limit = alarm.limit(14, 0.05, np.array([]), np.random.default_rng(3))
    healthy = alarm.statistic(rng.standard_normal((4000, 14)))[:, -1]
    assert np.mean(healthy > limit) == pytest.approx(0.05, abs=0.012)
    wild = 2 * healthy[:400]
    found = alarm.limit(14, 0.05, wild, np.random.default_rng(3))
    assert np.mean(wild > found) <= 0.05


def test_the_limit_of_rows_holds_over_all_rows_of_a_run() -> None:
    rng = np.random.default_rng(3)
    limit = alarm.limit_of_row(100, 0.05, 12)
    rows = np.abs(rng.standard_t(12, (4000, 100))).max(axis=1)
    assert np.mean(rows > limit) == pytest.approx(0.05, abs=0.012)
    assert alarm.limit_of_row(100, 0.05, 400) < limit < alarm.limit_of_row(1000, 0.05, 12)


def test_what_is_small_and_lasts_adds_up() -> None:
    lasting = alarm.statistic(np.full((1, 14), 1.6))[0]
    assert lasting[-1] > 3 > lasting[0]


def test_shapes_and_their_descents_are_found() -> None:
    rng = np.random.default_rng(4)
    descent = np.exp(rng.uniform(-3, -1, 200))
    scale = 1.5 * descent * np.exp(0.1 * rng.standard_normal(200))
    shape = LOOKS[:-1] ** -0.2 - 1
    ends = 0.01 * rng.standard_normal(200)
    curves = np.column_stack([scale[:, None] * shape + ends[:, None], ends])
    found = fit_shapes(curves, descent, np.zeros(200), LOOKS[:-1], 0.01, scaled=True)
    mean, covariance = found.expected(np.zeros((1, LOOKS.size)), np.array([0.1]), 0.0)
    np.testing.assert_allclose(mean[:-1], 0.15 * shape, rtol=0.05)
    assert np.sqrt(found.variance) == pytest.approx(0.1, abs=0.02)
    assert np.sqrt(covariance[-1, -1]) == pytest.approx(0.01, abs=0.002)
    _, wider = found.expected(np.zeros((1, LOOKS.size)), np.array([0.1]), 3.0)
    assert wider[0, 0] > 2 * covariance[0, 0]


def test_late_curves_are_left_out() -> None:
    curves = np.ones((30, 5))
    curves[:10, :2] = np.nan
    used, first = covered(curves)
    assert first == 0
    assert used.sum() == 20
    curves[:25, :2] = np.nan
    assert covered(curves)[1] == 2


# ---- the whole -----------------------------------------------------------------------------------


def test_the_end_is_foretold_ever_more_narrowly() -> None:
    found = FIT.monitor(flown(0.5), PLAN, finished=FINISHED)
    truth = float(np.log(curve_of(FIT, PLAN["params"], PLAN["tokens"])["loss"][-1]))
    assert found.alarm is None
    assert "on track" in repr(found)
    assert abs(found.end[-1] - truth) < 2 * found.end_spread[-1]
    assert found.end_spread[-1] < found.end_spread[1] <= found.end_spread[0]
    row = found.rows()[-1]
    assert row["final_lower"] < np.exp(truth) < row["final_upper"]
    assert row["expected_lower"] < row["loss"] < row["expected_upper"]
    assert found.table.shape[0] == found.progress.size + 1


def test_before_the_first_look_there_is_the_forecast() -> None:
    found = FIT.monitor(flown(0.03), PLAN, finished=FINISHED)
    assert found.progress.size == 0
    assert "too early" in found.status
    law = np.log(FIT.forecast(PLAN).noise_free[:, 0])
    assert found.end[0] == pytest.approx(law.mean(), abs=0.1 * law.std())


def test_the_first_look_is_where_finished_runs_had_begun() -> None:
    late = FINISHED.take(np.tile(WAY > 0.19, 42))
    found = FIT.monitor(flown(0.15), PLAN, finished=late)
    assert found.status == "too early to tell: the first look is at 20%"
    assert FIT.monitor(flown(0.22), PLAN, finished=late).progress[0] == 0.2


def test_healthy_runs_stay_on_track_and_broken_ones_do_not() -> None:
    seen = [FIT.monitor(flown(1.0, seed=seed), PLAN, finished=FINISHED).alarm for seed in range(20)]
    assert sum(each is not None for each in seen) <= 3
    high = FIT.monitor(flown(1.0, factor=1.3), PLAN, finished=FINISHED)
    assert high.alarm in (0, 1)
    assert "above" in high.status
    whole = curve_of(FIT, PLAN["params"], PLAN["tokens"])
    whole["loss"] = whole["loss"] * np.where(whole["tokens"] > 0.5 * PLAN["tokens"], 1.1, 1.0)
    spiked = FIT.monitor(table_of(whole), PLAN, finished=FINISHED)
    assert spiked.alarm is not None
    assert spiked.progress[spiked.alarm] > 0.5


WAY_EVEN = np.linspace(0.01, 1.0, 100)


def decaying(params: float, tokens: float, seed: int) -> dict[str, Any]:
    """Rows of a run whose rate decays from 80 % of the way on, by which the loss falls by 4 %."""
    rng = np.random.default_rng(seed)
    law = np.median(np.log(FIT.forecast({"params": params, "tokens": tokens}).noise_free))
    logs = law + 0.3 * (WAY_EVEN**-0.2 - 1) + 0.04 * np.clip((1 - WAY_EVEN) / 0.2, 0, 1)
    scatter = np.zeros(WAY_EVEN.size)
    for row, step in enumerate(0.0015 * rng.standard_normal(WAY_EVEN.size)):
        scatter[row] = 0.9 * scatter[row - 1] + step
    return {
        "run": np.full(WAY_EVEN.size, f"run-{seed}"),
        "params": np.full(WAY_EVEN.size, params),
        "tokens": tokens * WAY_EVEN,
        "loss": np.exp(logs + 0.004 * rng.standard_normal() + scatter),
    }


DECAYED = table_of(
    *(
        decaying(params, tokens, 10 * i + j)
        for i, params in enumerate((3e8, 1e9, 3e9))
        for j, tokens in enumerate((5e9, 1.5e10, 5e10, 1e11))
    )
)


INSIDE = {"params": 2e9, "tokens": 4e10}


@pytest.mark.parametrize("share", [0.6, 0.8, 0.95, 1.0])
def test_the_interval_of_the_end_holds_where_the_run_ends(share: float) -> None:
    held, widths = [], []
    for seed in range(500, 520):
        whole = table_of(decaying(INSIDE["params"], INSIDE["tokens"], seed))
        found = FIT.monitor(whole.take(WAY_EVEN <= share + 1e-9), INSIDE, finished=DECAYED)
        row = found.rows()[-1]
        assert row["progress"] == pytest.approx(share)
        assert found.ended == (share == 1)
        held.append(row["final_lower"] <= whole["loss"][-1] <= row["final_upper"])
        widths.append(row["final_upper"] / row["final_lower"] - 1)
    assert np.mean(held) >= 0.8
    assert 0.005 < np.median(widths) < 0.07


def test_a_run_that_leaves_its_band_between_two_looks_is_seen_at_its_last_row() -> None:
    whole = decaying(INSIDE["params"], INSIDE["tokens"], 500)
    whole["loss"] = whole["loss"] * np.where(WAY_EVEN > 0.64, 1.08, 1.0)
    found = FIT.monitor(table_of(whole).take(WAY_EVEN < 0.755), INSIDE, finished=DECAYED)
    assert found.between
    assert found.status == "alarm at 75%: the loss lies above what was expected"
    assert found.rows()[-1]["tokens"] == pytest.approx(0.75 * INSIDE["tokens"])


def test_watching_every_row_raises_no_more_false_alarms() -> None:
    alarmed = 0
    for seed in range(600, 606):
        whole = table_of(decaying(INSIDE["params"], INSIDE["tokens"], seed))
        seen = (whole.take(np.arange(rows)) for rows in range(6, 101, 7))
        alarmed += any(FIT.monitor(each, INSIDE, finished=DECAYED).alarmed for each in seen)
    assert alarmed <= 1


def test_a_share_of_the_way_is_named_as_it_is() -> None:
    from bayes_scaling.questions.monitor import share_of_way

    shares = (0.0, 0.065, 0.29, 0.63, 0.941, 0.9996, 1.0)
    assert [share_of_way(each) for each in shares] == [
        "0%", "6.5%", "29%", "63%", "94.1%", "99.9%", "100%"
    ]  # fmt: skip


@pytest.mark.slow
def test_without_curves_the_shipped_ones_are_borrowed() -> None:
    found = FIT.monitor(flown(0.3), PLAN)
    assert "nano-lm-curves" in found.notes[0]
    assert np.isfinite(found.end).all()


def test_borrowed_curves_allow_for_another_schedule() -> None:
    whole = table_of(decaying(INSIDE["params"], INSIDE["tokens"], 500))
    for share in (0.6, 0.8, 0.95, 1.0):
        found = FIT.monitor(whole.take(WAY_EVEN <= share + 1e-9), INSIDE)
        row = found.rows()[-1]
        assert not found.alarmed
        assert row["final_lower"] <= whole["loss"][-1] <= row["final_upper"]


def test_curves_of_fitted_runs_are_preferred() -> None:
    columns = {**FINISHED.columns, "run": np.where(FINISHED["run"] == "run-100", "run-0", "x")}
    names = np.repeat([f"run-{i}" for i in range(10)] + [f"other-{i}" for i in range(32)], 60)
    renamed = RunTable(columns={**columns, "run": names})
    found = FIT.monitor(flown(0.3), PLAN, finished=renamed)
    assert found.finished == 10
    assert "10 of 42" in found.notes[0]


@pytest.mark.parametrize(
    ("share", "given", "message"),
    [
        (1.0, {"plan": {"params": 5e9, "tokens": 5e10}}, "beyond the 5e\\+10 of the plan"),
        (0.3, {"false_alarms": 2.0}, "share between 0 and 1"),
        (0.3, {"finished": FINISHED.take(np.array([0, 1]))}, "has no training curve"),
        (0.3, {"plan": {"params": 5e9}}, "tokens"),
    ],
)
def test_what_cannot_be_used_is_refused(share: float, given: Any, message: str) -> None:
    asked = {"plan": PLAN, "finished": FINISHED, **given}
    with pytest.raises(InputError, match=message):
        FIT.monitor(flown(share), **asked)


def test_a_curve_needs_a_clock_and_a_fit_that_converged() -> None:
    seen = RunTable(columns={"loss": np.array([2.0])})
    with pytest.raises(InputError, match="neither"):
        FIT.monitor(seen, PLAN)
    with pytest.raises(UnconvergedError):
        synthetic_fit(checks=UNCONVERGED).monitor(flown(0.3), PLAN)


def test_an_ensemble_watches_too() -> None:
    from tests.synthetic import synthetic_ensemble

    ensemble = synthetic_ensemble("chinchilla", "coupled")
    found = ensemble.monitor(flown(0.4), PLAN, finished=FINISHED)
    assert isinstance(found, bs.Monitor)
    assert np.isfinite(found.end).all()
