"""Answers in print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bayes_scaling.page import page_of


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
