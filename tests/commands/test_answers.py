"""What forecasts and allocations print, and what is refused before sampling."""

from __future__ import annotations

from pathlib import Path

import pytest

from bayes_scaling.facade import Fit
from bayes_scaling.laws import load_model
from tests.command_line import call
from tests.synthetic import PLAIN, changed, synthetic_fit, synthetic_runs


def test_a_limit_on_extrapolation_holds_for_a_law_without_compute(tmp_path: Path) -> None:
    path = synthetic_fit("kaplan-n").save(tmp_path / "fit.nc")
    found = call("forecast", path, "--params", 1e15, "--max-extrapolation", 1)
    assert found.code == 2


def test_an_optimum_at_the_edge_is_said(tmp_path: Path) -> None:
    fit = synthetic_fit(PLAIN)
    fit = changed(fit, draws={**fit.draws, "a": fit.draws["a"] * 1e-9})
    found = call("allocate", fit.save(tmp_path / "fit.nc"), "--flops", 1e21)
    assert "no optimum" in found.out + found.err or "edge" in found.out + found.err


def test_a_given_learning_rate_is_not_called_the_best(tmp_path: Path) -> None:
    path = synthetic_fit("chinchilla-lr").save(tmp_path / "fit.nc")
    found = call("forecast", path, "--params", 1e9, "--tokens", 1e10, "--learning-rate", 0.5)
    assert "best learning rate" not in found.out


def test_the_group_is_printed(tmp_path: Path) -> None:
    path = synthetic_fit(families=("code", "web")).save(tmp_path / "fit.nc")
    found = call("forecast", path, "--params", 1e9, "--tokens", 1e10, "--family", "web")
    assert "web" in found.out


@pytest.mark.parametrize(
    "options", [("-o", "nowhere/fit.nc"), ("-o", "."), ("-o", "fit.nc", "--probability", "90")]
)
def test_what_can_be_known_before_sampling_is_said_before_sampling(
    options: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> Fit:
        raise AssertionError("sampled for minutes first")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bayes_scaling.fitting.fit", refuse)
    synthetic_runs(load_model("chinchilla")).frame.to_csv("runs.csv", index=False)
    assert call("fit", "runs.csv", *options).code == 1
