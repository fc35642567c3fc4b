"""A runner shared by the tests: each job has its own child anyway."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rnnlint.sandbox import Runner


@pytest.fixture(scope="session")
def runner() -> Iterator[Runner]:
    with Runner() as running:
        yield running
