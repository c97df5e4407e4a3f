"""The checks of 07-publish about subscribers that read slowly."""

import random
import re
import signal
import socket
import time

from checks.exercises.lines import described, subscriber
from harness import (PATIENCE, Failure, check, counted, dropped, flood, reset,
                     settings, shown, wait_until)

MANY = 8000  # messages of 1,000 bytes: more than the kernel keeps
SMALL = 32768  # a receive buffer: a smaller one hardly holds a segment
BLOCK = 32   # messages that are sent at once: some of them wait
SLOW_HINT = ('no client may wait for a slow subscriber: use sockets that do '
             'not block, and for each client its own array of waiting lines')
WHOLE_HINT = ('if send takes only part of a line, keep the rest; if a line '
              'does not fit, drop all of it')
LOST_HINT = ('count the messages that a subscriber loses; once everything '
             'queued for it has been sent, send LOST and that count')


class Feed:
    """Numbered messages to one topic, and their publisher."""

    def __init__(self, test, server):
        self.writer, self.count = test.talker(server), 0
        self.chance = random.Random(settings.SEED)

    def publish(self, many, least=900, most=1000):
        """Publishes this many messages of random lengths, and waits until they
        have been handled."""
        while many > 0:
            now = min(many, BLOCK)
            self.writer.say(*[self.message() + b'.' * self.chance.randrange(
                least, most) for _ in range(now)], hint=SLOW_HINT)
            many -= now
            self.writer.nothing('PUB has no answer, and a slow '
                                'subscriber makes no other client wait',
                                SLOW_HINT)

    def message(self):
        self.count += 1
        return b'PUB news %d ' % self.count


class Reader:
    """A subscriber that parses its messages."""

    def __init__(self, test, server, **options):
        self.talker = subscriber(test, server, b'news', **options)
        self.talker.socket.settimeout(3 * PATIENCE)  # the kernel backs off
        self.last = self.lost = 0

    def next(self, hint=LOST_HINT):
        """Takes a line. Demands that its number follow the previous line's."""
        what = (f'message {self.last + 1}, or LOST and how many are missing '
                f'({counted(self.lost, "message")} reported as lost so far)')
        try:
            line = self.talker.line(what, hint)
        except Failure as failure:
            if not self.talker.kept:
                raise
            raise Failure('the whole line', failure.got, WHOLE_HINT) from None
        lost = re.fullmatch(rb'LOST ([1-9]\d*)', line)
        message = re.fullmatch(rb'MSG news (\d+) \.*', line)
        if lost:
            self.last += int(lost[1])
            self.lost += int(lost[1])
        elif not message:
            raise Failure(f'after message {self.last} a whole line: "MSG news '
                          'NUMBER ...", or "LOST NUMBER"', described(line),
                          WHOLE_HINT)
        elif int(message[1]) != self.last + 1:
            raise Failure(
                f'message {self.last + 1} next '
                f'({counted(self.lost, "message")} reported as lost so far)',
                f'message {int(message[1])}', LOST_HINT)
        else:
            self.last += 1

    def until(self, number, hint=LOST_HINT):
        """Takes lines until this message has arrived or been reported lost."""
        while self.last < number:
            self.next(hint)
        if self.last > number:
            raise Failure(f'{counted(number, "message")} in all, including '
                          'those lost', f'{self.last}: one LOST has too large '
                          'a number', LOST_HINT)


@check('07-publish')
def slow_costs_nobody(test):
    """while a subscriber does not read, the others get every message"""
    server = test.server()
    slow = Reader(test, server, receive_buffer=SMALL)
    fast, feed = Reader(test, server), Feed(test, server)
    while feed.count < MANY:
        feed.publish(BLOCK)
        fast.until(feed.count)
        if fast.lost:
            raise Failure('every message, because this subscriber reads them '
                          'all', f'LOST {fast.lost}',
                          'give each subscriber a count and waiting lines '
                          'of its own')
    if server.spins():
        raise Failure('no processor time while a subscriber does not read',
                      'it spins', 'wait with select until it is writable '
                      'again')
    reset(slow.talker.socket)
    feed.publish(3)
    fast.until(feed.count)


@check('07-publish')
def slow_loses_whole(test):
    """a slow subscriber loses whole messages, and LOST reports how many, as
    soon as it has read the others"""
    server = test.server()
    slow = Reader(test, server, receive_buffer=SMALL)
    feed = Feed(test, server)
    feed.publish(MANY, 200, 1000)
    slow.until(feed.count)
    if not slow.lost:
        raise Failure('messages that are lost, because at most 16,384 bytes '
                      'wait for a client', f'all {feed.count} came',
                      'memory is bounded: a message that does not fit is lost')
    for _ in range(3):
        feed.publish(1)
        lost = slow.lost
        slow.until(feed.count)
        if slow.lost > lost:
            raise Failure('the next message, because nothing is waiting any '
                          'more',
                          f'LOST {slow.lost - lost}',
                          'after LOST the count starts again from 0')


@check('07-publish')
def slow_now_and_then(test):
    """each time a subscriber pauses and reads again, every message it missed
    is reported"""
    server = test.server()
    slow = Reader(test, server, receive_buffer=SMALL)
    feed, chance = Feed(test, server), random.Random(settings.SEED + 1)
    for number in range(4):
        feed.publish(MANY if number == 0 else MANY // 4, 1, 1000)
        for _ in range(chance.randrange(100, 2000)):
            if slow.last < feed.count:
                slow.next()
        feed.publish(chance.randrange(1, 50), 1, 100)
    slow.until(feed.count)
    feed.publish(1)
    slow.until(feed.count)


@check('07-publish')
def slow_half_close(test):
    """a slow subscriber that shuts down its sending half gets everything queued
    for it, in whole lines, and then the end of the stream"""
    server = test.server()
    slow = Reader(test, server, receive_buffer=SMALL)
    feed = Feed(test, server)
    feed.publish(MANY)
    slow.talker.socket.shutdown(socket.SHUT_WR)
    hint = 'when its stream ends, first send what is waiting, then close'
    slow.until(feed.count, hint)
    slow.talker.ended(hint)


@check('07-publish')
def slow_bounded(test):
    """memory is bounded, however slow subscribers are"""
    server = test.server()
    slow = [Reader(test, server, receive_buffer=SMALL) for _ in range(6)]
    feed = Feed(test, server)
    feed.publish(200)
    before = server.memory()
    feed.publish(MANY)
    grown = server.memory() - before
    most = 1000 if test.any else 40
    if grown > len(slow) * most:
        raise Failure(f'at most {most} KB of memory for each slow subscriber',
                      f'{grown} KB for {len(slow)} of them',
                      'at most 16,384 bytes wait for a client: what does not '
                      'fit is lost')


@check('07-publish')
def answers_unread(test):
    """receives nothing from a client that does not read its answers: memory is
    bounded"""
    server = test.server()
    client = test.connect(server)
    client.sendall(b'?\n')
    test.answered(client, b'?\n')
    before = server.memory()
    sent = flood(client, 32 << 20, b'?\n' * 32768)
    grown = server.memory() - before
    most = 8000 if test.any else 200
    if grown > most:
        raise Failure(f'at most {most} KB more memory',
                      f'{grown} KB, after {sent >> 20} MB of lines',
                      'while an answer cannot be sent, do not receive')
    if sent >= 32 << 20 and not test.any:
        raise Failure('nothing is received from a client that does not read',
                      f'{sent >> 20} MB were taken', 'each of its lines has an '
                      'answer: where do all the answers wait?')
    writer, other = test.talker(server), subscriber(test, server, b'news')
    writer.say(b'PUB news x')
    other.expect(b'MSG news x')


@check('07-publish')
def slow_ones_reset(test):
    """if slow subscribers reset their connections while messages are waiting
    for them, the others still get every message"""
    server = test.server()
    fast, feed = Reader(test, server), Feed(test, server)
    for _ in range(2):
        slow = [Reader(test, server, receive_buffer=SMALL) for _ in range(3)]
        for client in slow:
            client.last = feed.count
        while feed.count % MANY < MANY - BLOCK:
            feed.publish(BLOCK)
            fast.until(feed.count)
        slow[0].next()
        server.signal(signal.SIGSTOP)
        wait_until(lambda: server.state() == 'T')
        for client in slow:
            reset(client.talker.socket)
        server.signal(signal.SIGCONT)
        feed.publish(BLOCK)
        fast.until(feed.count)
    if fast.lost:
        raise Failure('every message, because this subscriber reads them all',
                      f'LOST {fast.lost}')
    test.alive(server, 'slow subscribers have reset their connections')


@check('07-publish', open=False)
def idle_subscriber_stays(test):
    """with -t 1 a subscriber that is silent, because nobody publishes, is not
    dropped"""
    server = test.server('-t', '1')
    reader = subscriber(test, server, b'news')
    silent = test.connect(server)
    test.ended(silent)
    time.sleep(1.2)
    writer = test.talker(server)
    writer.say(b'PUB news late')
    reader.expect(b'MSG news late', hint='a subscriber waits for messages: its '
                  'silence is no reason to drop it')
    if any(str(reader.socket.getsockname()[1]) in line
           for line in server.lines):
        raise Failure('no line about the subscriber', server.lines[-1])


@check('07-publish', open=False)
def stalled_subscriber(test):
    """with -t 1 a subscriber is dropped when messages are waiting for it and no
    byte moves for a second, not before"""
    server = test.server('-t', '1')
    slow = Reader(test, server, receive_buffer=SMALL)
    time.sleep(1.5)  # the idle time does not count
    feed, began = Feed(test, server), time.monotonic()
    feed.publish(MANY)
    dropped(test, server, slow.talker.socket, max(
        began, time.monotonic() - 1))
    rest = slow.talker.rest()
    if not rest.startswith(b'MSG news 1 '):
        raise Failure('the messages that the kernel had already taken',
                      shown(rest[:60]))
