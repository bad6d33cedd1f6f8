"""What serving a model takes: seconds a token, tokens a second, energy and money.

A token of a decoder is written after all parameters that it meets, and all keys and values so far,
were read from memory once; so bandwidth bounds the speed until many sequences share the reading.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.page import Page, Printed
from bayes_scaling.questions.device import Device
from bayes_scaling.questions.limits import FLOPS_PER_SERVED
from bayes_scaling.questions.rig import Rig
from bayes_scaling.questions.sizes import Numbers, positive
from bayes_scaling.runs.device_hours import HOUR

MILLION = 1e6
JOULES_PER_KWH = 3.6e6


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Serving(Printed):
    """What models of some sizes take on a device.

    Attributes
    ----------
    params, params_active : array (n_models,)
        All parameters, which fill the memory, and those that a token meets.
    fits : array of bool (n_models,)
        Whether the model and the cache fit the device.
    latency : array (n_models,)
        Seconds from one token of a sequence to the next [s].
    tokens_per_second : array (n_models,)
        Of all sequences that are served at once.
    bound : tuple of str
        What bounds the speed: memory or compute.
    energy : array (n_models,) or None
        Of a million tokens [kWh]; None where its power is not known.
    money : array (n_models,) or None
        Of a million tokens; None where the price is not known.
    notes : tuple of str
        What was not counted.
    """

    params: NDArray[np.float64]
    params_active: NDArray[np.float64]
    fits: NDArray[np.bool_]
    latency: NDArray[np.float64]
    tokens_per_second: NDArray[np.float64]
    bound: tuple[str, ...]
    energy: NDArray[np.float64] | None
    money: NDArray[np.float64] | None
    notes: tuple[str, ...] = ()

    def page(self) -> Page:
        """Return what is printed: each model, then what was not counted."""
        return [*super().page(), *([note] for note in self.notes)]

    def _rows(self) -> list[dict[str, Any]]:
        """Return one dict per model."""
        return [
            {
                "params": float(self.params[place]),
                "params_active": float(self.params_active[place]),
                "fits": "yes" if self.fits[place] else "no",
                "latency_seconds": float(self.latency[place]),
                "tokens_per_second": float(self.tokens_per_second[place]),
                "bound_by": self.bound[place],
            }
            | ({} if self.energy is None else {"kwh_per_million": float(self.energy[place])})
            | ({} if self.money is None else {"money_per_million": float(self.money[place])})
            for place in range(self.params.size)
        ]


def serving(
    params: Numbers,
    device: Device,
    *,
    rig: Rig | None = None,
    params_active: Numbers | None = None,
    sequences: int = 1,
) -> Serving:
    """Tell how fast a device serves models, and what that takes.

    Parameters
    ----------
    params : float or sequence of float
        Parameters of the models.
    device : Device
        What serves them, with its bandwidth.
    rig : Rig, optional
        The accelerator: its peak, utilisation, power and price.
    params_active : float or sequence of float, optional
        Parameters that a token meets, of routed models; all by default.
    sequences : int
        Sequences that are served at once; the device's cache holds those of all.

    Returns
    -------
    Serving

    Raises
    ------
    InputError
        The bandwidth is not known, or a number cannot be used.

    Notes
    -----
    Of a routed model served to many sequences at once more experts are read than one token meets,
    at most all of them; here as many as its sequences meet in the worst case.
    """
    if device.bandwidth is None:
        raise InputError(
            "how fast a device serves follows from its bandwidth: give it in bytes a second, such "
            "as 3.35e12 for one H100",
            source="serving",
        )
    if sequences < 1:
        raise InputError(f"sequences is 1 or more, got {sequences!r}", source="serving")
    total = positive("params", params)
    active = total if params_active is None else positive("params_active", params_active)
    total, active = np.broadcast_arrays(total, active)
    if (active > total).any():
        raise InputError(
            "params_active exceed params: give those that a token meets", source="serving"
        )
    rig, notes = rig or Rig(), []
    if sequences > 1 and not device.cache:
        notes.append(
            f"keys and values of the {sequences} sequences are not counted, neither in the memory "
            "nor in what is read: so many may not fit, and are slower; give their bytes, "
            "--kv-cache in a shell, Device(cache=kv_cache(...)) in Python"
        )
    if rig.overhead:
        notes.append(
            "the overhead of a rig is compute that training loses to restarts: serving takes none"
        )
        rig = replace(rig, overhead=0.0)
    read = np.minimum(total, active * sequences) if params_active is not None else total
    by_memory = (read * device.bytes_per_param + device.cache) / (device.bandwidth * device.count)
    peak = rig.flops_per_hour / HOUR * device.count
    by_compute = FLOPS_PER_SERVED * active * sequences / peak
    latency = np.maximum(by_memory, by_compute)
    speed = sequences / latency
    seconds = MILLION / speed * device.count
    return Serving(
        params=total,
        params_active=active,
        fits=total <= device.max_params,
        latency=latency,
        tokens_per_second=speed,
        bound=tuple("memory" if slow else "compute" for slow in (by_memory >= by_compute).tolist()),
        energy=None if not rig.power else rig.power * seconds / JOULES_PER_KWH,
        money=None if rig.price is None else rig.price * seconds / HOUR,
        notes=tuple(notes),
    )
