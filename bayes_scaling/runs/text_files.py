"""Text files to raw columns, keeping the line number of every row."""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.runs.cells import MISSING, Rows, parts_of, read_numbers

MOST_UNZIPPED, LEAST_UNZIPPED = 50, 50_000_000
"""Bytes that a zipped table may hold for each of its own, from some size on; tables have ten."""

LARGEST = 4e9
"""Bytes of text that are read; a table of runs has a thousandth of it."""

COMMENTS = ("#", "//", "%")
_SEPARATORS = ",;\t|"


@dataclass(frozen=True, kw_only=True)
class Raw:
    """A table as a file has it, nothing interpreted.

    Parameters
    ----------
    cells : Mapping of str to sequence, dims (row,)
        Given column names to cells: text, numbers or None.
    rows : Rows
        How the owner counts the rows.
    problems : tuple of str
        What was wrong with the file itself.
    notes : tuple of str
        What had to be assumed to read it.
    """

    cells: Mapping[str, Sequence[Any] | NDArray[Any]]
    rows: Rows
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_delimited(path: Path, *, tabs: bool = False) -> Raw:
    """Read a CSV file; cells may also be parted by semicolons, tabs, bars or spaces.

    Parameters
    ----------
    path : Path
        UTF-8 (with or without a byte order mark), UTF-16 or Windows-1252, gzipped or not. Lines
        before the header that begin with ``#``, and Excel's ``sep=;``, are understood, and so is
        a table in Markdown.
    tabs : bool
        Whether cells are certainly separated by tabs.

    Returns
    -------
    Raw
        Lines that have more or fewer cells than the header are problems, and left out.

    Raises
    ------
    InputError
        If there is no header, or the text cannot be decoded.
    """
    text, notes = read_text_file(path)
    text, said, titles = _without_comments(text)
    problems: list[str] = []
    records: list[list[str]] = []
    lines: list[int] = []
    separator = "\t" if tabs else said or _separator(text)
    for line, record in _rows_of(text, separator, problems):
        if not "".join(record).strip():
            continue
        if len(records) == 1 and separator == " " and len(record) == len(records[0]) + 1:
            records[0].insert(0, "")
        records.append(record)
        lines.append(line)
    if not records:
        raise InputError(
            [*problems, "the file is empty; line 1 names the columns"], source=str(path)
        )
    names, header_problems = _header(records[0], lines[0])
    if header_problems and names is None:
        raise InputError([*problems, *header_problems], source=str(path))
    assert names is not None
    problems += header_problems
    kept, numbers, width = [], [], len(names)
    for line, record in zip(lines[1:], records[1:], strict=True):
        if len(record) == width:
            kept.append(record)
            numbers.append(line)
            continue
        if len(record) < width or any(cell.strip() for cell in record[width:]):
            problems.append(
                f"line {line}: {len(record)} cells where the header has {len(names)}; "
                "quote text that holds the separator"
            )
            continue
        kept.append(record[:width])
        numbers.append(line)
    columns = list(zip(*kept, strict=True)) or [()] * width
    cells: dict[str, Sequence[str]] = {}
    for i, name in enumerate(names):
        column = columns[i]
        nameless = not records[0][i].strip() if i < len(records[0]) else True
        if nameless and (_is_index(column) or not any(cell.strip() for cell in column)):
            continue  # a separator at the end of every line, or the index of a data frame
        cells[name] = column
    return Raw(
        cells=cells, rows=line_rows(numbers), problems=folded(problems), notes=(*notes, *titles)
    )


def read_text_file(path: Path) -> tuple[str, tuple[str, ...]]:
    """Return the text of a file, unzipped and decoded, and what to note about it.

    Parameters
    ----------
    path : Path

    Returns
    -------
    (str, tuple of str)

    Raises
    ------
    InputError
        It cannot be unzipped or decoded, is too large, or no text.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(
                f"{path.stat().st_size / 1e9:.3g} GB are too large for a table of runs, of at most "
                f"{LARGEST / 1e9:g} GB; keep the rows and columns that are needed",
                source=str(path),
            )
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", source=str(path)) from None
    if data[:2] == b"\x1f\x8b":
        try:
            data = _unzipped(data, path)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"cannot be unzipped: {error}", source=str(path)) from None
    if data[:4] in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0"):
        raise InputError(
            "this is a spreadsheet or zip archive; save the sheet as CSV", source=str(path)
        )
    if data[:15] == b"SQLite format 3":
        raise InputError("this is a SQLite database; give it a suffix .db", source=str(path))
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    if encoding != "utf-16" and (wide := _wide_encoding(data)):
        encoding = wide
    try:
        return data.decode(encoding), ()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        if encoding == "utf-8-sig" and b"\x00" not in data:
            try:
                note = f"line {line} is not UTF-8; the file was read as Windows-1252"
                return data.decode("cp1252"), (note,)
            except UnicodeDecodeError:
                pass
        raise InputError(
            f"line {line}: not {encoding.upper()[:6].rstrip('-')} text; save the file as UTF-8",
            source=str(path),
        ) from None


def _wide_encoding(data: bytes) -> str | None:
    """Return the UTF-16 of a file without a byte order mark, whose every other byte is zero."""
    head = data[:400]
    if len(head) < 4:
        return None
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > 0.4 * len(head) and even == 0:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 * len(head) and odd == 0 else None


def _without_comments(text: str) -> tuple[str, str | None, tuple[str, ...]]:
    """Blank the lines before the header that are no table; say the separator where they do."""
    lines = text.split("\n")
    separator = None
    last: int | None = None
    place = 0
    while place < len(lines):
        line = lines[place].strip()
        if found := re.fullmatch(r'"?sep=(.|\\t)"?', lines[place].strip("\r\n\ufeff ")):
            separator = "\t" if found[1] == "\\t" else found[1]
        elif lines[place].strip("\r\n") == "sep=\t":
            separator = "\t"
        elif line.startswith(COMMENTS):
            last = place
        elif line:
            break
        place += 1
    titles = _titles(lines[place:])
    if last is None and separator is None and not titles:
        return text, None, ()
    notes = (f"lines before line {place + titles + 1} hold a title, not read",) if titles else ()
    place += titles
    kept = ["" if i < place else line for i, line in enumerate(lines)]
    first = lines[place] if place < len(lines) else ""
    if last is not None:
        header = lines[last].strip().lstrip("#/%").strip()
        for sign in (separator, ",", ";", "\t", None):
            words, cells = header.split(sign), first.split(sign)
            if len(words) == len(cells) > 1 and all(parts_of(cell) for cell in cells):
                kept[last] = header
                break
            unnamed = header.split(",")
            if not kept[last] and len(unnamed) > 1 and not first.strip():
                kept[last] = header
    rest = [
        "" if i > place and line.lstrip().startswith("#") else line for i, line in enumerate(kept)
    ]
    return "\n".join(rest), separator, notes


def _titles(lines: list[str], most: int = 5) -> int:
    """Return how many lines before the header hold a title: no separator, where all others do."""
    some = [(i, line) for i, line in enumerate(lines[:40]) if line.strip()]
    for sign in ",;\t":
        counts = [_cells_of(line, sign) for _, line in some]
        head = next((i for i, count in enumerate(counts) if count > 2), None)
        plain = all(_cells_of(line, each) == 1 for _, line in some[:head] for each in _SEPARATORS)
        if head and head <= most and plain and len(set(counts[head:])) == 1:
            return some[head][0] if len(counts) > head + 1 else 0
    return 0


def _separator(text: str) -> str:
    """Return what parts the cells; a space stands for any run of spaces."""
    lines = [line for line in text[:20_000].splitlines() if line.strip()][:20]
    if not lines:
        return ","
    counts = {sign: _cells_of(lines[0], sign) for sign in _SEPARATORS}

    def agrees(sign: str) -> tuple[float, int]:
        same = [_cells_of(line, sign) == counts[sign] for line in lines]
        return (sum(same) / len(same) if counts[sign] > 1 else 0.0, counts[sign])

    best = max(_SEPARATORS, key=agrees)
    if counts[best] > 1 and (agrees(best)[0] >= 0.5 or counts[best] > 2):
        most = max(_SEPARATORS, key=lambda sign: counts[sign])
        return best if agrees(best)[0] > agrees(most)[0] else most
    words = len(lines[0].split())
    if words > 1 and all(len(line.split()) == words for line in lines[1:]) and len(lines) > 1:
        return " "
    if words and len(lines) > 1 and all(len(line.split()) == words + 1 for line in lines[1:]):
        return " "  # as pandas prints a frame, whose index has no heading
    gaps = [len(re.split(r"\s{2,}", line.strip())) for line in lines]
    if gaps[0] > 1 and len(set(gaps)) == 1:
        return "  "
    return max(_SEPARATORS, key=lambda sign: counts[sign]) if max(counts.values()) > 1 else ","


def _cells_of(line: str, sign: str) -> int:
    outside = re.sub(r'"[^"]*"', "", line)
    return outside.count(sign) + 1


def _rows_of(text: str, separator: str, problems: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield each record of the text with the line it starts on."""
    if separator == "|" and text.lstrip().startswith("|"):
        for line, piece in enumerate(text.splitlines(), start=1):
            cells = piece.strip().removeprefix("|").removesuffix("|").split("|")
            if not re.fullmatch(r"[\s|:+-]+", piece):
                yield line, [cell.strip().strip("*`").strip() for cell in cells]
        return
    if separator in (" ", "  "):
        sign = r"\s+" if separator == " " else r"\s{2,}"
        for line, piece in enumerate(text.splitlines(), start=1):
            yield line, re.split(sign, piece.strip())
        return
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    yield from _records(reader, problems)


def _is_index(column: Sequence[str]) -> bool:
    """Whether a column without a name counts the rows from 0 or 1."""
    return bool(column) and any(
        all(cell.strip() == str(start + i) for i, cell in enumerate(column)) for start in (0, 1)
    )


def _records(reader: Any, problems: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the line it starts on; broken quotes end the file."""
    while True:
        line = reader.line_num + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            problems.append(f"line {line}: {error}; the rest of the file was not read")
            return


def _header(record: list[str], line: int) -> tuple[list[str] | None, list[str]]:
    """Return the column names, made up where blank, and what is wrong with them."""
    numbers = read_numbers(record)
    words = [cell for cell in record if cell.strip().lower() not in MISSING]
    if words and not numbers.unread:
        return None, [
            f"line {line}: {', '.join(record[:3])} are numbers; the first line must "
            "name the columns, such as params,tokens,loss"
        ]
    names: list[str] = []
    taken: set[str] = set()
    problems = []
    for i, cell in enumerate(record, start=1):
        name = cell.strip() or f"unnamed_{i}"
        if name in taken:
            problems.append(
                f"line {line}: columns {names.index(name) + 1} and {i} are both "
                f"called {name!r}; rename one"
            )
            name = f"{name} (column {i})"
        taken.add(name)
        names.append(name)
    return names, problems


def folded(problems: list[str], most: int = 10) -> tuple[str, ...]:
    """Return the first problems of a file, and how many more there are."""
    rest = len(problems) - most
    more = [f"and {rest} more lines that cannot be read"] if rest > 0 else []
    return (*problems[:most], *more)


def line_rows(numbers: list[int]) -> Rows:
    """Return the names of rows that are lines of a file."""
    return Rows(label="line", numbers=np.array(numbers, dtype=np.intp))


def _unzipped(data: bytes, path: Path) -> bytes:
    """Unzip a table, or refuse one that would fill the memory."""
    most = max(LEAST_UNZIPPED, MOST_UNZIPPED * len(data))
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise InputError(
            f"unzips to more than {most / 1e6:.0f} MB from {len(data) / 1e6:.2g} MB, which no "
            "table does; unzip it and look at it",
            source=str(path),
        )
    return found
