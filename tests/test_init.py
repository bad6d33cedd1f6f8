"""The front door: lazy, complete, and the same in every order of imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import bayes_scaling as bs

HEAVY = {
    "arviz",
    "h5py",
    "jax",
    "matplotlib",
    "numpy",
    "pandas",
    "pymc",
    "pytensor",
    "scipy",
    "typer",
}
HEAVY |= {"xarray"}


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_package_imports_nothing_heavy() -> None:
    code = "import bayes_scaling, sys; print({name.split('.')[0] for name in sys.modules})"
    assert not ast.literal_eval(run(code)) & HEAVY


@pytest.mark.parametrize("name", [name for name in bs.__all__ if name != "plot"])
def test_every_name_is_there(name: str) -> None:
    value = getattr(bs, name)
    assert value is getattr(bs, name)
    assert getattr(value, "__name__", name) == name


def test_dir_lists_what_is_exported() -> None:
    assert dir(bs) == sorted(bs.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="attribute forecst"):
        bs.forecst  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize(
    "imports",
    [
        "import bayes_scaling as bs",
        "import bayes_scaling as bs; import bayes_scaling.reports, bayes_scaling.figures",
        "from bayes_scaling.reports import report; import bayes_scaling as bs",
        "import bayes_scaling as bs; from bayes_scaling import report, plot",
    ],
)
def test_functions_and_figures_are_there_in_every_order_of_imports(imports: str) -> None:
    run(f"{imports}\nassert callable(bs.report) and callable(bs.plot.plot_loss)")


def test_tab_lists_the_figures() -> None:
    assert "plot_loss" in run("import bayes_scaling as bs; print(dir(bs.plot))")
