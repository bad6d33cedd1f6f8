"""What the command that tunes prints, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.command_line import call
from tests.questions.test_tune import BATCHES
from tests.synthetic import UNCONVERGED, synthetic_fit

ASK = ("--params", 1e9, "--tokens", 2e10)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic_fit("chinchilla-lr").save(tmp_path_factory.mktemp("tune") / "fit.nc")


def test_the_choice_the_penalties_and_the_rules_are_printed(saved: Path) -> None:
    found = call("tune", saved, *ASK)
    assert found.code == 0, found.err
    assert "choose learning rate" in found.out
    assert "learning rate x 8" in found.out
    assert "li-2025" in found.out


def test_json_holds_what_python_answers(saved: Path) -> None:
    found = json.loads(call("tune", saved, *ASK, "--params", 1e10, "--tokens", 1e11, "--json").out)
    expected = synthetic_fit("chinchilla-lr").tune([1e9, 1e10], [2e10, 1e11])
    assert [row["learning_rate"] for row in found["rows"]] == pytest.approx(
        list(expected.recommended["learning_rate"])
    )
    assert len(found["penalties"]) == len(expected.penalties)
    assert found["model"] == "chinchilla-lr"


def test_a_settled_batch_is_not_tuned(tmp_path: Path) -> None:
    path = BATCHES.save(tmp_path / "fit.nc")
    free, settled = call("tune", path, *ASK), call("tune", path, *ASK, "--batch-size", 1e6)
    assert "choose batch" in free.out
    assert "choose batch" not in settled.out
    assert "1e+06" in settled.out


def test_the_valley_is_drawn(saved: Path, tmp_path: Path) -> None:
    assert call("tune", saved, *ASK, "--plot", tmp_path / "valley.svg").code == 0
    assert (tmp_path / "valley.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--tokens", 2e10), "--params"),
        ((*ASK, "--batch-size", 1e6), "reads no batch_size"),
        ((*ASK, "--plot", "valley.xyz"), "valley.xyz"),
        (("--params", -1, "--tokens", 2e10), "params"),
    ],
)
def test_what_cannot_be_used_is_refused(
    saved: Path, options: tuple[object, ...], message: str
) -> None:
    found = call("tune", saved, *options)
    assert found.code == 1
    assert message in found.err


def test_a_law_without_a_valley_says_which_has_one(tmp_path: Path) -> None:
    found = call("tune", synthetic_fit("chinchilla").save(tmp_path / "fit.nc"), *ASK)
    assert found.code == 1
    assert "chinchilla+lr-valley" in found.err


def test_a_fit_that_did_not_converge_answers_with_code_2(tmp_path: Path) -> None:
    fit = synthetic_fit("chinchilla-lr", checks=UNCONVERGED)
    assert call("tune", fit.save(tmp_path / "fit.nc"), *ASK).code == 2
