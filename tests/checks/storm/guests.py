"""The clients of a server in a storm."""

import select
import socket

from checks.storm.page import HINDERS
from harness import (PATIENCE, Failure, difference, end_half, reset,
                     said_error, shown)


class Guest:
    """A client of the server under test; it expects an echo. It has a random
    list of steps: some from `talks`, and one from `ends`."""

    talks = 'talk', 'talk', 'talk', 'say'
    ends = ('leave', 'leave', 'leave', 'close', 'reset', 'close_unread',
            'vanish', 'vanish_after_its_end', 'stay')
    waits_for_nothing = 'say', 'reset'

    def __init__(self, storm, number):
        self.storm, self.test, self.number = storm, storm.test, number
        self.chance = storm.lot(f'client {number}')
        self.connection, self.doing, self.ended = None, 'connect', ''
        self.pardoned = False
        self.sent, self.got = bytearray(), bytearray()
        self.steps = [(self.chance.choice(self.talks), self.message())
                      for _ in range(self.chance.randrange(5))]
        self.steps.append((self.chance.choice(self.possible_ends()),
                           self.message()))

    def possible_ends(self):
        return [end for end in self.ends
                if end != 'stay' or not self.storm.one_by_one]

    def message(self):
        most = self.chance.choice((1, 30, 30, 1000, 1000, 5000, 20000, 20000,
                                   20000, 300000))
        return self.chance.randbytes(self.chance.randrange(1, most + 1))

    def plan(self, planner):
        lengths = [len(message) for _, message in self.steps]
        for kind in 'recv', 'send':
            planner.stream(kind, self.number, lengths)
        planner.calls('malloc', self.number, 5, 1, (HINDERS,))

    def connect(self):
        self.connection = self.test.connect(self.storm.server)

    def step(self):
        """Performs the next step. Returns whether there are more."""
        self.doing, message = self.steps.pop(0)
        if not self.lost():
            getattr(self, self.doing)(message)
        if self.lost() or self.ended:
            self.steps.clear()
            self.conclude()
        return bool(self.steps)

    # --------------------------------------------------------- its steps

    def talk(self, message):
        """Sends, and waits until everything has come back."""
        self.exchange(message)

    def say(self, message):
        """Sends a little, and does not read the echo yet."""
        some = self.part_of(message)
        self.sent += self.answer_to(some)
        try:
            self.connection.sendall(some)
        except (socket.timeout, TimeoutError):
            self.fail('its bytes taken', 'they are not')
        except OSError:
            pass  # the next recv reports why

    def leave(self, message):
        """Shuts down its sending half, and receives the rest."""
        self.say(message)
        try:
            self.connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the next recv reports why
        self.exchange()
        self.conclude()

    def close(self, _):
        self.exchange()
        self.connection.close()

    def reset(self, message):
        self.say(message)
        self.storm.settle()
        self.storm.note(f'client {self.number} resets')
        reset(self.connection)

    def close_unread(self, message):
        """Closes with unread bytes, which sends a reset."""
        self.say(message)
        self.wait('something that it will not read')
        self.storm.settle()
        self.storm.note(f'client {self.number} closes with unread bytes')
        self.connection.close()

    def vanish(self, message):
        """Sends and resets while the server is stopped; the server then finds
        the data, but no client to answer."""
        self.exchange()
        if self.lost() or self.ended:
            return
        with self.storm.stopped():
            self.storm.note(f'client {self.number} sends and resets meanwhile')
            self.say(message)
            if self.doing == 'vanish_after_its_end':
                end_half(self.connection)
            reset(self.connection)

    vanish_after_its_end = vanish

    def stay(self, _):
        """Stays silent until the storm is over."""
        self.exchange()
        self.storm.staying.append(self)

    def greeting(self):
        return b'here again'

    def part_of(self, message):
        """A part of a message that can be sent by itself."""
        return message[:2000]

    def answer_to(self, message):
        """The answer to a message."""
        return message

    def come_back(self):
        """Demands that this client be served as before, once the faults have
        ended."""
        self.doing = 'come_back'
        if not self.lost() and not self.ended:
            self.exchange(self.greeting())
            self.leave(self.greeting())

    # --------------------------------------------------------- its bytes

    def lost(self):
        return bool(self.storm.page.client(self.number, 'lost'))

    def excused(self):
        """Returns whether a fault may have ended its connection."""
        self.pardoned = (self.pardoned or self.lost()
                         or self.storm.pardons())
        return self.pardoned

    def complete(self):
        return len(self.got) >= len(self.sent)

    def exchange(self, message=b''):
        """Sends, and receives meanwhile, until the answer is complete."""
        self.sent += self.answer_to(message)
        rest = memoryview(message)
        while ((rest or not self.complete())
               and not self.ended and not self.lost()):
            readable, writable = self.wait('the rest of its echo', rest)
            if writable:
                rest = self.send_some(rest)
            if readable:
                self.take()

    def wait(self, what, rest=b''):
        """Waits until something has arrived, or some of the rest can be
        sent."""
        ready = select.select([self.connection],
                              [self.connection] if rest else [], [], PATIENCE)
        if not any(ready):
            self.fail(what, f'nothing for {PATIENCE} seconds')
        return ready[:2]

    def send_some(self, rest):
        self.connection.setblocking(False)
        try:
            return rest[self.connection.send(rest):]
        except BlockingIOError:
            return rest
        except OSError:
            return rest[:0]  # the next recv reports why
        finally:
            self.connection.settimeout(PATIENCE)

    def take(self):
        """Receives what has arrived, and compares it with what is expected."""
        try:
            piece = self.connection.recv(1 << 18)
        except OSError as error:
            piece, self.ended = b'', said_error(error)
        else:
            self.ended = '' if piece else 'the end of the stream'
        piece = self.heard(piece)
        self.compare(piece)
        self.got += piece
        if self.ended and not self.complete() and not self.excused():
            self.fail('every byte, because no fault has ended its connection')

    def heard(self, piece):
        """The part of the received bytes that has to be compared."""
        return piece

    def compare(self, piece):
        expected = bytes(self.sent[len(self.got):len(self.got) + len(piece)])
        if piece != expected:
            self.fail('every byte once and in order',
                      f'after {len(self.got)} correct bytes: '
                      + difference(expected, piece))

    def conclude(self):
        """Demands the end of the connection."""
        while not self.ended and self.connection.fileno() != -1:
            self.wait('the end of its connection')
            self.take()
        self.connection.close()

    def fail(self, expected, got=''):
        self.storm.suspect = self.number
        raise Failure(f'client {self.number} ({self.doing}) gets {expected}',
                      got or f'{len(self.got)} of {len(self.sent)} bytes, '
                      f'then {self.ended}')


class Knock(Guest):
    """A client of 04, which is accepted and closed."""

    talks = 'say', 'nothing'
    ends = 'leave', 'leave', 'leave', 'reset', 'close', 'vanish'

    def plan(self, planner):
        planner.calls('malloc', self.number, 3, 1, (HINDERS,))

    def nothing(self, _):
        pass

    def complete(self):
        return True

    def compare(self, piece):
        if piece:
            self.fail('no data', shown(piece))
