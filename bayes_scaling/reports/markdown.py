"""A report as Markdown, for a pull request: the same sections without figures and panel."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bayes_scaling.escapes import escaped
from bayes_scaling.reports.blocks import (
    Block,
    Facts,
    Items,
    Math,
    Notice,
    Panel,
    Picture,
    Prose,
    Section,
    Table,
    Verdicts,
)

LINK = re.compile(r"\[(?=[^\]]*\]\s*[\[(:])")
"""Begin of a link or an image; an interval, ``2.0 [1.9, 2.1]``, is none."""


def to_markdown(title: str, banner: str, sections: tuple[Section, ...]) -> str:
    """Write sections as Markdown.

    Parameters
    ----------
    title : str
        Heading of the page.
    banner : str
        What must be read before anything else; may be empty.
    sections : tuple of Section
        What stands on the page; one that could not be made says so.
    """
    parts = [f"# {_plain(title)}"]
    if banner:
        parts.append(f"> **{_plain(banner)}**")
    for section in sections:
        parts.append(f"## {_plain(section.title)}")
        if section.error:
            parts.append(f"> **This section could not be made.** {_plain(section.error)}")
        parts += [text for text in map(_block, section.blocks) if text]
    return escaped("\n\n".join(parts) + "\n")


def _block(block: Block) -> str:
    match block:
        case Prose(text=text, lead=lead):
            return f"**{_plain(text)}**" if lead else _plain(text)
        case Items(texts=texts):
            return "\n".join(f"- {_plain(text)}" for text in texts)
        case Notice(title=title, text=text):
            return f"> **{_plain(title)}** {_plain(text)}"
        case Facts(rows=rows):
            return _table(
                ("", "", ""), ((label, f"**{value}**", more) for label, value, more in rows)
            )
        case Table(caption=caption, head=head, rows=rows):
            return f"{_plain(caption)}\n\n{_table(head, rows)}"
        case Verdicts(rows=rows):
            return _table(("verdict", "check", "evidence", "what to do"), rows)
        case Math(text=text):
            return f"```\n{text}\n```"
        case Picture(alt=alt):
            return f"*Figure in the HTML report: {_plain(alt)}*"
        case Panel():
            return ""


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = tuple(head)
    lines = [names, tuple("---" for _ in names), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    return _plain(text).replace("|", "\\|")


def _plain(text: str) -> str:
    """Escape what GitHub would read as HTML, as a link, as an image or as another block."""
    line = " ".join(text.splitlines())
    return LINK.sub(r"\\[", line.replace("\\", "\\\\").replace("&", "&amp;").replace("<", "&lt;"))
