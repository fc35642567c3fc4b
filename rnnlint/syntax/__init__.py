"""A file as a small typed tree: Python's own, lowered once, spans on demand."""
