"""The nearest known word to one that is not known."""

from __future__ import annotations

from collections.abc import Iterable


def suggestion(word: str, known: Iterable[str], *spellings: str) -> str:
    """`` Did you mean 'forward'?``, or nothing where no known word is near ``word`` or its ``spellings``."""
    import difflib

    words = list(known)
    close = [
        match for spelling in (word, *spellings) for match in difflib.get_close_matches(spelling, words, 1)
    ]
    return f" Did you mean {close[0]!r}?" if close else ""
