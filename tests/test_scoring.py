"""Two fits asked as one: the loss in sizes, and scores in the loss."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.commands.console import named
from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws import load_model
from bayes_scaling.posterior.prior import prior_member
from bayes_scaling.reports.answers import ask as ask_report
from bayes_scaling.runs import RunTable
from bayes_scaling.scoring import ScoreFit, two_steps
from tests.laws.tables import table

STEEP = {"dist": "LogNormal", "mu": 1.0, "sigma": 0.01}
AT_REFERENCE = {"dist": "Beta", "alpha": 488.0, "beta": 512.0}
LEARNED = {"dist": "Beta", "alpha": 414.0, "beta": 586.0}
PLAN = {"params": [1e9, 1e10], "tokens": [2e10, 2e11]}


def drawn(model: str, runs: RunTable, *, draws: int = 200, **priors: object) -> Fit:
    law = load_model(model).with_priors(dict(priors))
    return Fit.of_one(prior_member(law, runs, draws=draws, random_seed=1)).accept_unconverged()


def tasks(*names: str) -> RunTable:
    loss = np.tile(np.linspace(2.0, 4.0, 8), len(names))
    family = np.repeat(names, 8)
    return RunTable.from_columns(
        {"loss": loss, "score": 1 - 0.2 * loss, "params": 1e9 / loss, "family": family}
    )


@pytest.fixture(scope="module")
def loss() -> Fit:
    level = {"dist": "LogNormal", "mu": 1.0, "sigma": 0.01}
    return drawn("chinchilla", table(), c=level)


@pytest.fixture(scope="module")
def both(loss: Fit) -> ScoreFit:
    own = drawn("downstream-sigmoid", tasks("one"), m=AT_REFERENCE, r=LEARNED, g=STEEP)
    return two_steps(loss, own)


def test_a_score_column_gives_the_error_rate() -> None:
    runs = tasks("one")
    np.testing.assert_allclose(runs["error"], 1 - runs["score"])


def test_each_draw_of_the_loss_goes_through_a_draw_of_the_score(both: ScoreFit) -> None:
    steps = both.leading
    sizes = {name: np.array(values) for name, values in PLAN.items()}
    found = both.surface(group="all").at(sizes, np.arange(200)[:, None])
    between = steps.loss.predict(sizes, group=np.zeros(2, np.int64))
    wanted = steps.score.predict({"loss": between}, group=np.zeros(2, np.int64))
    np.testing.assert_allclose(found, wanted)


@pytest.mark.parametrize(("first", "second"), [(300, 200), (200, 300)])
def test_fits_of_unequal_draws_are_paired_and_drift_stays_that_of_its_draw(
    first: int, second: int
) -> None:
    """What a law draws beyond its runs is drawn for all its draws, of which some are taken."""
    loss = drawn("coupled-drift", table(), draws=first)
    own = drawn(
        "downstream-sigmoid", tasks("one"), draws=second, m=AT_REFERENCE, r=LEARNED, g=STEEP
    )
    joined = two_steps(loss, own)
    sizes = {name: np.array(values) * 100 for name, values in PLAN.items()}
    rows = [np.linspace(0, count - 1, 200).astype(int)[:, None] for count in (first, second)]
    cell = np.zeros(2, np.int64)
    between = loss.leading.predict(sizes, group=cell, draw=rows[0])
    wanted = own.leading.predict({"loss": between}, group=cell, draw=rows[1])
    found = joined.forecast(sizes)
    np.testing.assert_allclose(found.noise_free, wanted)
    assert found.draws.shape == (200, 2)
    np.testing.assert_allclose(joined.surface().at(sizes, np.arange(200)[:, None]), wanted)
    assert joined.risk(flops=1e21, target_score=0.4).forecast.draws.shape == (200, 1)
    assert joined.leading.known(0)["m"].shape == (200, 1)
    assert joined.allocate(flops=1e21).params.shape == (200, 1)


def test_what_is_not_known_of_the_loss_widens_the_score(loss: Fit, both: ScoreFit) -> None:
    wide = both.forecast(PLAN)
    middle = np.median(loss.forecast(PLAN).noise_free, axis=0)
    score = both.leading.score
    narrow = score.predict({"loss": middle}, group=np.zeros(2, np.int64))
    logit = [np.log(error / (1 - error)) for error in (wide.noise_free, narrow)]
    assert (logit[0].std(axis=0) > logit[1].std(axis=0)).all()
    rows = wide.rows()
    assert rows[0]["score"] == pytest.approx(1 - rows[0]["noise_free"], abs=1e-9)
    assert "score of a new run" in str(wide.page())


def test_every_size_question_is_answered(both: ScoreFit) -> None:
    risk = both.risk(flops=[1e21], target_score=0.4)
    assert risk.target == pytest.approx(0.6)
    assert 0 <= risk.chance[0] <= 1
    found = both.reach(score=0.4, params=1e10)
    assert found.draws["tokens"].shape == (200, 1)
    split = both.allocate(flops=1e21).rows()[0]
    assert split["params"] > 0


def test_answers_are_told_in_scores(both: ScoreFit) -> None:
    """Error rates are what laws explain; who asks for a score is not shown them."""
    said = both.risk(flops=1e20, target_score=0.6)
    (row,) = said.rows()
    assert row["new_run_score_lower"] == pytest.approx(1 - row["new_run_upper"], abs=1e-12)
    assert "held" not in row  # what was tested are forecasts of losses
    (lines,) = said.page()[0]
    assert isinstance(lines, Mapping)
    assert {"score of a new run", "score below target"} <= set(lines)
    asked = [
        both.risk(flops=1e20),
        both.reach(score=0.6),
        both.allocate(flops=1e20),
        both.advise(1e20, 1e9),
        both.stage_gate(1e20, target_score=0.6),
    ]
    for answer in asked:
        assert "score" in answer.text
        assert "noise-free loss" not in answer.text
        assert "loss of a new run" not in answer.text
    assert both.reach(score=0.6).rows()[0]["score"] == pytest.approx(0.6)


def shapes(*names: str) -> RunTable:
    """Scores of runs whose shapes have 8 to 128 channels a layer."""
    runs = tasks(*names)
    width = 64.0 * np.sqrt(np.resize([1.0, 4.0, 16.0, 2.0], len(runs)))
    depth = 8.0 / np.sqrt(np.resize([1.0, 4.0, 16.0, 2.0], len(runs)))
    return RunTable.from_columns({**runs.columns, "width": width, "depth": depth})


def test_a_score_may_read_the_shape_beside_the_loss() -> None:
    """By the loss all shapes of one size are alike here; the deep ones do better in the score."""
    sizes = table()
    shaped = RunTable.from_columns(
        {**sizes.columns, "width": np.resize([256.0, 1024.0], len(sizes)),
         "depth": np.resize([16.0, 4.0], len(sizes))}
    )  # fmt: skip
    level = {"dist": "LogNormal", "mu": 1.0, "sigma": 0.01}
    flat = {"dist": "LogNormal", "mu": -9.0, "sigma": 0.01}
    loss = drawn("coupled+aspect", shaped, c=level, h_A=flat)
    deep = {"dist": "Normal", "mu": 0.2, "sigma": 0.001}
    law = "downstream-sigmoid+score-shape"
    own = drawn(law, shapes("one"), m=AT_REFERENCE, r=LEARNED, g=STEEP, t_A=deep)
    both = two_steps(loss, own)
    given = {"width": [256.0, 1024.0], "depth": [16.0, 4.0]}
    up = loss.rank_shapes(given, tokens=1e10)
    down = both.rank_shapes(given, tokens=1e10)
    assert down.response == "score"
    assert down.best_aspect is None
    assert down.beats(0, 1) > 0.9
    score, draw = both.leading.score, np.arange(200)
    for place in range(2):
        read = {"loss": up.values[:, [place]]}
        read |= {name: np.array([values[place]]) for name, values in given.items()}
        error = score.predict(read, group=np.zeros(1, np.int64))[:, 0]
        np.testing.assert_allclose(1 - down.values[:, place], error, rtol=1e-9)
    (pair,) = up.differ(down, joint=True)
    apart = (up.values[:, 0] < up.values[:, 1]) != (down.values[:, 0] > down.values[:, 1])
    assert pair["orders_differ"] == pytest.approx(apart.mean())
    found = both.forecast({"params": 1e9, "tokens": 1e10, "width": [256.0, 1024.0], "depth": 8.0})
    narrow, wide = 1 - np.median(found.noise_free, axis=0)
    assert narrow > wide
    best = both.surface().at({"params": np.array([1e9]), "tokens": np.array([1e10])}, draw[:, None])
    wanted = loss.leading.tuned(
        {"params": np.array([1e9]), "tokens": np.array([1e10])}, group=np.zeros(1, np.int64)
    )
    told = both.forecast({"params": 1e9, "tokens": 1e10})
    np.testing.assert_allclose(told.noise_free, best, rtol=1e-9)
    np.testing.assert_allclose(told.tuned["width"], wanted["width"], rtol=1e-9)


def test_sizes_that_only_the_score_reads_are_refused(loss: Fit) -> None:
    own = drawn("downstream-sigmoid+score-shape", shapes("one"))
    with pytest.raises(InputError, match=r"reads depth, width beside the loss: .* coupled\+aspect"):
        two_steps(loss, own)


def test_a_loss_is_no_target_of_scores(both: ScoreFit) -> None:
    """Not read as an error rate: 2 is above 1, and .6 would mean a score of .4."""
    for level in (2.0, 0.6):
        for ask in (
            lambda level: both.risk(flops=1e21, target_loss=level),
            lambda level: both.reach(level),
            lambda level: both.advise(1e20, 1e9, target_loss=level),
            lambda level: both.stage_gate(1e20, level),
        ):
            with pytest.raises(InputError, match=f"a loss of {level:g} is none: give .*score"):
                ask(level)
    own = both.score
    with pytest.raises(InputError, match=r"--target-score 0\.6"):
        own.sensitivity({"loss": 3.0}, target_loss=2.0)
    with pytest.raises(InputError, match="say what to reach"):
        both.stage_gate(1e20)
    with pytest.raises(InputError, match=r"a report of scores takes no target: .*--target-score"):
        ask_report(own, target_loss=2.0)


def test_how_far_a_loss_lies_beyond_those_of_the_scores_is_told(both: ScoreFit) -> None:
    """Scores were seen at losses of 2 to 4, those of the runs lie between."""
    far = {"params": 1e12, "tokens": 1e13}
    found = both.forecast(far)
    sizes = {name: np.array([value]) for name, value in far.items()}
    loss = float(np.median(both.leading.loss.predict(sizes, group=np.zeros(1, np.int64))))
    beyond = max(np.log(2.0) - np.log(loss), np.log(loss) - np.log(4.0), 0.0)
    assert beyond > 0.1
    assert found.rows()[0]["efolds_loss"] == pytest.approx(beyond)
    assert {"params", "tokens", "flops"} <= set(found.extrapolation)
    (row,) = both.reach(score=0.4, params=1e12).rows()
    assert "efolds_loss" in row


def test_a_new_run_is_measured_by_the_questions_that_are_said(both: ScoreFit) -> None:
    few, many = (both.score.forecast({"loss": 3.0, "items": n}) for n in (50, 5000))
    np.testing.assert_allclose(few.noise_free, many.noise_free)
    widths = [np.ptp(np.quantile(each.draws[:, 0], [0.1, 0.9])) for each in (few, many)]
    assert widths[0] > 1.1 * widths[1]
    asked = both.forecast({"params": 1e9, "tokens": 2e10, "items": 50})
    assert asked.rows()[0]["items"] == 50
    with pytest.raises(InputError, match="'items' must be positive"):
        both.score.forecast({"loss": 3.0, "items": 0})


def test_what_no_size_and_what_every_size_reaches_is_said(both: ScoreFit) -> None:
    far = both.reach(score=0.999999, params=1e10)
    assert np.isinf(far.rows()[0]["tokens"])
    assert "inside the fitted runs" not in far.text
    assert "no distance: in half of the draws or more no size does" in far.text
    near = both.reach(score=1e-4, params=1e10)
    assert any("smallest sizes" in note for note in near.notes)
    assert not any("smallest sizes" in note for note in both.reach(score=0.4).notes)


def test_a_law_that_reads_the_loss_alone_says_what_it_is_joined_to(both: ScoreFit) -> None:
    for ask in (lambda: both.score.reach(score=0.6), lambda: both.score.advise(1e20, 1e9)):
        with pytest.raises(InputError, match=r"reads the loss, .* loss\.nc\+score\.nc"):
            ask()


def test_plain_data_call_an_error_rate_no_loss_and_two_fits_no_publication(
    both: ScoreFit,
) -> None:
    (row,) = both.reach(score=0.6).rows()
    assert "loss" not in row
    assert (row["error"], row["score"]) == (pytest.approx(0.4), pytest.approx(0.6))
    assert named(both) == {"model": both.id}
    assert named(bs.published("hoffmann-2022")) == {"published": "hoffmann-2022"}


def test_advice_and_stage_gates_are_asked_for_a_score(both: ScoreFit) -> None:
    found = both.advise(1e20, 1e9, target_score=0.6)
    assert found.target == pytest.approx(0.4)
    on_hand = (found.forecast.draws[:, 0] <= 0.4).mean()
    assert found.rows()[0]["chance"] == pytest.approx(on_hand)
    assert "a score of 0.6" in found.text
    assert both.stage_gate(1e20, target_score=0.6).target == pytest.approx(0.4)


@pytest.mark.parametrize("score", [0.0, 1.0, 1.2, -0.1, 55.0])
def test_a_score_lies_between_0_and_1(both: ScoreFit, score: float) -> None:
    with pytest.raises(InputError, match="between 0 and 1"):
        both.reach(score=score)


def test_what_cannot_be_asked_is_said(loss: Fit, both: ScoreFit) -> None:
    with pytest.raises(InputError, match="knows no scores"):
        loss.risk(flops=1e21, target_score=0.5)
    with pytest.raises(InputError, match="not both"):
        both.risk(flops=1e21, target_score=0.5, target_loss=2.0)
    with pytest.raises(InputError, match="say what to reach"):
        loss.reach()
    with pytest.raises(InputError, match="an error rate from the loss, as"):
        two_steps(loss, loss)
    with pytest.raises(InputError, match="'c4' is no group"):
        two_steps(loss, both.score, family="c4")
    with pytest.raises(InputError, match="made of two fits"):
        both.tune(1e9, 2e10)


def test_the_front_door_has_it() -> None:
    assert bs.two_steps is two_steps


def test_the_best_split_of_a_score_is_that_of_the_loss_it_is_said_from(
    loss: Fit, both: ScoreFit
) -> None:
    """Below the losses that scores were seen at some draws say that scores fall again."""
    found, own = both.allocate(flops=1e24), loss.allocate(flops=1e24)
    np.testing.assert_allclose(found.params, own.params[both.leading.loss_draws])
    (row,) = found.rows()
    assert row["error"] == pytest.approx(1 - row["score"])
    assert "loss" not in row
    of_score, of_loss = (each.risk(params=1e10, tokens=1e13).wasted_share for each in (both, loss))
    np.testing.assert_allclose(of_score, of_loss, atol=1e-9)
    judged = both.judge_split({"params": 1e10, "tokens": 1e13})
    np.testing.assert_allclose(
        judged.draws["best_params"],
        loss.judge_split({"params": 1e10, "tokens": 1e13}).draws["best_params"][
            both.leading.loss_draws
        ],
    )
    assert "error_lost" in judged.rows()[0]
