"""The checks of 04-datagram: as a server, as a client, and in either role when
one call fails or calls fail at random.

To add one, start from `empty_message` in datagram_server.py or `last_line` in
datagram_client.py; see "Add a check" in tests/README.md."""

from checks.exercises import (  # noqa: F401
    datagram_server, datagram_client, datagram_errors, datagram_storm)
