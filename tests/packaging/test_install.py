"""Wheel, sdist, editable install and bare checkout all find the same models."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

PROBE = """
import importlib.util, json, bayes_scaling
from bayes_scaling.laws.catalogue import model_files, model_folders
print(json.dumps({
    "package": bayes_scaling.__file__,
    "folder": str(model_folders()[0]),
    "models": sorted(model_files()),
    "has_models_package": importlib.util.find_spec("models") is not None,
}))
"""


def probe(python: Path | str, *options: str, cwd: Path) -> dict[str, object]:
    """Ask an interpreter where it finds the package and its models."""
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [str(python), *options, "-c", PROBE]
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def make_venv(folder: Path) -> Path:
    """Make an environment that sees this one's dependencies, but not this project."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    python = folder / "bin" / "python"
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout
    # Only directories named in site-packages proper have their .pth files read, so an editable
    # install of this project stays out of sight.
    (Path(site.strip()) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


def install(python: Path, *what: str) -> None:
    options = ["install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", "--python", str(python), *options, *what]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["wheel", "sdist"])
def test_an_installed_package_has_its_own_models(
    kind: str, tmp_path: Path, shipped_models: list[str], request: pytest.FixtureRequest
) -> None:
    python = make_venv(tmp_path / "venv")
    install(python, str(request.getfixturevalue(kind)))
    found = probe(python, "-I", cwd=tmp_path)
    package = Path(str(found["package"])).parent
    assert package.is_relative_to(tmp_path / "venv")
    assert found["folder"] == str(package / "_models")
    assert found["models"] == shipped_models
    assert not found["has_models_package"]
    assert (tmp_path / "venv" / "bin" / "bayes-scaling").is_file()


@pytest.mark.slow
def test_an_editable_install_reads_the_checkout(
    tmp_path: Path, checkout: Path, shipped_models: list[str]
) -> None:
    python = make_venv(tmp_path / "venv")
    install(python, "--editable", str(checkout))
    found = probe(python, "-I", cwd=tmp_path)
    assert found["package"] == str(checkout / "bayes_scaling" / "__init__.py")
    assert found["folder"] == str(checkout / "models")
    assert found["models"] == shipped_models
    assert (tmp_path / "venv" / "bin" / "bayes-scaling").is_file()


def test_a_bare_checkout_reads_its_own_models(
    tmp_path: Path, checkout: Path, shipped_models: list[str]
) -> None:
    for name in ("bayes_scaling", "models"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(checkout / name, tmp_path / name, ignore=ignore)
    found = probe(sys.executable, cwd=tmp_path)
    assert found["package"] == str(tmp_path / "bayes_scaling" / "__init__.py")
    assert found["folder"] == str(tmp_path / "models")
    assert found["models"] == shipped_models
