"""The checks of 08-http, in the order of the TODOs that they prove, then the
others; harness/web.py has the functions they are made of."""

from . import (  # noqa: F401
    methods, targets, heads, characters, bodies, framing, connections, limits,
    files, folders, fields, conditions, ranges, changes, cached, rare, options,
    log, log_full, names, patience, quiet,
    tools)
