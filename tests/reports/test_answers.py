from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.facade import Fit
from bayes_scaling.figures.words import write_counts
from bayes_scaling.questions.loss_curve import loss_curve, observed, thin
from bayes_scaling.reports import answers as report_answers
from bayes_scaling.reports.answer_sections import allocation_section
from bayes_scaling.reports.answers import Answers, ask, families
from bayes_scaling.reports.blocks import Picture
from bayes_scaling.reports.caveats import (
    ONE_LAW,
    caveats,
    fixed_settings,
    tied_settings,
    unread_settings,
    unrecorded_settings,
)
from tests.synthetic import CONFLICT, UNCONVERGED, changed, synthetic_fit


def answers(fit: Fit, flops: float | None = None) -> Answers:
    return Answers(fit=fit, question=ask(fit, flops=flops))


@pytest.fixture(scope="module")
def fit() -> Fit:
    return synthetic_fit()


def test_the_default_question_is_100_times_the_largest_run(fit: Fit) -> None:
    question = ask(fit)
    assert question.axis == "flops"
    assert question.at == pytest.approx(1e23)
    assert question.unanswered == ()


def test_a_law_of_one_input_is_asked_along_it() -> None:
    fit = synthetic_fit("kaplan-n")
    question = ask(fit, flops=1e23)
    assert question.axis == "params"
    assert question.at == pytest.approx(90 * fit.runs["params"].max())
    assert len(question.unanswered) == 2
    assert "does not read compute" in question.unanswered[1]


def test_compute_law_is_asked_about_compute_but_cannot_split_it() -> None:
    question = ask(synthetic_fit("kaplan-c"), flops=5e22)
    assert (question.axis, question.at) == ("flops", 5e22)
    assert len(question.unanswered) == 1


def test_answers_agree_with_the_methods_of_the_fit(fit: Fit) -> None:
    found = answers(fit, 1e22)
    assert found.allocation is not None
    place = found.planned_place
    assert found.places[place] == 1e22
    split = found.allocation.params[:, place]
    np.testing.assert_allclose(split, fit.allocate(flops=1e22).params[:, 0])
    choice = fit.allocate(flops=1e22).choices[0]
    same = fit.forecast({"params": choice.params, "tokens": choice.tokens})
    np.testing.assert_allclose(found.planned.draws, same.draws)


def test_the_picture_of_splits_tells_that_of_the_planned_run(
    fit: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_answers, "STEPS", (0.1, 1.0, 10.0))
    found = answers(fit, 1e22)
    picture, _ = allocation_section(found)
    assert isinstance(picture, Picture)
    assert write_counts(fit.allocate(flops=1e22).params[:, 0]) in picture.alt


def test_families_come_largest_first() -> None:
    assert families(synthetic_fit()) == (None,)
    fit = synthetic_fit(families=("c4", "code"))
    assert set(families(fit)) == {"c4", "code"}
    assert families(fit, "code") == ("code",)


def test_the_path_follows_the_optimum(fit: Fit) -> None:
    curve = loss_curve(fit, to=1e23)
    assert curve.x[0] == pytest.approx(1e18)
    assert curve.x[-1] == pytest.approx(1e23)
    params = np.median(fit.allocate(flops=1e23).params)
    assert curve.forecast.plan.columns["params"][-1] == pytest.approx(params, rel=1e-3)
    medians = np.median(curve.forecast.noise_free, axis=0)
    assert (np.diff(medians) < 0).all()


def test_bands_of_new_runs_are_wider_and_do_not_jitter(fit: Fit) -> None:
    forecast = loss_curve(fit, to=1e23).forecast
    law, new = (np.quantile(d, (0.05, 0.95), axis=0) for d in (forecast.noise_free, forecast.draws))
    assert (np.diff(new, axis=0) > np.diff(law, axis=0)).all()
    deviation = forecast.draws / forecast.noise_free
    np.testing.assert_allclose(deviation, np.broadcast_to(deviation[:, :1], deviation.shape))


def test_a_law_in_nonembedding_params_places_its_runs_by_them() -> None:
    fit = synthetic_fit("kaplan-nd")
    np.testing.assert_allclose(observed(fit, fit.runs, "flops"), 0.9 * fit.runs["flops"])


def test_thinning_keeps_every_chain() -> None:
    fit = synthetic_fit(draws=1000)
    thinned = thin(fit)
    assert isinstance(thinned, Fit)
    assert thinned.draws["E"].shape == (4, 250)
    assert thinned.only.every == 4
    assert thinned.settings.draws == 1000, "as it was sampled, for the seeds of later draws"
    few = thin(synthetic_fit())
    assert isinstance(few, Fit)
    assert few.draws["E"].shape == (4, 100)


def test_the_gravest_caveat_comes_first(fit: Fit) -> None:
    assert "did not converge" in caveats(answers(synthetic_fit(checks=UNCONVERGED)))[0]
    assert "E at 1e-9" in caveats(answers(synthetic_fit(checks=CONFLICT)))[0]
    assert "100× outside the runs" in caveats(answers(fit))[0]
    assert caveats(answers(fit, 1e21)) == (ONE_LAW,)


def test_settings_are_told_apart_by_how_they_varied() -> None:
    fit = synthetic_fit(learning_rates=True, extra={"optimizer": "adamw", "heads": 4.0})
    assert fixed_settings(fit) == {"family": "all", "optimizer": "adamw", "heads": "4"}
    assert unread_settings(fit) == ("learning_rate",)
    assert tied_settings(fit) == ()
    assert unrecorded_settings(fit) == ("schedule", "corpus", "context_length", "batch_size")


def test_a_setting_that_follows_size_is_tied_to_it(fit: Fit) -> None:

    from bayes_scaling.runs import RunTable

    columns = {**fit.runs.columns, "batch_size": fit.runs["tokens"] / 1000}
    assert tied_settings(changed(fit, runs=RunTable(columns=columns))) == ("batch_size",)
