"""A storm for 08: its clients speak HTTP, and faults hit files, too."""

import collections
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import time

from checks.storm.guests import Guest
from checks.storm.page import HINDERS, SHORTENS
from checks.storm.storms import ServerStorm
from harness import Failure, settings, shown
from harness.web import Visitor, chunked, request

FILES = {name: random.Random(name).randbytes(size) for name, size in (
    ('index.html', 300), ('empty.txt', 0), ('one.txt', 1), ('page.html', 3000),
    ('small.bin', 16000), ('large.bin', 150000), ('sub/index.html', 200),
    ('list/a.txt', 10), ('list/b.txt', 20), ('list/deep/c.txt', 30))}
AGE = 3  # seconds; a server may cache what has not changed for a while
Question = collections.namedtuple('Question', 'message status body parts',
                                  defaults=[()])


class Browser(Guest):
    """A client of 08. It sends one or more requests at once."""

    ends = ('leave', 'leave', 'part', 'offend', 'close', 'reset',
            'close_unread', 'vanish', 'vanish_after_its_end', 'stay')

    def __init__(self, storm, number):
        self.asked = collections.deque()
        super().__init__(storm, number)

    def connect(self):
        super().connect()
        if settings.TLS:  # now, because the server may be stopped next
            self.connection.shake_hands()
        self.visitor = Visitor(self.connection)

    def possible_ends(self):
        return [end for end in super().possible_ends()
                if end != 'offend' or not self.test.any]

    def message(self):
        if self.test.any:
            return [self.plain_question()]
        return [self.question() for _ in range(self.chance.randrange(1, 5))]

    def plain_question(self):
        """A request that all file servers answer in the same way."""
        name = self.chance.choice([name for name in FILES
                                   if not name.endswith('index.html')])
        method = self.chance.choice(('GET', 'GET', 'HEAD'))
        if self.chance.random() < 0.1:
            return Question(request('/nothing', method=method), 404,
                            None)
        return Question(request('/' + name, method=method), 200,
                        FILES[name] if method == 'GET' else b'')

    def question(self):
        """A request that 08 has to support."""
        chance = self.chance
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
                                     body=chunked(
                                         upload[:100], upload[100:])
                                     if len(upload) > 100 else
                                     chunked(upload)), 200, content),
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
        return [Question(request('/large.bin'), 200,
                         FILES['large.bin'])]

    # --------------------------------------------------------- its steps

    def part(self, questions):
        """Sends a last request, with "Connection: close"."""
        self.exchange(questions)
        self.exchange([Question(request(
            '/one.txt', 'Connection: close'), 200, FILES['one.txt'])])
        self.conclude()

    def offend(self, questions):
        """Sends something that is not a request."""
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
            pass  # the next recv reports why

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
            self.ended = 'the end that was announced'

    def judge(self, reply, question):
        """Demands the right answer. Also accepts a 500 or 503, or an incomplete
        list, if a fault explains that."""
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
    """08 under random faults, which also hit files."""

    guests = Browser

    def __init__(self, test, seed):
        super().__init__(test, seed, self.guests)

    def options(self):
        return []

    def start(self):
        folder = self.site()
        if self.test.any:
            return self.test.server(root=folder)
        return self.test.server('-l', os.path.join(self.test.directory,
                                                   f'log {os.getpid()}'),
                                *self.options(), root=folder)

    def site(self):
        """A folder with the files, the same for all storms. Waits until it is
        AGE seconds old, so that all storms start alike."""
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
