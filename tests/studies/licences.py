"""Licences of what is installed beside us: ``make licences``.

What a package says of itself, shortest statement first: its licence expression, its classifiers, or
the first line of its licence text.
"""

from __future__ import annotations

from importlib.metadata import Distribution, distributions


def licence_of(found: Distribution) -> str:
    """Return the licence that a package states; a question mark where it states none."""
    about = found.metadata
    classified = [
        line.rpartition(" :: ")[2]
        for line in about.get_all("Classifier") or ()
        if line.startswith("License ::")
    ]
    stated = (about.get("License") or "").strip().splitlines()[:1]
    return about.get("License-Expression") or ", ".join(classified) or "".join(stated) or "?"


def main() -> None:
    """Print every package with its version and licence."""
    rows = {
        found.metadata["Name"].lower(): (found.version, licence_of(found))
        for found in distributions()
    }
    for name, (version, licence) in sorted(rows.items()):
        print(f"{name:32} {version:16} {licence[:60]}")


if __name__ == "__main__":
    main()
