"""What a budget must leave room for: limits on sizes, and the tokens a model will serve."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.questions.device import Device
from bayes_scaling.runs.counting import FLOPS_PER_PARAM_TOKEN, LEAST

Array = NDArray[np.float64]

FLOPS_PER_SERVED = 2.0
"""FLOPs per parameter and token served: a forward pass."""

CLOSE = 1e-9
"""Log params by which a size of the menu may lie outside the ends."""

NEAR = 1e-6
"""Log size within which one is a limit, or a size of the menu."""

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
            f"{name} must be above 0, at least {LEAST:g}, got {value!r}"
            for name, value in named.items()
            if not value >= LEAST
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
    def while_training(self) -> Limits:
        """The same limits of a run whose model serves nothing, such as one made as a test."""
        return replace(self, inference_tokens=0.0)

    @property
    def told(self) -> str:
        """What was limited, by the names of the options, such as ``max_params 5e+08``."""
        named = [name for name in LIMITED if getattr(self, name) != getattr(WITHOUT, name)]
        said = [f"{name} {getattr(self, name):.3g}" for name in named]
        return ", ".join([*said, *(["the menu"] if self.menu else [])])

    def lifetime(self, params: Array, tokens: Array) -> Array:
        """Compute of training a model and of what it serves [FLOP]."""
        each = FLOPS_PER_PARAM_TOKEN * tokens + FLOPS_PER_SERVED * self.inference_tokens
        return np.asarray(params * each)

    def broken(self, params: Array, tokens: Array) -> list[str]:
        """Return what of a plan is outside the limits, one text a size."""
        ends = {
            "params": (params, self.min_params, self.max_params),
            "tokens": (tokens, self.min_tokens, self.most_tokens),
        }
        found = []
        for name, (sizes, low, high) in ends.items():
            for size in np.atleast_1d(sizes):
                if np.log(size) < np.log(low) - CLOSE:
                    found.append(f"{size:.4g} {name} of the plan are fewer than min_{name} {low:g}")
                if np.log(size) > np.log(high) + CLOSE:
                    most = f"max_{name} {high:g}"
                    if name == "tokens" and self.max_tokens > high:
                        most = f"max_steps x max_batch, {high:g}"
                    found.append(f"{size:.4g} {name} of the plan are more than {most}")
        for size in np.atleast_1d(params):
            if self.menu and np.abs(np.log(np.array(self.menu) / size)).min() > NEAR:
                found.append(f"{size:.4g} params of the plan are no size of the menu")
        return found

    def check_plan(self, params: Array, tokens: Array) -> None:
        """Raise an `InputError` where plans break these limits."""
        if broken := self.broken(params, tokens):
            way = "plan within the limits, or leave out the limit that the plan need not keep"
            raise InputError([f"{each}: {way}" for each in broken], source="limits")

    def bind(self, params: Array, tokens: Array) -> NDArray[np.bool_]:
        """Tell at which sizes a limit holds that was given (n,); a menu is one everywhere."""
        ends = {name: getattr(self, name) for name in LIMITED} | {"max_tokens": self.most_tokens}
        sizes = {"params": np.log(params), "tokens": np.log(tokens)}
        bound = np.full(np.shape(params), bool(self.menu))
        for name, size in sizes.items():
            for which in ("min", "max"):
                end = ends[f"{which}_{name}"]
                if end != getattr(WITHOUT, f"{which}_{name}"):
                    bound |= np.abs(size - np.log(end)) <= NEAR
        return bound

    @property
    def most_tokens(self) -> float:
        """Tokens that may be read: those allowed, or what the steps hold at the largest batch."""
        return min(self.max_tokens, self.max_steps * self.max_batch)

    def menu_tokens(self, log_flops: float) -> Array:
        """Return the log tokens that a budget leaves the sizes of the menu that it allows.

        Raises
        ------
        InputError
            None is allowed.
        """
        low, high = self.ends(log_flops)
        tokens = self.log_tokens(np.log(self.menu), log_flops)
        allowed = np.sort(tokens[(tokens >= low - CLOSE) & (tokens <= high + CLOSE)])
        if not allowed.size:
            least, most = np.exp(self.log_params(np.array([high, low]), log_flops))
            raise InputError(
                f"no size of the menu ({', '.join(f'{each:.3g}' for each in self.menu)}) spends "
                f"{np.exp(log_flops):.3g} FLOP within the limits: between {least:.3g} and "
                f"{most:.3g} params do"
            )
        return allowed

    def log_tokens(self, log_params: Array | float, log_flops: float | Array) -> Array:
        """Log of the tokens that a budget leaves a model; nan where it leaves none."""
        with np.errstate(all="ignore"):
            left = np.exp(log_flops - log_params) - FLOPS_PER_SERVED * self.inference_tokens
            return np.asarray(np.log(left / FLOPS_PER_PARAM_TOKEN))

    def log_params(self, log_tokens: Array | float, log_flops: Array | float) -> Array:
        """Log of the params that a budget allows on tokens."""
        each = FLOPS_PER_PARAM_TOKEN * np.exp(log_tokens) + FLOPS_PER_SERVED * self.inference_tokens
        return np.asarray(log_flops - np.log(each))

    def ends(self, log_flops: float) -> tuple[float, float]:
        """Return the least and the largest log tokens that a budget and the limits allow.

        Raises
        ------
        InputError
            They allow none.
        """
        low, high = self.span(log_flops)
        if not low <= high + CLOSE:
            least, most = np.exp(
                self.log_params(np.log([self.most_tokens, self.min_tokens]), log_flops)
            )
            raise InputError(
                f"no size spends {np.exp(log_flops):.3g} FLOP within the limits: tokens up to "
                f"{self.most_tokens:g} ask for {max(least, self.min_params):.3g} params, and at "
                f"most {min(most, self.max_params):.3g} are allowed; spend less, or repeat data"
            )
        return float(low), float(max(low, high))

    def span(self, log_flops: Array | float) -> tuple[Array, Array]:
        """Return the same of several budgets (n,); none where the first is not below the second."""
        low, high = np.log([self.min_tokens, self.most_tokens])
        low = np.fmax(low, self.log_tokens(np.log(self.max_params), log_flops))
        return low, np.minimum(high, self.log_tokens(np.log(self.min_params), log_flops))


WITHOUT = Limits()
"""No limits."""
