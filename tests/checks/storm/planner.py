"""The faults of a storm: how they are drawn and described, and what a program
should do about each."""

import collections
import errno

from checks.errors.table import ROWS, action_of
from checks.storm.page import (EVENTS, FAILS, HINDERS, LASTS, LOSES, SHORTENS,
                               Fault)

MEANINGS = {(row['call'], row['errno']): row['meaning'] for row in ROWS}
USUAL = ('EINTR EAGAIN ECONNRESET ECONNABORTED EPIPE ETIMEDOUT ECONNREFUSED '
         'EPROTO EMFILE ENFILE ENOBUFS ENOMEM').split()
EFFECTS = {'RETRY': FAILS, 'NEXT': FAILS, 'WAIT': LASTS, 'DROP': LOSES}
FILE_ERRORS = {'open': 'EMFILE ENFILE ENOMEM EIO EINTR', 'stat': 'EIO ENOMEM',
               'read': 'EIO EINTR', 'malloc': 'ENOMEM', 'pipe': 'EMFILE ENFILE',
               'fork': 'EAGAIN ENOMEM', 'execve': 'E2BIG EIO ENOMEM',
               'waitpid': 'EINTR'}
DIRECTIONS = {'recv': 'from', 'send': 'to'}


def errors_of(stage, kind):
    """The errnos of a call that do not end a program, by their effect."""
    errors = collections.defaultdict(list)
    for row in ROWS:
        effect = EFFECTS.get(action_of(row, stage))
        if row['call'] == kind and effect is not None:
            errors[effect].append(getattr(errno, row['errno'], None))
    if kind in FILE_ERRORS:
        errors[HINDERS] = [getattr(errno, name)
                           for name in FILE_ERRORS[kind].split()]
    return {effect: [number for number in numbers if number is not None]
            for effect, numbers in errors.items()}


def action_of_client(fault):
    """What 06 does when it fails to connect."""
    name = errno.errorcode.get(fault.error)
    return next((row['client'] for row in ROWS
                 if row['call'] == fault.kind and row['errno'] == name
                 and fault.kind in ('socket', 'connect')), '')


def said_fault(fault, tries=1):
    """Describes a fault in words."""
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
                f'{fault.kind} may return less than there is room for: the '
                'rest comes with the next call')
    if action_of_client(fault) == 'NEXT':
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
                 'returns; a server keeps serving the others',
    }[fault.effect]


class Planner:
    """Draws the faults of a storm at random."""

    def __init__(self, chance, stage, any_program):
        self.chance, self.stage, self.any = chance, stage, any_program
        self.faults = []
        self.shortages = chance.choice((0, 1, 1, 2, 3))  # each takes a while

    def add(self, kind, effect, client, position, most=0):
        """Adds a fault with this effect, if calls of this kind can have such a
        fault."""
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
        """Adds faults to one direction of a connection that carries messages of
        these lengths; many of the faults are between two messages."""
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
        """Cuts a part of a stream into small pieces, a few hundred at most."""
        most = self.chance.choice((1, 1, 2, 3, 10, 100, 1000, 5000))
        self.add(kind, SHORTENS, client, place, most)
        end = place + most * self.chance.randrange(1, 200)
        if end < following:
            self.add(kind, SHORTENS, client, end)

    def calls(self, kind, client, limit, most,
              effects=(FAILS, FAILS, FAILS, LASTS)):
        """Adds at most `most` faults to the first `limit` calls of a kind."""
        if self.any:
            return
        for place in sorted(self.chance.randrange(limit)
                            for _ in range(self.chance.randrange(most + 1))):
            effect = self.chance.choice(effects)
            if effect != LASTS or self.shortages > 0:
                self.add(kind, effect, client, place,
                         self.chance.choice((100, 1000, 5000)))
