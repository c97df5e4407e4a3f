"""The checks of 08-http/in-front: `tests/check front` tries its configurations
with our servers, skipping those whose tool (nginx, HAProxy or systemd-analyze)
is not installed."""

from . import lesson, proxies, units  # noqa: F401
