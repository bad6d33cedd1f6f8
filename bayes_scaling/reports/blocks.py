"""What a page is made of: sections that hold paragraphs, tables, figures and notices.

The sections say what stands on the page; `template.html.j2` says how it looks. Text is plain and
escaped by the template; only `Math` is markup, and `mathml.py` alone writes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

Tone = Literal["ok", "warn", "fail", "info"]


@dataclass(frozen=True, kw_only=True)
class Prose:
    """A paragraph; `lead` ones are set larger."""

    kind: ClassVar[str] = "prose"
    text: str
    lead: bool = False


@dataclass(frozen=True, kw_only=True)
class Items:
    """A list of sentences."""

    kind: ClassVar[str] = "items"
    texts: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A boxed sentence that must not be missed."""

    kind: ClassVar[str] = "notice"
    tone: Tone
    title: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Answers at a glance: a label, a large value, and what belongs to it in small print."""

    kind: ClassVar[str] = "facts"
    rows: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table; `text_columns` are set flush left, the others are numbers."""

    kind: ClassVar[str] = "table"
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text_columns: tuple[int, ...] = (0,)


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure as a data URI, with the text that stands in for it."""

    kind: ClassVar[str] = "picture"
    source: str
    alt: str
    caption: str


@dataclass(frozen=True, kw_only=True)
class Math:
    """Lines of mathematics as MathML markup, the first as plain text; `as_sampled` is folded."""

    kind: ClassVar[str] = "math"
    markup: tuple[str, ...]
    text: str
    as_sampled: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """Results of checks: tone, name, evidence, advice."""

    kind: ClassVar[str] = "verdicts"
    rows: tuple[tuple[Tone, str, str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The what-if panel: numbers as JSON, laws as JavaScript, which only `whatif.py` writes."""

    kind: ClassVar[str] = "panel"
    data: str
    laws: str
    target: bool


Block = Prose | Items | Notice | Facts | Table | Picture | Math | Verdicts | Panel


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section of the page.

    Attributes
    ----------
    id : str
        Its anchor.
    title : str
        Its heading.
    blocks : tuple of Block
        What it holds, in order.
    error : str
        Name and message of the exception that kept it from being made; empty where all is well.
    """

    id: str
    title: str
    blocks: tuple[Block, ...] = field(default=())
    error: str = ""
