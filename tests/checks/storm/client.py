"""A storm for the client, 06."""

import socket
import threading

from checks.storm.page import FAILS, HINDERS
from checks.storm.planner import action_of_client
from checks.storm.storms import Storm
from harness import (MEMCHECK, PATIENCE, Failure, difference, reset,
                     start_client, wait_until)


def end_first(connection):
    """Ends the stream before the client does."""
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(65536):
        continue


class ClientStorm(Storm):
    """The client, 06, and its server."""

    patience = PATIENCE

    def __init__(self, test, seed):
        super().__init__(test, seed)
        chance = self.lot('talk')
        self.messages = [chance.randbytes(chance.randrange(
            1, chance.choice((10, 100, 5000, 5000, 100000)) + 1))
            for _ in range(chance.randrange(1, 5))]
        self.addresses = 1 if test.any else chance.randrange(1, 8)
        self.stops = {number for number in range(5) if chance.random() < 0.15}
        self.descriptors = 0  # open in the client while it is connected
        self.until = None  # the peer fails after this many bytes
        if not test.any and chance.random() < 0.2:
            self.until = chance.randrange(len(self.all_bytes()))
        self.leave = chance.choice((reset, socket.socket.close, end_first))
        self.chance = chance

    def all_bytes(self):
        return b''.join(self.messages)

    def dead(self):
        return False  # it may exit: its status is part of the verdict

    def run(self):
        peer = self.test.peer(self.serve)
        self.plan()
        self.test.faults.resolve(*['127.0.0.1'] * self.addresses)
        host = '127.0.0.1' if self.test.any else 'localhost'
        self.program = start_client(self.test, peer.port, host=host,
                                         message=None)
        if not self.test.any:
            self.test.attached()
        threading.Thread(target=self.type, daemon=True).start()
        status, before = self.program.wait_exit(self.patience), 0
        while status is None and len(self.program.output) > before:
            before = len(self.program.output)  # each call moves few bytes
            status = self.program.wait_exit(self.patience)
        try:
            self.patient()
            self.judge(status)
        except Failure as failure:
            raise self.explained(failure) from None

    def plan(self):
        planner = self.planner()
        planner.calls('socket', 0, 3, 3, (FAILS,))
        planner.calls('connect', 0, 1, 5, (FAILS,))
        planner.calls('malloc', 0, 5, 1, (HINDERS,))
        planner.calls('malloc', 1, 3, 1, (HINDERS,))
        for kind in 'recv', 'send':
            planner.stream(kind, 1, [len(piece) for piece in self.messages])
        self.page.begin(planner.faults)

    def serve(self, connection):
        """Echoes in pieces, perhaps not everything."""
        wait_until(lambda: self.program)
        self.descriptors = len(self.program.descriptors())
        left = self.until
        while left is None or left > 0:
            size = self.chance.choice((1, 10, 1000, 65536))
            piece = connection.recv(size if left is None else min(size, left))
            if not piece:
                return
            connection.sendall(piece)
            left = left and left - len(piece)
        self.settle()
        self.note(f'the server leaves early: {self.leave.__name__}')
        self.leave(connection)

    def type(self):
        """Sends the client its input, each message after the echo of the
        previous one."""
        child, typed = self.program, 0
        try:
            for number, message in enumerate(self.messages):
                child.process.stdin.write(message)
                child.process.stdin.flush()
                if number in self.stops:
                    with self.stopped():
                        pass
                typed += len(message)
                child.wait_for(lambda: len(child.output) >= typed)
            child.process.stdin.close()
        except (OSError, ValueError):
            pass  # it has ended

    def judge(self, status):
        child, message = self.program, self.all_bytes()
        said = self.test.outcome(child)
        if status is None:
            raise Failure('the client ends', 'it is still running, and nothing '
                          f'has moved for {self.patience} seconds: '
                          f'{len(child.output)} of {len(message)} bytes are '
                          'back')
        output = bytes(child.output)
        if output != message[:len(output)]:
            raise Failure('the echo, and nothing else, on standard output',
                          difference(message[:len(output)], output))
        if status == 0 and output != message:
            raise Failure('status 0 only if everything has come back',
                          f'{len(output)} of {len(message)} bytes; it {said}')
        if status != 0 and not self.may_fail():
            raise Failure('status 0: every byte can be echoed',
                          f'{len(output)} of {len(message)} bytes; it {said}')
        if status not in (0, 1) or status == 1 and not (child.lines
                                                        or self.test.any):
            raise Failure('status 1 and a message', f'it {said}')
        if status == 0 and self.must_fail():
            raise Failure('status 1: not every byte can be echoed',
                          f'it {said}')
        most = 4 + MEMCHECK  # 0, 1, 2, the socket, and valgrind's own
        if self.descriptors > most and not self.test.any:
            raise Failure(f'{most} descriptors open once it has connected',
                          self.descriptors, 'close the socket of an attempt '
                          'that has failed')

    def must_fail(self):
        """Returns whether the server closed early, or no address is left."""
        next_ones = sum(action_of_client(fault) == 'NEXT'
                        for fault, _ in self.page.came())
        return self.until is not None or next_ones >= self.addresses

    def may_fail(self):
        return self.must_fail() or any(
            fault.effect == HINDERS for fault, _ in self.page.came())
