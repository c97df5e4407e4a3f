"""What tests/grade is made of."""
