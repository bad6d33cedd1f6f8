"""The data sets that can be loaded by name, and the big runs whose sizes are published."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bayes_scaling.datasets.public import CHINCHILLA, fetch
from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable, read_runs, training_flops

HERE = Path(__file__).parent
CHINCHILLA_OUTLIERS = 5
"""Points the refit of Besiroglu et al. (2024) leaves out: those with the fewest tokens."""


SHIPPED: Mapping[str, tuple[str, str]] = {
    "nano-lm": ("Byte-level transformers of 7e3 to 2e6 parameters on Python source", "nano_lm"),
    "nano-lm-curves": (
        "Validation loss during the runs of nano-lm, at log-spaced steps",
        "nano_lm",
    ),
    "metz-mlp": (
        "Next-byte perceptrons of 12 widths at 12 learning rates: the width trap",
        "metz_mlp",
    ),
    "nano-transfer": (
        "nano-lm's transformers on Python source, from scratch or after another text",
        "nano_transfer",
    ),
    "nano-shape": (
        "Transformers of six depths at equal params and each of three budgets",
        "nano_lm.shape_sweep",
    ),
    "nano-decay": ("Weight decay and learning rate swept at five widths", "nano_lm.shape_sweep"),
    "nano-arms": (
        "Four variants of nano-lm's recipe: untied, no decay, high decay, another seed",
        "nano_lm.variant_sweep",
    ),
    "nano-recurrent": (
        "A gated linear recurrence in the place of attention, and nano-lm beside it",
        "nano_lm.variant_sweep",
    ),
    "nano-context": (
        "Losses by position of transformers trained on contexts of 8, 64 and 512 bytes",
        "nano_lm.variant_sweep",
    ),
    "nano-scores": (
        "Scores of transformers of many sizes and shapes on three tasks",
        "nano_lm.score_sweep",
    ),
}
"""Title and trainer of the data sets that come with the package, each in a file of its name."""


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """What a data set is and where it comes from.

    Parameters
    ----------
    name : str
        Name for `load_dataset`.
    title : str
        One line about it.
    rows : int
        Rows of its table.
    origin : str
        Who made it, and where it is published.
    licence : str
        Terms of use.
    shipped : bool
        Whether it comes with the package; otherwise it is fetched on first use.
    """

    name: str
    title: str
    rows: int
    origin: str
    licence: str
    shipped: bool


def list_datasets() -> tuple[DatasetInfo, ...]:
    """Return the data sets that `load_dataset` knows."""
    shipped = [
        DatasetInfo(
            name=name,
            title=title,
            rows=_shipped_rows(name),
            origin=f"trained by bayes_scaling.datasets.{trainer}; see "
            "bayes_scaling/datasets/README.md",
            licence="MIT, as this package",
            shipped=True,
        )
        for name, (title, trainer) in SHIPPED.items()
    ]
    fetched = DatasetInfo(
        name="chinchilla",
        title="Runs of Hoffmann et al. (2022), read off figure 4; 5 outliers marked",
        rows=245,
        origin=f"Besiroglu et al. (2024), arXiv:2404.10102, {CHINCHILLA.url}",
        licence="none stated by the publisher",
        shipped=False,
    )
    return (*shipped, fetched)


def load_dataset(name: str, *, cache_dir: str | Path | None = None) -> RunTable:
    """Load a data set by name.

    Parameters
    ----------
    name : str
        One of the names in `list_datasets`.
    cache_dir : path, optional
        Where fetched files are kept; see `bayes_scaling.files.cache_folder`.

    Returns
    -------
    RunTable

    Raises
    ------
    InputError
        The name is unknown, or a public file cannot be fetched or is not the expected one.
    """
    known = (*SHIPPED, "chinchilla")
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"did you mean {close[0]!r}? " if close else ""
        raise InputError(f"no data set is called {name!r}; {hint}known are {', '.join(known)}")
    if name in SHIPPED:
        return read_runs(_shipped_file(name))
    return read_chinchilla(fetch(CHINCHILLA, cache_dir=cache_dir))


def read_chinchilla(path: Path) -> RunTable:
    """Table of the points Epoch AI read off figure 4 of Hoffmann et al. (2022).

    Parameters
    ----------
    path : Path
        The published CSV, with columns `Model Size`, `Training FLOP` and `loss`.

    Returns
    -------
    RunTable
        `tokens` is flops / (6 params); `epoch_outlier` is 1 for the five points with the fewest
        tokens, which the refit leaves out.

    References
    ----------
    arXiv:2203.15556; arXiv:2404.10102.
    """
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    params = np.array([float(row["Model Size"]) for row in rows])
    flops = np.array([float(row["Training FLOP"]) for row in rows])
    tokens = flops / (6 * params)
    outlier = np.zeros(len(rows))
    outlier[np.argsort(tokens, kind="stable")[:CHINCHILLA_OUTLIERS]] = 1
    return RunTable.from_columns(
        {
            "run": np.array([f"p{i:03d}" for i in range(len(rows))]),
            "family": np.full(len(rows), "chinchilla"),
            "params": params,
            "tokens": tokens,
            "flops": flops,
            "loss": np.array([float(row["loss"]) for row in rows]),
            "metric": np.full(len(rows), "smoothed training nats per token"),
            "epoch_outlier": outlier,
        },
        source="chinchilla",
    )


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
    with (HERE / "published_runs.csv").open(newline="", encoding="utf-8") as file:
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


def published_shapes() -> RunTable:
    """Return the shapes of published language models, to start from.

    Returns
    -------
    RunTable
        ``run``, ``architecture``, ``params`` as printed, ``depth`` (of each stack, where there are
        an encoder and a decoder), ``width``, ``heads``, ``head_size``, ``d_ff``, ``gated`` (a third
        matrix), ``vocabulary``, ``tied`` and ``source``. GPT-3 1.3B has 24 heads of 128 in its
        table, which exceed its width.

    Examples
    --------
    >>> shapes = published_shapes()
    >>> [f"{w / l:.0f}" for w, l in zip(shapes["width"][-3:], shapes["depth"][-3:])]
    ['102', '102', '205']
    """
    with (HERE / "published_shapes.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    texts = ("run", "architecture", "source")
    return RunTable(
        columns={
            name: np.array([row[name] if name in texts else float(row[name]) for row in rows])
            for name in rows[0]
        }
    )


def _shipped_file(name: str) -> Path:
    return HERE / f"{name.replace('-', '_')}.csv"


def _shipped_rows(name: str) -> int:
    with _shipped_file(name).open() as file:
        return sum(1 for line in file) - 1
