"""Looks for bytes that 08 misreads: run, and what it is made of."""
