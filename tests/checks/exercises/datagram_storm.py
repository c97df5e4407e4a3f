"""04-datagram under random faults (tests/check 04-datagram --faults SEED). A
seed determines what senders and servers do, and which calls fail, step by
step; each step is checked before the next."""

import random
import signal
import socket
import time

from checks.errors.table import ROWS
from checks.exercises.datagram_errors import order
from checks.exercises.datagram_tools import (
    LONGEST, STAGE, Asked, answered, nothing_more, socket_to, start_server)
from checks.storm import STORMS
from harness import Failure, counted, injected, wait_until

CALLS = 'recvfrom', 'sendto'
SIZES = 0, 1, 10, 100, 1000, 1472, 1473


class DatagramStorm:
    """A server under random faults, then a client, with one seed."""

    def __init__(self, test, seed):
        self.test, self.steps = test, []
        self.chance = random.Random(f'{STAGE} {seed}')

    def run(self):
        for role, part in ('server', self.serve), ('client', self.ask):
            self.steps.append(f'as a {role}')
            try:
                part()
            except Failure as failure:
                steps = ('\n' + ' ' * 12).join(self.steps[-8:])
                raise Failure(failure.expected, f'{failure.got}; the last '
                              f'steps:\n{" " * 12}{steps}',
                              failure.hint) from None

    def fault(self, *actions):
        """Draws a call and an errno with one of these actions."""
        row = self.chance.choice([row for row in ROWS if row['call'] in CALLS
                                  and row['server'] in actions])
        self.steps.append(f'{row["call"]} fails with {row["errno"]}: '
                          f'{row["server"]}')
        return row['call'], row['errno'], row['server']

    def message(self, *more):
        """A message; several of these fit into a socket's buffer."""
        size = self.chance.choice(SIZES + more)
        return self.chance.randbytes(max(0, size - self.chance.randrange(9)))

    # ---------------------------------------------------------- as the server

    def serve(self):
        self.server = start_server(self.test)
        self.senders = [socket_to(self.test, self.server)
                        for _ in range(self.chance.randrange(1, 6))]
        self.talk()
        before = len(self.server.descriptors())
        for _ in range(self.chance.randrange(5, 20)):
            self.chance.choice((self.talk, self.burst, self.leave, self.pause,
                                self.fail, self.fail))()
            self.test.alive(self.server, self.steps[-1])
        self.talk()
        for sender in self.senders:
            nothing_more(sender, 0.005)
        after = len(self.server.descriptors())
        if after > before:
            raise Failure(f'{before} open descriptors', f'{after} at the end')
        self.server.end()

    def send(self, *more):
        sender = self.chance.choice(self.senders)
        message = self.message(*more)
        self.steps.append(f'a message of {counted(len(message))}')
        sender.send(message)
        return sender, message

    def talk(self):
        answered(self.test, self.server, *self.send(20000, LONGEST))

    def burst(self):
        for sent in [self.send() for _ in range(self.chance.randrange(1, 8))]:
            answered(self.test, self.server, *sent)

    def leave(self):
        with socket_to(self.test, self.server) as other:
            other.send(self.message())
        self.steps.append('a sender closes before its answer arrives')

    def pause(self):
        self.steps.append('the server is stopped, and continued')
        self.server.signal(signal.SIGSTOP)
        wait_until(lambda: self.server.state() == 'T')
        sent = [self.send() for _ in range(self.chance.randrange(4))]
        self.server.signal(signal.SIGCONT)
        for message in sent:
            answered(self.test, self.server, *message)

    def fail(self):
        """Makes a call fail. Only the message of a sendto whose action is DROP
        is lost."""
        if self.test.any:
            return
        self.test.attached()
        self.talk()
        wait_until(lambda: self.test.faults.get('inside', 'recvfrom'))
        call, name, action = self.fault('DROP', 'RETRY', 'WAIT')
        order(self.test, call, name, action)
        sent = [self.send() for _ in range(self.chance.randrange(1, 4))]
        injected(self.test, call)
        if action == 'WAIT':
            time.sleep(self.chance.random() / 4)
            self.test.faults.relent(call)
        lost = call == 'sendto' and action == 'DROP'
        for message in sent[1:] if lost else sent:
            answered(self.test, self.server, *message)

    # ---------------------------------------------------------- as the client

    def ask(self):
        """A client, and a server that loses, repeats, delays and corrupts
        messages."""
        lines = [bytes(self.chance.randbytes(self.chance.choice(
            (0, 3, 30, 3000)))).replace(b'\n', b' ')
            for _ in range(self.chance.randrange(1, 6))]
        self.lost = self.chance.choice((0, 0, 1, 2))  # each takes a second
        self.old = []
        asked = Asked(self.test)
        stop = not self.test.any and self.chance.random() < 0.3
        fault = self.fault(*(['STOP', 'DROP'] if stop else ['RETRY']))
        if not self.test.any:
            order(self.test, *fault)
        asked.start(b''.join(line + b'\n' for line in lines), seconds=1)
        if stop:
            if fault[0] == 'recvfrom':
                asked.request(1, lines[0])
                asked.answer(b'other bytes')
            asked.failed()
            return
        for number, line in enumerate(lines, 1):
            request = asked.request(number, line)
            while self.lost and self.chance.random() < 0.5:
                self.lost -= 1
                self.steps.append(f'request {number} is lost')
                self.trouble(asked, request)
                asked.request(number, line, patience=6)
            self.trouble(asked, request)
            for _ in range(self.chance.randrange(1, 4)):
                asked.answer(request)
            self.old.append(request)
        asked.succeeded(b''.join(line + b'\n' for line in lines))

    def trouble(self, asked, request):
        """What arrives before an answer, or instead of it."""
        for _ in range(self.chance.randrange(4)):
            kind = self.chance.choice(('late', 'junk', 'stranger', 'stop'))
            self.steps.append({
                'late': 'a late answer arrives', 'junk': 'other bytes arrive',
                'stranger': 'a stranger answers',
                'stop': 'the client is stopped, and continued'}[kind])
            if kind == 'late' and self.old:
                asked.answer(self.chance.choice(self.old))
            elif kind == 'junk':
                asked.answer(request[:-1] + b'??')
            elif kind == 'stranger':
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                    other.bind(('127.0.0.1', 0))
                    other.sendto(request, asked.client)
            elif kind == 'stop':
                asked.child.stop_and_continue()


STORMS[STAGE] = DatagramStorm
