"""Which code of a file belongs to a recurrent network: all that some rules may speak of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from rnnlint.model.code_blocks import CodeBlock, blocks
from rnnlint.model.project import Project
from rnnlint.syntax import tree
from rnnlint.syntax.module import Module

_RECURRENT_WORD = re.compile(
    r"[Ll][Ss][Tt][Mm]|\bgrus?\b|gru(?=cell|_)|(?<![a-z])gru(?=[A-Z])|_gru\b|\brnn|rnn\b|rnn_|RNN|bptt|through.time"
    r"|\bd_?h_?next|\bd_?c_?next|forget_?gate|\b[hc]_?prev\b|\bprev_[hc]\b|\bW_?hh\b|\bW_?aa\b",
)
_ACTIVATION = re.compile(r"\btanh\b|sigmoid|\bexpit\b|Tanh\b|Sigmoid\b")
_PRODUCT = re.compile(r"\bdot\b|\bmatmul\b|\s@\s|\beinsum\b")


@dataclass(frozen=True)
class RecurrentCode:
    """The part of a file that is recurrent code, that uses it, or that it uses.

    ``project`` and ``module`` are the file's; ``whole`` says that it is all of the file.
    """

    project: Project
    module: Module
    whole: bool
    helper_names: frozenset[str]

    @cached_property
    def blocks(self) -> tuple[CodeBlock, ...]:
        """The functions (and, of a file that is all of it, the top level) that may be spoken of."""
        everything = blocks(self.module)
        return everything if self.whole else tuple(each for each in everything if self._is_helper(each))

    def _is_helper(self, block: CodeBlock) -> bool:
        if block.function is None:
            return False
        name = block.owner.name if block.owner else block.function.name
        return name in self.helper_names


def recurrent_code(project: Project, module: Module) -> RecurrentCode | None:
    """The recurrent code of ``module``, None where it has none.

    A file is recurrent where it speaks of recurrence and multiplies matrices, and it or a file that it imports
    has a gate's nonlinearity. A file that imports such a file belongs to it whole; one that is imported by it
    belongs with the functions it uses.
    """
    recurrent = {path for path in project.files if _is_recurrent(project, path)}
    if module.path in recurrent or any(path in recurrent for path in project.closure(module.path)[1:]):
        return RecurrentCode(project, module, whole=True, helper_names=frozenset())
    used = _names_used(project, module.path, recurrent)
    helpers = _with_their_own_helpers(module, used)
    return RecurrentCode(project, module, whole=False, helper_names=helpers) if helpers else None


def _is_recurrent(project: Project, path: Path) -> bool:
    text = project.files[path].text
    if not _RECURRENT_WORD.search(text) or not _PRODUCT.search(text):
        return False
    return any(_ACTIVATION.search(project.files[each].text) for each in project.closure(path))


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
