"""The exceptions and warnings of the package: what a caller may catch."""

from __future__ import annotations

from collections.abc import Iterable


class BayesScalingError(Exception):
    """Base of every error raised on purpose by this package."""


class InputError(BayesScalingError, ValueError):
    """Input that cannot be used, with every problem found and not just the first.

    Parameters
    ----------
    problems : str or iterable of str
        One sentence each: what was given, what is allowed, what to do.
    source : str, optional
        The file or argument at fault; printed ahead of the list.
    """

    def __init__(self, problems: str | Iterable[str], *, source: str | None = None) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        self.source = source
        head = f"{source}: " if source else ""
        if len(self.problems) == 1:
            text = head + self.problems[0]
        else:
            lines = "".join(f"\n  - {problem}" for problem in self.problems)
            text = f"{head}{len(self.problems)} problems{lines}"
        super().__init__(text)


class UnconvergedError(BayesScalingError, RuntimeError):
    """A decision was asked of a fit whose sampling cannot be trusted."""


class BayesScalingWarning(UserWarning):
    """The result stands, but the reader should know something about it."""
