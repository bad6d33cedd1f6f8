"""Figures of runs, posteriors and answers; each is drawn into an `Axes` and computes nothing.

The names listed in ``__init__.pyi`` are loaded from their files when first used.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
