"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bayes_scaling.facade import Fit

os.environ.setdefault("MPLBACKEND", "Agg")

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def public_data() -> Callable[[str], Path]:
    """Find a file of the public data sets, or skip the test where there is none.

    The folder is named by ``BAYES_SCALING_PUBLIC_DATA``; by default it is ``shared/data`` beside
    the checkout. Nothing in it belongs to this repository.
    """
    default = CHECKOUT.parent / "shared" / "data"
    folder = Path(os.environ.get("BAYES_SCALING_PUBLIC_DATA", default))

    def find(name: str) -> Path:
        path = folder / name
        if not path.is_file():
            pytest.skip(f"public data file {name} is not in {folder}")
        return path

    return find


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Return the top folder of the checkout."""
    return CHECKOUT


@pytest.fixture(scope="session")
def fitted() -> Fit:
    """Sample chinchilla once, on 80 runs simulated at `tests.synthetic.truth`.

    Compiling takes seconds; other fits of one group of runs then reuse the compiled model.
    """
    import bayes_scaling as bs
    from bayes_scaling.runs import RunTable
    from tests.synthetic import synthetic_runs

    model = bs.load_model("chinchilla")
    simulated = synthetic_runs(model, learning_rates=True, seed=1)  # five runs of every size
    columns = {
        name: values for name, values in simulated.columns.items() if name != "learning_rate"
    }
    runs = RunTable(columns=columns)
    return bs.fit(model, runs, draws=500, tune=400, chains=2, random_seed=5)


@pytest.fixture(scope="session")
def averaged(fitted: Fit) -> Fit:
    """Sample chinchilla and coupled once, shortly, on the runs of `fitted`."""
    import bayes_scaling as bs

    return bs.fit_ensemble(
        fitted.runs, ["chinchilla", "coupled"], draws=200, tune=300, chains=2, random_seed=11
    )
