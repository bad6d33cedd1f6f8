"""Bayesian neural scaling laws: from a table of small training runs to a forecast with intervals.

Importing this package is instant: the names listed in ``__init__.pyi`` are loaded from their room
when first used. `plot` is the room of the figures.
"""

from importlib import import_module

import lazy_loader

__version__ = "0.1.0"

_load, _, _names = lazy_loader.attach_stub(__name__, __file__)
__all__ = ["__version__", "plot", *_names]


def __getattr__(name: str) -> object:
    return import_module("bayes_scaling.figures") if name == "plot" else _load(name)


def __dir__() -> list[str]:
    return sorted(__all__)
