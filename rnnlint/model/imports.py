"""What a file imports and what it defines, read from its syntax tree; nothing is ever imported."""

from __future__ import annotations

import ast
import builtins
import sys
from collections import deque
from collections.abc import Iterator, Mapping

from rnnlint.nesting import BLOCKS
from rnnlint.records import dataclass, replace
from rnnlint.source import Source, tree_of

WELL_KNOWN_LIBRARIES = frozenset(
    """
    autograd caffe chainer cntk cupy cv2 cvxopt cython d2l dask faker future gensim gym h5py imageio
    IPython ipywidgets jax joblib keras keras_preprocessing lasagne librosa lightning matplotlib
    mpl_toolkits music21 mxnet networkx nltk numba numpy opt_einsum pandas past PIL plotly
    progressbar pydot pylab pytest pytorch_lightning requests scipy seaborn six skimage sklearn
    spacy statsmodels sympy tensorboardX tensorflow terminaltables tflearn theano torch torchtext
    torchvision tqdm transformers wandb xgboost yaml
    """.split()
)
"""Libraries that a project file never stands in for, even where it defines the imported names."""


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module: ``from ..utils import sigmoid, tanh`` has level 2, module "utils", two names.

    ``names`` are what the importer takes from it: the names of a ``from`` import, the attributes read through
    ``import utils`` (not looked for in a library), or for a star import those names that nothing else in the
    file defines.
    """

    module: str
    level: int
    names: tuple[str, ...]
    line: int
    star: bool = False
    plain: bool = False  # import a.b, not from a.b import c

    @property
    def top(self) -> str:
        """The first part of an absolute module name."""
        return self.module.partition(".")[0]

    @property
    def is_library(self) -> bool:
        """Whether it is the standard library's or a well-known library's."""
        return self.level == 0 and (self.top in sys.stdlib_module_names or self.top in WELL_KNOWN_LIBRARIES)


@dataclass(frozen=True, slots=True)
class FileOutline:
    """A file's imports and the names that its top level binds."""

    imports: tuple[Import, ...] = ()
    definitions: frozenset[str] = frozenset()


def outline(source: Source) -> FileOutline:
    """The outline of a source; an empty one where it does not parse."""
    if source.problem is not None:
        return FileOutline()
    tree = tree_of(source.text)
    definitions = frozenset(_top_level_bindings(tree.body))
    return FileOutline(tuple(_imports(tree, definitions)), definitions)


def _imports(tree: ast.Module, definitions: frozenset[str]) -> Iterator[Import]:
    attributes: Mapping[str, set[str]] | None = None
    for statement in _statements(tree):
        if isinstance(statement, ast.ImportFrom):
            star = any(alias.name == "*" for alias in statement.names)
            names = _unbound_names(tree, definitions) if star else tuple(a.name for a in statement.names)
            yield Import(statement.module or "", statement.level, names, statement.lineno, star=star)
        elif isinstance(statement, ast.Import):
            for alias in statement.names:
                found = Import(alias.name, 0, (), statement.lineno, plain=True)
                if not found.is_library:
                    attributes = _attributes_read(tree) if attributes is None else attributes
                    used = tuple(sorted(attributes.get(alias.asname or alias.name, ())))
                    found = replace(found, names=used)
                yield found


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Every statement, outer ones first; expressions, most of a file, are not looked into."""
    ahead: deque[ast.AST] = deque(tree.body)
    while ahead:
        node = ahead.popleft()
        yield node
        for name in BLOCKS.get(type(node), ()):
            ahead.extend(getattr(node, name))


def _attributes_read(tree: ast.Module) -> Mapping[str, set[str]]:
    """``{"utils": {"sigmoid"}}`` of ``utils.sigmoid(x)``."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (owner := _dotted(node.value)):
            found.setdefault(owner, set()).add(node.attr)
    return found


def _dotted(node: ast.expr) -> str:
    """``a.b`` for nested attributes of a name; empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (owner := _dotted(node.value)):
        return f"{owner}.{node.attr}"
    return ""


def _unbound_names(tree: ast.Module, definitions: frozenset[str]) -> tuple[str, ...]:
    """Names that are called and never bound anywhere in the file: what a star import must supply."""
    bound = set(definitions) | set(dir(builtins))
    called: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                bound.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                bound.add(name)
            case ast.Call(func=ast.Name(id=name)):
                called.add(name)
    return tuple(sorted(called - bound))


def _top_level_bindings(body: list[ast.stmt]) -> Iterator[str]:
    for statement in body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Assign(targets=targets):
                for target in targets:
                    yield from _names(target)
            case ast.AnnAssign(target=target) | ast.AugAssign(target=target):
                yield from _names(target)
            case ast.Import(names=aliases):
                yield from (alias.asname or alias.name.partition(".")[0] for alias in aliases)
            case ast.ImportFrom(names=aliases):
                yield from (alias.asname or alias.name for alias in aliases if alias.name != "*")
            case ast.If(body=inner, orelse=other) | ast.For(body=inner, orelse=other):
                if isinstance(statement, ast.For):
                    yield from _names(statement.target)
                yield from _top_level_bindings(inner)
                yield from _top_level_bindings(other)
            case ast.Try(body=inner, handlers=handlers, orelse=other, finalbody=final):
                for block in (inner, other, final, *(handler.body for handler in handlers)):
                    yield from _top_level_bindings(block)
            case ast.With(body=inner) | ast.While(body=inner):
                yield from _top_level_bindings(inner)


def _names(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Tuple | ast.List):
        for element in target.elts:
            yield from _names(element)
    elif isinstance(target, ast.Starred):
        yield from _names(target.value)
