"""Looks for bytes that 08 misreads: the script `run` and its parts."""
