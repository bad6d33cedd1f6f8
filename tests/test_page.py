"""Answers in print, and as they show themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from bayes_scaling.page import MOST, Grid, Page, page_html, page_of, page_text, past_telling, told
from tests.synthetic import synthetic_fit


@dataclass(frozen=True)
class Plain:
    """An answer without a page of its own."""

    def rows(self) -> list[dict[str, Any]]:
        row = {"flops": 1e21, "loss": 2.01, "loss_lower": 1.94, "loss_upper": 2.09}
        return [row | {"verdict": "go", "efolds_flops": 2.0, "probability": 0.9, "kind": "ETI"}]


def test_an_answer_without_a_page_has_a_line_for_each_quantity() -> None:
    ((lines,),) = page_of(Plain())
    assert isinstance(lines, dict)
    assert lines["noise-free loss"] == "2.01 [1.94, 2.09] 90 % ETI"
    assert lines["verdict"] == "go"
    assert "flops 2.0 e-folds (7.39x)" in lines["extrapolation"]
    assert len(lines) == 4


@pytest.mark.parametrize("count", [1, MOST + 2])
def test_a_forecast_shows_its_numbers(count: int) -> None:
    found = synthetic_fit().forecast({"params": [7e10] * count, "tokens": [1.4e12] * count})
    shown = repr(found)
    assert "90 % ETI" in shown
    assert "beyond the fitted runs" in shown
    assert shown.count("loss of a new run") == min(count, MOST)
    assert found.text.count("loss of a new run") == count
    assert found._repr_html_().count("<table>") == min(count, MOST)


@pytest.mark.parametrize(
    ("value", "text"),
    [(65536.0, "65536"), (7123.46, "7123"), (12345.6, "12350"), (2.8541e6, "2.854e+06"),
     (0.5, "0.5"), (3, "3"), ("a", "a"), (float("nan"), "nan")],
)  # fmt: skip
def test_a_number_without_an_interval(value: object, text: str) -> None:
    assert told({"batch_size": value}, "batch_size") == text


@pytest.mark.parametrize(
    ("score", "text"),
    [(8.55e18, "over 1000"), (-2e4, "below -1000"), (999.0, ""), (0.1, ""), (float("nan"), "")],
)
def test_a_score_past_telling(score: float, text: str) -> None:
    assert past_telling(score) == text


def test_html_is_escaped() -> None:
    assert page_html([["a < b", {"<i>": "&"}]]) == (
        "<p>a &lt; b</p>\n<table><tr><td>&lt;i&gt;</td><td>&amp;</td></tr></table>"
    )


def test_names_of_strangers_are_not_obeyed() -> None:
    page: Page = [[{"\x1b[2Jred": "\u202egnp.exe"}, Grid(heading=("a",), rows=[("\x9b\ud800",)])]]
    for text in (page_text(page), page_html(page)):
        assert r"\u001b[2Jred" in text
        assert r"\u202egnp.exe" in text
        assert r"\u009b\ud800" in text
