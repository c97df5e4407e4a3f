"""What tests the texts of the ladder, its stubs and the learning loop."""
