"""Charts of real runs, and the bytes of their packets."""
