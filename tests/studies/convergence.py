"""Every law on development data of its own kind: R-hat, effective draws, divergences, seconds.

    python -m tests.studies.convergence [--only ID ...] [--draws 1000] [--seed 1]

The public files are found as in the tests, by ``BAYES_SCALING_PUBLIC_DATA`` (default
``../shared/data``); a law whose file is not there is skipped. A new law is one line of `DATA`.
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.facade import Fit
from bayes_scaling.laws import Model, list_models
from bayes_scaling.runs import RunTable, best_of_cells
from bayes_scaling.runs.rows import chosen_rows
from tests.laws.examples import example

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Data:
    """Where the runs of a law come from.

    Attributes
    ----------
    source : str
        A public file, a shipped data set, or ``"simulated"``: its own data, where nobody has
        published any.
    where : str
        A condition on its rows.
    best : bool
        Whether only the best run of each (params, tokens) cell is taken.
    select : str
        A protocol, for a law that has none of its own.
    columns : mapping of str to str
        From names of the file to those the law reads.
    pooled_by : str
        The column that names the groups, where it is not that of the law.
    """

    source: str
    where: str = ""
    best: bool = False
    select: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    pooled_by: str = ""


CHINCHILLA = Data(source="chinchilla_epoch.csv", where="epoch_outlier == 0")
NANO = Data(source="nano-lm")
CURVE = Data(source="revisiting_lang.csv", where="family == 'LM|val_loss|1.07e+09'")
BROKEN = Data(source="revisiting_lang.csv", where="family == \"BB|('date', '2-shot')|262M\"")
REPEATED = Data(
    source="datablations.csv",
    where="dedup == 0 and loss < 4.5 and tokens >= 1.4e9 and epochs <= 64",
)
ALONG_COMPUTE = Data(source="nano-lm-curves", select="envelope")
ALONG_PARAMS = Data(source="nano-lm", select="converged")

SWEPT = Data(source="steplaw_dense.csv")
"""Learning rate and batch size on a grid, at 17 sizes."""

SHAPED = Data(source="nano-shape", best=True)

DATA: Mapping[str, Data] = {
    "aspect": SHAPED,
    **dict.fromkeys(
        (
            "downstream-exp",
            "downstream-sigmoid",
            "emergence",
            "loss-shift",
            "loss-to-loss",
            "score-c",
            "score-shape",
            "transfer",
        ),
        Data(source="simulated"),
    ),
    "finetune": Data(source="nano-transfer"),
    "gradient-noise": Data(source="simulated"),
    "heads-ffn": SHAPED,
    "log-width": Data(source="metz-mlp", where="learning_rate < 0.004 and learning_rate > 0.003"),
    "moe-granularity": Data(source="simulated"),
    "moe-joint": Data(source="simulated"),
    "timescale-valley": Data(source="nano-decay"),
    "valley": Data(source="simulated"),
    "width-depth": SHAPED,
    "bjorck": SWEPT,
    "broken-1": BROKEN,
    "broken-1-c": ALONG_COMPUTE,
    "broken-1-n": ALONG_PARAMS,
    "broken-2": BROKEN,
    "broken-2-c": ALONG_COMPUTE,
    "broken-2-n": ALONG_PARAMS,
    "broken-3": BROKEN,
    "broken-3-c": ALONG_COMPUTE,
    "broken-3-n": ALONG_PARAMS,
    "chinchilla": CHINCHILLA,
    "chinchilla-lr": NANO,
    "context": Data(source="nano-context"),
    "coupled": CHINCHILLA,
    "data-constrained": REPEATED,
    "data-constrained-coupled": REPEATED,
    "deepseek": SWEPT,
    "distribution-shift": Data(
        source="misfitting_lr_sweep.csv", best=True, columns={"loss_wiki": "loss_shifted"}
    ),
    "envelope": Data(source="nano-lm-curves"),
    "farseer": CHINCHILLA,
    "isoflop": NANO,
    "isoflop-cubic": NANO,
    "kaplan-c": Data(source="nano-lm-curves"),
    "kaplan-cmin": Data(source="steplaw_dense.csv"),
    "kaplan-d": NANO,
    "kaplan-lr": NANO,
    "kaplan-n": NANO,
    "kaplan-nd": Data(source="nano-lm", best=True),
    "kaplan-ns": Data(source="misfitting_checkpoints.csv", where="portion == 1"),
    "kaplan-ns-batch": SWEPT,
    "kaplan-optimum": NANO,
    "lr-batch-valley": SWEPT,
    "lr-batch-valley-steep": SWEPT,
    "lr-valley": NANO,
    "lr-valley-steep": NANO,
    "moe": Data(source="steplaw_moe.csv", best=True, pooled_by="tokens"),
    "overtrain": CHINCHILLA,
    "porian": SWEPT,
    "saturating-m1": CURVE,
    "saturating-m1-c": ALONG_COMPUTE,
    "saturating-m1-n": ALONG_PARAMS,
    "saturating-m2": CURVE,
    "saturating-m2-c": ALONG_COMPUTE,
    "saturating-m2-n": ALONG_PARAMS,
    "saturating-m3": CURVE,
    "saturating-m3-c": ALONG_COMPUTE,
    "saturating-m3-n": ALONG_PARAMS,
    "saturating-m4": CURVE,
    "saturating-m4-c": ALONG_COMPUTE,
    "saturating-m4-n": ALONG_PARAMS,
    "schedule": Data(
        source="multipowerlaw_curves.csv",
        pooled_by="metric",
        where="schedule == 'cosine_24000' or schedule == 'wsdcon_9'",
    ),
    "step-law": SWEPT,
}
"""By id; a law that is not here is fitted to the data of the law it is built on."""


def data_of(model: Model, known: Mapping[str, Model]) -> Data:
    """Return where the runs of a law come from.

    Raises
    ------
    KeyError
        Neither the law nor any it is built on has data.
    """
    found: Model | None = model
    while found is not None:
        if found.id in DATA:
            return DATA[found.id]
        found = known.get(found.base or "")
    raise KeyError(f"name the data of {model.id} in tests/studies/convergence.py")


def fitted_kind(model: Model) -> bool:
    """Whether a definition is fitted to runs: laws, and rules that are not all constants."""
    return model.kind == "law" or bool(model.kind == "rule" and model.select)


def read_data(model: Model, data: Data) -> RunTable | None:
    """Return the runs of a law; None where their file is absent."""
    if data.source == "simulated":
        return example(model, seed=1).runs
    if not data.source.endswith(".csv"):
        runs = bs.load_dataset(data.source)
    else:
        folder = os.environ.get("BAYES_SCALING_PUBLIC_DATA", CHECKOUT.parent / "shared" / "data")
        path = Path(folder) / data.source
        if not path.is_file():
            return None
        runs = bs.read_runs(path, columns=data.columns)
    runs = bs.select_rows(runs, data.where) if data.where else runs
    if "rate_area" in model.inputs:
        runs = bs.with_schedule_areas(runs, warmup=int(runs["steps"].min()))
    runs = best_of_cells(runs) if data.best else runs
    return chosen_rows(runs, data.select, group=model.group) if data.select else runs


def fit_of(model: Model, data: Data, *, draws: int, seed: int) -> Fit | None:
    """Fit a law to its data; None where they are absent."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScalingWarning)
        runs = read_data(model, data)
        if runs is None:
            return None
        law = model.pooled_by(data.pooled_by) if data.pooled_by else model
        return bs.fit(law, runs, draws=draws, random_seed=seed)


def line(model: Model, data: Data, fit: Fit) -> str:
    """Write a fit as a row of the table."""
    mixed = fit.mixing.values()
    seconds = [float(fit.provenance[f"{kind}_seconds"]) for kind in ("compile", "sample")]
    failed = [check.name for check in fit.checks if check.verdict == "fail"]
    return (
        f"{model.id:24s} {data.source:26s} {len(fit.runs):5d} "
        f"{max(item.r_hat for item in mixed):6.3f} {min(item.ess for item in mixed):6.0f} "
        f"{int(fit.stats['diverging'].sum()):5d} {seconds[0]:7.1f} {seconds[1]:7.1f}  "
        f"{', '.join(failed) or 'ok'}"
    )


def main() -> None:
    """Print one line for each law."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", help="ids of laws")
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    known = {item.id: item for item in list_models()}
    print(
        f"{'law':24s} {'data':26s} {'rows':>5s} {'R-hat':>6s} {'ESS':>6s} {'div':>5s} "
        f"{'compile':>7s} {'sample':>7s}  failed checks"
    )
    for model in known.values():
        if not fitted_kind(model) or (given.only and model.id not in given.only):
            continue
        data = data_of(model, known)
        found = fit_of(model, data, draws=given.draws, seed=given.seed)
        said = f"{model.id:24s} {data.source:26s} is not there" if found is None else ""
        print(said if found is None else line(model, data, found), flush=True)


if __name__ == "__main__":
    main()
