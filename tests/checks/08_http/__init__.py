"""The checks of 08-http, those for TODOs first, in the order of the TODOs; the
functions that they share are in harness/web.py."""

from . import (  # noqa: F401
    methods, targets, heads, characters, bodies, framing, connections, limits,
    files, folders, fields, conditions, ranges, changes, cached, rare, options,
    log, log_full, names, patience, quiet,
    tools)
