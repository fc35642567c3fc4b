"""What must stand round a submission, and which layers give it."""

from __future__ import annotations

import pytest

from rnnlint.grading.protection import unprotected
from rnnlint.sandbox import LAYERS


@pytest.mark.parametrize(
    ("layers", "lacking"),
    [
        (LAYERS, ()),
        ((), ("files", "network", "processes", "memory")),
        (("landlock", "seccomp"), ("memory",)),
        (("namespaces", "rlimits", "unprivileged", "seccomp"), ("files",)),
        (("bubblewrap", "rlimits"), ()),
        (("landlock", "rlimits"), ("network",)),
    ],
)
def test_what_layers_leave_open(layers: tuple[str, ...], lacking: tuple[str, ...]) -> None:
    assert unprotected(layers) == lacking
