"""The command that tells what pre-training is worth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.command_line import call
from tests.questions.test_transfer import known

ASK = ("--params", "2M", "--finetune-tokens", "300k")


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return known(spread=0.3).save(tmp_path_factory.mktemp("transfer") / "fit.nc")


def test_it_prints_each_first_text(saved: Path) -> None:
    found = call("transfer", saved, *ASK, "--pretrain-tokens", "1B")
    assert found.code == 0, found.err
    assert "pre-trained on code" in found.out
    assert "pre-trained on prose" in found.out
    assert "10 times the params are worth" in found.out


def test_json_holds_what_python_answers(saved: Path) -> None:
    order = ("--order", "code", "--order", "prose")
    found = call("transfer", saved, *ASK, "--pretrained-on", "prose", *order, "--json").json
    asked = known(spread=0.3).transfer(
        params=2e6, finetune_tokens=3e5, pretrained_on="prose", order=["code", "prose"]
    )
    (row,) = found["rows"]
    assert row["multiplier"] == pytest.approx(float(np.median(asked.multiplier["prose"])))
    assert row["hurts"] == 0.0
    assert found["warnings"] == list(asked.warnings)


def test_a_published_law_answers() -> None:
    found = call("transfer", "hernandez-2021-text", "--params", 1e8, "--finetune-tokens", 1e6)
    assert found.code == 0, found.err
    assert "251.5" in found.out


def test_it_is_drawn(saved: Path, tmp_path: Path) -> None:
    picture = tmp_path / "transfer.svg"
    assert call("transfer", saved, *ASK, "--plot", picture).code == 0
    assert picture.read_text().startswith("<?xml")


def test_a_text_without_runs_is_refused_by_name(saved: Path) -> None:
    found = call("transfer", saved, *ASK, "--pretrained-on", "c4")
    assert found.code == 1
    assert "no run was pre-trained on 'c4'" in found.err


def test_advice_is_not_to_be_trusted_far_beyond_the_runs_of_the_law_of_transfer(
    saved: Path,
) -> None:
    ask = ("advise", "hoffmann-2022", "--flops", 1e21, "--data-tokens", "1B", "--pretrained", saved)
    far = call(*ask, "--pretrained-on", "prose", "--max-extrapolation", 6)
    assert far.code == 2
    assert "e-folds beyond the fitted runs, more than 6" in far.err
    assert "fine-tuning lies" in far.out
    near = call(*ask, "--pretrained-on", "prose", "--max-extrapolation", 20, "--json")
    assert near.code == 0
    (way,) = [row for row in near.json["ways"] if row["way"] == "fine-tune"]
    assert {"hurts", "low_data", "efolds_params", "efolds_finetune_tokens"} <= set(way)
    assert all(f"warning: {text}" in near.err for text in near.json["warnings"])
