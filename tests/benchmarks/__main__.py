"""``python -m tests.benchmarks [startup] [trees] [numbers] [growth] [grade]``: all of them, or some."""

from __future__ import annotations

import importlib
import platform
import sys

SECTIONS = ("startup", "trees", "numbers", "growth", "grade")


def main() -> None:
    """Run the sections in order, each in this process."""
    chosen = sys.argv[1:] or SECTIONS
    unknown = [name for name in chosen if name not in SECTIONS]
    if unknown:
        sys.exit(f"{unknown[0]}: there are {', '.join(SECTIONS)}.")
    print(f"Python {platform.python_version()}, {platform.machine()}, {platform.system()}")
    for name in chosen:
        importlib.import_module(f"tests.benchmarks.{name}").main()


if __name__ == "__main__":
    main()
