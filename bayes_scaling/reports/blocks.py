"""What a page is made of: sections that hold paragraphs, tables, figures and notices.

The sections say what stands on the page; `template.html.j2` says how it looks. Text is plain and
escaped by the template; only `Math` is markup, and `mathml.py` alone writes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from bayes_scaling.figures import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FITS_PAGE, FITS_PHONE = 84, 42
"""Letters of a line of a table on a page, and on a phone."""

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
    """A table.

    Attributes
    ----------
    caption : str
        Its title.
    head, rows : tuple
        Texts of its cells.
    text_columns : tuple of int
        Columns that are set flush left; the others are numbers.
    asked : int or None
        The row that was asked for, which is all that a phone shows at first.
    """

    kind: ClassVar[str] = "table"
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text_columns: tuple[int, ...] = (0,)
    asked: int | None = None

    @property
    def width(self) -> int:
        """Letters of the widest cells of all columns together."""
        return sum(max(map(len, column), default=0) for column in zip(*self.rows, strict=True))

    @property
    def wide(self) -> bool:
        """Whether it is set in small print with intervals below their medians, to fit the page."""
        return self.width > FITS_PAGE

    @property
    def cards(self) -> bool:
        """Whether a phone shows each row as a card, since the columns do not fit side by side."""
        return self.width > FITS_PHONE


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure as a data URI, with the text that stands in for it.

    Attributes
    ----------
    source : str
        The figure.
    alt, caption : str
        What stands in for it, and under it.
    narrow : str
        The same drawn for a phone; may be empty.
    """

    kind: ClassVar[str] = "picture"
    source: str
    alt: str
    caption: str
    narrow: str = ""


def picture(draw: Callable[[Axes], object], name: str, *, alt: str, caption: str) -> Picture:
    """Draw a figure twice, for a page and for a phone.

    Parameters
    ----------
    draw : callable
        Draws into axes.
    name : str
        From which the ids of its marks are made.
    alt, caption : str
        What stands in for it, and under it.
    """
    drawn = []
    for size in ((style.WIDTH, style.HEIGHT), style.NARROW):
        ax = style.new_axes(*size)
        draw(ax)
        drawn.append(style.to_data_uri(ax, name))
    return Picture(source=drawn[0], narrow=drawn[1], alt=alt, caption=caption)


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
