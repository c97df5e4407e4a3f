"""What tests/learn is made of."""
