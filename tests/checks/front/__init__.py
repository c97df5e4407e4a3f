"""The checks of 08-http/in-front: `tests/check front` runs its configurations,
where nginx, HAProxy and systemd are installed, before our servers."""

from . import lesson, proxies, units  # noqa: F401
