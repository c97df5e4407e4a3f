"""Clients and the test class for the exercises with a line protocol."""

import select
import time

from harness import (PATIENCE, Failure, counted, difference, said_error,
                     shown)
from harness.test import Test

LINE = 1024  # bytes of the longest line, with its newline
PIECES_HINT = ('a line may arrive in pieces, or several at once: keep what '
               'each client has sent until the newline is there')


class LinesTest(Test):
    """A test whose questions are lines that no program understands: they get
    an answer, but change nothing."""

    def question(self, mark=b'served?\n'):
        return mark if mark.endswith(b'\n') else mark + b'\n'

    def plenty(self):
        return b'\n' * 65536

    def answered(self, client, mark=b'served?\n', hint=''):
        what = f'the answer ERROR to the line {shown(self.question(mark))}'
        got = self.receive(client, 6, what, hint)
        if got != b'ERROR\n':
            raise Failure(what, shown(got), hint)

    def talker(self, server, **options):
        return Talker(self, server, **options)


class Talker:
    """A client that sends and receives lines."""

    def __init__(self, test, server, **options):
        self.test, self.kept = test, bytearray()
        self.socket = test.connect(server, **options)

    def say(self, *lines, hint=''):
        """Sends lines, all at once."""
        self.send(b''.join(line + b'\n' for line in lines), hint)

    def send(self, data, hint=''):
        self.test.say(self.socket, data, hint)

    def close(self):
        self.socket.close()

    def take(self, what, hint=''):
        """Receives what has arrived, or waits for it. Returns false
        at the end of the stream."""
        try:
            piece = self.socket.recv(1 << 18)
        except OSError as error:
            so_far = (f'{shown(self.kept)}, and then ' * bool(self.kept)
                      + said_error(error))
            raise Failure(what, so_far, hint) from None
        self.kept += piece
        return bool(piece)

    def line(self, what='a line', hint=''):
        """Returns the next line, without its newline."""
        while b'\n' not in self.kept:
            if not self.take(what, hint):
                raise Failure(what, f'{shown(self.kept)}, then the end of the '
                              'stream', hint)
        line, _, rest = bytes(self.kept).partition(b'\n')
        self.kept = bytearray(rest)
        return line

    def expect(self, *lines, hint='', why=''):
        """Demands that these lines come next."""
        for line in lines:
            what = f'the line {shown(line)}' + f' {why}' * bool(why)
            got = self.line(what, hint)
            if got != line:
                raise Failure(what, differs(line, got), hint)

    def refused(self, line, hint=''):
        """Demands the answer ERROR to a line."""
        self.say(line)
        self.expect(b'ERROR', why=f'in answer to the line {described(line)}',
                    hint=hint)

    def nothing(self, why, hint=''):
        """Sends an unknown line. Demands that nothing arrive before its answer:
        by then all earlier lines have been handled."""
        self.say(b'?')
        got = self.line(f'the answer ERROR to the line "?" ({why})', hint)
        if got != b'ERROR':
            raise Failure(f'nothing ({why})', f'the line {shown(got)}', hint)

    def handled(self, hint=''):
        """Waits until the lines that this client sent have been handled.
        Returns the lines that arrive meanwhile."""
        self.say(b'?')
        lines = []
        while not lines or lines[-1] != b'ERROR':
            lines.append(self.line('the answer ERROR to the line "?"', hint))
        return lines[:-1]

    def rest(self, what='the end of the stream', hint=''):
        """Receives to the end of the stream. Returns what arrived."""
        end = time.monotonic() + 5 * PATIENCE
        while time.monotonic() < end:
            try:
                if not self.take(what, hint):
                    return bytes(self.kept)
            except Failure as failure:
                if 'ECONNRESET' in failure.got:
                    return bytes(self.kept)
                raise
        raise Failure(what, f'{counted(len(self.kept))} and no end', hint)

    def ended(self, hint=''):
        """Demands the end of the stream, and nothing before it."""
        rest = self.rest(hint=hint)
        if rest:
            raise Failure('the end of the stream', shown(rest), hint)

    def silent(self, seconds=0.2):
        """Returns whether nothing arrives for a while."""
        return not self.kept and not select.select(
            [self.socket], [], [], seconds)[0]


def subscriber(test, server, *topics, **options):
    """A client that has subscribed."""
    client = test.talker(server, **options)
    for topic in topics:
        client.say(b'SUB ' + topic)
        client.expect(b'OK', why=f'in answer to {shown(b"SUB " + topic)}',
                      hint='answer SUB at once: only the answer shows a '
                           'client that it gets messages from now on')
    return client


def described(line):
    """A line as a failure shows it: if it is long, only its beginning and its
    length."""
    if len(line) > 60:
        return f'{shown(line[:12])}... of {counted(len(line) + 1)}'
    return shown(line)


def differs(line, got):
    return difference(line, got) if len(line) > 60 < len(got) else (
        f'the line {described(got)}')
