"""A file as a small typed tree: parsed once by libcst, lowered once, spans on demand."""
