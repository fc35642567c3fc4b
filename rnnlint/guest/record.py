"""What happens inside a scenario: calls of the user's functions, their locals at return, locals at chosen
lines.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import numpy as np

from .job import Frame, Scenario
from .portable import Copier, TooMuchError

LARGEST_RECORD = 96 * 2**20
MOST_FRAMES = 20_000


_MOST_ITEMS = 64


def _is_beyond_float64(value: Any) -> bool:
    """Whether a value, or an item of a list or tuple, is complex or a float of more digits than float64's."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype.kind == "c" or (value.dtype.kind == "f" and value.dtype.itemsize > 8)
    if isinstance(value, (list, tuple)):
        return any(map(_is_beyond_float64, value[:_MOST_ITEMS]))
    return type(value) is complex


class Recorder:
    """Watches the user's files during one scenario."""

    def __init__(self, scenario: Scenario, paths: frozenset[str], entry: str) -> None:
        self.frames: list[Frame] = []
        self.calls: Counter[str] = Counter()
        self.overflowed = False
        self.was_watching = True
        self.beyond_float64 = False
        self._paths = paths
        self._entry = entry
        self._wanted = frozenset(scenario.frames)
        self._steps = frozenset(scenario.steps)
        self._reached: Counter[int] = Counter()
        self._copier = Copier(LARGEST_RECORD)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Record until the block is left."""
        if self._wanted:
            sys.setprofile(self._profile)
        if self._steps:
            sys.settrace(self._trace)
        try:
            yield
        finally:
            if self._wanted and sys.getprofile() != self._profile:
                self.was_watching = False
            sys.settrace(None)
            sys.setprofile(None)

    def _profile(self, frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            code = frame.f_code
            if code.co_filename in self._paths:
                self.calls[code.co_qualname] += 1
        elif event == "return" and self._wanted:
            code = frame.f_code
            if code.co_filename in self._paths:
                if not self.beyond_float64:
                    self.beyond_float64 = any(map(_is_beyond_float64, (argument, *frame.f_locals.values())))
                if self._is_wanted(code):
                    self._record(frame, 0, 0)

    def _trace(self, frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename == self._entry:
            return self._trace_line
        return None

    def _trace_line(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line" and frame.f_lineno in self._steps:
            self._record(frame, frame.f_lineno, self._reached[frame.f_lineno])
            self._reached[frame.f_lineno] += 1
        return self._trace_line

    def _is_wanted(self, code: CodeType) -> bool:
        if code.co_name.startswith("<"):
            return False  # comprehensions, lambdas, a file's own body
        return not self._wanted.isdisjoint(("*", code.co_name, code.co_qualname))

    def _record(self, frame: FrameType, line: int, iteration: int) -> None:
        if self.overflowed or len(self.frames) == MOST_FRAMES:
            self.overflowed = True
            return
        try:
            variables = self._copier.variables(frame.f_locals)
        except TooMuchError:
            self.overflowed = True
            return
        code = frame.f_code
        self.frames.append(Frame(code.co_qualname, code.co_filename, line, variables, iteration))
