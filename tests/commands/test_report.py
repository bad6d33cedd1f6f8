"""What the command that writes a report refuses before it samples anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command_line import call


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "page.docx"], "writes a .html file, got 'page.docx'"),
        (["-o", "page.pdf"], "a PDF is made beside the page by --pdf"),
        (["-o", "page.html", "--format", "md"], "writes a .md file"),
        (["-o", "page.md", "--format", "md", "--pdf"], "leave out --format md"),
        (["-o", "nowhere/page.html"], "no folder 'nowhere'"),
    ],
)
def test_a_report_that_cannot_be_written_is_refused(
    options: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = call("report", "nano-lm", "--best", *options)
    assert found.code == 1
    assert message in found.err
    assert list(tmp_path.iterdir()) == []
