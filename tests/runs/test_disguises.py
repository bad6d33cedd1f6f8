"""A known table in a thousand disguises: read back equal, doubted, or refused by name.

Never read as something else without a word: that is the one failure.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable, read_runs

EXAMPLES = 1000
Columns = dict[str, list[Any]]

COUNT_UNITS = {
    "{} (M)": 1e6,
    "{} [millions]": 1e6,
    "{}_M": 1e6,
    "{}, B": 1e9,
    "{} / 1e9": 1e9,
    "{}_in_billions": 1e9,
    "log10_{}": 0.0,
    "log10({})": 0.0,
    "{} (×10⁶)": 1e6,
    "{} (Mrd.)": 1e9,
    "{} [mln]": 1e6,
    "{}_log10": 0.0,
    "{}": 1.0,
}
COMPUTE_UNITS = {
    "{} (PF-days)": 8.64e19,
    "{} [1e18]": 1e18,
    "{} (EFLOP)": 1e18,
    "{}": 1.0,
    "{}_1e15": 1e15,
    "{} (GFLOPs)": 1e9,
}
HEADINGS = {
    "params": ["params", "N", "n_params", "num_params", "Parameters", "model.n_params"],
    "tokens": ["tokens", "D", "n_tokens", "Tokens", "tokens_seen", "data.tokens"],
    "flops": ["flops", "C", "compute", "FLOPs", "training_flops"],
    "loss": ["loss", "val_loss", "val/loss", "Validation Loss", "eval_loss", "metrics.val_loss"],
}
CELLS: list[Callable[[float], str]] = [
    lambda v: f"{v / 1e6!r}M",
    lambda v: f"{v / 1e9!r} B",
    lambda v: f"{v / 1e6!r} million",
]
UNITS = {
    "params": {"(M)": 1e6, "millions": 1e6, "B": 1e9, "x1e6": 1e6, "": 1.0},
    "tokens": {"(B)": 1e9, "billion": 1e9, "M": 1e6, "[10^9]": 1e9, "-": 1.0},
    "flops": {"PFLOP-days": 8.64e19, "(EFLOP)": 1e18, "1e18 FLOP": 1e18, "FLOP": 1.0},
    "loss": {"nats": 1.0, "": 1.0, "bits": float(np.log(2)), "(nats/token)": 1.0},
}
"""What may stand in a row of units."""

SILENT = {"params": 1e6, "tokens": 1e6, "flops": 1e18}
EXTRAS: dict[str, Callable[[np.random.Generator, int], list[Any]]] = {
    "note": lambda rng, n: [f"x{i}" for i in range(n)],
    "train_loss": lambda rng, n: rng.uniform(2, 4, n).round(4).tolist(),
    "seconds": lambda rng, n: rng.uniform(2, 4, n).round(2).tolist(),
    "lr": lambda rng, n: [1e-3] * n,
    "L": lambda rng, n: rng.integers(4, 48, n).tolist(),
    "warmup_steps": lambda rng, n: [100] * n,
    "seed": lambda rng, n: [1] * n,
}


def truth(rng: np.random.Generator) -> Columns:
    """Sizes and losses of a plausible sweep."""
    count = int(rng.integers(6, 15))
    params = (10 ** rng.uniform(7, 9, count)).round(-3)
    tokens = (params * 10 ** rng.uniform(0.8, 2.2, count)).round(-3)
    loss = 1.7 + 400 / params**0.34 + 1500 / tokens**0.36
    return {
        "params": params.tolist(),
        "tokens": tokens.tolist(),
        "flops": (6 * params * tokens).tolist(),
        "loss": loss.round(5).tolist(),
    }


def disguised(rng: np.random.Generator, table: Columns) -> tuple[Columns, list[str]]:
    """Rename, scale, reformat and reorder the columns of a table; say what was done."""
    kept = [
        "loss",
        *(["params", "tokens"], ["params", "flops"], ["params", "tokens", "flops"])[
            int(rng.integers(3))
        ],
    ]
    done: list[str] = []
    found: Columns = {}
    for name in kept:
        values = np.array(table[name])
        heading = str(rng.choice(HEADINGS[name]))
        way = rng.integers(5)
        if name != "loss" and way == 0:
            units = COMPUTE_UNITS if name == "flops" else COUNT_UNITS
            shape = str(rng.choice(list(units)))
            if "." in heading or (len(heading) == 1 and shape in ("{}_M", "{}_1e15")):
                heading = name
            heading = shape.format(heading)
            scaled = np.log10(values) if units[shape] == 0 else values / units[shape]
            found[heading] = scaled.tolist()
        elif name in ("params", "tokens") and way == 1:
            write = CELLS[int(rng.integers(len(CELLS)))]
            found[heading] = [write(v) for v in values.tolist()]
        elif name != "loss" and way == 2 and rng.random() < 0.3:
            found[heading] = (values / SILENT[name]).tolist()
            done.append(f"{name} in silence")
        else:
            found[heading] = values.tolist()
        done.append(heading)
    for extra in rng.choice(list(EXTRAS), int(rng.integers(4)), replace=False):
        found[str(extra)] = EXTRAS[str(extra)](rng, len(values))
    order = rng.permutation(len(found))
    names = list(found)
    return {names[i]: found[names[i]] for i in order}, done


def with_units(rng: np.random.Generator, table: Columns) -> tuple[Columns, list[str]]:
    """Put the units of a table into a row of their own; at least one changes the numbers."""
    kept = ["loss", "params", "tokens", "flops"][: int(rng.integers(3, 5))]
    chosen = {name: str(rng.choice(list(UNITS[name]))) for name in kept}
    if all(UNITS[name][unit] == 1.0 for name, unit in chosen.items()):
        chosen["params"] = "(M)"
    found: Columns = {}
    for name in [*rng.permutation(kept).tolist(), *rng.choice(list(EXTRAS), 1)]:
        if name in kept:
            heading = str(rng.choice(HEADINGS[name]))
            values = np.array(table[name]) / UNITS[name][chosen[name]]
            found[heading] = [chosen[name], *values.tolist()]
        else:
            found[str(name)] = ["", *EXTRAS[str(name)](rng, len(table["loss"]))]
    return found, list(found)


def _text(value: Any, comma: bool) -> str:
    shown = value if isinstance(value, str) else repr(value)
    return shown.replace(".", ",") if comma else shown


def written(
    rng: np.random.Generator, columns: Columns, folder: Path, *, objects: bool = True
) -> Path:
    """Write a table in one of the ways people do."""
    rows = list(zip(*columns.values(), strict=True))
    way = str(
        rng.choice(
            [
                "csv",
                "semicolons",
                "german",
                "tab",
                "markdown",
                "jsonl",
                "json",
                "nested",
                "utf-16",
                "comments",
                "crlf",
            ]
        )
    )
    if not objects and way in ("jsonl", "json", "nested"):
        way = "csv"
    if way in ("jsonl", "json", "nested"):
        records: list[Any] = [dict(zip(columns, row, strict=True)) for row in rows]
        if way == "nested":
            records = [
                {
                    "config": {k: v for k, v in r.items() if "loss" not in k.lower()},
                    "summary": {k: v for k, v in r.items() if "loss" in k.lower()},
                }
                for r in records
            ]
        path = folder / ("runs.jsonl" if way == "jsonl" else "runs.json")
        lines = "\n".join(map(json.dumps, records))
        path.write_text(lines if way == "jsonl" else json.dumps(records), encoding="utf-8")
        return path
    sign = {"semicolons": ";", "german": ";", "tab": "\t", "markdown": " | "}.get(way, ",")
    quote = (lambda t: f'"{t}"' if sign in t else t) if sign == "," else (lambda t: t)
    lines = sign.join(map(quote, columns)) + "\n"
    lines += "".join(sign.join(_text(v, way == "german") for v in row) + "\n" for row in rows)
    if way == "markdown":
        head, *body = lines.splitlines()
        rule = " | ".join("---" for _ in columns)
        lines = "\n".join(f"| {line} |" for line in (head, rule, *body)) + "\n"
    if way == "comments":
        lines = "# a sweep\n" + lines
    if way == "crlf":
        lines = lines.replace("\n", "\r\n")
    path = folder / "runs.csv"
    path.write_bytes(lines.encode("utf-16" if way == "utf-16" else "utf-8"))
    return path


def outcome(path: Path, expected: Columns) -> tuple[str, RunTable | None, str]:
    """Read a file: "equal", "doubted", "refused", or "wrong" where nothing was said."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            table = read_runs(path)
        except InputError as error:
            return "refused", None, str(error)
    equal = all(
        name in table and np.allclose(table[name], values, rtol=1e-6)
        for name, values in expected.items()
    )
    said = [note for note in table.notes if note.startswith("warning: ")]
    return ("equal" if equal else "doubted" if said else "wrong"), table, "\n".join(said)


@pytest.mark.parametrize(
    "block", [pytest.param(block, marks=[pytest.mark.slow] * (block > 1)) for block in range(10)]
)
def test_a_known_table_in_disguise(block: int, tmp_path: Path) -> None:
    counts = {"equal": 0, "doubted": 0, "refused": 0}
    for example in range(block, EXAMPLES, 10):
        rng = np.random.default_rng([19, example])
        table = truth(rng)
        below = example % 7 == 0
        columns, done = (with_units if below else disguised)(rng, table)
        path = written(rng, columns, tmp_path, objects=not below)
        result, found, said = outcome(path, table)
        silent = [what.split()[0] for what in done if what.endswith("in silence")]
        text = path.read_bytes()[:300]
        assert result != "wrong", (example, done, list(columns), found and found.notes, text)
        if result == "refused":
            assert any(name in said for name in columns), (example, said)
        if not silent:
            assert result == "equal", (example, done, said, found and found.notes, text)
        counts[result] += 1
    assert counts["equal"] >= 60
