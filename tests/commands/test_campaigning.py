"""The command that makes campaigns."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaign.examples import made, write_campaign
from tests.command_line import call


def test_it_writes_a_campaign_and_says_what_a_step_would_do(tmp_path: Path) -> None:
    found = call("campaign", "init", tmp_path / "ladder")
    assert found.code == 0
    assert "fill it in, then: bayes-scaling campaign step" in found.out
    tried = call("campaign", "step", tmp_path / "ladder", "--dry-run")
    assert tried.code == 0
    assert "would run:\n  python train.py --config" in tried.out
    assert call("campaign", "init", tmp_path / "ladder").code == 1


def test_status_tells_of_every_run_and_json_has_all(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path, launcher="print")
    first = call("campaign", "step", folder, "--json").json
    assert first["launched"] == ["c001", "c002", "c003", "c004"]
    assert first["rows"][0]["command"][0].endswith("python") or first["rows"][0]["command"]
    shown = call("campaign", "status", folder)
    assert "waiting for 4 runs" in shown.out
    assert call("campaign", "status", folder, "--json").json["spent"] == first["spent"]
    assert made(folder) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["status", "nowhere"], "bayes-scaling campaign init nowhere"),
        (["status", "nowhere", "--dry-run"], "belong to 'campaign step'"),
        (["init", "nowhere", "--executor", "pool:2"], "belong to 'campaign step'"),
        (["step", "nowhere", "--executor", "pool:0"], "takes 1 to 1024 processes"),
        (["step", "nowhere", "--dry-run", "--follow"], "leave out --follow"),
        (["stop", "nowhere"], "'init', 'step', 'status'"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], message: str) -> None:
    found = call("campaign", *arguments)
    assert found.code == 1
    assert message in found.err
