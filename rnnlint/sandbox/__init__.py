"""Runs a guest beside code that nobody trusts, and lets numbers out."""

from __future__ import annotations

from rnnlint.sandbox.children import SandboxError
from rnnlint.sandbox.runner import LAYERS, Runner

__all__ = ["LAYERS", "Runner", "SandboxError"]
