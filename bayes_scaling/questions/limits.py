"""What a budget must leave room for: limits on sizes, and the tokens a model will serve."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.questions.device import Device
from bayes_scaling.runs.counting import FLOPS_PER_PARAM_TOKEN

Array = NDArray[np.float64]

FLOPS_PER_SERVED = 2.0
"""FLOPs per parameter and token served: a forward pass."""

CLOSE = 1e-9
"""Log params by which a size of the menu may lie outside the ends."""

LIMITED = ("min_params", "max_params", "min_tokens", "max_tokens", "max_steps", "max_batch")
"""What must be above 0."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits of a run, and what the model is for.

    Attributes
    ----------
    min_params : float
        Least params to choose.
    max_params : float
        Most params to choose, such as fit a device.
    min_tokens : float
        Least tokens to choose.
    max_tokens : float
        Most tokens to choose, such as are on hand.
    max_steps : float
        Most steps, such as there is time for; with the largest batch they bound the tokens.
    max_batch : float
        Tokens of the largest batch that loses nothing (the critical one); with the most steps.
    menu : sequence of float
        Params of a shape that can be built; any size where none is given.
    inference_tokens : float
        Tokens the model will serve over its life; a budget is then one of training and serving,
        6 N D + 2 N D_inf.

    Raises
    ------
    InputError
        A number is negative, a least one exceeds a largest one, or of steps and batch only one is
        limited; every problem at once.
    """

    min_params: float = 1.0
    max_params: float = np.inf
    min_tokens: float = 1.0
    max_tokens: float = np.inf
    max_steps: float = np.inf
    max_batch: float = np.inf
    menu: tuple[float, ...] = ()
    inference_tokens: float = 0.0

    def __post_init__(self) -> None:
        """Check the numbers, and put the menu in order."""
        object.__setattr__(self, "menu", tuple(sorted(float(each) for each in self.menu)))
        named = {name: getattr(self, name) for name in LIMITED}
        named |= {f"menu size {each!r}": each for each in self.menu}
        problems = [
            f"{name} must be above 0, got {value!r}" for name, value in named.items()
            if not value > 0
        ]  # fmt: skip
        if np.isfinite(self.max_steps) != np.isfinite(self.max_batch):
            problems.append("max_steps and max_batch bound the tokens together: give both")
        if not (np.isfinite(self.inference_tokens) and self.inference_tokens >= 0):
            problems.append(f"inference_tokens is 0 or more, got {self.inference_tokens!r}")
        problems += [
            f"min_{size} {low:g} exceeds max_{size} {high:g}"
            for size, low, high in (
                ("params", self.min_params, self.max_params),
                ("tokens", self.min_tokens, self.most_tokens),
            )
            if low > high
        ]
        if problems:
            raise InputError(problems, source="limits")

    def __bool__(self) -> bool:
        """Whether anything is limited or served."""
        return self != Limits()

    def on(self, device: Device) -> Limits:
        """Return these limits with params that fit a device."""
        return replace(self, max_params=min(self.max_params, device.max_params))

    @property
    def most_tokens(self) -> float:
        """Tokens that may be read: those allowed, or what the steps hold at the largest batch."""
        return min(self.max_tokens, self.max_steps * self.max_batch)

    def sizes(self, log_flops: float) -> Array:
        """Return the log params of the menu that a budget and the limits allow.

        Raises
        ------
        InputError
            None is allowed.
        """
        low, high = self.ends(log_flops)
        sizes = np.log(self.menu)
        allowed = sizes[(sizes >= low - CLOSE) & (sizes <= high + CLOSE)]
        if not allowed.size:
            raise InputError(
                f"no size of the menu ({', '.join(f'{each:.3g}' for each in self.menu)}) spends "
                f"{np.exp(log_flops):.3g} FLOP within the limits: between {np.exp(low):.3g} and "
                f"{np.exp(high):.3g} params do"
            )
        return np.asarray(allowed, float)

    def log_tokens(self, log_params: Array | float, log_flops: float | Array) -> Array:
        """Log of the tokens that a budget leaves a model; nan where it leaves none."""
        left = np.exp(log_flops - log_params) - FLOPS_PER_SERVED * self.inference_tokens
        with np.errstate(all="ignore"):
            return np.log(left / FLOPS_PER_PARAM_TOKEN)

    def log_params[Log: (float, Array)](self, log_tokens: float, log_flops: Log) -> Log:
        """Log of the params that a budget allows on tokens."""
        return log_flops - float(np.log(self._each(log_tokens)))

    def log_flops(self, log_params: Array, log_tokens: Array) -> Array:
        """Log of the budget that a size takes."""
        return log_params + np.log(self._each(log_tokens))

    def _each(self, log_tokens: Array | float) -> Array:
        """Compute that a parameter takes."""
        return FLOPS_PER_PARAM_TOKEN * np.exp(log_tokens) + FLOPS_PER_SERVED * self.inference_tokens

    def ends(self, log_flops: float) -> tuple[float, float]:
        """Return the least and the largest log params that a budget and the limits allow.

        Raises
        ------
        InputError
            They allow none.
        """
        low = np.log(self.min_params)
        if np.isfinite(self.most_tokens):
            low = max(low, self.log_params(np.log(self.most_tokens), log_flops))
        high = min(np.log(self.max_params), self.log_params(np.log(self.min_tokens), log_flops))
        if low > high:
            raise InputError(
                f"no size spends {np.exp(log_flops):.3g} FLOP within the limits: tokens up to "
                f"{self.most_tokens:g} ask for {np.exp(low):.3g} params, and at most "
                f"{np.exp(high):.3g} are allowed; spend less, or repeat data"
            )
        return float(low), float(high)


WITHOUT = Limits()
"""No limits."""
