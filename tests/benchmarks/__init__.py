"""How fast it is, side by side with others: ``python -m tests.benchmarks``, from the repository's root."""
