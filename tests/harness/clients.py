"""The ways in which clients talk to a server, and how the client under test is
run."""

import signal
import socket
import subprocess
import threading
import time

from harness import settings
from harness.network import arrived, end_half, free_port, reset_for_sure
from harness.programs import wait_until


def data(size, seed=1):
    """Returns this many bytes, of nearly every value, in which no short
    pattern repeats."""
    block = bytes((i * i + 7 * i + seed + settings.SEED) % 251 + (i >> 3) % 5
                  for i in range(65521))
    count, rest = divmod(size, len(block))
    return b''.join([block] * count + [block[:rest]])  # copied once


def flood(client, most=1 << 28, block=b''):
    """Sends without reading until the server accepts no more bytes. Returns
    how many it has accepted."""
    block = block or data(65536)  # not a default value: SEED is set later
    client.setblocking(False)
    sent, quiet = 0, time.monotonic() + 0.3
    end = time.monotonic() + 3 * settings.PATIENCE
    while time.monotonic() < min(quiet, end) and sent < most:
        try:
            at = sent % len(block)
            sent += client.send(block[at:])
            quiet = time.monotonic() + 0.3
        except BlockingIOError:
            time.sleep(0.005)
        except OSError:
            break
    client.settimeout(15)
    return sent


def converse(client, message, failures, end=True):
    """Sends a message, or several, in a thread while the caller receives.
    Afterwards, if end, shuts down the sending half."""
    messages = [message] if isinstance(message, bytes) else message

    def write():
        try:
            for piece in messages:
                client.sendall(piece)
            if end:
                client.shutdown(socket.SHUT_WR)
        except OSError as error:
            failures.append(error)
    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return thread


def vanish(test, server, half_close):
    """While the server is stopped, a client sends data and resets the
    connection. When the server continues, recv still finds the data, and send
    fails."""
    client = test.connect(server)
    if test.persists(server):
        test.served(server, client)
    server.signal(signal.SIGSTOP)
    wait_until(lambda: server.state() == 'T')
    client.sendall(test.question(b'gone\n'))
    wait_until(lambda: arrived(client))
    if half_close:
        end_half(client)
    reset_for_sure(client)
    server.signal(signal.SIGCONT)


def guarded(function, argument, complaints):
    try:
        function(argument)
    except OSError as error:
        complaints.append(str(error))


def knock(child):
    """Connects, if possible, to a server that may be exiting."""
    ready = child.wait_line(r'listening on (\S+):(\d+)$')
    with socket.socket() as client:
        client.settimeout(1)
        client.connect_ex((ready[1], int(ready[2])) if ready else ('', 0))


def start_on_free_port(test):
    """Starts the server on a port that we chose; tries another one if that port
    has been taken meanwhile."""
    for _ in range(5):
        port = free_port()
        child = test.start(str(port))
        child.wait_for(lambda: child.lines)
        if not child.wait_line('bind: (EADDRINUSE|Address already)', 0):
            break
    return child, port


# -------------------------------------------------------------- the client

def echoing(connection):
    while True:
        piece = connection.recv(65536)
        if not piece:
            return
        connection.sendall(piece)


def feed(test, child, message):
    """Writes all of the client's input."""
    def write():
        try:
            child.process.stdin.write(message)
            child.process.stdin.close()
        except OSError:
            pass
    threading.Thread(target=write, daemon=True).start()


def start_client(test, port, *options, host='127.0.0.1', message=b'hello\n',
                 stdout=subprocess.PIPE):
    """Starts the client. Its input is this message; None leaves it open."""
    if test.any:
        child = test.start(stdin=subprocess.PIPE, stdout=stdout, host=host,
                           port=port)
    else:
        child = test.start(*options, host, str(port), stdin=subprocess.PIPE,
                           stdout=stdout)
    if message is not None:
        feed(test, child, message)
    return child
