"""Storms: programs under random faults (tests/check --faults SEED).

A seed decides what the clients do, one step at a time, and which faults come,
each at its place in a connection: "recv from client 2 at byte 17: EINTR". The
places are bytes of the stream, not calls or moments: tests/faults.c lets no
call move bytes beyond the next fault's place, so a seed brings the same faults
again, however the kernel cuts the stream. Before each step the program is let
come to rest. What may differ from run to run is the clock, and so how often a
shortage is met with; and the calls of select, for memory and for files, which
can only be counted."""

import collections
import contextlib
import errno
import os
import pathlib
import random
import re
import select
import shutil
import signal
import socket
import struct
import textwrap
import threading
import time

import rows
import web_talk
from harness import (CHECKS, KINDS, MEMCHECK, PATIENCE, SIGPIPE_HINT, STORM,
                     Check, Failure, difference, end_half, reset, said_error,
                     shown, wait_until)

FIXED = 13, 22, 23, 24, 28, 45  # the seeds of `make test`: all kinds of faults
CLIENTS, EVENTS = 16, 200
ROUNDS = 5           # of the same storm, until memory that grows is a leak
TRIES = 20           # in a shortage of an eighth of a second: too many

# ---------------------------------------------------------------- the page

EFFECTS = FAILS, LASTS, LOSES, HINDERS, SHORTENS = range(5)
HEAD = ('raging', 'made', 'came', 'planned', 'hindered', 'edges', 'blocks')
CLIENT = (('port', 'lost') + tuple('done ' + kind for kind in KINDS)
          + tuple('most ' + kind for kind in KINDS))
EVENT = ('kind', 'effect', 'client', 'position', 'error', 'most', 'tries',
         'end', 'over')
CLIENTS_AT = STORM + 4 * len(HEAD)
EVENTS_AT = CLIENTS_AT + 4 * len(CLIENT) * CLIENTS
ORDER_AT = EVENTS_AT + 4 * len(EVENT) * EVENTS

Fault = collections.namedtuple('Fault',
                               'kind effect client position error most')


class Page:
    """struct storm of tests/faults.c: faults to come, and those that came."""

    def __init__(self, faults):
        self.bytes = faults.page

    def get(self, name):
        return self._read(STORM + 4 * HEAD.index(name))

    def set(self, name, value):
        struct.pack_into('i', self.bytes, STORM + 4 * HEAD.index(name), value)

    def client(self, number, name):
        return self._read(CLIENTS_AT + 4 * (len(CLIENT) * number
                                            + CLIENT.index(name)))

    def _read(self, offset):
        return struct.unpack_from('i', self.bytes, offset)[0]

    def begin(self, faults):
        """Plans the faults, in the order that those of a kind and a client
        are to come in, and lets them come."""
        if len(faults) > EVENTS:
            raise ValueError(f'{len(faults)} faults are too many')
        self.bytes[CLIENTS_AT:ORDER_AT] = bytes(ORDER_AT - CLIENTS_AT)
        for number, fault in enumerate(faults):
            struct.pack_into(
                '6i', self.bytes, EVENTS_AT + 4 * len(EVENT) * number,
                KINDS.index(fault.kind), fault.effect, fault.client,
                fault.position, fault.error, fault.most)
        self.faults = faults
        for name in 'made', 'came', 'hindered':
            self.set(name, 0)
        self.set('planned', len(faults))
        self.set('raging', 1)

    def came(self):
        """The faults that came, in order, each with how many calls it hit."""
        for place in range(self.get('came')):
            number = self._read(ORDER_AT + 4 * place)
            yield self.faults[number], self._read(
                EVENTS_AT + 4 * (len(EVENT) * number + EVENT.index('tries')))


# ---------------------------------------------------------------- faults

MEANINGS = {(row['call'], row['errno']): row['meaning'] for row in rows.ROWS}
USUAL = ('EINTR EAGAIN ECONNRESET ECONNABORTED EPIPE ETIMEDOUT ECONNREFUSED '
         'EPROTO EMFILE ENFILE ENOBUFS ENOMEM').split()
REMEDIES = {'RETRY': FAILS, 'NEXT': FAILS, 'WAIT': LASTS, 'DROP': LOSES}
FILE_ERRORS = {'open': 'EMFILE ENFILE ENOMEM EIO EINTR', 'stat': 'EIO ENOMEM',
               'read': 'EIO EINTR', 'malloc': 'ENOMEM'}
LEAVING_HINT = ('a client may leave or reset at any moment: recv or send then '
                'fails, or recv returns 0; close its socket, serve the others')
DIRECTIONS = {'recv': 'from', 'send': 'to'}


def errors_of(stage, kind):
    """The errnos of a call that do not end a program, by their effect."""
    errors = collections.defaultdict(list)
    for row in rows.ROWS:
        effect = REMEDIES.get(rows.remedy_of(row, stage))
        if row['call'] == kind and effect is not None:
            errors[effect].append(getattr(errno, row['errno'], None))
    if kind in FILE_ERRORS:
        errors[HINDERS] = [getattr(errno, name)
                           for name in FILE_ERRORS[kind].split()]
    return {effect: [number for number in numbers if number is not None]
            for effect, numbers in errors.items()}


def remedy_of_client(fault):
    """What 06 does about a failure to connect."""
    name = errno.errorcode.get(fault.error)
    return next((row['client'] for row in rows.ROWS
                 if row['call'] == fault.kind and row['errno'] == name
                 and fault.kind in ('socket', 'connect')), '')


def said_fault(fault, tries=1):
    """A fault as a person reads it."""
    name = errno.errorcode.get(fault.error, '')
    if fault.kind in DIRECTIONS:
        where = (f'{fault.kind} {DIRECTIONS[fault.kind]} client '
                 f'{fault.client} at byte {fault.position}')
    elif fault.kind == 'accept':
        where = f'accept of client {fault.position + 1}'
    else:
        where = f'{fault.kind}, call {fault.position + 1}'
        if fault.client:
            where = (f'{fault.kind}, call {fault.position + 1} in a turn of '
                     f'client {fault.client}')
    if fault.effect == SHORTENS and fault.most == 0:
        return f'{where}: any number of bytes again'
    if fault.effect == SHORTENS:
        unit = 'byte' if fault.most == 1 else 'bytes'
        return f'{where}: {fault.most} {unit} at most, from now on'
    if fault.effect == LASTS:
        return f'{where}: {name} for {fault.most} ms, {tries} calls'
    return f'{where}: {name}'


def advice(fault):
    """What a program should do about a fault."""
    name = errno.errorcode.get(fault.error, '')
    meaning = MEANINGS.get((fault.kind, name))
    meaning = f' ({meaning})' if meaning else ''
    if fault.effect == SHORTENS:
        return ('send may take only part of the bytes: send the rest in a loop'
                if fault.kind == 'send' else
                f'{fault.kind} may bring less than there is room for: the '
                'rest comes with the next call')
    if remedy_of_client(fault) == 'NEXT':
        return f'after {name}{meaning} try the next address, on a new socket'
    if fault.kind == 'connect':
        return f'after {name}{meaning} connect a new socket'
    return {
        FAILS: f'after {name}{meaning} nothing is lost and nothing has moved: '
               f'call {fault.kind} again',
        LASTS: f'{name}{meaning} passes, and nothing is lost: call '
               f'{fault.kind} again every tenth of a second',
        LOSES: f'after {name}{meaning} close this client\'s socket, and serve '
               'the others',
        HINDERS: f'{fault.kind} may fail, here with {name}: look at what it '
                 'returns; a server goes on serving the others',
    }[fault.effect]


class Planner:
    """Draws the faults of a storm by lot."""

    def __init__(self, chance, stage, any_program):
        self.chance, self.stage, self.any = chance, stage, any_program
        self.faults = []
        self.shortages = chance.choice((0, 1, 1, 2, 3))  # each takes its time

    def add(self, kind, effect, client, position, most=0):
        """Adds a fault of this effect, if the kind of call knows one."""
        numbers = ([0] if effect == SHORTENS else
                   errors_of(self.stage, kind).get(effect))
        if not numbers or len(self.faults) == EVENTS:
            return
        weights = [3 if kind not in FILE_ERRORS
                   and errno.errorcode.get(number) in USUAL else 1
                   for number in numbers]
        if effect == LASTS:
            most = self.chance.randrange(20, 120)
            self.shortages -= 1
        self.faults.append(Fault(kind, effect, client, position,
                                 self.chance.choices(numbers, weights)[0],
                                 most))

    def effect(self):
        weights = (4, 1.5 * (self.shortages > 0), 1.2)
        return self.chance.choices((FAILS, LASTS, LOSES), weights)[0]

    def stream(self, kind, client, lengths):
        """Faults of one direction of a connection, in which messages of these
        lengths are to pass. Between messages there are more than within."""
        borders = [sum(lengths[:count]) for count in range(len(lengths) + 1)]
        places = sorted(
            self.chance.choice(borders) if self.chance.random() < 0.4 else
            self.chance.randrange(borders[-1] + 1)
            for _ in range(self.chance.choice((0, 0, 1, 2, 3, 4, 6))))
        for place, following in zip(places, places[1:] + [borders[-1]]):
            if self.any or self.chance.random() < 0.4:
                self.shorten(kind, client, place, following)
            else:
                self.add(kind, self.effect(), client, place)

    def shorten(self, kind, client, place, following):
        """Cuts a part of a stream into small pieces, some hundred at most."""
        most = self.chance.choice((1, 1, 2, 3, 10, 100, 1000, 5000))
        self.add(kind, SHORTENS, client, place, most)
        end = place + most * self.chance.randrange(1, 200)
        if end < following:
            self.add(kind, SHORTENS, client, end)

    def calls(self, kind, client, limit, most,
              effects=(FAILS, FAILS, FAILS, LASTS)):
        """Faults of calls that are counted: at most so many."""
        if self.any:
            return
        for place in sorted(self.chance.randrange(limit)
                            for _ in range(self.chance.randrange(most + 1))):
            effect = self.chance.choice(effects)
            if effect != LASTS or self.shortages > 0:
                self.add(kind, effect, client, place,
                         self.chance.choice((100, 1000, 5000)))


# ---------------------------------------------------------------- clients

class Guest:
    """A client of the server under test, which expects its echo. Its life is a
    list of steps, drawn by lot: some of `talks`, and one of `ends`."""

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
        """Does the next thing. Returns whether there are more."""
        self.doing, message = self.steps.pop(0)
        if not self.lost():
            getattr(self, self.doing)(message)
        if self.lost() or self.ended:
            self.steps.clear()
            self.conclude()
        return bool(self.steps)

    # --------------------------------------------------------- its steps

    def talk(self, message):
        """Sends, and waits for all that is to come back."""
        self.exchange(message)

    def say(self, message):
        """Sends a little, and does not read the echo now."""
        self.sent += message[:2000]
        try:
            self.connection.sendall(message[:2000])
        except (socket.timeout, TimeoutError):
            self.fail('its bytes taken', 'they are not')
        except OSError:
            pass  # the next recv knows why

    def leave(self, message):
        """Ends its half, and takes the rest."""
        self.say(message)
        try:
            self.connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the next recv knows why
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
        """Closes when there is something that it has not read: a reset."""
        self.say(message)
        self.wait('something that it will not read')
        self.storm.settle()
        self.storm.note(f'client {self.number} closes, and has not read all')
        self.connection.close()

    def vanish(self, message):
        """Sends and resets while the server is stopped, which then finds the
        data, and nobody to send to."""
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
        """Is silent until the storm is over."""
        self.exchange()
        self.storm.staying.append(self)

    def greeting(self):
        return b'here again'

    def come_back(self):
        """Is served as before, now that it is over."""
        self.doing = 'come_back'
        if not self.lost() and not self.ended:
            self.exchange(self.greeting())
            self.leave(self.greeting())

    # --------------------------------------------------------- its bytes

    def lost(self):
        return bool(self.storm.page.client(self.number, 'lost'))

    def excused(self):
        """Whether a fault may have cost it its connection, which has ended."""
        self.pardoned = (self.pardoned or self.lost()
                         or self.storm.pardons())
        return self.pardoned

    def complete(self):
        return len(self.got) >= len(self.sent)

    def exchange(self, message=b''):
        """Sends, while it takes what comes back, until that is complete."""
        self.sent += message
        rest = memoryview(message)
        while ((rest or not self.complete())
               and not self.ended and not self.lost()):
            readable, writable = self.wait('the rest of its echo', rest)
            if writable:
                rest = self.send_some(rest)
            if readable:
                self.take()

    def wait(self, what, rest=b''):
        """Waits until something has come, or some of the rest can be sent."""
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
            return rest[:0]  # the next recv knows why
        finally:
            self.connection.settimeout(PATIENCE)

    def take(self):
        """Takes what has come, and compares it."""
        try:
            piece = self.connection.recv(1 << 18)
        except OSError as error:
            piece, self.ended = b'', said_error(error)
        else:
            self.ended = '' if piece else 'the end of the stream'
        self.compare(piece)
        self.got += piece
        if self.ended and not self.complete() and not self.excused():
            self.fail('every byte, for no fault has cost it its connection')

    def compare(self, piece):
        expected = bytes(self.sent[len(self.got):len(self.got) + len(piece)])
        if piece != expected:
            self.fail('every byte once and in order',
                      f'after {len(self.got)} that were right: '
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


# ---------------------------------------------------------------- servers

class Storm:
    """A program, and what befalls it."""

    def __init__(self, test, seed):
        self.test, self.seed = test, seed
        self.page = Page(test.faults)
        self.program = None
        self.suspect = None  # the number of the client that complains
        self.pardoned = 0    # failures that faults explain
        self.notes = []      # what else happened, after so many faults

    def lot(self, whose):
        """A source of chance for one purpose, whatever the others draw."""
        return random.Random(f'{self.test.stage} {self.seed} {whose}')

    def planner(self):
        return Planner(self.lot('faults'), self.test.stage, self.test.any)

    def pardons(self):
        """Whether a failure to serve a client may be due to memory or to a
        file. Each such fault explains one; whom it hits is not known, for
        nothing tells for whom a program allocates memory or opens a file."""
        if self.pardoned >= self.page.get('hindered'):
            return False
        self.pardoned += 1
        return True

    @contextlib.contextmanager
    def stopped(self):
        """Ctrl-Z and fg, and what happens in between."""
        self.settle()
        self.note('the program is stopped, and goes on')
        self.program.signal(signal.SIGSTOP)
        wait_until(lambda: self.in_state('T'))
        try:
            yield
        finally:
            self.program.signal(signal.SIGCONT)

    def note(self, text):
        with contextlib.suppress(ValueError):  # the page is closed: it is over
            self.notes.append((self.page.get('came'), text))

    def settle(self):
        """Waits until the program has done what it can for now, so that what
        comes next finds it at the same place in every run."""
        wait_until(lambda: self.in_state('S'), 0.1)

    def in_state(self, state):
        """Whether the program is, or has ended."""
        return not self.program.running() or self.program.state() == state

    # --------------------------------------------------------- the verdict

    def patient(self):
        """Demands that shortages are waited out."""
        for fault, tries in self.page.came():
            if fault.effect == LASTS and tries > TRIES:
                raise Failure('a wait of a tenth of a second between calls '
                              f'of {fault.kind} while there is a shortage',
                              said_fault(fault, tries), advice(fault))

    def advice(self, client):
        """What to do about the last fault that came to a client, or else to
        any; or about a client that has left."""
        came = [fault for fault, _ in self.page.came()]
        own = [fault for fault in came if client is not None and (
            fault.client == client
            or fault.kind == 'accept' and fault.position == client - 1)]
        if client is None and self.left_last(len(came)):
            return LEAVING_HINT
        return advice((own or came)[-1]) if came else ''

    def left_last(self, count):
        """Whether nothing has happened since a client left."""
        place, text = (self.notes or [(None, '')])[-1]
        return place == count and text.startswith('client')

    def and_faults(self, got, most=8):
        """What came, and the last of the faults, as lines of a report."""
        came = [said_fault(*fault) for fault in self.page.came()]
        for place, text in reversed(self.notes):
            came.insert(place, text)
        last = came[-most:] or ['none']
        if len(came) > most:
            last.insert(0, f'({len(came) - most} more)')
        return ('\n' + ' ' * 12).join(textwrap.wrap(str(got), 67)
                                      + ['the faults before that, in order:']
                                      + last)

    def explained(self, failure):
        """The failure, with the faults that led to it."""
        expected, got, hint = failure.expected, failure.got, failure.hint
        if self.dead():
            expected = 'the program lives on, whatever happens to a connection'
            got = f'it {self.test.outcome(self.program)}'
            status, self.suspect = self.program.process.poll(), None
            hint = SIGPIPE_HINT if status == -signal.SIGPIPE else ''
        return Failure(expected, self.and_faults(got),
                       hint or self.advice(self.suspect))


class ServerStorm(Storm):
    """A server, its guests, and the order in which they do something."""

    def __init__(self, test, seed, guest):
        super().__init__(test, seed)
        self.guest = guest
        self.one_by_one = test.stage == '05'  # the others wait in the queue

    def start(self):
        return self.test.server()

    def dead(self):
        return wait_until(lambda: not self.program.running(), 0.1)

    def run(self):
        self.program = self.server = self.start()
        if not self.test.any:
            self.test.attached()
        try:
            self.weather()
        except Failure as failure:
            raise self.explained(failure) from None

    def weather(self):
        """The same storm again and again, as long as memory grows."""
        descriptors, blocks = self.descriptors_at_rest(), self.blocks()
        for _ in range(ROUNDS):
            self.rage()
            self.calm_down(descriptors)
            before, blocks = blocks, self.blocks()
            if self.test.any or blocks <= before:
                break
        else:
            self.leaks(blocks - before)
        if not self.test.any:
            self.end()

    def descriptors_at_rest(self):
        """The descriptors that there are without a client."""
        if self.test.any:  # whoever looked whether it is ready may not be gone
            first = self.test.connect(self.server)
            self.test.served(self.server, first)
            with_client = len(self.server.descriptors())
            first.close()
            wait_until(lambda: len(self.server.descriptors()) < with_client,
                       0.2)
        return self.server.descriptors()

    def blocks(self):
        return self.page.get('blocks')

    def rage(self):
        """Lets the guests do what they will, one step at a time."""
        count = self.lot('guests').randrange(2, 8)
        guests = [self.guest(self, number) for number in range(1, count + 1)]
        planner = self.planner()
        planner.calls('accept', 0, count, 6)
        planner.calls('select', 0, 40, 3)
        for guest in guests:
            guest.plan(planner)
        self.staying, self.pardoned, self.notes = [], 0, []
        self.page.begin(planner.faults)
        self.conduct(guests, self.lot('order'))

    def conduct(self, waiting, chance):
        present = []
        while waiting or present:
            self.settle()
            if waiting and (not present or chance.random() < 0.3):
                guest = waiting.pop(0)
                guest.connect()
                present.append(guest)
            elif chance.random() < 0.05:
                self.disturb(chance)
            else:
                guest = chance.choice([guest for guest in present
                                       if self.has_turn(guest, present)])
                if not guest.step():
                    present.remove(guest)

    def disturb(self, _):
        with self.stopped():
            pass

    def has_turn(self, guest, present):
        return (not self.one_by_one or guest is present[0]
                or guest.steps[0][0] in guest.waits_for_nothing)

    def calm_down(self, descriptors):
        """Ends the faults. Demands that all is as before."""
        self.settle()
        self.patient()
        self.page.set('raging', 0)
        for guest in self.staying:
            guest.come_back()
        client = self.test.connect(self.server)
        try:
            self.test.served(self.server, client)
        except Failure as failure:
            raise Failure('a new client is served when no more faults come',
                          failure.got) from None
        if self.server.spins(0.1) and self.server.spins():
            raise Failure('no processor time while nothing happens',
                          'it spins', 'after a fault, too, wait only for what '
                          'is to come')
        client.close()
        if not wait_until(
                lambda: len(self.server.descriptors()) <= len(descriptors)):
            now = self.server.descriptors()
            raise Failure(
                f'{len(descriptors)} descriptors after the storm, as before',
                f'{len(now)}: ' + ', '.join(map(self.said_descriptor, sorted(
                    set(now) - set(descriptors)))) + ' not closed',
                'every way out of serving a client leads past close(), those '
                'after a failure, too')

    def said_descriptor(self, number):
        try:
            name = os.readlink(f'/proc/{self.server.pid}/fd/{number}')
        except OSError:
            return str(number)
        return f'{number} ({name})'

    def leaks(self, blocks):
        raise Failure(f'after each of {ROUNDS} storms no more memory in use '
                      'than before', f'more each time, {blocks} blocks after '
                      'the last', 'every way out of serving a client leads '
                      'past free(), those after a failure, too')

    def end(self):
        """SIGTERM ends the server as the stage has it."""
        wanted = 0 if self.test.stage >= '07' else -signal.SIGTERM
        self.server.signal(signal.SIGTERM)
        if self.server.wait_exit() != wanted:
            self.dead = lambda: False  # what it is, is in the message
            raise Failure(f'status {wanted} after SIGTERM',
                          f'it {self.test.outcome(self.server)}',
                          'the storm is over: nothing may be left of it')


# ---------------------------------------------------------------- 08

FILES = {name: random.Random(name).randbytes(size) for name, size in (
    ('index.html', 300), ('empty.txt', 0), ('one.txt', 1), ('page.html', 3000),
    ('small.bin', 16000), ('large.bin', 150000), ('sub/index.html', 200),
    ('list/a.txt', 10), ('list/b.txt', 20), ('list/deep/c.txt', 30))}
AGE = 3  # seconds; a server may trust what has not changed for a while

Question = collections.namedtuple('Question', 'message status body parts',
                                  defaults=[()])


class Browser(Guest):
    """A client of 08. What it says are questions, one or more at once."""

    ends = ('leave', 'leave', 'part', 'offend', 'close', 'reset',
            'close_unread', 'vanish', 'vanish_after_its_end', 'stay')

    def __init__(self, storm, number):
        self.asked = collections.deque()
        super().__init__(storm, number)

    def connect(self):
        super().connect()
        self.visitor = web_talk.Visitor(self.connection)

    def possible_ends(self):
        return [end for end in super().possible_ends()
                if end != 'offend' or not self.test.any]

    def message(self):
        if self.test.any:
            return [self.plain_question()]
        return [self.question() for _ in range(self.chance.randrange(1, 5))]

    def plain_question(self):
        """One that every server of files answers alike."""
        name = self.chance.choice([name for name in FILES
                                   if not name.startswith('index')])
        method = self.chance.choice(('GET', 'GET', 'HEAD'))
        if self.chance.random() < 0.1:
            return Question(web_talk.request('/nothing', method=method), 404,
                            None)
        return Question(web_talk.request('/' + name, method=method), 200,
                        FILES[name] if method == 'GET' else b'')

    def question(self):
        """One of those that 08 has to know."""
        request, chance = web_talk.request, self.chance
        name = chance.choice(list(FILES))
        path, content = '/' + name, FILES[name]
        first, last = sorted(chance.randrange(160000) for _ in range(2))
        upload = chance.randbytes(chance.randrange(1, 3000))
        return chance.choice((
            lambda: self.plain_question(),
            lambda: self.plain_question(),
            lambda: Question(request('/list/'), 200, None,
                             (b'"a.txt"', b'"b.txt"', b'"deep/"')),
            lambda: Question(request('/sub'), 301, None),
            lambda: Question(request('/'), 200, FILES['index.html']),
            lambda: Question(request(path, 'If-None-Match: *'), 304, b''),
            lambda: Question(request('*', method='OPTIONS'), 204, b''),
            lambda: Question(request(path, f'Content-Length: {len(upload)}',
                                     method='POST', body=upload), 405, None),
            lambda: Question(request(path, 'Transfer-Encoding: chunked',
                                     body=web_talk.chunked(
                                         upload[:100], upload[100:])
                                     if len(upload) > 100 else
                                     web_talk.chunked(upload)), 200, content),
            lambda: Question(request('/large.bin', f'Range: bytes={first}-'
                                     f'{last}'), *self.part_of(
                                         FILES['large.bin'], first, last)),
        ))()

    @staticmethod
    def part_of(content, first, last):
        if first >= len(content):
            return 416, None
        return 206, content[first:last + 1]

    def plan(self, planner):
        planner.stream('recv', self.number, [
            sum(len(question.message) for question in questions)
            for _, questions in self.steps])
        planner.stream('send', self.number, [
            sum(250 + len(question.body or b'') for question in questions)
            for _, questions in self.steps])
        for kind, limit in ('malloc', 12), ('open', 8), ('stat', 12):
            planner.calls(kind, self.number, limit, 1, (HINDERS,))
        planner.calls('read', self.number, 8, 3, (HINDERS, SHORTENS))

    def greeting(self):
        return [Question(web_talk.request('/large.bin'), 200,
                         FILES['large.bin'])]

    # --------------------------------------------------------- its steps

    def part(self, questions):
        """Tells the server that this was the last request."""
        self.exchange(questions)
        self.exchange([Question(web_talk.request(
            '/one.txt', 'Connection: close'), 200, FILES['one.txt'])])
        self.conclude()

    def offend(self, questions):
        """Says something that is no request."""
        self.exchange(questions + [Question(b'GET / HTTP/1.1\r\nHost : x'
                                            b'\r\n\r\n', 400, None)])
        self.conclude()

    def say(self, questions):
        self.asked.extend(questions)
        try:
            self.connection.sendall(b''.join(question.message
                                             for question in questions))
        except (socket.timeout, TimeoutError):
            self.fail('its requests taken', 'they are not')
        except OSError:
            pass  # the next recv knows why

    def exchange(self, questions=()):
        self.say(questions)
        while self.asked and not self.ended and not self.lost():
            self.read_answer()

    # --------------------------------------------------------- its answers

    def complete(self):
        return not self.asked

    def read_answer(self):
        question = self.asked.popleft()
        try:
            reply = self.visitor.answer(question.message)
            self.judge(reply, question)
        except Failure as failure:
            over = re.search('end of the stream|ECONN|EPIPE', failure.got)
            if not over or not self.excused():
                self.fail(failure.expected, failure.got)
            self.ended = over[0]
            return
        if reply.last and self.test.any:
            self.asked.clear()
            self.ended = 'the end that it was told of'

    def judge(self, reply, question):
        """Demands the right answer; or one that says that the server has
        failed, or a list that is not complete, if there is a reason."""
        if reply.status in (500, 503) and self.storm.pardons():
            return
        reply.must_be(question.status, question.body)
        for part in question.parts:
            if part not in reply.body and not self.storm.pardons():
                raise Failure(f'{part} in the answer to {reply.to}',
                              shown(reply.body))

    def compare(self, piece):
        if piece:
            self.fail('no more than the answers to its requests',
                      shown(piece))

    def conclude(self):
        while (self.asked and not self.ended
               and self.connection.fileno() != -1):
            self.read_answer()
        super().conclude()


class WebStorm(ServerStorm):
    """08 under random faults: they hit files, too."""

    def __init__(self, test, seed):
        super().__init__(test, seed, Browser)

    def start(self):
        folder = self.site()
        if self.test.any:
            return self.test.server(root=folder)
        return self.test.server('-l', os.path.join(self.test.directory,
                                                   f'log {os.getpid()}'),
                                root=folder)

    def site(self):
        """A folder with the files, the same for all storms, that has not
        changed for a while: so all runs find the same."""
        folder = pathlib.Path(self.test.directory) / 'site'
        if not folder.exists():
            new = self.test.site(FILES)
            try:
                new.rename(folder)
            except OSError:  # another process was quicker
                shutil.rmtree(new)
        changed = max(path.stat().st_ctime for path in folder.rglob('*'))
        time.sleep(max(0, changed + AGE - time.time()))
        return folder

    def disturb(self, chance):
        if self.test.any or chance.random() < 0.5:
            super().disturb(chance)
        else:
            self.note('SIGHUP')
            self.server.signal(signal.SIGHUP)


# ---------------------------------------------------------------- the client

def end_first(connection):
    """Ends the stream before the client does."""
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(65536):
        continue


class ClientStorm(Storm):
    """The client, 06, and the server that it talks to."""

    def __init__(self, test, seed):
        super().__init__(test, seed)
        chance = self.lot('talk')
        self.messages = [chance.randbytes(chance.randrange(
            1, chance.choice((10, 100, 5000, 5000, 100000)) + 1))
            for _ in range(chance.randrange(1, 5))]
        self.addresses = 1 if test.any else chance.randrange(1, 8)
        self.stops = {number for number in range(5) if chance.random() < 0.15}
        self.descriptors = 0  # that it has open while it is connected
        self.until = None  # the peer lets it down after so many bytes
        if not test.any and chance.random() < 0.2:
            self.until = chance.randrange(len(self.all_bytes()))
        self.leave = chance.choice((reset, socket.socket.close, end_first))
        self.chance = chance

    def all_bytes(self):
        return b''.join(self.messages)

    def dead(self):
        return False  # it may end: its status is part of the verdict

    def run(self):
        peer = self.test.peer(self.serve)
        self.plan()
        self.test.faults.resolve(*['127.0.0.1'] * self.addresses)
        host = '127.0.0.1' if self.test.any else 'localhost'
        self.program = rows.start_client(self.test, peer.port, host=host,
                                         message=None)
        if not self.test.any:
            self.test.attached()
        threading.Thread(target=self.type, daemon=True).start()
        status = self.program.wait_exit()
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
        """Echoes, in pieces; perhaps not to the end."""
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
        """Gives the client its input, each message after the last's echo."""
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
            raise Failure('the client ends', f'it runs on after {PATIENCE} '
                          f'seconds, with {len(child.output)} of '
                          f'{len(message)} bytes back')
        output = bytes(child.output)
        if output != message[:len(output)]:
            raise Failure('the echo, and nothing else, on standard output',
                          difference(message[:len(output)], output))
        if status == 0 and output != message:
            raise Failure('status 0 only when all has come back',
                          f'{len(output)} of {len(message)} bytes; it {said}')
        if status != 0 and not self.may_fail():
            raise Failure('status 0: every byte can be had',
                          f'{len(output)} of {len(message)} bytes; it {said}')
        if status not in (0, 1) or status == 1 and not (child.lines
                                                        or self.test.any):
            raise Failure('status 1 and a message', f'it {said}')
        if status == 0 and self.must_fail():
            raise Failure('status 1: not all can be had', f'it {said}')
        most = 4 + MEMCHECK  # 0, 1, 2, the socket, and valgrind's own
        if self.descriptors > most and not self.test.any:
            raise Failure(f'{most} descriptors open when it has connected',
                          self.descriptors, 'close the socket of an attempt '
                          'that has failed')

    def must_fail(self):
        """Whether the server has left early, or no address is left."""
        next_ones = sum(remedy_of_client(fault) == 'NEXT'
                        for fault, _ in self.page.came())
        return self.until is not None or next_ones >= self.addresses

    def may_fail(self):
        return self.must_fail() or any(
            fault.effect == HINDERS for fault, _ in self.page.came())


# ---------------------------------------------------------------- the checks

STORMS = {
    '04': lambda test, seed: ServerStorm(test, seed, Knock),
    '05': lambda test, seed: ServerStorm(test, seed, Guest),
    '06': ClientStorm,
    '07': lambda test, seed: ServerStorm(test, seed, Guest),
    '08': WebStorm,
}
WHAT = 'under random faults nothing is lost but what they take'


def make_check(stage, seed):
    def run(test):
        test.need_injector()
        STORMS[stage](test, seed).run()
    return Check(stage, f'faults_{seed}', run, WHAT, '', True)


def named(check):
    """The options of tests/check that ask for a check alone."""
    name, _, seed = check.name.partition('_')
    return ['--faults', seed] if name == 'faults' else ['-k', check.name]


def register(seeds=None):
    """Adds a check for each stage and seed: these alone, if there are any."""
    if seeds is not None:
        CHECKS.clear()
    CHECKS.extend(make_check(stage, seed) for stage in STORMS
                  for seed in seeds or FIXED)
