"""What the command that writes a report refuses before it samples anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.command_line import call
from tests.synthetic import synthetic_fit


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


def test_money_buys_the_budget_and_decides(tmp_path: Path) -> None:
    fit = synthetic_fit(spread=0.01).save(tmp_path / "fit.nc")
    page = tmp_path / "page.html"
    options = ["--money", "300k", "--price", "2.5", "--target-loss", "2.0", "--value", "2M"]
    found = call("report", fit, *options, "--device-memory", "80GB", "-o", page)
    assert found.code == 0, found.err
    text = page.read_text(encoding="utf-8")
    assert ", for 300,000, the best split is" in text
    assert "Cost, and go or no go" in text
