"""What must stand round a submission before it is run: files, network, processes and memory protected."""

from __future__ import annotations

from collections.abc import Iterable

PROTECTIONS = {
    "files": ("landlock", "bubblewrap"),
    "network": ("namespaces", "seccomp", "bubblewrap"),
    "processes": ("seccomp", "rlimits"),
    "memory": ("rlimits",),
}
"""For each, the layers of which one must be in force."""


def unprotected(layers: Iterable[str]) -> tuple[str, ...]:
    """What the layers in force leave unprotected."""
    standing = set(layers)
    return tuple(name for name, any_of in PROTECTIONS.items() if not standing & set(any_of))
