"""How a check reports that it has failed, or that it cannot run here."""

import errno
import socket

from harness.settings import PATIENCE

SIGPIPE_HINT = ('send on a connection that the peer has closed raises SIGPIPE, '
                'which ends the program. Ignore it with signal(SIGPIPE, '
                'SIG_IGN): then send fails with EPIPE')


FEW_DESCRIPTORS = ('tests/check itself cannot open enough files: ulimit -n '
                   'prints the limit')


class Failure(Exception):
    """A check has failed: what it expected, what it got, and a hint."""

    def __init__(self, expected, got, hint=''):
        super().__init__(expected, got, hint)  # the whole tuple, for pickle
        self.expected, self.got, self.hint = expected, got, hint


class Skip(Exception):
    """The reason why a check cannot run here."""


class Stop(BaseException):
    """Ends the checks of this process. A signal handler raises it, or, while
    held is true, leaves that to release()."""
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
    """Returns the name of an errno and its text, as a program prints them."""
    if isinstance(error, (socket.timeout, TimeoutError)):
        return f'nothing for {PATIENCE} seconds'
    if error.errno is None:
        return str(error)
    return f'{errno.errorcode.get(error.errno, error.errno)}: {error.strerror}'


def counted(number, noun='byte'):
    """1 byte, 2 bytes."""
    return f'{number} {noun}' + 's' * (number != 1)


def difference(expected, got):
    """Returns where two byte strings differ."""
    if len(expected) != len(got) and expected[:len(got)] == got:
        return (f'only the first {counted(len(got))} of {len(expected)}'
                if got else f'none of the {counted(len(expected))}')
    for at, (one, other) in enumerate(zip(expected, got)):
        if one != other:
            return (f'byte {at} is {other:#04x}, not {one:#04x}: '
                    f'{shown(got[max(0, at - 8):at + 24])}')
    return f'{counted(len(got))} instead of {len(expected)}'


ESCAPES = {0: '\\0', 7: '\\a', 8: '\\b', 9: '\\t', 10: '\\n', 11: '\\v',
           12: '\\f', 13: '\\r', 34: '\\"', 92: '\\\\'}


def literal(piece):
    """Returns bytes as a C string literal."""
    text = ''
    for byte, following in zip(piece, [*piece[1:], 0]):
        digit = chr(following) in '0123456789'
        if byte in ESCAPES and not (byte == 0 and digit):
            text += ESCAPES[byte]
        elif 32 <= byte < 127:
            text += chr(byte)
        else:
            text += f'\\{byte:03o}'
    return f'"{text}"'


def shown(piece, most=60):
    """Returns bytes as a C string literal, cut to a readable length."""
    if not piece:
        return 'nothing'
    if len(piece) <= most:
        return literal(piece)
    return f'{literal(piece[:20])}... ({len(piece)} bytes)'
