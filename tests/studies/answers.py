"""Every question about transfer, shapes, scores, jumps, texts, families and settings: its answer.

    python -m tests.studies.answers FOLDER [--draws 400] [--only WORD]

Fits are saved in FOLDER and used again. Each question is a command that is run as a user types it;
what it prints is written beneath it. Real runs are those that ship with the package, and public
ones (Gadre et al. 2024, Clark et al. 2022) where they are at hand; the jump is simulated.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np

from bayes_scaling.runs import RunTable
from tests.studies import emergence, nano_scores, scores, shift

FOLDER = Path(os.environ.get("BAYES_SCALING_PUBLIC_DATA", "../shared/data"))

FITS = {
    "nano.nc": "nano-lm --best",
    "transfer.nc": "nano-transfer -m coupled+finetune",
    "shapes.nc": "nano-shape --best -m coupled+aspect",
    "decay.nc": "nano-decay -m coupled+lr-valley+valley:weight_decay",
    "rate.nc": "nano-lm -m coupled+lr-valley",
    "loss.nc": "scores.csv -m chinchilla",
    "score.nc": "scores.csv -m downstream-sigmoid",
    "shape-loss.nc": "nano-scores --where \"purpose == 'shape'\" -m coupled+aspect",
    "shape-score.nc": "nano-scores --where \"purpose == 'shape'\" --pool-by metric "
    "-m downstream-sigmoid+score-shape",
    "sharp.nc": "metrics.csv --where \"metric == 'eight-bytes'\" -m score-c -m emergence",
    "smooth.nc": "metrics.csv --where \"metric == 'next-byte'\" -m score-c -m emergence",
    "jump.nc": "jump.csv -m emergence",
    "shift.nc": "shift.csv -m loss-shift --pool-by metric",
    "routed.nc": "routed.csv -m moe-joint --where \"split == 'final' and router == 'S-Base'\" "
    "--columns family=kind,router=family,params_active=params,params=params_total",
    "context.nc": 'nano-context --where "context_length != 64" -m context',
}
"""What is fitted, by the file it is saved in."""

DECAY = (
    "--small params=20480 --small tokens=2.4e5 --small learning_rate=.0156 --small batch_size=512 "
    "--target params=80640 --target tokens=3.1e5 --target learning_rate=.0069 "
    "--target batch_size=512"
)

QUESTIONS = (
    ("what pre-training is worth in data, compute and loss, and whether it hurts",
     "transfer transfer.nc --params 82944 --finetune-tokens 5e5"),
    ("the same of the published law",
     "transfer hernandez-2021-text --params 100M --finetune-tokens 1M"),
    ("which shape at a budget, and whether depth beats width",
     "shapes shapes.nc --flops 1e13 --head-size 16 --vocabulary 256 --tied"),
    ("the same by a score, which may rank shapes otherwise than the loss",
     "shapes shape-loss.nc+shape-score.nc --flops 1e12 --params 160k --family matched-line "
     "--head-size 16 --vocabulary 256 --tied"),
    ("an error rate from sizes", "forecast loss.nc+score.nc --params 6.9B --tokens 138B"),
    ("the chance of a score", "risk loss.nc+score.nc --flops 1e22 --target-score .75"),
    ("what it takes to reach a score", "reach loss.nc+score.nc --score .75"),
    ("whether a score jumps below a budget, and what a technique adds",
     "emergence jump.nc --flops 1e24"),
    ("what a smoother metric says of the same runs",
     "emergence sharp.nc --flops 1e14 --beside smooth.nc"),
    ("loss on other texts: slopes, and whether one is 1", "shift shift.nc --band .05"),
    ("token 4 of 8 against 4 of a longer context",
     "positions context.nc --params 1e5 --position 4 --context 8 --against-position 4 "
     "--against-context 512"),
    ("the last of a longer context against 8 of 8",
     "positions context.nc --params 1e5 --position 512 --context 512 --against-position 8 "
     "--against-context 8"),
    ("which of two families needs less compute, and how much",
     "duel nano-recurrent --best --a transformer --b recurrent --flops 1e13"),
    ("how to split a budget between active params, experts and tokens",
     "experts routed.nc --flops 1e21 --device-memory 80GB"),
    ("the critical batch of the published law",
     "query kaplan-2020-ns critical-batch --set loss_reached=2.5"),
    ("the best rate at a size, and what a wrong one costs",
     "tune rate.nc --params 1e6 --tokens 2e7"),
    ("whether a rule carries weight decay to four times the size, and its cost",
     f"setting-rules decay.nc weight_decay {DECAY}"),
    ("the loss over rate and size", "valley-map rate.nc --x learning_rate --y params"),
    ("data too few for a budget: repeat, stop early, go smaller, fine-tune",
     "advise nano.nc --flops 1e14 --data-tokens 5e6 --pretrained hernandez-2021-text"),
    ("speed, energy and price of serving",
     "serve --params 47B --params-active 13B --device-memory 80GB --devices 2 "
     "--bandwidth 3.35e12 --price 2"),
)  # fmt: skip


def write_tables(folder: Path) -> None:
    """Write the tables of runs that are fitted and do not ship."""
    rng = np.random.default_rng(5)
    _write(emergence.task(rng)[1], folder / "jump.csv")
    _write(nano_scores.frontier(), folder / "metrics.csv")
    if (FOLDER / "gadre2024_downstream.csv").exists():
        table = scores.read()
        kept = (table["params"] < scores.SMALL) & (table["family"] == "c4_original")
        kept &= table["metric"] == "arc_easy"
        _write(table.take(np.flatnonzero(kept)), folder / "scores.csv")
        _write(shift.table(shift.read()), folder / "shift.csv")
        (folder / "routed.csv").write_bytes((FOLDER / "abroad" / "routing.csv").read_bytes())


def _write(table: RunTable, path: Path) -> None:
    if not path.exists():
        table.frame.to_csv(path, index=False)


def run(folder: Path, command: str) -> str:
    """Return what a command prints, run in the folder."""
    done = subprocess.run(
        [sys.executable, "-m", "bayes_scaling.cli", *shlex.split(command)],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout + "".join(f"{line}\n" for line in done.stderr.splitlines()[-12:])


def main() -> None:
    """Fit what is not there yet, then print each question, its command and its answer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--only", default="")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    write_tables(asked.folder)
    for question, command in QUESTIONS:
        if asked.only not in command:
            continue
        for name, fitted in FITS.items():
            if name in command and not (asked.folder / name).exists():
                told = run(asked.folder, f"fit {fitted} -o {name} --draws {asked.draws}")
                if not (asked.folder / name).exists():
                    print(told)
        print(f"### {question}\n\n$ bayes-scaling {command}\n{run(asked.folder, command)}")


if __name__ == "__main__":
    main()
