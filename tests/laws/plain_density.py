"""The generated density run as plain Python, so that tests of its text need no compiler."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from bayes_scaling.laws.compiled import source
from bayes_scaling.laws.design import Design
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.program import write_program
from bayes_scaling.laws.target import Target, lay_out

UNCOMPILED = '''
def njit(*functions, **options):
    return functions[0] if functions else (lambda function: function)


def cfunc(*signature, **options):
    return lambda function: None


intrinsic, types, cgutils, carray = (lambda function: function), None, None, None
'''
"""What stands in the place of the imports of numba."""


def plain_target(model: Model, design: Design) -> Target:
    """Return the target of a sampler with its density in plain Python."""
    program = write_program(model)
    imports, rest = source(model, program).split("import numpy as np\n", 1)
    lines = [line for line in rest.splitlines() if not line.startswith("from numba")]
    module = ModuleType("plain")
    text = "\n".join([imports, "import numpy as np", UNCOMPILED, *lines])
    exec(compile(text, "density.py", "exec"), module.__dict__)
    return lay_out(model, design, program, module)


def plain_density(target: Target, q: np.ndarray) -> tuple[float, Any]:
    """Return the log density of a vector and its slopes."""
    slopes = np.empty(target.vector.size)
    with np.errstate(all="ignore"):
        value = target.module.density(q, slopes, *target.arguments, target.vector.slots)
    return float(value), slopes
