"""Runs beside the user's code and knows no answers: the standard library and NumPy are all it imports."""
