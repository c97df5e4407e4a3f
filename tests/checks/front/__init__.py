"""The checks of 08-http/in-front: `tests/check front` runs its configurations
in front of our servers, where nginx, HAProxy and systemd are installed."""

from . import lesson, proxies, units  # noqa: F401
