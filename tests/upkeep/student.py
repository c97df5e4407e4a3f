"""The student of prove-learn: a copy of the tree, and a terminal with a screen
that can be read."""

import contextlib
import fcntl
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import termios
import time

from harness.programs import RUNNING, Program, wait_until
from harness.stages import ROOT, find_exercises, find_stages

PATIENCE = 300  # seconds; on an idle machine, a few are enough
BUILT = shutil.ignore_patterns('.git', '.learn', '.flags', '__pycache__',
                               'server', 'client', 'stub', 'stub.c.*')
PLAIN = {name: value for name, value in os.environ.items() if name not in
         ('MAKEFLAGS', 'MAKELEVEL', 'NO_COLOR', 'WATCH', 'FORCE')}


class Unproved(Exception):
    """The reason why a proof has failed."""


class Copy:
    """A fresh copy of the tree, with the stubs as handed out."""

    def __init__(self, directory):
        self.root = pathlib.Path(directory, 'ladder')
        shutil.copytree(ROOT, self.root, ignore=BUILT)
        self.stages = find_stages(self.root)
        self.exercises = find_exercises(self.root)
        for number in self.numbers():
            shutil.copy(self.handed_out(number), self.stub(number))

    def handed_out(self, number):
        return self.stages[number].handed_out

    def numbers(self):
        return [number for number in self.stages
                if self.handed_out(number).exists()]

    def folder(self, number):
        return self.stages[number].folder

    def stub(self, number):
        return self.stages[number].stub

    def answer(self, number):
        return self.stages[number].answer()

    def save(self, number, text):
        """Saves a stub as careful editors do: writes a new file and renames
        it."""
        new = self.stub(number).with_name('stub.c~')
        new.write_text(text)
        os.replace(new, self.stub(number))

    def leave_only(self, *numbers):
        """Shortens the ladder to these stages."""
        for number in set(self.numbers()) - set(numbers):
            self.stub(number).unlink()
            self.handed_out(number).unlink()

    def solve(self, *numbers):
        for number in numbers:
            self.save(number, self.answer(number).read_text())

    def run(self, *command, **variables):
        """Runs a command. Returns its status and what it printed."""
        done = subprocess.run(
            command, cwd=self.root, stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**PLAIN, **variables}, timeout=PATIENCE)
        return done.returncode, done.stdout

    def learn(self, *options, **variables):
        return self.run('tests/learn', *options, **variables)

    def make(self, *words, **variables):
        return self.run('make', *words, **variables)

    def left_running(self):
        """Processes whose current directory is in this copy."""
        found = []
        for pid in filter(str.isdigit, os.listdir('/proc')):
            with contextlib.suppress(OSError):
                if os.readlink(f'/proc/{pid}/cwd').startswith(str(self.root)):
                    found.append(pid)
        return found

    def leaves_nothing(self, patience=4):
        """Demands that no process is left in this copy. A process that is being
        killed may need a moment to end."""
        if not wait_until(lambda: not self.left_running(), patience):
            raise Unproved(f'{self.left_running()} still run')


class Terminal(Program):
    """A terminal of 80 columns that runs a command, and its screen."""

    def __init__(self, copy, *command, **variables):
        self.text = ''
        self.file, line = pty.openpty()
        fcntl.ioctl(self.file, termios.TIOCSWINSZ,
                    struct.pack('HHHH', 24, 80, 0, 0))
        # The first terminal that a new session opens is the one whose Ctrl-C
        # reaches it.
        super().__init__(
            ['sh', '-c', 'exec "$@" <>"$0" >&0 2>&0', os.ttyname(line),
             *command], stdin=line, cwd=copy.root,
            env={**PLAIN, 'TERM': 'xterm', **variables})
        os.close(line)

    def read(self, patience):
        """Reads output, if any arrives in time. Returns false at its end."""
        if not select.select([self.file], [], [], patience)[0]:
            return True
        try:
            piece = os.read(self.file, 65536)
        except OSError:  # read fails like this once all writers are gone
            piece = b''
        self.text += piece.decode(errors='replace')
        return bool(piece)

    def plain(self):
        """Everything that came, without its colours."""
        return re.sub(r'\033\[\d*m', '', self.text).replace('\r\n', '\n')

    def screen(self):
        """What a person sees: only the last version of a line that is
        overwritten."""
        return re.sub(r'.*\r\033\[K', '', self.plain().split('\033[2J')[-1])

    def wait(self, *wanted, everywhere=False):
        """Waits until all of this is on the screen."""
        end = time.monotonic() + PATIENCE
        while not all(text in (self.plain() if everywhere else self.screen())
                      for text in wanted):
            if not self.read(0.1) or time.monotonic() > end:
                raise Unproved(f'no {wanted} on the screen:\n{self.screen()}')

    def write(self, keys):
        os.write(self.file, keys.encode())

    def finish(self, keys=''):
        """Types keys, and reads the output to its end. Returns the status."""
        self.write(keys)
        end = time.monotonic() + PATIENCE
        while self.read(0.1):
            if time.monotonic() > end:
                raise Unproved(f'it does not end:\n{self.screen()}')
        return self.wait_exit(PATIENCE)

    def end(self):
        """Hangs up, as a shell does when its window is closed. Kills nothing,
        because a proof may look for survivors."""
        self.signal(signal.SIGHUP)
        self.process.wait(PATIENCE)
        RUNNING.remove(self)
        os.close(self.file)


def demand(text, *wanted, without=()):
    for part in wanted:
        if part not in text:
            raise Unproved(f'{part!r} is not in\n{text}')
    for part in without:
        if part in text:
            raise Unproved(f'{part!r} is in\n{text}')


def equal(got, expected, what):
    if got != expected:
        raise Unproved(f'{what}: {got!r} instead of {expected!r}')


def row(copy, number, text):
    """Returns how a stage's line of the ladder begins."""
    return f'\n  {copy.folder(number).name:14}{text}'
