"""The parts of the scenes: the screen, running programs, and their clients."""

import os
import re
import signal
import socket
import struct
import subprocess
import sys
import termios
import textwrap
import time
import tty

from harness.failures import Failure
from harness.programs import Child
from harness.screen import Screen

PATIENCE = 5  # seconds that a program may take for each step
WIDTH = 78
BLANKS = {'ADDRESS': r'(\d+\.\d+\.\d+\.\d+)', 'PORT': r'(\d+)',
          'NUMBER': r'(\d+)', r'\.\.\.': '.*'}
SCENES = []


class Untrue(Exception):
    """A fact is not true: what was expected, and what happened."""


def scene(folder, what):
    """Registers a function as the scene of a stage."""
    def add(play):
        SCENES.append((folder, what, play))
        return play
    return add


# -------------------------------------------------------------- the screen

class Audience(Screen):
    """The screen that shows the scenes."""
    seen = 0       # facts, so far
    steps = False  # whether to wait for a key after each fact

    def write(self, text):
        try:
            super().write(text)
        except BrokenPipeError:  # the reader of the output has quit
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())
            sys.exit(1)

    def title(self, name, what):
        self.show(f'{name} '.ljust(WIDTH, '-'), self.colours.bold)
        self.show(textwrap.fill(what, WIDTH))

    def command(self, text):
        """Shows a command as it would be typed, on two lines if it is long."""
        if len(text) > WIDTH - 4:
            text = text.replace(' <', ' \\\n        <', 1)
        self.show(f'  $ {text}', self.colours.bold)

    def fact(self, text, expected=True, got=True):
        """Shows a fact that can be observed from outside, once it is true."""
        if got != expected:
            if expected is True:
                raise Untrue(text, 'this does not hold')
            raise Untrue(f'{text}: {expected!r}', repr(got))
        self.seen += 1
        self.show(textwrap.fill(text, WIDTH, initial_indent='  * ',
                                subsequent_indent='    '), self.colours.green)
        if self.steps:
            self.wait_key()

    def wait_key(self):
        """Waits for a key: q or the end of input ends the demo."""
        self.progress('    (any key: go on, q: quit) ')
        keyboard = sys.stdin.fileno()
        usual = termios.tcgetattr(keyboard)
        try:
            tty.setcbreak(keyboard, termios.TCSADRAIN)
            key = os.read(keyboard, 1)
        finally:
            termios.tcsetattr(keyboard, termios.TCSADRAIN, usual)
        self.write('')
        if key in (b'', b'q', b'Q', b'\4'):
            sys.exit(0)

    def line(self, text):
        self.show(f'    {text}')


screen = Audience(sys.stdout)


# -------------------------------------------------------------- programs

class Player(Child):
    """A running program of the ladder."""

    def __init__(self, *command, stdin=subprocess.DEVNULL,
                 stdout=subprocess.PIPE, shown=''):
        self.name = command[0]
        if screen.steps and self.name[:2] in ('05', '07', '08'):
            command = self.name, '-t', '0', *command[1:]  # no client times out
        self.read = {'errors': 0, 'output': 0}  # bytes that have been shown
        screen.command(' '.join(command) + shown)
        try:
            super().__init__(command, None, stdin, stdout, bufsize=0)
        except Failure as failure:
            raise Untrue(f'{self.name} runs',
                         f'{failure.got}; is it built?') from None

    def unread(self, store):
        return bytes(getattr(self, store)[self.read[store]:])

    def read_line(self, store, expected):
        """Waits for a line and returns it; expected is for the message."""
        if not self.wait_for(lambda: b'\n' in self.unread(store), PATIENCE):
            raise Untrue(f'{self.name} prints {expected}',
                         f'its end, with status {self.process.wait()}'
                         if self.closed() else
                         f'nothing in {PATIENCE} seconds')
        line = self.unread(store).partition(b'\n')[0]
        self.read[store] += len(line) + 1
        return line.decode(errors='replace')

    def prints(self, expected):
        """Waits for a line on standard error and shows it. Returns what the
        line has in place of ADDRESS, PORT or NUMBER."""
        line = self.read_line('errors', expected)
        screen.line(line)
        pattern = re.escape(expected)
        for blank, meaning in BLANKS.items():
            pattern = pattern.replace(blank, meaning)
        found = re.fullmatch(pattern, line)
        if not found:
            raise Untrue(f'{self.name} prints {expected}', line)
        return found.groups()

    def prints_address(self, event):
        address, port = self.prints(f'{event} ADDRESS:PORT')
        return address, int(port)

    def echoes(self, line):
        """Types a line, and waits for its echo."""
        screen.line(f'typed   {line}')
        self.process.stdin.write(line.encode() + b'\n')
        echo = self.read_line('output', line)
        screen.line(f'echoed  {echo}')
        if echo != line:
            raise Untrue(f'{self.name} prints {line}', echo)

    def ends(self, expected):
        """Waits until the program exits, and checks its status."""
        if self.process.stdin:
            self.process.stdin.close()
        status, said = self.wait_exit(PATIENCE), ''
        if status is None:
            status = f'none in {PATIENCE} seconds'
        elif status != expected:
            said = self.unread('errors')[:1000].decode(errors='replace')
        if status != expected:
            raise Untrue(f'{self.name} exits with status {expected}',
                         f'{status} {said}'.strip())

    def ends_by_interrupt(self):
        """Types Ctrl-C and waits until the program exits with status 0.
        Returns how many seconds that took."""
        began = time.monotonic()
        screen.line('typed   Ctrl-C')
        self.signal(signal.SIGINT)
        self.ends(0)
        return time.monotonic() - began

    def waits(self):
        """Returns whether it is still running and has printed nothing more."""
        return self.running() and not self.unread('errors')


# -------------------------------------------------------------- the network

def connect(address):
    try:
        return socket.create_connection(address, PATIENCE)
    except OSError as error:
        raise Untrue(f'a connection to {text(address)}', error) from None


def receive(client, length):
    """Receives this many bytes, or fewer at the end of the stream."""
    received, piece = b'', True
    try:
        while piece and len(received) < length:
            piece = client.recv(length - len(received))
            received += piece
    except OSError as error:
        raise Untrue('bytes from the server, or the end of the stream',
                     f'{received!r}, then {error}') from None
    return received


def text(address):
    return '{}:{}'.format(*address)


def established(one, other):
    """Returns the ends of a connection that Linux lists in /proc/net/tcp (none
    on other systems): the two addresses of each, its own first."""
    try:
        with open('/proc/net/tcp') as table:
            rows = [line.split() for line in table][1:]
    except OSError:
        return []
    ends = [(decoded(row[1]), decoded(row[2]))
            for row in rows if row[3] == '01']
    return [end for end in ends if set(end) == {one, other}]


def decoded(field):
    """Returns an address from /proc/net/tcp: 0100007F:3C51 is 127.0.0.1:15441
    on a PC."""
    host, port = field.split(':')
    return (socket.inet_ntoa(struct.pack('=I', int(host, 16))), int(port, 16))
