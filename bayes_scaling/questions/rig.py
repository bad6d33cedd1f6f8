"""What compute costs: hours of an accelerator, and money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.runs.device_hours import ACCELERATORS, HOUR, UTILISATION

POWER: Mapping[str, float] = {
    "v100": 300.0, "a100": 400.0, "h100": 700.0, "h200": 700.0, "b200": 1000.0, "mi300x": 750.0,
}  # fmt: skip
"""Most power that the makers let a board draw [W]; those of TPUs state none."""

OVERHEAD_OF_POWER = 1.5
"""Power of hosts, network and cooling too, over that of the accelerators."""


@dataclass(frozen=True, kw_only=True)
class Rig:
    """Accelerators, how well they are used, and what they cost.

    Attributes
    ----------
    accelerator : str
        Accelerator, such as h100 or tpu-v5e; one that is not known (`ACCELERATORS`) needs its peak.
    peak : float, optional
        Its peak in FLOP/s, in place of the known one.
    utilisation : float
        Share of the peak that training reaches.
    price : float, optional
        Price of an accelerator-hour, in any currency.
    overhead : float
        Compute lost to restarts and failed runs, relative to what the run itself takes.
    watts : float, optional
        Power that an accelerator draws, its share of hosts and cooling included [W]; by default 1.5
        times what its maker states.

    Raises
    ------
    InputError
        The accelerator is unknown, or a number makes no sense; every problem at once.
    """

    accelerator: str = "h100"
    peak: float | None = None
    utilisation: float = UTILISATION
    price: float | None = None
    overhead: float = 0.0
    watts: float | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        problems = []
        if self.peak is None and self.accelerator not in ACCELERATORS:
            known = ", ".join(ACCELERATORS)
            problems.append(
                f"accelerator {self.accelerator!r} is not known: give its peak in FLOP/s, or one "
                f"of {known}"
            )
        checks = (
            (self.peak is None or self._above(self.peak), f"peak is above 0, got {self.peak!r}"),
            (0 < self.utilisation <= 1, f"utilisation is in (0, 1], got {self.utilisation!r}"),
            (self.price is None or self._above(self.price),
             f"price is above 0, got {self.price!r}"),
            (self.watts is None or self._above(self.watts),
             f"watts is above 0, got {self.watts!r}"),
            (0 <= self.overhead < np.inf, f"overhead is 0 or more, got {self.overhead!r}"),
        )  # fmt: skip
        problems += [text for holds, text in checks if not holds]
        if problems:
            raise InputError(problems, source="rig")

    @staticmethod
    def _above(value: float) -> bool:
        return bool(np.isfinite(value) and value > 0)

    @property
    def flops_per_hour(self) -> float:
        """Compute of an accelerator-hour that ends up in the run [FLOP]."""
        peak = ACCELERATORS[self.accelerator] if self.peak is None else self.peak
        return peak * self.utilisation * HOUR / (1 + self.overhead)

    def hours(self, flops: float) -> float:
        """Accelerator-hours of a run [h]."""
        return flops / self.flops_per_hour

    def money(self, flops: float) -> float | None:
        """Price of a run; None where no price is known."""
        return None if self.price is None else self.hours(flops) * self.price

    @property
    def power(self) -> float | None:
        """Power of an accelerator with its share of hosts and cooling [W]; None where not known."""
        known = POWER.get(self.accelerator) if self.peak is None else None
        return self.watts or (known and OVERHEAD_OF_POWER * known)

    def energy(self, flops: float) -> float | None:
        """Energy of a run [kWh]; None where no power is known."""
        return None if not self.power else self.hours(flops) * self.power / 1000

    def flops(self, *, hours: float | None = None, money: float | None = None) -> float:
        """Compute that hours or money buy [FLOP].

        Raises
        ------
        InputError
            Not exactly one is given, it is not above 0, or money is given without a price.
        """
        if (hours is None) == (money is None):
            raise InputError("give either hours or money")
        if money is not None and self.price is None:
            raise InputError("money buys hours at a price: give the price of an accelerator-hour")
        amount = hours if hours is not None else (money or 0.0) / (self.price or np.nan)
        if not self._above(amount):
            raise InputError(f"a budget is above 0, got {hours if money is None else money!r}")
        return amount * self.flops_per_hour


@dataclass(frozen=True, kw_only=True)
class Budget:
    """Compute to spend, in one of several units.

    Attributes
    ----------
    flops : sequence of float
        Compute in FLOP, or as '100 PF-days' or '2e5 a100-hours' [FLOP].
    hours : sequence of float
        Compute in hours of the accelerator.
    money : sequence of float
        Compute in the currency of its price.

    Raises
    ------
    InputError
        They are given in several units.
    """

    flops: tuple[float, ...] = ()
    hours: tuple[float, ...] = ()
    money: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        """Check that there is one unit."""
        given = [name for name in ("flops", "hours", "money") if getattr(self, name)]
        if len(given) > 1:
            raise InputError(f"{' and '.join(given)}: give budgets in one way")

    def on(self, rig: Rig) -> list[float] | None:
        """Return the budgets in FLOP, whichever way they were given; None without any."""
        found = [rig.flops(hours=each) for each in self.hours]
        found += [rig.flops(money=each) for each in self.money]
        return [*self.flops, *found] or None
