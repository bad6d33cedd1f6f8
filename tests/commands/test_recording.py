"""Commands on forecasts on record: many at once, a page for a wiki, the fits they come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bayes_scaling.questions.record import register
from tests.command_line import call
from tests.synthetic import synthetic_fit

FIT = synthetic_fit()
FORECAST = FIT.forecast({"params": [1e10, 1e9], "tokens": [2e11, 2e10]})
MEDIANS = np.median(FORECAST.draws, axis=0)


@pytest.fixture
def fit(tmp_path: Path) -> Path:
    register(FIT, FORECAST, tmp_path / "forecasts.jsonl")
    return FIT.save(tmp_path / "fit.nc")


@pytest.fixture
def results(tmp_path: Path) -> Path:
    path = tmp_path / "results.csv"
    path.write_text(f"run,N,D,loss\nfar,1e10,2e11,9\nnear,1e9,2e10,{MEDIANS[1]}\n")
    return path


def test_the_page_tells_what_was_said_and_what_came(fit: Path, results: Path) -> None:
    page = fit.with_name("record.md")
    found = call("score", fit, results, "--page", page)
    assert found.code == 0, found.err
    assert f"wrote {page}" in found.out
    text = page.read_text()
    assert text.startswith("# Forecasts on record")
    assert "2 of 2 forecasts are scored: the 90 % interval held for 50% of them" in text
    near, far = (line for line in text.splitlines() if "side |" in line)
    efolds = sorted(row["efolds_flops"] for row in FORECAST.rows())
    for line, beyond, where in ((near, efolds[0], "inside"), (far, efolds[1], "outside")):
        cells = [cell.strip() for cell in line.strip("| ").split("|")]
        assert cells[4] == f"{beyond:.1f}"
        assert cells[7] == where
        assert "[" in cells[5]
    assert not list(page.parent.glob(".record.md*"))


def test_without_results_the_record_is_shown(fit: Path) -> None:
    page = fit.with_name("record.md")
    before = fit.with_name("forecasts.jsonl").read_bytes()
    found = call("score", fit.parent, "--page", page, "--json")
    assert found.json["page"] == str(page)
    assert [row["loss"] for row in found.json["rows"]] == [None, None]
    assert "No run of a forecast on record is finished yet" in page.read_text()
    assert fit.with_name("forecasts.jsonl").read_bytes() == before


def test_names_are_escaped_on_the_page(tmp_path: Path) -> None:
    name = "<b>[x](http://e.x)|y"
    fit = synthetic_fit(families=(name, "other"))
    sizes = {"params": [1e9], "tokens": [2e10], "family": [name]}
    register(fit, fit.forecast(sizes), tmp_path / "forecasts.jsonl")
    page = tmp_path / "record.md"
    assert call("score", tmp_path, "--page", page).code == 0
    assert "&lt;b>\\[x](http://e.x)\\|y" in page.read_text()


@pytest.mark.parametrize("name", ["record.html", "nowhere/record.md"])
def test_a_page_that_cannot_be_written_is_refused_first(
    fit: Path, results: Path, name: str
) -> None:
    before = fit.with_name("forecasts.jsonl").read_bytes()
    found = call("score", fit, results, "--page", fit.parent / name)
    assert found.code == 1
    assert fit.with_name("forecasts.jsonl").read_bytes() == before


def test_several_records_are_scored_at_once(fit: Path, results: Path) -> None:
    other = fit.parent / "team" / "forecasts.jsonl"
    other.parent.mkdir()
    register(FIT, FIT.forecast({"params": 1e9, "tokens": 2e10}), other)
    rows = call("score", fit.parent, results, "--json").json["rows"]
    assert len(rows) == 3
    assert all(row["loss"] is not None for row in rows)
    one = fit.with_name("forecasts.jsonl")
    assert call("score", fit, "--record", one, "--record", other, "--json").json["rows"] == rows


def test_verify_names_the_fit_that_agrees(fit: Path) -> None:
    found = call("verify", fit)
    assert found.code == 0, found.err
    assert "2 of 2 forecasts on record agree" in found.out
    assert str(fit) in found.out
    assert call("verify", fit.parent, "--json").json["agrees"] is True


def test_verify_says_what_differs(fit: Path) -> None:
    synthetic_fit("coupled").save(fit)
    found = call("verify", fit)
    assert found.code == 2
    assert "differs" in found.out
    assert "not every forecast" in found.err
    fit.write_bytes(b"")
    assert "is not compared" in call("verify", fit).err


def test_verify_refuses_a_record_that_was_changed(fit: Path) -> None:
    record = fit.with_name("forecasts.jsonl")
    record.write_text(record.read_text().replace("chinchilla", "coupled", 1))
    found = call("verify", record)
    assert found.code == 1
    assert "line 1 was changed" in found.err
