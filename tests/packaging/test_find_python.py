"""`.ci/find-python` on machines with odd sets of Pythons."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

GOOD = f'exec "{sys.executable}" "$@"'
SHIM = "echo 'pyenv: command not found' >&2; exit 127"
OLD = "echo 3.10.12"
UV = f"""
case "$*" in
    "python install"*) ;;
    "python find"*) echo "{sys.executable}" ;;
    *) exit 2 ;;
esac"""


class Machine:
    """A PATH that holds only what a test puts there."""

    def __init__(self, folder: Path, script: Path) -> None:
        self.folder, self.script = folder, script
        (folder / "bin").mkdir()
        for tool in ("cat", "sh"):
            (folder / "bin" / tool).symlink_to(str(shutil.which(tool)))

    def add(self, path: str, body: str) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"#!/bin/sh\n{body}\n")
        file.chmod(0o755)
        return file

    def find(self, **env: str) -> subprocess.CompletedProcess[str]:
        env = {"PATH": str(self.folder / "bin"), "HOME": str(self.folder), **env}
        return subprocess.run(
            [str(self.script)], env=env, capture_output=True, text=True, check=False
        )


@pytest.fixture
def machine(tmp_path: Path, checkout: Path) -> Machine:
    return Machine(tmp_path, checkout / ".ci" / "find-python")


def test_a_failing_shim_is_passed_over(machine: Machine) -> None:
    machine.add("bin/python3.13", SHIM)
    machine.add("bin/python3.12", OLD)
    machine.add("bin/python3", GOOD)
    assert machine.find().stdout.strip() == sys.executable


def test_the_named_python_comes_first(machine: Machine) -> None:
    machine.add("bin/python3.13", SHIM)
    named = machine.add("elsewhere/python3", GOOD)
    found = machine.find(PYTHON=str(named))
    assert (found.returncode, found.stdout.strip()) == (0, sys.executable)


@pytest.mark.parametrize("root", [".pyenv", "pyenv-root"])
def test_versions_of_pyenv_are_found(machine: Machine, root: str) -> None:
    machine.add("bin/python3", SHIM)
    machine.add(f"{root}/versions/3.11.7/bin/python3", SHIM)
    machine.add(f"{root}/versions/3.12.1/bin/python3", GOOD)
    env = {} if root == ".pyenv" else {"PYENV_ROOT": str(machine.folder / root)}
    assert machine.find(**env).stdout.strip() == sys.executable


def test_uv_fetches_one_where_there_is_none(machine: Machine) -> None:
    machine.add("bin/python3", OLD)
    machine.add("bin/uv", UV)
    found = machine.find()
    assert found.stdout.strip() == sys.executable
    assert "with uv" in found.stderr


def test_the_message_says_what_was_found_and_what_to_do(machine: Machine) -> None:
    machine.add("bin/python3.13", SHIM)
    machine.add("bin/python3", OLD)
    machine.add("bin/uv", "exit 1")
    found = machine.find()
    assert found.returncode == 1
    assert found.stdout == ""
    assert "python3.13: does not run" in found.stderr
    assert "python3: 3.10.12" in found.stderr
    assert "make PYTHON=" in found.stderr


def test_a_machine_without_any_python(machine: Machine) -> None:
    found = machine.find()
    assert found.returncode == 1
    assert "no python3 on PATH" in found.stderr
