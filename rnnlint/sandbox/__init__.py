"""Runs a guest beside code that nobody trusts, and lets numbers out."""

from __future__ import annotations

from rnnlint.sandbox.runner import LAYERS, Runner, SandboxError

__all__ = ["LAYERS", "Runner", "SandboxError"]
