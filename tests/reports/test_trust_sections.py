"""Parts of a report: risk, sensitivity, track record, backtest, methods, Markdown and PDF."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.questions.record import register, score_record
from bayes_scaling.reports import ReportError, pdf
from bayes_scaling.runs import RunTable
from tests.questions.test_typical import OFF
from tests.synthetic import synthetic_ensemble, synthetic_fit

FIT = synthetic_fit(spread=0.05)
ASK = {"flops": 1e23, "target_loss": 1.95}


def page(path: Path, fit: object = FIT, **given: object) -> str:
    written = bs.report(fit, path, **{**ASK, **given})  # type: ignore[arg-type]
    return written.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page(tmp_path_factory.mktemp("plain") / "page.html")


def test_the_page_tells_risk_sensitivity_and_methods(tmp_path: Path) -> None:
    text = page(tmp_path / "page.html", synthetic_ensemble("chinchilla", "coupled"))
    for words in (
        "chance of reaching 1.95", "stage gate", "prior: counts twice", "form: coupled", "NUTS",
        'id="whatif-panel"', "needs JavaScript", "Loss along lines of equal compute",
    ):  # fmt: skip
        assert words in text, words
    assert "could not be made" not in text
    assert "http://" not in text.replace("http://www.w3.org", "")


def test_the_track_record_is_shown(tmp_path: Path) -> None:
    record = tmp_path / "forecasts.jsonl"
    forecast = FIT.forecast({"params": [1e9, 2e9], "tokens": [2e10, 4e10]})
    register(FIT, forecast, record)
    assert "is finished yet" in page(tmp_path / "a.md", record=record)
    done = {
        "params": np.array([1e9]),
        "tokens": np.array([2e10]),
        "loss": np.array([float(np.median(forecast.draws[:, 0]))]),
    }
    score_record(record, RunTable(columns=done))
    text = page(tmp_path / "b.md", record=record)
    assert "1 of 2 forecasts are scored" in text
    assert "inside" in text


def test_runs_off_the_law_have_a_section(tmp_path: Path, plain: str) -> None:
    text = page(tmp_path / "page.html", OFF)
    assert "Runs off the law" in text
    assert "run-2" in text
    assert "Runs off the law" not in plain


def test_markdown_has_the_same_sections_without_figures(tmp_path: Path, plain: str) -> None:
    text = page(tmp_path / "page.md")
    assert text.startswith("# What 16 runs say")
    for title in ("## Verdict", "## Risk", "## Sensitivity", "## Methods", "## Provenance"):
        assert title in text
        assert f">{title[3:]}</h2>" in plain
    assert "<img" not in text
    assert "data:image" not in text
    assert "| check |" in text


def test_a_section_that_fails_is_a_box_and_the_rest_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("no such thing")

    monkeypatch.setattr("bayes_scaling.figures.decision_plots.plot_regret", broken)
    with pytest.raises(ReportError, match="Risk: ValueError: no such thing"):
        bs.report(FIT, tmp_path / "page.html", **ASK)  # type: ignore[arg-type]
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "This section could not be made" in text
    assert "Sensitivity" in text


@pytest.mark.slow
@pytest.mark.skipif(pdf.browser() is None, reason="no Chromium")
def test_a_page_is_printed(tmp_path: Path) -> None:
    page(tmp_path / "page.html")
    printed = pdf.print_pdf(tmp_path / "page.html", tmp_path / "page.pdf")
    assert printed.read_bytes().startswith(b"%PDF")
    assert printed.stat().st_size > 20_000


def test_without_a_browser_it_is_said_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(InputError, match="print it from any browser"):
        pdf.print_pdf(tmp_path / "page.html", tmp_path / "page.pdf")
    assert list(tmp_path.iterdir()) == []
