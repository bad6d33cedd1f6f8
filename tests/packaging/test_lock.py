"""The lock files: complete, within what pyproject.toml allows, and free of places."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = [
    "requirements.lock", "requirements-dev.lock", "requirements-train.lock",
    "requirements-docs.lock",
]  # fmt: skip


def read_lock(path: Path) -> dict[str, str]:
    pairs = (line.split("==") for line in path.read_text().splitlines())
    return {canonicalize_name(name): version for name, version in pairs}


@pytest.fixture(scope="module")
def project(checkout: Path) -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((checkout / "pyproject.toml").read_text())["project"]
    return table


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_versions_and_no_place(name: str, checkout: Path) -> None:
    lines = (checkout / name).read_text().splitlines()
    pin = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*==[0-9][0-9A-Za-z.]*")
    assert [line for line in lines if not pin.fullmatch(line)] == []
    assert len(read_lock(checkout / name)) == len(lines), "a package is pinned twice"


@pytest.mark.parametrize("name", LOCKS[1:])
def test_a_further_lock_only_adds(name: str, checkout: Path) -> None:
    assert not set(read_lock(checkout / LOCKS[0])) & set(read_lock(checkout / name))


def test_the_lock_holds_everything_needed_to_run_and_test(
    project: dict[str, Any], checkout: Path
) -> None:
    lock = read_lock(checkout / LOCKS[0])
    extras = project["optional-dependencies"]
    todo = [*project["dependencies"], *extras["test"], *extras["parquet"]]
    seen: set[str] = set()
    missing = []
    while todo:
        text = todo.pop()
        if text in seen:
            continue
        seen.add(text)
        wanted = Requirement(text)
        pinned = lock.get(canonicalize_name(wanted.name))
        if pinned is None or not wanted.specifier.contains(pinned):
            missing.append(text)
            continue
        if version(wanted.name) != pinned:
            pytest.skip(f"{wanted.name} is not at its pinned version here")
        for below in requires(wanted.name) or ():
            marker = Requirement(below).marker
            if marker is None or any(
                marker.evaluate({"extra": extra}) for extra in ("", *wanted.extras)
            ):
                todo.append(below)
    assert missing == []


@pytest.mark.parametrize(
    ("extra", "name"), [("dev", LOCKS[1]), ("train", LOCKS[2]), ("docs", LOCKS[3])]
)
def test_a_further_lock_holds_what_its_extra_names(
    extra: str, name: str, project: dict[str, Any], checkout: Path
) -> None:
    lock = read_lock(checkout / name)
    for text in project["optional-dependencies"][extra]:
        wanted = Requirement(text)
        if wanted.name != "bayes-scaling":
            assert wanted.specifier.contains(lock[canonicalize_name(wanted.name)])
