"""Commands that train the models of the shipped sweep; they need the extra ``train``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from bayes_scaling.commands.options import Json, number
from bayes_scaling.commands.streams import print_json, say
from bayes_scaling.errors import InputError


def train_sweep(
    output: Annotated[Path, typer.Option("--out", "-o", help="CSV of finished runs; continued.")],
    sweep: Annotated[
        Literal[
            "nano-lm",
            "metz-mlp",
            "nano-transfer",
            "nano-shape",
            "nano-decay",
            "nano-arms",
            "nano-recurrent",
            "nano-context",
            "nano-scores",
        ],
        typer.Option(help="Which shipped sweep."),
    ] = "nano-lm",
    max_flops: Annotated[
        float | None, typer.Option(help="Leave out larger budgets of nano-lm.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Stop after this many new runs.")] = None,
    cache_dir: Annotated[Path | None, typer.Option(help="Folder of the training text.")] = None,
    as_json: Json = False,
) -> None:
    """Train a sweep that ships with the package; it goes on where it was stopped.

    Example: bayes-scaling train-sweep --out runs.csv --limit 10
    """
    from bayes_scaling.datasets import metz_mlp as metz
    from bayes_scaling.datasets.nano_lm import (
        score_sweep,
        shape_sweep,
        sweep as nano,
        variant_sweep,
    )
    from bayes_scaling.datasets.nano_transfer import train_arms

    settings: dict[str, Any] = {
        "out": output, "cache_dir": cache_dir, "limit": limit, "progress": say
    }  # fmt: skip
    if sweep == "nano-lm":
        count = nano.train_sweep(max_flops=max_flops, **settings)
    elif max_flops is not None:
        raise InputError(f"--max-flops is about the budgets of nano-lm; {sweep} takes --limit")
    else:
        train = {
            "metz-mlp": metz.train_sweep,
            "nano-transfer": train_arms,
            "nano-shape": shape_sweep.train_shapes,
            "nano-decay": shape_sweep.train_decay,
            "nano-arms": variant_sweep.train_arms,
            "nano-recurrent": variant_sweep.train_recurrent,
            "nano-context": variant_sweep.train_context,
            "nano-scores": score_sweep.train_scores,
        }[sweep]
        count = train(**settings)
    if as_json:
        print_json({"trained": count, "table": str(output)})
    else:
        print(f"trained {count} runs into {output}")


def train_run(
    width: Annotated[int, typer.Option(help="Width of the model.")],
    depth: Annotated[int, typer.Option(help="Layers.")],
    tokens: Annotated[float, number(help="Training tokens (bytes).")],
    learning_rate: Annotated[float, typer.Option(help="Peak learning rate.")],
    run_seed: Annotated[int, typer.Option("--seed", help="Seed of weights and text order.")] = 0,
    cache_dir: Annotated[Path | None, typer.Option(help="Folder of the training text.")] = None,
    as_json: Json = False,
) -> None:
    """Train one model of the nano-lm kind, of any size.

    Example: bayes-scaling train-run --width 64 --depth 3 --tokens 1e7 --learning-rate 1e-3
    """
    from bayes_scaling.datasets.nano_lm.train import train_run as train

    trained = train(
        width=width,
        depth=depth,
        tokens=tokens,
        learning_rate=learning_rate,
        seed=run_seed,
        cache_dir=cache_dir,
        progress=say if sys.stderr.isatty() else None,
    )
    if as_json:
        print_json({"run": trained.row, "curve": list(trained.curve)})
    else:
        for name, value in trained.row.items():
            print(f"{name:20s} {value}")
