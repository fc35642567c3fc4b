"""What makes a right gradient train badly."""
