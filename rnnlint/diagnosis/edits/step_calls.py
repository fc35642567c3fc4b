"""What a step's backward pass returns and the loop over the steps leaves out: sums, carries, the initial
state's gradient.

A step sends back the adjoint of the state before it, which the step before needs among its inputs, and its
own share of the weights' gradients. A loop that throws the one away, or keeps the last of the other, is
completed here as a whole: neither half of that repair makes any gradient right.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from rnnlint.diagnosis.edits.candidate import Candidate, Kind
from rnnlint.diagnosis.program_text import ProgramText
from rnnlint.diagnosis.suspects import BackwardText, Function, Suspect
from rnnlint.diagnosis.vocabulary import Vocabulary, base_name, looks_like_adjoint
from rnnlint.findings import Edit, Span
from rnnlint.records import dataclass

Loop = ast.For | ast.While


def step_call_edits(text: BackwardText, words: Vocabulary) -> Iterator[Candidate]:
    """For each loop that calls a step's backward pass: everything that it leaves out, at once."""
    for loop in text.loops:
        calls = [call for s in text.suspects if loop in s.loops for call in _call_of_a_step(words.program, s)]
        if not calls or len({call.callee.name for call in calls}) != 1:
            continue
        before = _Before.of(text, words, loop)
        whole = _completed(words.program, loop, calls, before)
        if whole is not None:
            yield whole


@dataclass(frozen=True)
class _StepCall:
    """``dx_t, dh_prev, dW_t = step_backward(dh[t] + dh_next, cache)``, or the same into one dictionary."""

    statement: ast.Assign
    call: ast.Call
    callee: Function
    returned: tuple[str, ...]  # names of what the callee returns, in order, or keys

    @property
    def targets(self) -> tuple[ast.expr, ...] | None:
        """One for each returned value; None where a dictionary takes them all."""
        (target,) = self.statement.targets
        return tuple(target.elts) if isinstance(target, ast.Tuple) else None

    @property
    def holder(self) -> str:
        """The variable that takes all of them."""
        return base_name(self.statement.targets[0])

    def argument(self, adjoint: str) -> ast.expr | None:
        """What is passed for the parameter that receives ``adjoint`` of the step after."""
        names = [each.arg for each in self.callee.args.args if each.arg not in ("self", "cls")]
        wanted = next((n for n in names if looks_like_adjoint(n) and _state(n) == _state(adjoint)), None)
        if wanted is None:
            return None
        keyword = next((k.value for k in self.call.keywords if k.arg == wanted), None)
        position = names.index(wanted)
        return keyword or (self.call.args[position] if position < len(self.call.args) else None)


@dataclass(frozen=True)
class _Before:
    """What a function sets before its loop, and what becomes of it."""

    zeros: tuple[str, ...]  # adjoints set before the loop, in order
    filled: frozenset[str]  # those of them that the loop fills step by step, by index
    added: frozenset[str]  # those to which the loop adds
    later: frozenset[str]  # those that are set after it

    @staticmethod
    def of(text: BackwardText, words: Vocabulary, loop: Loop) -> _Before:
        zeros = dict.fromkeys(
            target.id
            for s in text.suspects
            if loop not in s.loops and s.line < loop.lineno
            for target in s.targets
            if isinstance(target, ast.Name) and words.is_adjoint(target)
        )
        inside = [suspect for suspect in text.suspects if loop in suspect.loops]
        filled = {base_name(t) for s in inside for t in s.targets if isinstance(t, ast.Subscript)}
        added = {base_name(t) for s in inside if isinstance(s.node, ast.AugAssign) for t in s.targets}
        last = loop.end_lineno or loop.lineno
        later = {base_name(t) for s in text.suspects if s.line > last for t in s.targets}
        return _Before(tuple(zeros), frozenset(filled), frozenset(added), frozenset(later))


def _call_of_a_step(program: ProgramText, suspect: Suspect) -> Iterator[_StepCall]:
    match suspect.node:
        case ast.Assign(
            targets=[ast.Tuple() | ast.Name()],
            value=ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) as call,
        ) if suspect.part is None:
            for callee in program.functions.get(name, ()):
                returned = _returned(callee)
                if returned and _fits(suspect.node.targets[0], callee, returned):
                    yield _StepCall(suspect.node, call, callee, returned)
        case _:
            pass


def _fits(target: ast.expr, callee: Function, returned: tuple[str, ...]) -> bool:
    """Whether a target takes what the function returns: a name a dictionary, a tuple as many values."""
    if isinstance(target, ast.Tuple):
        return _dictionary(callee) is None and len(target.elts) == len(returned)
    return _dictionary(callee) is not None


def _returned(callee: Function) -> tuple[str, ...]:
    """The names of the values that a function returns, or the keys of its dictionary."""
    keys = _dictionary(callee)
    if keys is not None:
        return keys
    for node in reversed(callee.body):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            return tuple(base_name(each) for each in node.value.elts)
    return ()


def _dictionary(callee: Function) -> tuple[str, ...] | None:
    last = callee.body[-1]
    value = last.value if isinstance(last, ast.Return) else None
    if isinstance(value, ast.Name):
        name = value.id
        made = (n.value for n in ast.walk(callee) if isinstance(n, ast.Assign) and _binds(n, name))
        value = next((v for v in made if isinstance(v, ast.Dict)), None)
    if not isinstance(value, ast.Dict):
        return None
    return tuple(k.value for k in value.keys if isinstance(k, ast.Constant) and isinstance(k.value, str))


def _binds(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id == name for target in node.targets)


def _state(name: str) -> str:
    """The state of which a name is an adjoint: "h" of ``dh_next``, ``dprev_h``, ``da0`` … "a"."""
    plain = re.sub(r"next|prev(ious)?|before|after|grad|delta|error|err|[\d_]|t$", "", name.lower())
    return plain.removeprefix("d") or plain


def _completed(
    program: ProgramText, loop: Loop, calls: Sequence[_StepCall], before: _Before
) -> Candidate | None:
    """All calls of the loop with what they leave out; None where nothing is left out."""
    sums = frozenset(n for n in calls[0].returned if n in before.zeros and n not in before.filled)
    carries = _carries(calls[0], before, sums)
    edits = [edit for call in calls for edit in _edits(program, loop, call, sums, carries)]
    first = calls[0].statement
    if not edits:
        return None
    written = "; ".join(" ".join(edit.text.split()) for edit in edits)
    return Candidate(Kind.STEP_RESULTS, tuple(edits), program.span(first), "", written, 0.2)


def _carries(call: _StepCall, before: _Before, sums: frozenset[str]) -> dict[str, str]:
    """Which variable, set before the loop, should carry which returned adjoint; only where that is clear."""
    free = [n for n in before.zeros if n not in sums | before.filled | before.added | before.later]
    sent = [n for n in call.returned if n not in sums and call.argument(n) is not None]
    found: dict[str, str] = {}
    for name in sent:
        alike = [each for each in free if _state(each) == _state(name)]
        if not alike and len(free) == len(sent) == 1:
            alike = free
        if alike:
            given = call.argument(name)
            passed = (
                {n.id for n in ast.walk(given) if isinstance(n, ast.Name)} if given is not None else set()
            )
            found[name] = next((each for each in alike if each in passed), alike[-1])
    return found


def _edits(
    program: ProgramText, loop: Loop, call: _StepCall, sums: frozenset[str], carries: dict[str, str]
) -> Iterator[Edit]:
    """What one call of a step leaves out."""
    appended: list[str] = []
    for position, name in enumerate(call.returned):
        target = call.targets[position] if call.targets is not None else None
        kept = program.source(target) if target is not None else f'{call.holder}["{name}"]'
        thrown_away = not kept.strip("_")
        if name in sums and target is not None and (thrown_away or kept == name):
            yield program.replacement(target, f"{name}_t")
            appended.append(f"{name} += {name}_t")
        if name in carries:
            yield from _passed(program, call, name, carries[name])
            if target is not None and thrown_away:
                yield program.replacement(target, carries[name])
            elif not _is_set(loop, carries[name]):
                appended.append(f"{carries[name]} = {kept}")
    if appended:
        span = program.span(call.statement)
        line = program.lines[span.line - 1]
        indent = line[: len(line) - len(line.lstrip())]
        place = Span(span.end_line, span.end_column, span.end_line, span.end_column)
        yield Edit(program.path, place, "".join(f"\n{indent}{each}" for each in appended))


def _passed(program: ProgramText, call: _StepCall, name: str, carry: str) -> Iterator[Edit]:
    """The carry as a term of the argument that takes it."""
    given = call.argument(name)
    if given is None or any(isinstance(n, ast.Name) and n.id == carry for n in ast.walk(given)):
        return
    yield program.replacement(given, f"{program.source(given)} + {carry}")


def _is_set(loop: Loop, name: str) -> bool:
    """Whether the loop sets a variable."""
    nodes = (node for node in ast.walk(loop) if isinstance(node, ast.Name) and node.id == name)
    return any(isinstance(node.ctx, ast.Store) for node in nodes)
