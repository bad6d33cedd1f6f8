"""Files and options that someone spoiled: what they should be, changed at random by a seed."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bayes_scaling.cli import Commands
from bayes_scaling.laws.catalogue import list_models
from bayes_scaling.questions.run_plan import TEMPLATE
from tests.campaign.examples import write_campaign
from tests.synthetic import synthetic_fit

Rng = np.random.Generator
Given = dict[str, list[str]]
"""Arguments of commands by a name for each."""

EXECUTED = "executed"
"""Name of the file that spoiled code would make in the folder it runs in."""

CODE = f"__import__('pathlib').Path('{EXECUTED}').touch()"

CELLS = (
    "", "nan", "inf", "-inf", "1e400", "-1e400", "-1", "0", "-0", "1e-320", "9" * 400, "0x10",
    "1_000", "1,5", "1.000,5", "7B", "1e9 tokens", "100 PF-days", "½", "١٢", "True", "None",
    "2026-01-01", "[1, 2]", "{}", "=cmd|' /C calc'!A0", "@SUM(1)", "x" * 100_000, "a\0b",
    "<script>alert(1)</script>", "\x1b[2J", "\u202e12", '"', "'", ";", "\n", "\r", "\t", "\ud800",
    CODE,
)  # fmt: skip
"""What a cell may hold that is no plain number."""

HEADINGS = (
    "", "loss", "params", "tokens", "params [B]", "tokens (1e9)", "loss [bits]", "__class__",
    "params\n", "N" * 10_000, "\x1b[31mloss", "<b>loss</b>", "loss ", "LOSS", "flops", "run",
    "Unnamed: 0", "1", "nan", "params_active", "learning_rate", "a,b", "=1+1", "\u202eloss",
)  # fmt: skip

NUMBERS = (
    "nan", "inf", "-inf", "-1", "0", "-0", "1e400", "-1e300", "1e308", "1e-320", "9" * 400,
    "9" * 5000, "7B", "x", "", " ", "0x10", "1_0", "½", "1,5", "1e21 FLOP", "100 PF-days", "5%",
    "[1]", "None", "\x1b[2J", "-1e-400", "1e9999999999", CODE,
)  # fmt: skip
"""Values for an option that takes a number."""

VALUES = (
    "nan", "inf", "-inf", "-1", "0", "1e400", "1e-320", "9" * 400, '""', '"x"', "[]", "{}", "true",
    "[1, 2]", '["x", 1]', "1979-05-27", '"\\u001b[2J"', '"<b>x</b>"', f'"{CODE}"', "[[[[[]]]]]",
    '"../../../etc/passwd"', '"\\u0000"', "1e308", "{ a = { b = 1 } }", '"nan"', "12:00:00",
)  # fmt: skip
"""Values of TOML."""

FORMULAS = (
    "E", "c", "1 / 0", "log(-1)", "0**-1", "x", "params", "tokens**tokens", "exp(exp(exp(tokens)))",
    CODE, "params.__class__", "lambda: 1", "(" * 200 + "c" + ")" * 200, "-" * 100 + "c",
    "c if c else c", "c[0]", "c; c", "c == c", "f'{c}'", "sigmoid", "sigmoid()", "sigmoid(c, c)",
    "1e400 * c", "nan", "c ** c ** c ** c", "é", "c\n+ c", "max(c, c)", "(c, c)", "c +", "",
)  # fmt: skip

NAMES = (
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](http://e.x)",
    "![x](http://e.x/y.png)", "[x]: http://e.x", "[x][y]", "a|b|c", "`x`", "\x1b[2J\x1b[31mred",
    "\u202egnp.exe", "a\n\n# injected", "# heading", "</style></title>", "&lt;b&gt;",
    "*b* _i_ ~~s~~", "{{ 7 * 7 }}", "${7*7}", "'\"", "x" * 300, "=1+1", "../../x", "$x$",
    "\\[x](y)", "<!-- x -->", "<https://e.x>", "\ufeffx", "a\x00b", "\x9b2J", "javascript:alert(1)",
    "<a href='//e.x'>x</a>",
)  # fmt: skip
"""Names of runs and groups."""


def pick(rng: Rng, values: Sequence[Any]) -> Any:
    """Return one of some values."""
    return values[int(rng.integers(len(values)))]


# ---- bytes ---------------------------------------------------------------------------------------


def flipped(content: bytes, rng: Rng) -> bytes:
    """Flip up to 20 bits."""
    changed = bytearray(content)
    for _ in range(int(rng.integers(1, 20))):
        changed[int(rng.integers(len(changed)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def cut(content: bytes, rng: Rng) -> bytes:
    """Leave out the end."""
    return content[: int(rng.integers(len(content)))]


def holed(content: bytes, rng: Rng) -> bytes:
    """Put NULs in place of a stretch."""
    start, size = int(rng.integers(len(content))), int(rng.integers(1, 200))
    return content[:start] + b"\0" * size + content[start + size :]


def doubled(content: bytes, rng: Rng) -> bytes:
    """Repeat a stretch, at the end of the file or where it is."""
    start, end = sorted(int(place) for place in rng.integers(len(content), size=2))
    at = pick(rng, (start, len(content)))
    return content[:at] + content[start:end] + content[at:]


BYTES: tuple[Callable[[bytes, Rng], bytes], ...] = (flipped, cut, holed, doubled)


# ---- tables --------------------------------------------------------------------------------------

Cells = list[list[str]]


def _cell(cells: Cells, rng: Rng) -> None:
    for _ in range(int(rng.integers(1, 4))):
        row = pick(rng, cells[1:] or cells)
        row[int(rng.integers(len(row)))] = pick(rng, CELLS)


def _column(cells: Cells, rng: Rng) -> None:
    place, value = int(rng.integers(len(cells[0]))), pick(rng, CELLS)
    for row in cells[1:]:
        row[place : place + 1] = [value]


def _unit(cells: Cells, rng: Rng) -> None:
    place, factor = int(rng.integers(len(cells[0]))), pick(rng, (1e-9, 1e-6, 1e3, 1e12, -1.0))
    for row in cells[1:]:
        scaled = [repr(float(cell) * factor) for cell in row[place : place + 1] if _is_number(cell)]
        row[place : place + 1] = scaled


def _heading(cells: Cells, rng: Rng) -> None:
    cells[0][int(rng.integers(len(cells[0])))] = pick(rng, HEADINGS)


def _dropped(cells: Cells, rng: Rng) -> None:
    place = int(rng.integers(len(cells[0])))
    for row in cells:
        del row[place : place + 1]


def _swapped(cells: Cells, rng: Rng) -> None:
    one, other = (int(place) for place in rng.integers(len(cells[0]), size=2))
    cells[0][one], cells[0][other] = cells[0][other], cells[0][one]


def _again(cells: Cells, rng: Rng) -> None:
    cells += [list(pick(rng, cells)) for _ in range(int(pick(rng, (1, 3, 500))))]


def _ragged(cells: Cells, rng: Rng) -> None:
    row = pick(rng, cells)
    if rng.integers(2) and len(row) > 1:
        row.pop()
    else:
        row += [pick(rng, CELLS)] * int(pick(rng, (1, 200)))


def _few(cells: Cells, rng: Rng) -> None:
    del cells[int(rng.integers(4)) :]


TABLE = (_cell, _cell, _cell, _column, _unit, _heading, _heading, _dropped, _swapped, _again,
         _ragged, _few)  # fmt: skip
CODECS = ("utf-8", "utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "latin-1",
          "utf-32", "cp037", "utf-7")  # fmt: skip


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _separated(cells: Cells, rng: Rng, sign: str) -> bytes:
    end = str(pick(rng, ("\n", "\n", "\n", "\r\n", "\r", "\n\n")))
    text = end.join(sign.join(row) for row in cells) + end
    codec, errors = str(pick(rng, CODECS)), str(pick(rng, ("replace", "ignore")))
    return text.encode(codec, errors=errors)


def _as_json(cells: Cells, rng: Rng, *, lines: bool) -> bytes:
    def value(text: str) -> str:
        bare = _is_number(text) or rng.integers(20) == 0
        escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\ud800", "\\ud800")
        return text if bare else f'"{escaped}"'

    rows = [
        "{"
        + ", ".join(
            f"{value(name) if not _is_number(name) else repr(name)}: {value(cell)}"
            for name, cell in zip(cells[0] if cells else (), row, strict=False)
        )
        + "}"
        for row in cells[1:]
    ]
    text = "\n".join(rows) if lines else "[" + ",\n".join(rows) + "]"
    return text.encode("utf-8", errors="replace")


def _frame(cells: Cells) -> Any:
    import pandas as pd

    clean = [[cell.encode(errors="replace").decode() for cell in row] for row in cells]
    width = max(map(len, clean), default=0)
    rows = [[*row, *[""] * (width - len(row))] for row in clean]
    head = [name or str(place) for place, name in enumerate(rows[0])] if rows else []
    frame = pd.DataFrame(rows[1:], columns=head)
    return frame.loc[:, ~frame.columns.duplicated()]


def _binary(cells: Cells, rng: Rng, kind: str) -> bytes:
    frame, file = _frame(cells), io.BytesIO()
    for name in frame.columns:
        if frame[name].map(_is_number).all():
            frame[name] = frame[name].astype(float)
    if kind == "parquet":
        frame.to_parquet(file)
    else:
        clean = frame.map(lambda cell: re.sub(r"[\x00-\x1f]", "", str(cell))[:30_000])
        clean.columns = [re.sub(r"[\x00-\x1f]", "", str(name)) for name in clean.columns]
        clean.to_excel(file, index=False)
    return file.getvalue()


def tables(folder: Path, rng: Rng, count: int) -> Given:
    """Write spoiled tables of runs, and return how each is checked."""
    frame = synthetic_fit(families=("web", "code")).runs.frame
    base = [list(frame.columns), *([str(cell) for cell in row] for row in frame.to_numpy())]
    kinds = ("csv", "csv", "csv", "tsv", "json", "jsonl", "parquet", "xlsx", "csv.gz", "jsonl.gz")
    found: Given = {}
    for number in range(count):
        cells = [list(row) for row in base]
        for _ in range(int(rng.integers(0, 4))):
            if cells and all(cells):  # or nothing is left to change
                pick(rng, TABLE)(cells, rng)
        kind = pick(rng, kinds)
        match kind.split(".")[0]:
            case "csv":
                content = _separated(cells, rng, pick(rng, (",", ",", ";", "|")))
            case "tsv":
                content = _separated(cells, rng, "\t")
            case "parquet" | "xlsx":
                content = _binary(cells, rng, kind)
            case _:
                content = _as_json(cells, rng, lines=kind.startswith("jsonl"))
        content = gzip.compress(content) if kind.endswith("gz") else content
        if rng.integers(3) == 0 and content:
            content = pick(rng, BYTES)(content, rng)
        path = folder / f"t{number:04}.{kind}"
        path.write_bytes(content)
        more = pick(rng, ((), (), ("--json",), ("-m", "auto"), ("--best",), ("--drop-empty",)))
        found[path.name] = ["check", str(path), *more]
    return found


# ---- definitions ---------------------------------------------------------------------------------


def spoil_toml(text: str, rng: Rng) -> bytes:
    """Change a TOML file in one to three ways."""
    for _ in range(int(rng.integers(1, 4))):
        text = pick(rng, TOML)(text, rng)
    content = text.encode("utf-8", errors="replace")
    return pick(rng, BYTES)(content, rng) if rng.integers(8) == 0 and content else content


def _lines(change: Callable[[list[str], int, int], None]) -> Callable[[str, Rng], str]:
    def changed(text: str, rng: Rng) -> str:
        lines = text.splitlines()
        if lines:
            one, other = (int(place) for place in rng.integers(len(lines), size=2))
            change(lines, one, other)
        return "\n".join(lines) + "\n"

    return changed


def _drop(lines: list[str], one: int, _: int) -> None:
    del lines[one]


def _repeat(lines: list[str], one: int, other: int) -> None:
    lines.insert(other, lines[one])


def _swap(lines: list[str], one: int, other: int) -> None:
    lines[one], lines[other] = lines[other], lines[one]


def _replace(pattern: str, values: Sequence[str]) -> Callable[[str, Rng], str]:
    def changed(text: str, rng: Rng) -> str:
        places = list(re.finditer(pattern, text, re.M))
        if not places:
            return text
        start, end = pick(rng, places).span("it")
        return f"{text[:start]}{pick(rng, values)}{text[end:]}"

    return changed


def _chain(text: str, rng: Rng) -> str:
    count, sign = int(pick(rng, (20, 150, 400))), pick(rng, ("+", "*", "**", "-"))
    lines = [f'z{n} = "z{n - 1} {sign} z{n - 1}"' for n in range(1, count)]
    head = '[where]\nz0 = "c"\n' + "\n".join(lines) + "\n"
    return text.replace("[where]\n", head, 1) if "[where]" in text else text + head


def _deep(text: str, rng: Rng) -> str:
    depth = int(pick(rng, (15, 200, 5000)))
    return text + f"\nqq = {'[' * depth}{']' * depth}\n"


TOML: tuple[Callable[[str, Rng], str], ...] = (
    _lines(_drop), _lines(_drop), _lines(_repeat), _lines(_swap),
    _replace(r"=\s*(?P<it>[^\n]+)$", VALUES), _replace(r"=\s*(?P<it>[^\n]+)$", VALUES),
    _replace(r"(?P<it>-?\b\d+\.?\d*(e-?\d+)?)", VALUES),
    _replace(r"^[\w.-]+ = \"(?P<it>[^\"\n]+)\"$", FORMULAS),
    _replace(r"(?P<it>\*\*|\+|(?<=\s)-|\*|/)", ("+", "-", "*", "/", "**", "//", "%", "@", "")),
    _replace(r"\b(?P<it>[a-zA-Z_]\w*)\b", ("params", "tokens", "c", "E", "__class__", "exp", "x")),
    _replace(r"(?P<it>^\[[^\n]+\]$)", ("[x]", "[[x]]", "[]", "[parameters]", "[a.b.c.d]")),
    _chain, _deep,
)  # fmt: skip


def models(folder: Path, rng: Rng, count: int, shipped: Path) -> Given:
    """Write spoiled definitions of shipped laws, and return how each is shown, or checked."""
    texts = {path.stem: path.read_text() for path in sorted(shipped.glob("*.toml"))}
    laws = sorted(set(texts) & {law.id for law in list_models()}) or sorted(texts)
    found: Given = {}
    table = folder / "runs.csv"
    synthetic_fit().runs.frame.to_csv(table, index=False)
    for number in range(count):
        path = folder / f"m{number:04}.toml"
        path.write_bytes(spoil_toml(texts[pick(rng, laws)], rng))
        ways = (["models", "show", str(path)], ["check", str(table), "-m", str(path)])
        found[path.name] = [*ways[int(rng.integers(3) == 0)]]
    return found


def plans(folder: Path, rng: Rng, count: int, fit: Path) -> Given:
    """Write spoiled plans, and return how each is asked of a fit."""
    filled = re.sub(r"^# (?=\w+ = )", "", TEMPLATE, flags=re.M)
    short = (
        "[run]\nflops = 1e21\ntarget_loss = 2.0\n[limits]\nmax_tokens = 1e12\n[rig]\nprice = 2\n"
    )
    found: Given = {}
    for number in range(count):
        path = folder / f"p{number:04}.toml"
        path.write_bytes(spoil_toml(pick(rng, (TEMPLATE, filled, short, short)), rng))
        found[path.name] = ["risk", str(fit), "--plan", str(path)]
    return found


def campaigns(folder: Path, rng: Rng, count: int) -> Given:
    """Write spoiled campaigns, and return how each makes a dry step or tells of itself."""
    found: Given = {}
    for number in range(count):
        home = write_campaign(folder / f"c{number:04}", stop="width = 0.1")
        path = home / "campaign.toml"
        path.write_bytes(spoil_toml(path.read_text(), rng))
        if rng.integers(4) == 0:
            ledger = b'{"kind": "planned", "run": "c001", "at": "x"}\n{"kind": 3}\n[]\n'
            (home / "ledger.jsonl").write_bytes(pick(rng, BYTES)(ledger, rng))
        ways = (["step", str(home), "--dry-run"], ["status", str(home)])
        found[home.name] = ["campaign", *ways[int(rng.integers(3) == 0)]]
    return found


# ---- options -------------------------------------------------------------------------------------

SAMPLING = {"fit": ("--draws", "--tune", "--chains"),
            "calibrate": ("--draws", "--tune", "--chains", "--simulations")}  # fmt: skip
"""Options of commands that sample; with another value they would, for longer than the limit."""


def options(rng: Rng, count: int, fit: Path, table: Path) -> Given:
    """Return commands whose numbers were replaced."""
    sizes = ["--params", "1e9", "--tokens", "2e10"]
    asked = {
        "risk": [str(fit), "--flops", "1e21", "--target-loss", "2.1"],
        "forecast": [str(fit), *sizes],
        "allocate": [str(fit), "--flops", "1e21"],
        "reach": [str(fit), "--loss", "2.2", "--params", "1e9"],
        "tune": [str(fit.with_name("rates.nc")), *sizes],
        "sensitivity": [str(fit), *sizes],
        "duel": ["--a", "hoffmann-2022", "--b", "epoch-2024", "--flops", "1e21"],
        "saturation": [str(fit), "--params", "1e9"],
        "judge-split": [str(fit), *sizes],
        "stage-gate": [str(fit), "--flops", "1e21", "--target-loss", "2.1", "--value", "9"],
        "convert": ["100 PF-days"],
        "serve": ["--params", "1e9", "--device-memory", "80GB", "--bandwidth", "3e12"],
        "fit": [str(table), "-m", "chinchilla", "-o", str(fit.with_name("new.nc"))],
        "calibrate": ["-m", "chinchilla"],
        "check": [str(table)],
    }
    every = list(_numeric(asked))
    found: Given = {}
    while len(found) < count:
        name, option = pick(rng, every)
        value = pick(rng, NUMBERS)
        if name in SAMPLING and value == "1_0":
            continue  # ten simulations are some
        replaced = list(asked[name])
        if option in replaced and rng.integers(2):
            replaced[replaced.index(option) + 1] = value
        else:
            replaced += [option, value]
        more = ["--json"] if rng.integers(3) == 0 else []
        found[f"{name} {option} {value[:12]!r} {len(found)}"] = [name, *replaced, *more]
    return found


def _numeric(asked: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """Yield the options of commands that take numbers."""
    made = Commands()
    for name in asked:
        for parameter in made[name].params:
            option = parameter.opts[0]
            takes = re.search("float|int", str(parameter.type_descriptor.annotation))
            if takes and option.startswith("--") and option in SAMPLING.get(name, (option,)):
                yield name, option
