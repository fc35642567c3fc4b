"""The backward pass step by step, beside the true adjoints of the same run."""
