"""Python 2 to Python 3, line by line: the lines stay where they are, so that a finding names the right one.

What has a spelling in Python 3 is spelled so (``print``, ``except``, ``raise``, ``exec``, numbers, backticks,
renamed modules and built-ins). What only means something else, such as ``/`` between whole numbers or the
list that ``map`` returns, stays as it is: whoever runs the text has to mean it as Python 2 did.
"""

from __future__ import annotations

from rnnlint.python2.names import ONLY_PYTHON2, ONLY_PYTHON2_METHODS


def convert(text: str) -> str | None:
    """``text`` as Python 3 with every line kept in place, or None where it is not Python 2 either."""
    from rnnlint.python2.conversion import converted

    return converted(text)


def is_python2(text: str) -> bool:
    """Whether a text that parses as Python 3 was written for Python 2: it uses a built-in name or a dict's
    method that only Python 2 has, and binds that name nowhere itself.
    """
    if not any(word in text for word in ONLY_PYTHON2 | ONLY_PYTHON2_METHODS):
        return False
    from rnnlint.python2.conversion import calls_python2

    return calls_python2(text)
