"""The checks of 08-http/tls, beyond the ladder: `tests/check tls` runs them."""

from . import (  # noqa: F401
    certificates, handshakes, records, ends, patience, tools, lesson)
