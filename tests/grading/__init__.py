"""The parts of tests/grade."""
