"""Markdown of a report: what a name holds is shown and never acted on."""

from __future__ import annotations

import pytest

from bayes_scaling.reports.blocks import Prose, Section, Table
from bayes_scaling.reports.markdown import to_markdown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("[click](https://evil.example)", r"\[click](https://evil.example)"),
        ("![x](https://evil.example/pixel.png)", r"!\[x](https://evil.example/pixel.png)"),
        ("[click][1]", r"\[click][1]"),
        (r"\[click](https://evil.example)", r"\\\[click](https://evil.example)"),
        ("a\n\n# b", "a  # b"),
        ("\x1b[31mred \u202egnp", r"\u001b[31mred \u202egnp"),
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)>"),
        ("2.01 [1.94, 2.09] 90 % ETI", "2.01 [1.94, 2.09] 90 % ETI"),
    ],
)
def test_names_are_no_links_images_or_html(name: str, shown: str) -> None:
    table = Table(caption="runs", head=("name",), rows=((name,),))
    section = Section(id="s", title="Runs", blocks=(Prose(text=name), table))
    text = to_markdown("A report", "", (section,))
    assert f"\n{shown}\n" in text
    assert f"| {shown} |" in text
