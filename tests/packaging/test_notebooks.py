"""The notebooks: what is committed as .ipynb is what its source says, run to the end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
SOURCES = sorted(FOLDER.glob("[0-9]*.py"))


def cells_of(text: str) -> list[tuple[str, str]]:
    """Return kind and text of the cells of a source in the percent format."""
    found = []
    for part in text.split("# %%")[1:]:
        head, _, body = part.partition("\n")
        if head.strip() == "[markdown]":
            lines = [line.removeprefix("#").removeprefix(" ") for line in body.splitlines()]
            found.append(("markdown", "\n".join(lines).strip()))
        else:
            found.append(("code", body.strip()))
    return found


@pytest.fixture(params=SOURCES, ids=[path.stem for path in SOURCES])
def pair(request: pytest.FixtureRequest) -> tuple[list[tuple[str, str]], list[dict[str, Any]]]:
    path: Path = request.param
    notebook = json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))
    return cells_of(path.read_text(encoding="utf-8")), notebook["cells"]


def test_there_are_eleven() -> None:
    assert sorted(int(path.name.split("_")[0]) for path in SOURCES) == [*range(1, 12)]


def test_the_notebook_is_its_source(pair: tuple[list[tuple[str, str]], Any]) -> None:
    source, cells = pair
    written = [(cell["cell_type"], "".join(cell["source"]).strip()) for cell in cells]
    assert written == source, "the source has changed: `make ipynb` writes the notebook anew"


def test_every_cell_was_run_in_order_and_none_failed(pair: tuple[Any, list[Any]]) -> None:
    code = [cell for cell in pair[1] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} <= {
        "stream", "execute_result", "display_data",
    }  # fmt: skip
    assert not [o for o in outputs if o.get("name") == "stderr"]


def test_it_opens_with_a_question_and_ends_with_the_decision(pair: tuple[Any, list[Any]]) -> None:
    first, last = ("".join(pair[1][index]["source"]) for index in (0, -1))
    assert first.startswith("# ")
    assert "**Question.**" in first
    assert last.startswith("**Decision.**")
