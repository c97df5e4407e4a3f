"""The checks of 08-http. They run in this order; harness/web.py has the
functions they are made of."""

from . import (  # noqa: F401
    methods, connections, bodies, heads, names, limits, targets, files, folders,
    fields, conditions, ranges, changes, rare, options, log, log_full, patience,
    tools)
