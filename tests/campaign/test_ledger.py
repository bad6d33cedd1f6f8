"""Ledgers: whole lines only, and nothing is half written."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from bayes_scaling.campaign.ledger import read_ledger, writing
from bayes_scaling.errors import InputError


def test_lines_are_added_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with writing(path) as ledger:
        ledger.add({"kind": "plan", "run": "a"}, {"kind": "plan", "run": "b"})
    with writing(path) as ledger:
        ledger.add({"kind": "launch", "run": "a"})
    assert [line["kind"] for line in read_ledger(path)] == ["plan", "plan", "launch"]


def test_half_a_last_line_is_cut_off_wherever_it_was_torn(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with writing(path) as ledger:
        ledger.add({"kind": "plan", "run": "a"}, {"kind": "plan", "run": "b"})
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for end in range(first, len(whole)):
        path.write_bytes(whole[:end])
        with writing(path) as ledger:
            ledger.add({"kind": "plan", "run": "c"})
        assert [line["run"] for line in read_ledger(path)] == ["a", "c"]


def test_a_line_that_was_spoilt_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"kind": "plan"}\nnonsense\n{"kind": "plan"}\n')
    with pytest.raises(InputError, match="line 2 is no line of a ledger"):
        read_ledger(path)


def test_a_full_disk_leaves_the_ledger_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ledger.jsonl"
    with writing(path) as ledger:
        ledger.add({"kind": "plan", "run": "a"})
        before = path.read_bytes()

        def full(_: int) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full)
            with pytest.raises(InputError, match="free some space"):
                ledger.add({"kind": "plan", "run": "b"})
        assert path.read_bytes() == before
        ledger.add({"kind": "plan", "run": "c"})
    assert [line["run"] for line in read_ledger(path)] == ["a", "c"]


def test_a_dry_ledger_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    with writing(path, dry=True) as ledger:
        ledger.add({"kind": "plan", "run": "a"})
        assert len(ledger.lines) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    with (
        pytest.raises(InputError, match=r"cannot write 'ledger.jsonl' in .*: Permission denied"),
        writing(tmp_path / "ledger.jsonl"),
    ):
        pass
