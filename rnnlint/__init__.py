"""rnnlint: find, prove and repair wrong gradients in hand-written recurrent networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from rnnlint.gradients.in_process import check_gradients
    from rnnlint.verdicts import GradientCheck, WrongGradientError

__version__ = "0.1.0"
__all__ = ["GradientCheck", "WrongGradientError", "__version__", "check_gradients"]


def __getattr__(name: str) -> Any:
    """The Python interface, loaded when it is asked for: ``rnnlint --version`` imports no NumPy."""
    if name == "check_gradients":
        from rnnlint.gradients.in_process import check_gradients

        return check_gradients
    if name in ("GradientCheck", "WrongGradientError"):
        from rnnlint import verdicts

        return getattr(verdicts, name)
    raise AttributeError(f"module 'rnnlint' has no attribute {name!r}")


def load_ipython_extension(shell: InteractiveShell) -> None:
    """``%load_ext rnnlint`` in a notebook: gives it the magics ``%%rnnlint`` and ``%rnnlint``."""
    from rnnlint.notebook.magic import register

    register(shell)
