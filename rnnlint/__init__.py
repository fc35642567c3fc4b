"""rnnlint: find, prove and repair wrong gradients in hand-written recurrent networks."""

__version__ = "0.1.0"
