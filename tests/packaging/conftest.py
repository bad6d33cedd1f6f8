"""Distributions of the checkout, built once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def distributions(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds one wheel and one sdist, built without isolation."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel"]
    subprocess.run([*command, "-d", str(folder)], cwd=checkout, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="session")
def wheel(distributions: Path) -> Path:
    """Return the wheel."""
    return next(distributions.glob("*.whl"))


@pytest.fixture(scope="session")
def sdist(distributions: Path) -> Path:
    """Return the source distribution."""
    return next(distributions.glob("*.tar.gz"))


@pytest.fixture(scope="session")
def shipped_models(checkout: Path) -> list[str]:
    """Return the ids of the models in the checkout."""
    ids = sorted(path.stem for path in (checkout / "models").glob("*.toml"))
    assert ids
    return ids
