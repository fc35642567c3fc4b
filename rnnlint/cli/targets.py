"""Which files a command line means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rnnlint.config import Config
from rnnlint.discovery import Target, discover
from rnnlint.results import Origin


def targets_of(
    paths: Sequence[Path], config: Config, *, skip_irrelevant: bool, force_exclude: bool
) -> list[Target]:
    """The files at and below ``paths``.

    With ``skip_irrelevant`` as if nobody had named them, and with the backward passes that they may break;
    with ``force_exclude`` without what ``config`` excludes, also where it is named.
    """
    targets = discover(paths, config.exclude, config.root, force_exclude=force_exclude)
    if not skip_irrelevant:
        return targets
    from rnnlint.companions import companions

    beside = [file for target in targets for file in companions(target.path)]
    all_of_them = dict.fromkeys((*(target.path.absolute() for target in targets), *beside))
    kept = discover(list(all_of_them), config.exclude, config.root, force_exclude=force_exclude)
    return [Target(target.path, Origin.FOUND) for target in kept]
