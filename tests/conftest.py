"""What holds for every test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def cache_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Nothing is kept between two runs of the tests, and nothing in the user's folders."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["RNNLINT_CACHE_DIR"] = str(folder)
    yield folder
    del os.environ["RNNLINT_CACHE_DIR"]
