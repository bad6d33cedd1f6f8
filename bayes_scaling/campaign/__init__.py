"""Campaigns: small runs chosen and made batch by batch, until a forecast is narrow enough.

The names listed in ``__init__.pyi`` are loaded when first used: the worker, which every run starts
with, needs none of them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
