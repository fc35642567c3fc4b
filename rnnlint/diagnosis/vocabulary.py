"""What a backward pass can be written with: the states, gates and adjoints that its text names.

Names only order a search here; whether an edit is right is always measured.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cached_property

from rnnlint.diagnosis.program_text import ProgramText
from rnnlint.diagnosis.suspects import BackwardText, Suspect
from rnnlint.records import dataclass

Atom = ast.Name | ast.Attribute | ast.Subscript

_ADJOINT = re.compile(r"^_*(d[A-Za-z_]|delta|grad|dL|g_)|(_d|_?grads?|_delta|_bar|diff)\d*$")
_NOT_ADJOINT = re.compile(r"^(dim|data|dict|dtype|depth|derivative|deriv|dropout|decay|dset)")
_WHOLE = frozenset({"T", "N", "H", "D", "B", "M", "t", "n", "m"})
_SHAPE_FUNCTIONS = frozenset(
    {"zeros", "ones", "empty", "zeros_like", "ones_like", "empty_like", "range", "len"}
)


@dataclass(frozen=True)
class Vocabulary:
    """The atoms of one function's backward pass: names, attributes and subscripts that hold arrays, as
    written.

    ``states`` are factors (gates, states, their nonlinearities), ``adjoints`` flow back. Each text once, in
    the order of first use.
    """

    text: BackwardText

    @property
    def program(self) -> ProgramText:
        return self.text.program

    @cached_property
    def states(self) -> tuple[str, ...]:
        """Texts of forward quantities that are multiplied element by element or go through a nonlinearity."""
        found: dict[str, None] = {}
        for suspect in self.text.suspects:
            for atom in self._atoms_of(suspect):
                if not self.is_adjoint(atom) and (
                    self._is_factor(atom) or self._is_step_of_sequence(atom, suspect)
                ):
                    found[self.program.source(atom)] = None
            for name in self._read_from_sequences(suspect):
                found[name] = None
        for state in self._steps_before():
            found[state] = None
        return tuple(found)

    @cached_property
    def adjoints(self) -> tuple[str, ...]:
        """Texts of what flows back: δ of gates, dh, dC, the carries; gradient buffers too."""
        found: dict[str, None] = {}
        for suspect in self.text.suspects:
            for target in suspect.targets:
                if isinstance(target, ast.Name | ast.Attribute) and self.is_adjoint(target):
                    found[self.program.source(target)] = None
            for atom in self._atoms_of(suspect):
                if self.is_adjoint(atom):
                    found[self.program.source(atom)] = None
        if self.text.function is not None:
            for parameter in self.text.function.args.args:
                if looks_like_adjoint(parameter.arg):
                    found[parameter.arg] = None
        found.update(dict.fromkeys(self.upstream))
        return tuple(found)

    @cached_property
    def upstream(self) -> tuple[str, ...]:
        """One step of each upstream adjoint that the function is given and never reads."""
        function = self.text.function
        if function is None:
            return ()
        read = {n.id for s in self.text.suspects for n in ast.walk(s.node) if isinstance(n, ast.Name)}
        unread = [p.arg for p in function.args.args if looks_like_adjoint(p.arg) and p.arg not in read]
        return tuple(
            f"{name}[{before}{step}]"
            for name in unread
            for step in sorted(self.loop_variables)
            for before in ("", ":, ", ":, :, ")
        )

    @cached_property
    def deltas(self) -> tuple[str, ...]:
        """The adjoints that take part in arithmetic: what flows back, gradient buffers not among them."""
        read = {
            self.program.source(atom)
            for suspect in self.text.suspects
            for atom in self._atoms_of(suspect)
            if isinstance(
                self.program.parent(atom), ast.BinOp | ast.Call | ast.UnaryOp | ast.Attribute | ast.Subscript
            )
        }
        given = () if self.text.function is None else tuple(p.arg for p in self.text.function.args.args)
        assigned = {
            self.program.source(target)
            for suspect in self.text.suspects
            if suspect.loops and isinstance(suspect.node, ast.Assign)
            for target in suspect.targets
        }
        flowing = {*read, *given, *assigned, *self.upstream}
        return tuple(adjoint for adjoint in self.adjoints if adjoint in flowing)

    @cached_property
    def atoms(self) -> tuple[str, ...]:
        """Texts of all arrays that the pass reads or writes."""
        found: dict[str, None] = {}
        for suspect in self.text.suspects:
            for target in suspect.targets:
                if isinstance(target, Atom):
                    found[self.program.source(target)] = None
            for atom in self._atoms_of(suspect):
                found[self.program.source(atom)] = None
        return tuple(found)

    @cached_property
    def named(self) -> tuple[str, ...]:
        """:attr:`atoms`, and the weights that the rest of the file names."""
        found = dict.fromkeys(self.atoms)
        for node in ast.walk(self.program.tree):
            if isinstance(node, ast.Name | ast.Attribute) or (
                isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)
            ):
                name = base_name(node)
                if name and (name[0].isupper() or name[0] == "w") and self.is_plain(node):
                    found[self.program.source(node)] = None
        return tuple(found)

    @cached_property
    def everything(self) -> tuple[str, ...]:
        """Every name and attribute that the file reads, what is called not among them."""
        called = {id(node.func) for node in ast.walk(self.program.tree) if isinstance(node, ast.Call)}
        found = {
            self.program.source(node): None
            for node in ast.walk(self.program.tree)
            if isinstance(node, ast.Name | ast.Attribute) and id(node) not in called and self.is_plain(node)
        }
        return tuple(found)

    @staticmethod
    def is_plain(node: ast.expr) -> bool:
        """Whether an atom is a name, or hangs on one name, such as ``self.Wf`` or ``p["Wf"]``."""
        return isinstance(node, ast.Name) or (
            isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.value, ast.Name)
        )

    @cached_property
    def carried(self) -> frozenset[str]:
        """Names of adjoints that are set before a loop and read inside it: what one step leaves to the one
        before.
        """
        before = {
            base_name(target)
            for suspect in self.text.suspects
            if not suspect.loops
            for target in suspect.targets
            if self.is_adjoint(target)
        }
        return frozenset(
            before & {re.split(r"[\[.]", delta)[-1 if "." in delta else 0] for delta in self.deltas}
        )

    @cached_property
    def loop_variables(self) -> frozenset[str]:
        """Names that count steps."""
        names = {
            node.id
            for loop in self.text.loops
            if isinstance(loop, ast.For)
            for node in ast.walk(loop.target)
            if isinstance(node, ast.Name)
        }
        for loop in self.text.loops:
            if isinstance(loop, ast.While):
                names |= {node.id for node in ast.walk(loop.test) if isinstance(node, ast.Name)}
        return frozenset(names)

    @cached_property
    def tanh(self) -> str:
        """How this file calls tanh."""
        return self._called("tanh") or "np.tanh"

    @cached_property
    def flags(self) -> tuple[str, ...]:
        """Keyword arguments such as ``derivative=True`` that calls in this file carry."""
        return tuple(
            dict.fromkeys(
                self.program.source(keyword.value) and f"{keyword.arg}={self.program.source(keyword.value)}"
                for node in ast.walk(self.program.tree)
                if isinstance(node, ast.Call)
                for keyword in node.keywords
                if keyword.arg and keyword.arg.lower().startswith(("deriv", "grad", "prime"))
            )
        )

    def is_adjoint(self, atom: ast.expr) -> bool:
        """Whether ``atom`` is named like, or assigned from, something that flows back."""
        name = base_name(atom)
        return looks_like_adjoint(name) or name in self._tainted

    @cached_property
    def _tainted(self) -> frozenset[str]:
        tainted: set[str] = set()
        for suspect in self.text.suspects:
            value = suspect.value
            if value is None:
                continue
            reads = {base_name(atom) for atom in atoms_in(value)}
            if any(looks_like_adjoint(name) or name in tainted for name in reads):
                tainted |= {base_name(t) for t in suspect.targets if isinstance(t, ast.Name)}
        return frozenset(tainted)

    @cached_property
    def product(self) -> str:
        """How this file multiplies matrices, with ``{0}`` and ``{1}`` for the operands."""
        for node in ast.walk(self.program.tree):
            match node:
                case ast.BinOp(op=ast.MatMult()):
                    return "{0} @ {1}"
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="dot")) if len(node.args) == 2:
                    return f"{name}.dot({{0}}, {{1}})"
                case ast.Call(func=ast.Attribute(attr="dot")) if len(node.args) == 1:
                    return "{0}.dot({1})"
                case _:
                    pass
        return "{0} @ {1}"

    def _called(self, name: str) -> str | None:
        for node in ast.walk(self.program.tree):
            match node:
                case ast.Call(func=ast.Name(id=found) | ast.Attribute(attr=found)) if found == name:
                    return self.program.source(node.func)
        return None

    def _atoms_of(self, suspect: Suspect) -> Iterator[Atom]:
        value = suspect.value
        if value is not None:
            for atom in atoms_in(value):
                if base_name(atom) not in self.loop_variables | _WHOLE | {"np", "numpy", "self"}:
                    yield atom

    def _is_factor(self, atom: ast.expr) -> bool:
        parent = self.program.parent(atom)
        match parent:
            case ast.BinOp(op=ast.Mult() | ast.Pow()):
                return True
            case ast.BinOp(op=ast.Sub(), left=ast.Constant()):
                return True
            case ast.Call(func=func, args=[first, *_]) if first is atom:
                return re.search(r"tanh|sigm|square|deriv|multiply", self.program.source(func)) is not None
            case _:
                return False

    def _is_step_of_sequence(self, atom: ast.expr, suspect: Suspect) -> bool:
        return (
            isinstance(atom, ast.Subscript)
            and any(isinstance(n, ast.Name) and n.id in self.loop_variables for n in ast.walk(atom.slice))
            and self._is_factor(atom)
        )

    def _read_from_sequences(self, suspect: Suspect) -> Iterator[str]:
        """Names that a statement without arithmetic takes from what forward kept: ``C_prev = C[t]``."""
        value = suspect.value
        if value is None or not isinstance(suspect.node, ast.Assign):
            return
        if any(isinstance(n, ast.BinOp) and not _is_index(self.program, n) for n in ast.walk(value)):
            return
        if any(self.is_adjoint(atom) for atom in atoms_in(value)) or _is_shape(value):
            return
        for target in suspect.targets:
            if (
                isinstance(target, ast.Name)
                and not self.is_adjoint(target)
                and self._is_used_as_factor(target.id)
            ):
                yield target.id

    def _is_used_as_factor(self, name: str) -> bool:
        """Whether it is used so, or not at all: a forgotten factor leaves its name behind."""
        reads = [
            node
            for suspect in self.text.suspects
            if (value := suspect.value) is not None
            for node in ast.walk(value)
            if isinstance(node, ast.Name) and node.id == name
        ]
        return not reads or any(self._is_factor(node) for node in reads)

    def _steps_before(self) -> Iterator[str]:
        """The step before of what goes through tanh: ``cs[t - 1]`` for ``cs[t]``."""
        for suspect in self.text.suspects:
            value = suspect.value
            for node in ast.walk(value) if value is not None else ():
                match node:
                    case ast.Call(args=[ast.Subscript(value=base, slice=ast.Name(id=step))]):
                        if step in self.loop_variables and "tanh" in self.program.source(node.func):
                            yield f"{self.program.source(base)}[{step} - 1]"
                    case ast.Call(
                        args=[
                            ast.Subscript(
                                value=base,
                                slice=ast.BinOp(left=ast.Name(id=step), right=ast.Constant(value=1)),
                            )
                        ]
                    ):
                        if step in self.loop_variables and "tanh" in self.program.source(node.func):
                            yield f"{self.program.source(base)}[{step}]"
                    case _:
                        pass


def atoms_in(value: ast.expr) -> Iterator[Atom]:
    """The outermost names, attributes and subscripts that are read, callees and indices not among them."""
    match value:
        case ast.Attribute(attr="T", value=inner):
            yield from atoms_in(inner)
        case ast.Name() | ast.Attribute():
            yield value
        case ast.Subscript(value=inner):
            if isinstance(inner, ast.Name | ast.Attribute | ast.Subscript):
                yield value
            else:
                yield from atoms_in(inner)
        case ast.Call(func=func, args=arguments, keywords=keywords):
            name = (
                func.attr
                if isinstance(func, ast.Attribute)
                else func.id
                if isinstance(func, ast.Name)
                else ""
            )
            if name in _SHAPE_FUNCTIONS:
                return
            if isinstance(func, ast.Attribute) and base_name(func.value) not in ("np", "numpy", "self"):
                yield from atoms_in(func.value)
            for argument in arguments:
                yield from atoms_in(argument)
            for keyword in keywords:
                if keyword.arg not in ("axis", "keepdims", "dtype"):
                    yield from atoms_in(keyword.value)
        case _:
            for child in ast.iter_child_nodes(value):
                if isinstance(child, ast.expr):
                    yield from atoms_in(child)


def base_name(atom: ast.expr) -> str:
    """The identifier that says what an atom is: ``dWf`` of ``self.dWf``, ``grads["dWf"]`` and ``dWf[t]``."""
    match atom:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return key
        case ast.Subscript(value=inner):
            return base_name(inner)
        case _:
            return ""


def looks_like_adjoint(name: str) -> bool:
    return _ADJOINT.search(name) is not None and _NOT_ADJOINT.search(name) is None


def _is_index(program: ProgramText, node: ast.AST) -> bool:
    above = program.parent(node)
    while isinstance(above, ast.expr | ast.Slice):
        if isinstance(above, ast.Subscript | ast.Slice):
            return True
        above = program.parent(above)
    return False


def _is_shape(value: ast.expr) -> bool:
    return any(isinstance(node, ast.Attribute) and node.attr in ("shape", "size") for node in ast.walk(value))
