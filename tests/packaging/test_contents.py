"""What the wheel and the sdist hold."""

from __future__ import annotations

import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import bayes_scaling

SHIPPED = {".css", ".csv", ".html", ".j2", ".js", ".json", ".md", ".py", ".toml", ".typed"}


@pytest.fixture(scope="module")
def in_wheel(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.fixture(scope="module")
def in_sdist(sdist: Path) -> set[str]:
    with tarfile.open(sdist) as archive:
        return {name.split("/", 1)[1] for name in archive.getnames()}


@pytest.fixture(scope="module")
def package_files(checkout: Path) -> set[str]:
    return {
        path.relative_to(checkout).as_posix()
        for path in (checkout / "bayes_scaling").rglob("*")
        if path.suffix in SHIPPED and "__pycache__" not in path.parts
    }


def test_wheel_holds_every_file_of_the_package(in_wheel: set[str], package_files: set[str]) -> None:
    assert package_files - in_wheel == set(), "a pattern of .gitignore may leave these out"


def test_wheel_holds_the_models_inside_the_package(
    in_wheel: set[str], shipped_models: list[str]
) -> None:
    expected = {f"bayes_scaling/_models/{name}.toml" for name in shipped_models}
    assert {name for name in in_wheel if "_models/" in name} == expected


def test_wheel_puts_one_package_and_its_metadata_into_site_packages(in_wheel: set[str]) -> None:
    version = bayes_scaling.__version__
    tops = {name.split("/")[0] for name in in_wheel}
    assert tops == {"bayes_scaling", f"bayes_scaling-{version}.dist-info"}


def test_wheel_has_the_command_and_the_licence(wheel: Path, in_wheel: set[str]) -> None:
    info = next(name.split("/")[0] for name in in_wheel if name.endswith("/METADATA"))
    archive = zipfile.ZipFile(wheel)
    points = archive.read(f"{info}/entry_points.txt").decode()
    assert "bayes-scaling = bayes_scaling.cli:main" in points
    assert f"{info}/licenses/LICENSE" in in_wheel
    metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Version"] == bayes_scaling.__version__


def test_sdist_holds_what_the_checkout_needs_to_test_itself(
    in_sdist: set[str], package_files: set[str], shipped_models: list[str]
) -> None:
    wanted = {
        ".ci/find-python",
        ".ci/run",
        ".ci/setup",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "pyproject.toml",
        "requirements-dev.lock",
        "requirements-train.lock",
        "requirements.lock",
        "tests/conftest.py",
    }
    wanted |= package_files | {f"models/{name}.toml" for name in shipped_models}
    assert wanted - in_sdist == set()


@pytest.mark.parametrize("kind", ["in_wheel", "in_sdist"])
def test_nothing_of_a_working_copy_is_shipped(kind: str, request: pytest.FixtureRequest) -> None:
    names: set[str] = request.getfixturevalue(kind)
    assert not {name for name in names if "__pycache__" in name or name.endswith((".pyc", ".nc"))}
    assert not {name for name in names if name.startswith((".venv", ".git/", "build/", "dist/"))}
