"""The checks of 08-http. They run in this order; see harness/web.py for what
they are made of."""

from . import (  # noqa: F401
    methods, connections, bodies, heads, names, limits, targets, files, folders,
    fields, conditions, ranges, changes, rare, options, log, patience, tools)
