"""rnnlint in a running notebook: the magics ``%%rnnlint`` and ``%rnnlint``, and their tables."""
