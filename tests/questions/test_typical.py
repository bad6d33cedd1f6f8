"""Forecasts of runs tuned as the fitted ones were, and which of those lie off the law."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.fitting import off_law
from tests.command_line import call
from tests.questions.test_tune import BATCHES
from tests.synthetic import changed, synthetic_ensemble, synthetic_fit

SIZES = {"params": [1e9, 1e10], "tokens": [2e10, 2e11]}
VALLEY = synthetic_fit("chinchilla-lr")


def with_off_runs(fit: Fit, factors: Mapping[int, float]) -> Fit:
    """Return a fit by hand that knows of mistuned runs, some losses multiplied by a factor."""
    shape = fit.draws["sigma"].shape
    around = np.exp(0.01 * np.random.default_rng(5).standard_normal(shape))
    known = {"p_off": 0.25 * around, "off_scale": 0.1 * around}
    loss = fit.runs["loss"].copy()
    loss[list(factors)] *= np.array(list(factors.values()))
    model = fit.model.with_features(mistuned=True)
    runs = replace(fit.runs, columns={**fit.runs.columns, "loss": loss})
    hashes = {"model_hash": model.content_hash, "runs_hash": runs.content_hash}
    return changed(
        fit,
        model=model,
        draws={**fit.draws, **known},
        mixing={**fit.mixing, **dict.fromkeys(known, fit.mixing["sigma"])},
        runs=runs,
        provenance={**fit.provenance, **hashes},
    )


OFF = with_off_runs(synthetic_fit("chinchilla"), {2: 1.2, 7: 1.2})


def test_a_typical_rate_is_as_far_from_the_best_as_that_of_a_fitted_run() -> None:
    tuned, typical = (VALLEY.forecast(SIZES, tuning=each) for each in ("tuned", "typical"))
    ratio = typical.tuned["learning_rate"] / tuned.tuned["learning_rate"]
    fitted = {name: VALLEY.runs[name] for name in SIZES}
    group = np.zeros(len(VALLEY.runs), dtype=np.int64)
    known = VALLEY.runs["learning_rate"] / VALLEY.only.tuned(fitted, group=group)["learning_rate"]
    distance = np.abs(ratio[:, :, None] / known[:, None, :] - 1)
    assert distance.min(axis=2).max() < 1e-9
    assert np.unique(distance.argmin(axis=2)).size > 0.9 * len(VALLEY.runs)
    assert (typical.noise_free >= tuned.noise_free - 1e-12).all()
    assert typical.rows()[0]["tuning"] == "typical"


def test_rate_and_batch_are_lent_by_the_same_run() -> None:
    found = BATCHES.forecast(SIZES, tuning="typical")
    assert set(found.tuned) == {"learning_rate", "batch_size"}
    settled = BATCHES.forecast({**SIZES, "batch_size": 1e6}, tuning="typical")
    assert set(settled.tuned) == {"learning_rate"}


def test_a_typical_run_lies_above_the_law_as_often_as_the_fitted_ones() -> None:
    tuned, typical = (OFF.forecast(SIZES, tuning=each) for each in ("tuned", "typical"))
    np.testing.assert_array_equal(typical.noise_free, tuned.noise_free)
    above = np.log(typical.draws / tuned.draws)
    assert above.min() >= -1e-12
    assert np.mean(above > 1e-9) == pytest.approx(0.25, abs=0.05)


def test_an_ensemble_mixes_what_its_members_know() -> None:
    ensemble = synthetic_ensemble("chinchilla-lr", "chinchilla+lr-valley-steep")
    found = ensemble.forecast(SIZES, tuning="typical")
    assert found.tuning == "typical"
    assert found.draws.shape[1] == 2


@pytest.mark.parametrize(("tuning", "message"), [("typical", "mistuned=True"), ("best", "'best'")])
def test_what_cannot_be_asked_is_refused(tuning: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        synthetic_fit().forecast(SIZES, tuning=tuning)  # type: ignore[arg-type]


def test_runs_off_the_law_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    found = off_law(OFF)
    assert set(np.flatnonzero(found.off > 0.9)) == {2, 7}
    assert np.delete(found.off, [2, 7]).max() < 0.5
    assert found.excess[2] == pytest.approx(np.log(1.2), abs=0.03)
    row = found.rows()[7]
    assert row["deviation_lower"] < np.log(1.2) < row["deviation_upper"]
    assert list(found.table["run"]) == list(OFF.runs["run"])


def test_a_law_without_mistuned_runs_cannot_tell() -> None:
    with pytest.raises(InputError, match="mistuned=True"):
        off_law(synthetic_fit())


def test_the_command_says_what_was_asked(tmp_path: object) -> None:
    path = VALLEY.save(f"{tmp_path}/fit.nc")
    ask = ("forecast", path, "--params", 1e9, "--tokens", 2e10)
    assert "as in the fitted runs" in call(*ask, "--tuning", "typical").out
    assert "as in the fitted runs" not in call(*ask).out


def test_a_small_excess_does_not_count_when_it_is_not_material() -> None:
    found = off_law(OFF, material=0.1)
    assert set(np.flatnonzero(found.off > 0.9)) == {2, 7}
    assert off_law(OFF, material=0.3).off.max() < 0.1
    assert (found.off <= off_law(OFF).off + 1e-12).all()


def test_a_setting_far_from_the_best_of_its_size_is_blamed() -> None:
    fit = synthetic_fit("chinchilla", learning_rates=True)
    found = off_law(with_off_runs(fit, {0: 1.2, 2: 0.97, 3: 1.2}))
    assert found.off[[0, 3]].min() > 0.9
    assert found.reasons[0] == "rate 0.2x the best of its size"
    assert found.reasons[3] == "rate 2x the best of its size"
    assert not any(found.reasons[index] for index in (1, 2, 4))
