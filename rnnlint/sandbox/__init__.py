"""Runs a guest beside code that nobody trusts, and lets numbers out."""
