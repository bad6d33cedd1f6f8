"""Settings that the notebooks share: four digits, and fewer draws where they are asked for."""

from __future__ import annotations

import os
import warnings
from typing import Any

import pandas as pd

import bayes_scaling as bs

FULL = 1000
DRAWS = int(os.environ.get("BAYES_SCALING_DRAWS", FULL))
"""Draws of each chain; a check that all cells run needs few."""

QUICK: dict[str, Any] = {"draws": DRAWS, "tune": 800, "chains": 4, "random_seed": 1}
"""Settings of every fit here."""

pd.set_option("display.float_format", "{:.4g}".format)
warnings.simplefilter("ignore", bs.BayesScalingWarning)

if DRAWS < FULL:
    # So few draws may leave a fit unconverged, and its numbers are not to be used; the cells are to
    # run all the same.
    bs.Fit.require_converged = lambda *_, **__: None
