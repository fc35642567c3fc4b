"""Whether each factor of the chain rule is the derivative it stands for."""
