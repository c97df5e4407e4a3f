"""Running programs. Every program is started here, so that it is stopped
whatever happens."""

import contextlib
import os
import re
import resource
import signal
import subprocess
import threading
import time

from harness.failures import Failure, Stop
from harness.settings import MEMCHECK, PATIENCE
from harness.valgrind import VALGRINDS_OWN

MOST_OUTPUT, MOST_ERRORS = 1 << 26, 1 << 20  # bytes that a program may write
RUNNING = []  # programs that this process has started and not stopped


def end_session(leader):
    """Kills every process in a session, even one with a process group of its
    own. Call this before waiting for the leader, which frees its number."""
    for pid in os.listdir('/proc') if os.path.isdir('/proc/self') else ():
        with contextlib.suppress(ValueError, ProcessLookupError,
                                 PermissionError):
            if os.getsid(int(pid)) == leader:
                os.kill(int(pid), signal.SIGKILL)


class Program:
    """A running program and everything that it starts, in a session of its own
    unless the options for Popen say otherwise."""

    def __init__(self, command, **options):
        self.command = command
        self.signalled = set()
        self.leads = options.setdefault('start_new_session', True)
        Stop.held = True  # otherwise nothing would end it
        try:
            self.process = subprocess.Popen(command, **options)
            # Stop may be raised just after poll or wait has taken its lock,
            # which then stays locked. An RLock can be taken again.
            self.process._waitpid_lock = threading.RLock()
            self.pid = self.process.pid
            RUNNING.append(self)
        finally:
            Stop.release()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def running(self):
        return self.process.poll() is None

    def wait_exit(self, patience=PATIENCE):
        """Returns the exit status, or -N if signal N killed the program; None
        if it is still running."""
        try:
            return self.process.wait(patience)
        except subprocess.TimeoutExpired:
            return None

    def signal(self, number):
        """Signals the program, or its whole session if it leads one."""
        self.signalled.add(number)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if self.leads:
                os.killpg(self.pid, number)
            else:
                self.process.send_signal(number)

    def end(self, *numbers, patience=2):
        """Sends these signals in turn until the program exits, then SIGKILL.
        If it was still running and leads a session, kills the whole session."""
        for number in numbers:
            self.signal(number)
            if self.wait_exit(patience) is not None:
                break
        self.signal(signal.SIGKILL)
        if self.leads and self.process.returncode is None:
            end_session(self.pid)
        self.process.wait()
        if self in RUNNING:
            RUNNING.remove(self)
        self.close()

    def close(self):
        """Closes our ends of its pipes."""
        for stream in (self.process.stdin, self.process.stdout,
                       self.process.stderr):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


class Child(Program):
    """A program whose output is read while it runs."""

    def __init__(self, command, environment, stdin, stdout=subprocess.PIPE,
                 stderr=subprocess.PIPE, **options):
        self.output = bytearray()
        self.errors = bytearray()
        self.known_lines, self.split = [], 0  # the lines before that byte
        self.changed = threading.Condition()
        self.readers = []
        try:
            super().__init__(command, env=environment, stdin=stdin,
                             stdout=stdout, stderr=stderr, **options)
        except OSError as error:
            raise Failure(f'{command[0]} can be run', error.strerror,
                          'build it first, and check the path') from None
        for stream, store in ((self.process.stdout, self.output),
                              (self.process.stderr, self.errors)):
            if stream is not None:
                reader = threading.Thread(target=self._read, daemon=True,
                                          args=(stream, store))
                reader.start()
                self.readers.append(reader)

    def _read(self, stream, store):
        while True:
            try:
                piece = os.read(stream.fileno(), 65536)
            except (OSError, ValueError):
                piece = b''
            with self.changed:
                store += piece
                self.changed.notify_all()
            if self.floods():
                self.signal(signal.SIGKILL)
                piece = b''
            if not piece:
                return

    def closed(self):
        """Returns whether no process is left that can print anything."""
        return not any(reader.is_alive() for reader in self.readers)

    def floods(self):
        return (len(self.output) > MOST_OUTPUT
                or len(self.errors) > MOST_ERRORS)

    @property
    def lines(self):
        """The complete lines on standard error so far."""
        start, end = self.split, self.errors.rfind(b'\n') + 1
        if end > start:  # only the new part: the whole may be long
            text = bytes(self.errors[start:end]).decode(errors='replace')
            self.known_lines += text.split('\n')[:-1]
            self.split = end
        return self.known_lines

    @property
    def unfinished(self):
        """What has arrived on standard error after the last complete line."""
        return bytes(self.errors[self.errors.rfind(b'\n') + 1:])

    def wait_for(self, condition, patience=PATIENCE):
        """Waits until the condition is true of the output. Returns its
        value."""
        end = time.monotonic() + patience
        with self.changed:
            while True:
                value = condition()
                left = end - time.monotonic()
                if value or left <= 0:
                    return value
                gone = self.closed()
                self.changed.wait(min(left, 0.01 if gone else 0.2))
                if gone and not condition():
                    return condition()

    def wait_line(self, pattern, patience=PATIENCE):
        """Waits for a line on standard error. Returns the match, or None."""
        seen = 0

        def find():
            nonlocal seen
            for line in self.lines[seen:]:
                seen += 1
                match = re.match(pattern, line)
                if match:
                    return match
            return None
        return self.wait_for(find, patience)

    def wait_exit(self, patience=PATIENCE):
        status = super().wait_exit(patience)
        for reader in self.readers if status is not None else ():
            reader.join(1)
        return status

    def stop_and_continue(self):
        """Stops and continues it, like Ctrl-Z and fg."""
        self.signal(signal.SIGSTOP)
        wait_until(lambda: self.state() == 'T')
        self.signal(signal.SIGCONT)

    def stat(self):
        with open(f'/proc/{self.pid}/stat') as file:
            return file.read().rpartition(')')[2].split()

    def state(self):
        return self.stat()[0]

    def states(self):
        """Returns the states of the program and of those it has started."""
        pids, states = [self.pid], []
        for pid in pids:
            with contextlib.suppress(OSError):  # it may have ended
                for task in os.listdir(f'/proc/{pid}/task'):
                    with open(f'/proc/{pid}/task/{task}/children') as file:
                        pids += map(int, file.read().split())
            with contextlib.suppress(OSError):
                with open(f'/proc/{pid}/stat') as file:
                    states.append(file.read().rpartition(')')[2].split()[0])
        return states

    def is_busy(self, seconds):
        """Samples the program's state. Returns whether it is runnable most of
        the time, even if it gets little processor time."""
        samples = [time.sleep(seconds / 25) or 'R' in self.states()
                   for _ in range(25)]
        return sum(samples) > 8 and not MEMCHECK  # valgrind is always busy

    def spins(self, seconds=0.25):
        """Returns whether the program stays busy. On a loaded machine even a
        short task can take a long time."""
        return all(self.is_busy(seconds) for _ in range(4))

    def descriptors(self):
        names = os.listdir(f'/proc/{self.pid}/fd')
        return sorted(number for number in map(int, names) if not MEMCHECK
                      or number < highest_descriptor() - VALGRINDS_OWN)

    def file_of(self, number):
        """Returns what /proc shows for a descriptor; '' if it is closed."""
        try:
            return os.readlink(f'/proc/{self.pid}/fd/{number}')
        except OSError:
            return ''

    def flags_of(self, number):
        """Returns the flags of a descriptor: open(2)."""
        with open(f'/proc/{self.pid}/fdinfo/{number}') as file:
            return int(re.search(r'flags:\s+(\d+)', file.read())[1], 8)

    def descriptors_at_rest(self):
        """Returns the program's descriptors once it sleeps, having closed those
        that it opens only to answer."""
        wait_until(lambda: self.state() == 'S')
        return self.descriptors()

    def limit_files(self, size):
        """Limits the size of the files that it writes, and forbids core dumps.
        Returns the old limit."""
        try:
            for limit, most in ((resource.RLIMIT_CORE, 0),
                                (resource.RLIMIT_FSIZE, size)):
                soft, hard = resource.prlimit(self.pid, limit)
                resource.prlimit(self.pid, limit, (most, hard))
        except PermissionError:  # as below
            prlimit = ['prlimit', f'--pid={self.pid}']
            soft = subprocess.check_output(
                [*prlimit, '--fsize', '--output=SOFT', '--noheadings'],
                text=True).strip()
            subprocess.check_call([*prlimit, f'--fsize={size}:', '--core=0:'])
        return soft

    def limit_descriptors(self, count):
        """Sets its soft limit on open files. Returns the old one."""
        try:
            soft, hard = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (count, hard))
        except PermissionError:  # prlimit(1) runs as the program's user: act_as
            prlimit = ['prlimit', f'--pid={self.pid}']
            soft = int(subprocess.check_output(
                [*prlimit, '--nofile', '--output=SOFT', '--noheadings']))
            subprocess.check_call([*prlimit, f'--nofile={count}:'])
        return soft

    def memory(self):
        """Returns the memory in use, in KB, without pages that are mapped from
        files: the kernel decides how many of those are present."""
        with open(f'/proc/{self.pid}/status') as file:
            return int(re.search(r'RssAnon:\s+(\d+)', file.read())[1])

    def close(self):
        for reader in self.readers:
            reader.join(1)
        super().close()


class Server(Child):
    """A server that is ready, and its address."""
    port = 0
    host = '127.0.0.1'


def wait_until(condition, patience=PATIENCE):
    """Polls until the condition holds. Returns its last value."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.002)


def raise_limit():
    """Raises this process's limit on open files, which its children
    inherit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def highest_descriptor():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
