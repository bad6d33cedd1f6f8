"""README and docs: commands that are accepted, names that exist, links that lead somewhere."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

import bayes_scaling as bs
from bayes_scaling.cli import app

TOP = Path(__file__).parents[2]
PAGES = ("README.md", *sorted(path.relative_to(TOP).as_posix() for path in TOP.glob("docs/*.md")))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
FEW = ["--draws", "150", "--tune", "300", "--chains", "2"]
SAMPLES = ("fit", "report", "backtest", "compare")


def blocks(page: str, kind: str) -> list[str]:
    text = (TOP / page).read_text(encoding="utf-8")
    return [body for name, body in FENCE.findall(text) if name == kind]


def commands(page: str) -> list[list[str]]:
    """Return the calls of ``bayes-scaling`` in the blocks of a page, in their order."""
    lines = "".join(blocks(page, "")).replace("\\\n", " ").splitlines()
    calls = (line.removeprefix("$ ") for line in lines)
    return [
        shlex.split(call, comments=True)[1:] for call in calls if call.startswith("bayes-scaling ")
    ]


@pytest.mark.parametrize("page", PAGES)
def test_commands_are_accepted(page: str) -> None:
    """Parse every command; nothing is run, so files need not be there."""
    group = typer.main.get_command(app)
    for name, *arguments in commands(page):
        command = group.commands[name]  # type: ignore[attr-defined]
        command.make_context(name, arguments)


@pytest.mark.parametrize("page", PAGES)
def test_names_in_python_exist(page: str) -> None:
    for body in blocks(page, "python"):
        compile(body, page, "exec")
        for name in re.findall(r"\bbs\.([a-z_A-Z]+)", body):
            assert hasattr(bs, name), f"{page}: bs.{name}"
        for name in re.findall(r"\bfit\.([a-z_]+)\(", body):
            assert hasattr(bs.Fit, name), f"{page}: fit.{name}"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (TOP / page).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if not re.match(r"[a-z]+:", link)]
    lost = [link for link in links if not ((TOP / page).parent / link).exists()]
    assert lost == []


@pytest.mark.parametrize("page", PAGES)
def test_links_to_headings_lead_to_one(page: str) -> None:
    text = (TOP / page).read_text(encoding="utf-8")
    for name, heading in re.findall(r"\]\((?![a-z]+:)([^)#]*)#([^)]+)\)", text):
        target = (TOP / page).parent / name if name else TOP / page
        titles = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.M)
        slugs = [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles]
        assert heading in slugs, f"{page}: {name}#{heading}"


def test_every_page_of_docs_is_linked_from_the_readme() -> None:
    text = (TOP / "README.md").read_text(encoding="utf-8")
    assert [page for page in PAGES[1:] if f"]({page})" not in text] == []


@pytest.mark.slow
@pytest.mark.skipif("BAYES_SCALING_MIRROR" not in os.environ, reason="a page reads public data")
@pytest.mark.parametrize("page", ["README.md", "docs/get_started.md"])
def test_pages_run(page: str, tmp_path: Path) -> None:
    """Run the commands of a page in their order, with few draws: done, or doubted with a result."""
    for name, *arguments in commands(page):
        few = FEW if name in SAMPLES else []
        done = subprocess.run(
            [sys.executable, "-m", "bayes_scaling.cli", name, *arguments, *few],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode in (0, 2), f"{name} {arguments}: {done.stderr}"
        assert done.stdout.strip(), name
