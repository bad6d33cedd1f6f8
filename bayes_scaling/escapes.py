"""Text of strangers, such as names of runs, written so that no terminal and no page obeys it."""

from __future__ import annotations

import re

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, changes of the direction of writing, and halves of characters."""


def escaped(text: str) -> str:
    """Write what would be obeyed as an escape, which JSON and JavaScript read as well."""
    return OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
