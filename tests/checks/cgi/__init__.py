"""The checks of 08-http/cgi, beyond the ladder: `tests/check cgi` runs them."""

from . import (  # noqa: F401
    variables, bodies, answers, heads, paths, processes, rows, workers,
    frameworks, lesson)
