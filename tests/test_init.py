"""The front door: lazy, complete, and the same in every order of imports."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib.util import find_spec
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
CALL_REPORT = "assert callable(bs.report) and bs.report.__name__ == 'bayes_scaling.report'"

has_report = pytest.mark.skipif(
    find_spec("bayes_scaling.report") is None, reason="the report room is not built yet"
)


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


@pytest.mark.parametrize("name", [name for name in bs.__all__ if name != "report"])
def test_every_name_is_there(name: str) -> None:
    value = getattr(bs, name)
    assert value is getattr(bs, name)
    assert getattr(value, "__name__", name) == name


def test_dir_lists_what_is_exported() -> None:
    assert dir(bs) == sorted(bs.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'forecst'"):
        bs.forecst  # noqa: B018


@has_report
@pytest.mark.parametrize(
    "imports",
    [
        "import bayes_scaling as bs",
        "import bayes_scaling as bs; bs.report; import bayes_scaling.report",
        "import bayes_scaling.report; import bayes_scaling as bs",
        "from bayes_scaling.report import report; import bayes_scaling as bs",
        "import bayes_scaling as bs; from bayes_scaling import report",
    ],
)
def test_report_can_be_called_in_every_order_of_imports(imports: str) -> None:
    run(f"{imports}\n{CALL_REPORT}")


@has_report
def test_the_room_and_its_function_are_called_alike() -> None:
    run(
        "import inspect, bayes_scaling as bs\n"
        "from bayes_scaling.report import report\n"
        "assert inspect.signature(bs.report) == inspect.signature(report)"
    )
