"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

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
