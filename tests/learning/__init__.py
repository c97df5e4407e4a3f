"""The parts of tests/learn."""
