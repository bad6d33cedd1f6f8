"""Published big runs: their sizes, for questions such as whether they were undertrained."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from bayes_scaling.runs import RunTable, training_flops

FILE = Path(__file__).parent / "published_runs.csv"


def published_runs() -> RunTable:
    """Return the big language models whose parameters and training tokens are published.

    Returns
    -------
    RunTable
        ``run``, ``params``, ``tokens``, ``flops`` (6 N D) and ``source``. No losses: they are not
        comparable, and a fit cannot use these rows; `Fit.judge_split` and `Fit.forecast` can.

    Examples
    --------
    >>> [str(name) for name in published_runs()["run"]]
    ['Chinchilla', 'Gopher', 'GPT-3', 'Jurassic-1', 'MT-NLG']
    """
    with FILE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    params, tokens = (np.array([float(row[name]) for row in rows]) for name in ("params", "tokens"))
    return RunTable(
        columns={
            "run": np.array([row["run"] for row in rows]),
            "params": params,
            "tokens": tokens,
            "flops": training_flops(params, tokens),
            "source": np.array([row["source"] for row in rows]),
        },
        notes=("flops from 6 x params x tokens",),
    )
