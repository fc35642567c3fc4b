"""How time grows with the length of a file, the number of files, and H, V and T of the reference."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from reference_impl import lstm
from reference_impl.losses import cross_entropy_adjoint
from rnnlint.api import Request, check
from rnnlint.config import Config
from rnnlint.model.project import Project
from rnnlint.results import Origin, RunOptions
from rnnlint.rules import lint
from rnnlint.source import decode_source
from tests.benchmarks.timing import ROOT, Row, print_table, seconds_in

PROGRAM = (ROOT / "fixtures" / "correct" / "lstm_dict.py").read_text(encoding="utf-8")
TIMES = (1, 4, 16)


def with_length(times: int) -> Callable[[], object]:
    """Read one file that holds the program so many times over."""
    text = "\n\n".join(PROGRAM.replace("def ", f"def part{number}_") for number in range(times))
    source = decode_source(Path("long.py").absolute(), text.encode())
    return lambda: lint(Project.alone(source), source)


def with_files(times: int) -> Callable[[], object]:
    """Read a folder with eight files for each of ``times``, each different, without a cache."""

    def read() -> None:
        with tempfile.TemporaryDirectory() as folder:
            for number in range(8 * times):
                place = Path(folder, f"net{number}", "net.py")
                place.parent.mkdir()
                place.write_text(f"{PROGRAM}\n# {number}\n", encoding="utf-8")
            requests = [Request(path, Origin.FOUND) for path in sorted(Path(folder).rglob("*.py"))]
            check(requests, RunOptions(run=False, cache=False), Config(Path(folder)))

    return read


def reference_with(H: int = 32, V: int = 27, T: int = 16) -> Callable[[], object]:
    """Both passes of the reference."""
    draw = np.random.default_rng(1)
    parameters = lstm.LSTMParameters(
        **{f"W_{k}": draw.normal(0, 0.3, (H, H + V)) for k in "figo"},
        **{f"b_{k}": draw.normal(0, 0.3, (H, 1)) for k in "figo"},
        W_v=draw.normal(0, 0.3, (V, H)),
        b_v=draw.normal(0, 0.3, (V, 1)),
    )
    letters = np.eye(V)[draw.integers(V, size=T + 1)][:, :, None]
    state = np.zeros((H, 1))

    def passes() -> None:
        trace = lstm.forward(letters[:-1], state, state, parameters)
        lstm.backward(trace, dv=cross_entropy_adjoint(trace.v, letters[1:]))

    return passes


WAYS: Mapping[str, Callable[[int], Callable[[], object]]] = {
    "file length, reading": with_length,
    "files, reading": with_files,
    "H, the reference's passes": lambda times: reference_with(H=32 * times),
    "V, the reference's passes": lambda times: reference_with(V=27 * times),
    "T, the reference's passes": lambda times: reference_with(T=16 * times),
}


def rows() -> Iterator[Row]:
    """Each way at one, four and sixteen times its size; the ratio is to the first."""
    for title, make in WAYS.items():
        first = 0.0
        for times in TIMES:
            call = make(times)
            call()
            spent = min(seconds_in(call) for _ in range(3))
            first = first or spent
            yield Row(f"{title} × {times}", spent, spent / first)


def main() -> None:
    """Print the table."""
    print_table("Growth", list(rows()))


if __name__ == "__main__":
    main()
