"""Which code of a file belongs to a recurrent network: all that some rules may speak of."""

from __future__ import annotations

import re
from functools import cached_property, lru_cache
from pathlib import Path

from rnnlint.model.code_blocks import CodeBlock, blocks
from rnnlint.model.program import Program
from rnnlint.model.project import Project
from rnnlint.records import dataclass
from rnnlint.syntax import tree
from rnnlint.syntax.module import Module

_CELL_NAME = re.compile(
    r"lstm|(?-i:GRU(?![a-z]))|\bgrus?\b|gru_|_gru\b|(?-i:RNN|Rnn)|bptt|through.time|forget.?gate",
    re.IGNORECASE,
)
_RECURRENT_WORD = re.compile(
    rf"{_CELL_NAME.pattern}|\brnn|rnn\b|rnn_|\bd_?[hc]_?next|\b[hc]_?prev\b|\bprev_[hc]\b|\bW_?(hh|aa)\b",
    re.IGNORECASE,
)
_ACTIVATION = re.compile(r"\btanh\b|sigmoid|\bexpit\b", re.IGNORECASE)
_PRODUCT = re.compile(r"\bdot\b|\bmatmul\b|\s@\s|\beinsum\b|\bouter\b")
_PARTS = {
    _CELL_NAME: "lstm gru rnn bptt through forget".split(),
    _RECURRENT_WORD: """
        lstm gru rnn bptt through forget hnext h_next cnext c_next hprev h_prev cprev c_prev prev_h prev_c
        whh w_hh waa w_aa
    """.split(),
    _ACTIVATION: "tanh sigmoid expit".split(),
    _PRODUCT: "dot matmul @ einsum outer".split(),
}
"""One of these stands wherever a pattern matches; they are looked for at the speed of memory."""


@dataclass(frozen=True)
class RecurrentCode:
    """The part of a file that is recurrent code, that uses it, or that it uses.

    ``program`` is the file's among its project; ``whole`` says that the code is all of the file.
    """

    program: Program
    whole: bool
    helper_names: frozenset[str]

    @property
    def module(self) -> Module:
        """The file."""
        return self.program.target

    @cached_property
    def blocks(self) -> tuple[CodeBlock, ...]:
        """The functions (and, of a file that is all of it, the top level) that may be spoken of."""
        everything = blocks(self.module)
        return everything if self.whole else tuple(each for each in everything if self._is_helper(each))

    @cached_property
    def all_blocks(self) -> tuple[CodeBlock, ...]:
        """The blocks of every file of the project."""
        return tuple(block for module in self.program.modules for block in blocks(module))

    def _is_helper(self, block: CodeBlock) -> bool:
        if block.function is None:
            return False
        name = block.owner.name if block.owner else block.function.name
        return name in self.helper_names


def recurrent_code(program: Program) -> RecurrentCode | None:
    """The recurrent code of a file, None where it has none.

    A file is recurrent where it speaks of recurrence, multiplies matrices and applies a gate's nonlinearity;
    one that names a kind of cell may leave one of the last two to what it imports. A file that imports a
    recurrent file belongs to it whole; one that is imported by it belongs with the functions it uses.
    """
    project, module = program.project, program.target
    recurrent = {path for path in project.files if _is_recurrent(project, path)}
    if not recurrent:
        return None
    if not recurrent.isdisjoint(project.closure(module.path)):
        return RecurrentCode(program, whole=True, helper_names=frozenset())
    used = _names_used(project, module.path, recurrent)
    helpers = _with_their_own_helpers(module, used)
    return RecurrentCode(program, whole=False, helper_names=helpers) if helpers else None


def _is_recurrent(project: Project, path: Path) -> bool:
    text = project.files[path].text
    computes = [_holds(pattern, text) for pattern in (_ACTIVATION, _PRODUCT)]
    if all(computes):
        return _holds(_RECURRENT_WORD, text)
    if not any(computes) or not _holds(_CELL_NAME, text):
        return False
    imported = [project.files[each].text for each in project.closure(path)]
    return all(any(_holds(pattern, each) for each in imported) for pattern in (_ACTIVATION, _PRODUCT))


@lru_cache(maxsize=256)
def _holds(pattern: re.Pattern[str], text: str) -> bool:
    """Each file is asked once, though every file of its project wants to know."""
    lower = text.lower()
    return any(part in lower for part in _PARTS[pattern]) and pattern.search(text) is not None


def _names_used(project: Project, path: Path, recurrent: set[Path]) -> set[str]:
    """The words of those recurrent files that have ``path`` in their import closure."""
    users = [each for each in recurrent if path in project.closure(each)]
    return {word for each in users for word in re.findall(r"\w+", project.files[each].text)}


def _with_their_own_helpers(module: Module, names: set[str]) -> frozenset[str]:
    """Those of ``names`` that ``module`` defines, and the functions of ``module`` that they call in turn."""
    defined: dict[str, tree.Function | tree.Class] = {**module.functions, **module.classes}
    found: dict[str, None] = {}
    ahead = [name for name in defined if name in names]
    while ahead:
        name = ahead.pop()
        if name in found:
            continue
        found[name] = None
        read = {node.id for node in defined[name].walk() if isinstance(node, tree.Name)}
        ahead += [other for other in defined if other in read]
    return frozenset(found)
