"""What fits the device that will serve a model: its parameters and the cache of keys and values."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bayes_scaling.errors import InputError

BYTES_PER_VALUE = 2.0
"""Bytes of a number in 16 bits."""

LEAST_BYTES = 1e5
"""Memory, and reading of it a second, below which bytes were hardly meant [bytes]."""

RESERVED = 0.1
"""Share of the memory that activations and the runtime take, by default."""


@dataclass(frozen=True, kw_only=True)
class Device:
    """Devices that hold one copy of the model.

    Attributes
    ----------
    memory : float [bytes]
        Memory of a device that serves the model, such as 80GB; bounds params.
    count : int
        Devices that share one copy of the model.
    bytes_per_param : float
        Bytes of a parameter as it is served: 2 in 16 bits, 1 in 8, .5 in 4.
    cache : float [bytes]
        Keys and values of all sequences served at once, such as 20GB; `kv_cache` counts them.
    reserved : float
        Share of the memory for everything else.
    bandwidth : float, optional
        Bytes a second that a device reads from its memory; bounds how fast it serves.

    Raises
    ------
    InputError
        A number makes no sense, or the cache leaves no room; every problem at once.
    """

    memory: float
    count: int = 1
    bytes_per_param: float = BYTES_PER_VALUE
    cache: float = 0.0
    reserved: float = RESERVED
    bandwidth: float | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        checks = [
            (_above(self.memory), f"memory is above 0, got {self.memory!r}"),
            (self.count >= 1, f"count is 1 or more, got {self.count!r}"),
            (_above(self.bytes_per_param),
             f"bytes_per_param is above 0, got {self.bytes_per_param!r}"),
            (0 <= self.cache < np.inf, f"cache is 0 or more, got {self.cache!r}"),
            (self.bandwidth is None or _above(self.bandwidth),
             f"bandwidth is above 0, got {self.bandwidth!r}"),
            (0 <= self.reserved < 1, f"reserved is in [0, 1), got {self.reserved!r}"),
        ]  # fmt: skip
        problems = [text for holds, text in checks if not holds]
        problems += [
            f"{name} is in {unit}, and {value:g} is too few for any device: write {value:g}{short}"
            for name, value, unit, short in (
                ("memory", self.memory, "bytes", "GB"),
                (
                    "bandwidth",
                    self.bandwidth,
                    "bytes a second",
                    f"e12 for terabytes a second, or {self.bandwidth or 0:g}e9 for gigabytes",
                ),
            )
            if value is not None and 0 < value < LEAST_BYTES
        ]
        if not problems and self.max_params <= 0:
            room = self.memory * self.count * (1 - self.reserved)
            problems.append(f"a cache of {self.cache:.3g} bytes leaves no room for a model: there "
                            f"are {room:.3g}; serve fewer or shorter sequences")  # fmt: skip
        if problems:
            raise InputError(problems, source="device")

    @property
    def max_params(self) -> float:
        """Most parameters that fit beside the cache."""
        room = self.memory * self.count * (1 - self.reserved) - self.cache
        return room / self.bytes_per_param


def kv_cache(
    *,
    layers: int,
    width: float,
    context: float,
    sequences: float = 1.0,
    bytes_per_value: float = BYTES_PER_VALUE,
) -> float:
    """Return the size of the cache of keys and values.

    Parameters
    ----------
    layers : int
        Layers with attention.
    width : float
        Numbers in the keys of one token and layer: key heads times their size, which with grouped
        queries is less than the width of the model.
    context : float [tokens]
        Length of a sequence.
    sequences : float
        How many are served at once.
    bytes_per_value : float [bytes]
        2 in 16 bits.

    Returns
    -------
    float [bytes]
        2 x layers x width x context x sequences x bytes_per_value.

    Raises
    ------
    InputError
        A number is not above 0; all at once.
    """
    given = {
        "layers": layers, "width": width, "context": context, "sequences": sequences,
        "bytes_per_value": bytes_per_value,
    }  # fmt: skip
    problems = [f"{name} is above 0, got {value!r}" for name, value in given.items()
                if not _above(value)]  # fmt: skip
    if problems:
        raise InputError(problems, source="kv_cache")
    return float(2 * np.prod(list(given.values())))


def _above(value: float) -> bool:
    return bool(np.isfinite(value) and value > 0)
