"""The command that tells whether a score jumps."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.facade import Fit
from bayes_scaling.runs import RunTable
from tests.command_line import call


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    flops = np.geomspace(1e17, 1e22, 24)
    score = 0.25 + 0.5 / (1 + (1e20 / flops) ** 2)
    right = np.random.default_rng(1).binomial(1000, score)
    columns = {"flops": flops, "score": right / 1000, "items": np.full(24, 1000.0)}
    fit = bs.fit(
        "emergence", RunTable.from_columns(columns), draws=400, random_seed=1, progress=False
    )
    return fit.save(tmp_path_factory.mktemp("emergence") / "fit.nc")


def test_it_prints_the_probability_and_draws_it(saved: Path, tmp_path: Path) -> None:
    picture = tmp_path / "jump.svg"
    found = call("emergence", saved, "--flops", "1e22", "--plot", picture)
    assert found.code == 0, found.err
    assert "with probability 1.00" in found.out
    assert picture.read_text().startswith("<?xml")


def test_a_picture_of_no_kind_is_refused_before_anything_is_asked(saved: Path) -> None:
    found = call("emergence", saved, "--flops", "1e22", "--plot", "jump.xyz")
    assert found.code == 1
    assert "jump.xyz" in found.err


def test_a_smoother_metric_stands_beside_and_its_checks_count(saved: Path, tmp_path: Path) -> None:
    found = call("emergence", saved, "--flops", "1e22", "--beside", saved)
    assert found.code == 0, found.err
    assert "smoother metric: score" in found.out
    poor = bs.load(saved)
    failed = replace(poor.only.checks[0], verdict="fail", evidence="by hand")
    other = Fit.of_one(replace(poor.only, checks=(failed,)))
    path = other.save(tmp_path / "poor.nc")
    found = call("emergence", saved, "--flops", "1e22", "--beside", path)
    assert found.code == 2
    assert "do not rely on this" in found.err


def test_an_answer_too_far_beyond_the_runs_is_not_to_be_trusted(saved: Path) -> None:
    ask = ("emergence", saved, "--flops", "1e24", "--max-extrapolation")
    assert call(*ask, 5).code == 0
    far = call(*ask, 4)
    assert far.code == 2
    assert "4.6 e-folds beyond the fitted runs, more than 4" in far.err
