"""Shared by the checks of 06-rpc: servers that answer lines, and vanish."""

import contextlib
import threading
import time

from harness.clients import feed, start_client
from harness.failures import Failure, shown


class LineServer:
    """A server with one function for each connection, in order; the last
    function also handles all later ones. Records the requests, and the time of
    each connection."""

    def __init__(self, test, *plays):
        self.plays = plays
        self.requests = []   # (number of the connection, line)
        self.times = []      # when each connection came
        self.lock = threading.Lock()
        self.peer = test.peer(self.serve)
        self.port = self.peer.port

    def serve(self, connection):
        with self.lock:
            number = len(self.times)
            self.times.append(time.monotonic())
        play = self.plays[min(number, len(self.plays) - 1)]
        play(Talk(self, connection, number))

    def lines(self):
        return [line for _, line in self.requests]


class Talk:
    """One connection of a line server."""

    def __init__(self, server, connection, number):
        self.server, self.connection, self.number = server, connection, number
        self.rest = b''

    def request(self):
        """Receives a line. Returns it, or b'' at the end."""
        while b'\n' not in self.rest:
            piece = self.connection.recv(65536)
            if not piece:
                return b''
            self.rest += piece
        line, _, self.rest = self.rest.partition(b'\n')
        self.server.requests.append((self.number, line + b'\n'))
        return line + b'\n'

    def send(self, message):
        self.connection.sendall(message)


def answer_to(line):
    """The answer that the checks' servers give: different from the request,
    and different for each request."""
    return b're: ' + line


def answering(talk):
    """Answers each line."""
    while True:
        line = talk.request()
        if not line:
            return
        talk.send(answer_to(line))


def run_client(test, server, message, *options, host='127.0.0.1'):
    return start_client(test, server.port, *options, host=host,
                        message=message)


def type_line(child, line):
    """Sends the client a line, and keeps its input open."""
    with contextlib.suppress(OSError):  # it has exited; its output says why
        child.process.stdin.write(line)
        child.process.stdin.flush()


def end_input(test, child):
    feed(test, child, b'')


def answered_all(test, child, lines, hint='', answer=answer_to):
    """Demands status 0 and each line's answer on standard output."""
    expected = b''.join(map(answer, lines))
    status = child.wait_exit(20)
    outcome = f'it {test.outcome(child)}'
    got = bytes(child.output)
    if got != expected:
        raise Failure(f'the answers on standard output: {shown(expected)}',
                      f'{shown(got)}; {outcome}', hint)
    if status != 0:
        raise Failure('exit status 0: each request has its answer', outcome,
                      hint)


def gave_up(test, child, output=b'', hint=''):
    """Demands status 1, a message, and exactly this on standard output."""
    status = child.wait_exit(20)
    outcome = f'it {test.outcome(child)}'
    if status in (0, None) or status != 1 and not test.any:
        raise Failure('exit status 1: a request has no answer', outcome, hint)
    if bytes(child.output) != output:
        raise Failure(f'on standard output {shown(output)}, and no more',
                      shown(bytes(child.output)), hint)
    if not test.any and not child.lines:
        raise Failure('a message on standard error', 'none', hint)
