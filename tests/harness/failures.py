"""How a check says that something does not hold, or cannot be tried; and how
values are put into words for that."""

import errno
import socket

from harness.settings import PATIENCE

SIGPIPE_HINT = ('send to a connection that is gone raises SIGPIPE, which '
                'kills: signal(SIGPIPE, SIG_IGN), then send fails with EPIPE')


class Failure(Exception):
    """A check does not hold: what was expected, what came, what to do."""

    def __init__(self, expected, got, hint=''):
        super().__init__(expected, got, hint)  # all of it, to be pickled
        self.expected, self.got, self.hint = expected, got, hint


class Skip(Exception):
    """A check cannot be made here, for this reason."""


class Stop(BaseException):
    """The check that runs, and all that would follow, is not wanted any more.
    Raised by a signal, but not while it is held."""
    held = wanted = False

    @classmethod
    def release(cls):
        cls.held = False
        if cls.wanted:
            raise cls

    @classmethod
    def now(cls, number, *_):
        cls.wanted = number
        if not cls.held:
            raise cls


def said_error(error):
    if isinstance(error, (socket.timeout, TimeoutError)):
        return f'nothing for {PATIENCE} seconds'
    return f'{errno.errorcode.get(error.errno, error.errno)}: {error.strerror}'


def difference(expected, got):
    """Where two runs of bytes part."""
    if len(expected) != len(got) and expected[:len(got)] == got:
        return f'only the first {len(got)} of {len(expected)} bytes'
    for at, (one, other) in enumerate(zip(expected, got)):
        if one != other:
            return (f'byte {at} is {other:#04x} and not {one:#04x}: '
                    f'{shown(got[max(0, at - 8):at + 24])}')
    return f'{len(got)} bytes instead of {len(expected)}'


def shown(piece, most=60):
    """Bytes as a person reads them, cut to a readable length."""
    if not piece:
        return 'nothing'
    if len(piece) <= most:
        return repr(bytes(piece))
    return f'{bytes(piece[:8])!r}... ({len(piece)} bytes)'
