"""The file itself: what is written about rnnlint, and whether it is Python."""
