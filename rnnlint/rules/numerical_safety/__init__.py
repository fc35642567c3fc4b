"""Where floating point leaves the equations."""
