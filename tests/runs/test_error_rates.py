from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.laws import load_model
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.link import link_of
from bayes_scaling.posterior.members import default_members
from bayes_scaling.runs import RunTable, describe
from bayes_scaling.runs.error_rates import sounds_like_error_rate
from bayes_scaling.runs.metrics import ERROR, unit_of

FLOPS = [1e17, 1e18, 1e19, 1e20]
RATES = [0.77, 0.6, 0.45, 0.3]


def read(columns: dict[str, str] | None = None, **values: object) -> RunTable:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScalingWarning)
        return bs.read_runs(pd.DataFrame({"flops": FLOPS, **values}), columns=columns)


@pytest.mark.parametrize(
    ("name", "rate"),
    [("top1_error", True), ("error", True), ("val/err", True), ("error_rate", True), ("WER", True),
     ("1 - accuracy", True), ("1-top1_acc", True), ("mean squared error", False), ("loss", False),
     ("val_loss_error", False), ("acc_stderr", False), ("accuracy", False)],
)  # fmt: skip
def test_names_of_error_rates(name: str, rate: bool) -> None:
    assert sounds_like_error_rate(name) == rate


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("top1_error", None),
        ("top1_error", {"top1_error": "loss"}),
        ("top1_error", {"top1_error": "error"}),
        ("top1_error", {"score": "1-top1_error"}),
        ("error", None),
        ("wer", None),
    ],
)
def test_a_column_called_an_error_rate_is_one(name: str, columns: dict[str, str] | None) -> None:
    runs = read(columns, **{name: RATES})
    np.testing.assert_allclose(runs["loss"], RATES)
    assert unit_of(runs) == ERROR
    assert describe(runs).ranges["loss"].unit == "error"
    assert any("an error rate" in note and "log odds" in note for note in runs.notes)
    members = default_members(runs)
    assert all(link_of(model).bounded and model.ceiling.on for model in members)


def test_a_score_is_fitted_as_the_error_rate() -> None:
    runs = read(score=[1 - rate for rate in RATES])
    np.testing.assert_allclose(runs["loss"], RATES)
    assert unit_of(runs) == ERROR
    assert "loss" not in runs.origins


def test_a_metric_that_names_no_unit_is_kept_beside_it() -> None:
    metric = ["imagenet"] * 4
    assert read(top1_error=RATES, metric=metric).groups("metric") == ("imagenet error",)
    assert read(score=RATES, metric=["accuracy"] * 4).groups("metric") == ("1 - accuracy",)


def test_what_is_no_share_stays_a_loss() -> None:
    loss = read(loss=[0.9, 0.8, 0.7, 0.6])
    assert unit_of(loss) is None
    assert "metric" not in loss
    with pytest.raises(InputError, match=r"--columns 'loss=top1_error/100'"):
        read(top1_error=[77.0, 60.0, 45.0, 30.0])
    with pytest.raises(InputError, match=r"say which .*--columns 'top1_error=loss'"):
        read(top1_error=RATES, top5_error=RATES)
    assert unit_of(read({"loss": "top1_error/100"}, top1_error=[77.0, 60, 45, 30])) == ERROR


def test_a_law_of_scores_in_the_loss_needs_another_loss() -> None:
    runs = read(error=RATES)
    with pytest.raises(InputError, match="the table has no other loss"):
        make_design(load_model("downstream-exp"), runs)
    make_design(load_model("score-c"), runs)


@pytest.mark.parametrize("name", ["Top-1 error (%)", "err/val", "WER [%] * best", "top1_error"])
def test_the_advice_on_percent_is_taken(name: str) -> None:
    percent = {name: [100 * rate for rate in RATES]}
    with pytest.raises(InputError) as refused:
        bs.read_runs(pd.DataFrame({"flops": FLOPS, **percent}))
    (problem,) = refused.value.problems
    advice = problem.split("--columns '")[1].split("'")[0]
    with warnings.catch_warnings():
        warnings.simplefilter("error", BayesScalingWarning)
        runs = bs.read_runs(pd.DataFrame({"flops": FLOPS, **percent}), columns=advice)
    np.testing.assert_allclose(runs["loss"], RATES)
    assert unit_of(runs) == ERROR


def test_an_expression_in_percent_is_divided_as_a_whole() -> None:
    frame = pd.DataFrame({"flops": FLOPS, "wer": [100 * rate for rate in RATES]})
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", BayesScalingWarning)
        bs.read_runs(frame, columns="loss=wer+0")
    assert any("--columns 'loss=(wer+0)/100'" in str(each.message) for each in said)
