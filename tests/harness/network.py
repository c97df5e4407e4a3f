"""The checks' own sockets: servers, ways to close a connection, free ports."""

import fcntl
import os
import re
import socket
import struct
import termios
import threading
import time

from harness.failures import Skip
from harness.programs import wait_until
from harness.settings import PATIENCE


class Peer:
    """A server for the client under test. It runs a function for each
    connection, in a thread of its own."""

    def __init__(self, handler, host='127.0.0.1', port=0, backlog=50):
        self.listener = socket.create_server((host, port), backlog=backlog)
        self.host, self.port = self.listener.getsockname()[:2]
        self.handler = handler
        self.connections = []
        self.accepted = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            connection.settimeout(3 * PATIENCE)  # the client gives up first
            self.connections.append(connection)
            threading.Thread(target=self._handle, args=(connection,),
                             daemon=True).start()

    def _handle(self, connection):
        try:
            self.handler(connection)
        except OSError:
            pass
        finally:
            connection.close()

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def reset(connection):
    """Closes a connection with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                          struct.pack('ii', 1, 0))
    connection.close()


def reset_for_sure(connection):
    """Resets a connection, and waits until the other side's kernel has seen
    it."""
    try:
        ours, theirs = connection.getsockname()[1], connection.getpeername()[1]
    except OSError:  # the other side has reset it already
        connection.close()
        return
    other = re.compile(rf' \w+:{theirs:04X} \w+:{ours:04X} ')
    reset(connection)

    def known():
        with open('/proc/net/tcp') as file:
            return not other.search(file.read())
    wait_until(known)


def arrived(connection):
    """Returns whether the other side's kernel has received everything."""
    unacknowledged = fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4))
    return struct.unpack('i', unacknowledged)[0] == 0


def end_half(connection):
    """Shuts down the sending half, and waits until the other side's kernel has
    seen it."""
    connection.shutdown(socket.SHUT_WR)
    fin_wait_1, last_ack = 4, 9  # the first byte of struct tcp_info
    wait_until(lambda: connection.getsockopt(
        socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] not in (
            fin_wait_1, last_ack))


def listening(port):
    """Returns whether a socket listens on a port, or None if this system does
    not show that. Makes no connection."""
    known = False
    for path in '/proc/net/tcp', '/proc/net/tcp6':
        try:
            with open(path) as file:
                known = True
                if re.search(rf':{port:04X} \S+ 0A ', file.read()):
                    return True
        except OSError:
            continue
    return False if known else None


def free_port():
    """Returns a port that is free now, below the ephemeral ports."""
    seed = os.getpid() * 7919 + time.monotonic_ns() // 1000
    for step in range(2000):
        port = 10000 + (seed + step * 37) % 20000
        with socket.socket() as probe:
            try:
                probe.bind(('', port))
                return port
            except OSError:
                continue
    raise Skip('no free port between 10000 and 30000')
