"""Which step a state belongs to, and what flows from one step to the one before."""
