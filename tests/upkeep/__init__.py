"""Tests of the ladder's texts, its stubs and the learning loop."""
