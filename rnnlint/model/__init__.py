"""What the code means: roles, sequences, helpers, passes; silence where a role is unknown."""
