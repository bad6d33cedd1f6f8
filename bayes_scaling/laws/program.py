"""A law as a program: the mean of every run and its slopes, written out for numba.

What depends on data alone is computed once in numpy: *columns*, a value a run, and *scalars*, the
same for all runs. What depends on parameters alone is computed once a group. The rest is a loop
over the runs of each group, which also gives the slopes of each mean by what the loop reads of the
group: reverse accumulation with the local derivatives of `derivative.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bayes_scaling.formula.derivative import ONE, ZERO, add, derivative, multiply
from bayes_scaling.formula.nodes import (
    Call,
    Name,
    Node,
    Number,
    Solve,
    Text,
    is_positive,
    names,
    substitute,
)
from bayes_scaling.formula.roots import prepare
from bayes_scaling.laws.design import is_positive_data
from bayes_scaling.laws.drift import effective_name, integral_names, slope_names
from bayes_scaling.laws.link import link_of
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.transient import SCALE_LOW, SCALE_REF

SCALAR, GROUP, ROW = range(3)
"""What a value depends on: nothing that is sampled, nor the run; parameters alone; or the run."""

FORMS: Mapping[str, str] = {
    **{op: f"{{}} {op} {{}}" for op in ("+", "-", "*", "/", "**")},
    **{op: f"{{}} {op} {{}}" for op in ("<", "<=", ">", ">=", "==", "!=", "and", "or")},
    **{name: f"math.{name}({{}})" for name in ("exp", "log", "log10", "sqrt")},
    **{name: f"{name}({{}}, {{}})" for name in ("logaddexp", "min", "max")},
    **{"neg": "-{}", "not": "not {}", "sigmoid": "sigmoid({})", "where": "{1} if {0} else {2}"},
}
"""How each operation is written."""


class NoProgramError(Exception):
    """A law has something that cannot be written as a program; PyMC can sample it all the same."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """The program of a law.

    Attributes
    ----------
    text : str
        Source of the functions ``law`` and ``pull``, and of those that find roots.
    parameters : tuple of str
        Names of the sampled values that they read, in the order of ``where``.
    scalars, columns : tuple of Node
        Formulas of reference sizes, and of those and inputs, to be computed beforehand.
    responses : tuple of str
        Observed quantities, in the order of ``mean``.
    response_of : tuple of int
        Response of each slope that ``law`` gives.
    """

    text: str
    parameters: tuple[str, ...]
    scalars: tuple[Node, ...]
    columns: tuple[Node, ...]
    responses: tuple[str, ...]
    response_of: tuple[int, ...]


def write_program(model: Model) -> Program:
    """Write the program of a law.

    Parameters
    ----------
    model : Model
        The law; the means are those of its responses on the scale of the noise.

    Raises
    ------
    NoProgramError
        It compares text, has a root inside a root, or names something as lines are named.
    """
    positive = {item.name for item in model.parameters if item.prior.positive}
    walked = {name: slope_names(name) for name in model.drifting}
    sampled = [item.name for item in model.parameters]
    sampled += [slope for slopes in walked.values() for slope in slopes]
    writer = _Writer(
        parameters=tuple(sampled),
        references=frozenset((*model.reference_names, SCALE_LOW, SCALE_REF)),
        inputs=frozenset(model.inputs)
        | {label for name in walked for label in integral_names(name)},
        positive=frozenset(positive),
        walked={effective_name(name): name for name in walked},
    )
    means = {
        name: link_of(model.of(name)).forward_node(law)
        for name, law in model.evaluated_laws.items()
    }
    return writer.program(means)


@dataclass(frozen=True, kw_only=True)
class _Statement:
    """One line: what it computes from what, and what it depends on."""

    name: str
    node: Node
    text: str
    level: int

    @property
    def reads(self) -> frozenset[str]:
        return names(self.node)


@dataclass(kw_only=True)
class _Writer:
    """Places formulas as lines, each operation once."""

    parameters: tuple[str, ...]
    references: frozenset[str]
    inputs: frozenset[str]
    positive: frozenset[str]
    walked: Mapping[str, str]
    scalars: dict[Node, str] = field(default_factory=dict)
    columns: dict[Node, str] = field(default_factory=dict)
    statements: dict[str, _Statement] = field(default_factory=dict)
    level: dict[str, int] = field(default_factory=dict)
    known: dict[Node, Node] = field(default_factory=dict)
    seen: dict[int, tuple[Node, Node]] = field(default_factory=dict)
    signs: set[str] = field(default_factory=set)
    functions: list[str] = field(default_factory=list)

    def program(self, laws: Mapping[str, Node]) -> Program:
        own = {"total", "column", "scalar", "p", "v"}
        for name in self.inputs | self.references:
            if name.rstrip("0123456789").rstrip("_") in own:
                raise NoProgramError(f"the input {name!r} has the name of a line")
        self.level |= {self._local(name): GROUP for name in self.parameters}
        self.signs |= {self._local(name) for name in self.positive}
        means = [self.place(law) for law in laws.values()]
        slopes: list[tuple[int, str, Node]] = []
        for number, mean in enumerate(means):
            gathered = self._reverse({mean.id: ONE}, ROW) if isinstance(mean, Name) else {}
            slopes += [(number, read, self.place(slope)) for read, slope in gathered.items()]
        law = self._law(means, slopes)
        return Program(
            text="\n\n".join([*self.functions, law, self._pull(slopes)]) + "\n",
            parameters=self.parameters,
            scalars=tuple(self.scalars),
            columns=tuple(self.columns),
            responses=tuple(laws),
            response_of=tuple(number for number, _, _ in slopes),
        )

    # ---- placing -----------------------------------------------------------------------------

    def place(self, node: Node) -> Node:
        """Place a formula and return the name (or number) of its value."""
        known = self.seen.get(id(node))
        if known is not None and known[0] is node:
            return known[1]
        found = self._place(node)
        self.seen[id(node)] = (node, found)
        return found

    def _place(self, node: Node) -> Node:
        match node:
            case Number() | Text():
                return node
            case Name(id) if id in self.level:
                return node
            case Name(id) if id in self.walked:
                return self.place(self._effective(self.walked[id]))
            case Name(id) if id in self.parameters:
                return Name(self._local(id))
        read = names(node)
        if read and read <= self.references:
            return self._lift(node, self.scalars, SCALAR)
        if read and read <= self.references | self.inputs:
            return self._lift(node, self.columns, ROW)
        match node:
            case Call("log", (arg,)):
                return self.place(self._log(arg)) if self._opens(arg) else self._call("log", (arg,))
            case Call("**", (base, exponent)) if self._is_positive(base):
                return self.place(Call("exp", (Call("*", (exponent, Call("log", (base,)))),)))
            case Call("min" | "max" as op, (first, second, third, *rest)):
                return self.place(Call(op, (Call(op, (first, second)), third, *rest)))
            case Call(op, args):
                return self._call(op, args)
            case Solve():
                return self._solve(node)
        raise NoProgramError(f"no line can be written of {node!r}")

    def _call(self, op: str, args: tuple[Node, ...]) -> Node:
        placed = tuple(self.place(arg) for arg in args)
        if all(isinstance(arg, Number) for arg in placed) and op in ("neg", "+", "-", "*"):
            return _folded(op, [arg.value for arg in placed if isinstance(arg, Number)])
        text = FORMS[op].format(*map(_operand, placed))
        return self._statement(Call(op, placed), text)

    def _statement(self, node: Node, text: str) -> Node:
        if node in self.known:
            return self.known[node]
        level = max((self.level[name] for name in names(node)), default=SCALAR)
        name = f"v{len(self.statements)}"
        self.statements[name] = _Statement(name=name, node=node, text=text, level=level)
        self.level[name] = level
        if isinstance(node, Call) and self._is_positive(node):
            self.signs.add(name)
        self.known[node] = Name(name)
        return Name(name)

    def _lift(self, node: Node, into: dict[Node, str], level: int) -> Node:
        """Let a formula of data be computed beforehand."""
        if node not in into:
            name = f"{'scalar' if level == SCALAR else 'column'}_{len(into)}"
            into[node] = name
            self.level[name] = level
            if self._is_positive(node):
                self.signs.add(name)
        return Name(into[node])

    def _effective(self, name: str) -> Node:
        """Effective size of an input that drifts, of the slopes of its walk."""
        pairs = zip(integral_names(name), slope_names(name), strict=True)
        terms = [Call("*", (Name(integral), Name(slope))) for integral, slope in pairs]
        total: Node = terms[0]
        for term in terms[1:]:
            total = Call("+", (total, term))
        return Call("*", (Name(f"{name}_ref"), Call("exp", (total,))))

    # ---- logs --------------------------------------------------------------------------------

    def _opens(self, node: Node) -> bool:
        """Whether the log of a formula is a sum of logs, whatever its value."""
        match node:
            case Name(id):
                return id in self.walked
            case Call("exp", _):
                return True
            case Call("*" | "/", (first, second)):
                return self._is_positive(first) or self._is_positive(second)
            case Call("**", (base, _)):
                return self._is_positive(base)
            case _:
                return False

    def _log(self, node: Node) -> Node:
        match node:
            case Name(id):
                return Call("log", (self._effective(self.walked[id]),))
            case Call("exp", (arg,)):
                return arg
            case Call("*", (first, second)):
                return Call("+", (Call("log", (first,)), Call("log", (second,))))
            case Call("/", (first, second)):
                return Call("-", (Call("log", (first,)), Call("log", (second,))))
            case Call("**", (base, exponent)):
                return Call("*", (exponent, Call("log", (base,))))
        raise NoProgramError(f"no sum of logs: {node!r}")

    def _is_positive(self, node: Node) -> bool:
        """Whether a formula is positive by its form."""
        return is_positive(
            node,
            lambda name: (
                name in self.signs
                or name in self.positive
                or name in self.walked
                or is_positive_data(name)
            ),
        )

    # ---- roots -------------------------------------------------------------------------------

    def _solve(self, node: Solve) -> Node:
        """Find a root by a function of its own, of what does not depend on the root."""
        search = prepare(node)
        parts = {name: self.place(part) for name, part in search.parts.items()}
        ends = self.place(node.lo), self.place(node.hi)
        number = len(self.functions) // 2
        local = {name: f"p{index}" for index, name in enumerate(parts)}
        inner = _Straight(local={**local, node.variable: "x"})
        residual, slope = inner.place(search.lean_residual), inner.place(search.lean_slope)
        given = ", ".join(["x", *local.values()])
        rest = "".join(f", {name}" for name in local.values())
        lines = "\n".join(f"    {line}" for line in inner.lines)
        self.functions.append(
            f"@inner\ndef at_{number}({given}):\n{lines}\n    return {residual}, {slope}"
        )
        self.functions.append(SOLVER.format(number=number, rest=rest))
        placed = Solve(node.variable, substitute(search.lean_residual, parts), *ends)
        given = ", ".join(map(_operand, (*ends, *parts.values())))
        return self._statement(placed, f"root_{number}({given})")

    # ---- reverse accumulation ----------------------------------------------------------------

    def _reverse(self, seeds: Mapping[str, Node], level: int) -> dict[str, Node]:
        """Return slopes by what the lines of a level read of the level below.

        `seeds` are slopes by lines of this level (or already of the one below).
        """
        slopes: dict[str, Node] = dict(seeds)
        order = [name for name, item in self.statements.items() if item.level == level]
        for name in reversed(order):
            if name not in slopes:
                continue
            slope, item = slopes.pop(name), self.statements[name]
            for read in sorted(item.reads):
                if self.level[read] == SCALAR or (level == ROW and self._is_column(read)):
                    continue
                local = self.place(derivative(item.node, read))
                part = self.place(multiply(slope, local))
                slopes[read] = self.place(add(slopes.get(read, ZERO), part))
        return {name: slope for name, slope in slopes.items() if slope != ZERO}

    def _is_column(self, name: str) -> bool:
        return name not in self.statements and self.level[name] == ROW

    # ---- text --------------------------------------------------------------------------------

    def _law(self, means: list[Node], slopes: list[tuple[int, str, Node]]) -> str:
        """Write the loop over groups and runs."""
        needed = self._needed([*means, *(slope for _, _, slope in slopes)])
        lines = [
            "@inner",
            "def law(values, where, scalars, columns, first, mean, row_slopes):",
            *self._head(),
            *_indent(self._lines(SCALAR, needed), 1),
            "    for g in range(first.size - 1):",
            *_indent(self._loads(), 2),
            *_indent(self._lines(GROUP, needed), 2),
            "        for i in range(first[g], first[g + 1]):",
        ]
        lines += [
            f"            {name} = columns[i, {index}]"
            for index, name in enumerate(self.columns.values())
            if name in needed
        ]
        lines += _indent(self._lines(ROW, needed), 3)
        lines += [f"            mean[{n}, i] = {_operand(mean)}" for n, mean in enumerate(means)]
        lines += [
            f"            row_slopes[i, {n}] = {_operand(slope)}"
            for n, (_, _, slope) in enumerate(slopes)
        ]
        return "\n".join(lines)

    def _pull(self, slopes: list[tuple[int, str, Node]]) -> str:
        """Write what turns slopes by what runs read of their group into those by parameters."""
        seeds: dict[str, Node] = {}
        for index, (_, read, _) in enumerate(slopes):
            total = f"total_{index}"
            self.level[total] = GROUP
            seeds[read] = self.place(add(seeds.get(read, ZERO), Name(total)))
        found = self._reverse(seeds, GROUP)
        needed = self._needed(found.values())
        lines = [
            "@inner",
            "def pull(values, where, scalars, totals, slopes):",
            *self._head(),
            *_indent(self._lines(SCALAR, needed), 1),
            "    for g in range(where.shape[1]):",
            *_indent(self._loads(), 2),
            *(f"        total_{index} = totals[g, {index}]" for index in range(len(slopes))),
            *_indent(self._lines(GROUP, needed), 2),
        ]
        place = {self._local(name): index for index, name in enumerate(self.parameters)}
        lines += [
            f"        slopes[where[{place[name]}, g]] += {_operand(slope)}"
            for name, slope in found.items()
        ]
        return "\n".join(lines)

    def _head(self) -> list[str]:
        return [f"    {name} = scalars[{i}]" for i, name in enumerate(self.scalars.values())]

    def _loads(self) -> list[str]:
        return [
            f"{self._local(name)} = values[where[{index}, g]]"
            for index, name in enumerate(self.parameters)
        ]

    def _lines(self, level: int, needed: set[str]) -> list[str]:
        return [
            f"{item.name} = {item.text}"
            for item in self.statements.values()
            if item.level == level and item.name in needed
        ]

    def _needed(self, nodes: Iterable[Node]) -> set[str]:
        """Return every name that some results rest on."""
        waiting = [name for node in nodes for name in names(node)]
        found: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name in found:
                continue
            found.add(name)
            if name in self.statements:
                waiting += self.statements[name].reads
        return found

    @staticmethod
    def _local(name: str) -> str:
        return f"p_{name}"


SOLVER = """@inner
def root_{number}(lo, hi{rest}):
    at_lo, at_hi = sign(at_{number}(lo{rest})[0]), sign(at_{number}(hi{rest})[0])
    state = begin(lo, hi, at_lo, at_hi, choose)
    side = -at_lo if at_hi == 0 else at_hi
    scale = min(hi - lo, 1.0)
    for _ in range(MOST_STEPS):
        x = state.x
        residual, slope = at_{number}(x{rest})
        state, done = advance(state, residual, slope, side, scale, choose)
        if done:
            return state.x - residual / slope
    return math.nan"""
"""A search for one root, by the steps of `roots.py`."""


@dataclass(kw_only=True)
class _Straight:
    """Writes a function without groups or runs: the residual of a root."""

    local: Mapping[str, str]
    lines: list[str] = field(default_factory=list)
    known: dict[Node, str] = field(default_factory=dict)

    def place(self, node: Node) -> str:
        if node in self.known:
            return self.known[node]
        match node:
            case Number(value):
                return repr(float(value))
            case Name(id):
                return self.local[id]
            case Call("min" | "max" as op, (first, second, third, *rest)):
                return self.place(Call(op, (Call(op, (first, second)), third, *rest)))
            case Call(op, args):
                text = FORMS[op].format(*(self.place(arg) for arg in args))
            case _:
                raise NoProgramError(f"no root inside a root: {node!r}")
        name = self.known[node] = f"v{len(self.lines)}"
        self.lines.append(f"{name} = {text}")
        return name


def _operand(node: Node) -> str:
    match node:
        case Number(value):
            return f"({float(value)!r})" if value < 0 else repr(float(value))
        case Name(id):
            return id
    raise NoProgramError(f"no operand: {node!r}")


def _folded(op: str, values: list[float]) -> Number:
    if op == "neg":
        return Number(-values[0])
    first, second = values
    return Number({"+": first + second, "-": first - second, "*": first * second}[op])


def _indent(lines: list[str], depth: int) -> list[str]:
    return [f"{'    ' * depth}{line}" for line in lines]
