"""What the checks are made of: programs under test, the faults injected into
them, clients and servers to talk to them, and the report of a failure."""

import collections
import contextlib
import errno
import fcntl
import mmap
import os
import pathlib
import re
import resource
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

TESTS = pathlib.Path(__file__).resolve().parent
ROOT = TESTS.parent
MEMCHECK = bool(os.environ.get('MEMCHECK'))  # valgrind runs the programs
PATIENCE = 30 if MEMCHECK else 4  # seconds, for what takes milliseconds else
JOBS = 2 if MEMCHECK else 4  # for each processor: many checks mostly wait
NOBODY = 65534
MOST_OUTPUT, MOST_ERRORS = 1 << 26, 1 << 20  # bytes that a program may write
SEED = 0  # what the checks' data is made of: tests/check --seed
STARTER = []  # the command that programs are started by: tests/check --starter
PRELOAD = 'LD_PRELOAD'  # the variable that names the injector; the starter's
                        # own loader is not to see it

STAGES = {
    '01': '01-socket/server', '02': '02-bind/server', '03': '03-listen/server',
    '04': '04-accept/server', '05': '05-recv-send/server',
    '06': '06-client/client', '07': '07-select/server', '08': '08-http/server',
}


SIGPIPE_HINT = ('send to a connection that is gone raises SIGPIPE, which '
                'kills: signal(SIGPIPE, SIG_IGN), then send fails with EPIPE')


RUNNING = []  # every program that this process has started and not yet ended


# Each report is in a file of its own, which takes a program's descriptor 3.
VALGRIND = ['valgrind', '--quiet', '--vgdb=no', '--track-fds=yes',
            '--leak-check=full', '--show-leak-kinds=definite,indirect,possible',
            '--num-callers=6']
VALGRINDS_OWN = 12  # the highest descriptors that there may be

WITHOUT_VALGRIND = {  # checks that make no sense with it, and why
    'prints_descriptor': 'valgrind has taken descriptor 3',
    'socket_EMFILE': 'valgrind gives descriptors beyond the limit',
    'more_than_fit': 'valgrind gives descriptors beyond the limit',
    '08 out_of_descriptors': 'valgrind does not let it raise the limit',
    'requests_without_reading': 'valgrind\'s own memory grows',
    'waits_quietly': 'valgrind is busy for itself',
    'quiet_with_a_client': 'valgrind is busy for itself',
}


class Failure(Exception):
    """A check does not hold: what was expected, what came, what to do."""

    def __init__(self, expected, got, hint=''):
        super().__init__(expected, got, hint)  # all of it, to be pickled
        self.expected, self.got, self.hint = expected, got, hint


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
    def now(cls, *_):
        cls.wanted = True
        if not cls.held:
            raise cls


class Skip(Exception):
    """A check cannot be made here, for this reason."""


# ---------------------------------------------------------------- faults

KINDS = ('socket', 'bind', 'listen', 'accept', 'connect', 'recv', 'send',
         'select', 'setsockopt', 'getsockname', 'shutdown', 'malloc', 'open',
         'stat', 'read')
FIELDS = ('first', 'last', 'error', 'stop', 'most', 'calls', 'injected',
          'failed', 'last_error', 'too_short')
HEADER = ('attached', 'descriptors', 'user', 'family', 'type', 'protocol',
          'bound_port', 'bound_address')
ADDRESSES, PLANS, PLAN = 32, 128, 64  # offsets in struct control of faults.c
STORM = PLANS + PLAN * len(KINDS)      # what is there is for tests/storm.py
CONTROL = 16384                        # more than all of it needs
FOREVER = 2**31 - 1


class Faults:
    """The page shared with tests/faults.c: orders to it, counts from it."""

    def __init__(self, directory):
        handle, self.path = tempfile.mkstemp(dir=directory)
        os.ftruncate(handle, CONTROL)
        self.page = mmap.mmap(handle, CONTROL)
        os.close(handle)

    def _offset(self, name, call):
        if call is None:
            return 4 * HEADER.index(name)
        return PLANS + PLAN * KINDS.index(call) + 4 * FIELDS.index(name)

    def get(self, name, call=None):
        return struct.unpack_from('i', self.page, self._offset(name, call))[0]

    def set(self, name, value, call=None):
        struct.pack_into('i', self.page, self._offset(name, call), value)

    def fail(self, call, number, first=1, last=None):
        """Lets the first to the last of these calls fail with an errno."""
        self.set('error', number, call)
        self.set('last', first if last is None else last, call)
        self.set('first', first, call)

    def relent(self, call):
        self.set('last', 0, call)

    def resolve(self, *addresses):
        """Lets every host name stand for these addresses."""
        text = ' '.join(addresses).encode() + b'\0'
        self.page[ADDRESSES:ADDRESSES + len(text)] = text


def build_injector(directory):
    """Compiles tests/faults.c; returns the library's path, or None."""
    compiler = shlex.split(os.environ.get('CC', 'cc'))
    library = os.path.join(directory, 'faults.so')
    command = compiler + ['-O1', '-w', '-shared', '-fPIC', '-o', library,
                          str(TESTS / 'faults.c'), '-ldl']
    if not sys.platform.startswith('linux') or not shutil.which(compiler[0]):
        return None
    done = subprocess.run(command, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL)
    return library if done.returncode == 0 else None


# ---------------------------------------------------------------- programs

class Child:
    """A running program whose output is read as it comes."""

    def __init__(self, command, environment, stdin, stdout=subprocess.PIPE):
        self.command = command
        self.output = bytearray()
        self.errors = bytearray()
        self.known_lines, self.split = [], 0  # the lines up to that byte
        self.changed = threading.Condition()
        self.readers = []
        Stop.held = True  # or nobody would know that it has to be ended
        try:
            self.process = subprocess.Popen(
                command, env=environment, stdin=stdin, stdout=stdout,
                stderr=subprocess.PIPE, start_new_session=True)
            self.pid = self.process.pid
            RUNNING.append(self)
        except OSError as error:
            raise Failure(f'{command[0]} can be run', str(error),
                          'build it first, and check the path') from None
        finally:
            Stop.release()
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

    def floods(self):
        return (len(self.output) > MOST_OUTPUT
                or len(self.errors) > MOST_ERRORS)

    @property
    def lines(self):
        """The whole lines on standard error so far."""
        start, end = self.split, self.errors.rfind(b'\n') + 1
        if end > start:  # only what is new: it may be much
            text = bytes(self.errors[start:end]).decode(errors='replace')
            self.known_lines += text.split('\n')[:-1]
            self.split = end
        return self.known_lines

    def wait_for(self, condition, patience=PATIENCE):
        """Waits until the condition holds of the output. Returns its value."""
        end = time.monotonic() + patience
        with self.changed:
            while True:
                value = condition()
                left = end - time.monotonic()
                if value or left <= 0:
                    return value
                gone = not any(reader.is_alive() for reader in self.readers)
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
        """Returns the exit status (minus a signal), or None if it runs on."""
        try:
            status = self.process.wait(patience)
        except subprocess.TimeoutExpired:
            return None
        for reader in self.readers:
            reader.join(1)
        return status

    def running(self):
        return self.process.poll() is None

    def signal(self, number):
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            pass

    def stop_and_continue(self):
        """Ctrl-Z and fg."""
        self.signal(signal.SIGSTOP)
        wait_until(lambda: self.state() == 'T')
        self.signal(signal.SIGCONT)

    def stat(self):
        with open(f'/proc/{self.pid}/stat') as file:
            return file.read().rpartition(')')[2].split()

    def state(self):
        return self.stat()[0]

    def is_busy(self, seconds):
        """Watches the program. Returns whether it wants the processor most of
        the time, however much of it others leave it."""
        samples = [time.sleep(seconds / 25) or self.state() == 'R'
                   for _ in range(25)]
        return sum(samples) > 8 and not MEMCHECK  # valgrind is always busy

    def spins(self, seconds=0.25):
        """Returns whether the program is busy, and not just for a while: to do
        a little may take long on a machine that has much to do."""
        return all(self.is_busy(seconds) for _ in range(4))

    def descriptors(self):
        names = os.listdir(f'/proc/{self.pid}/fd')
        return sorted(number for number in map(int, names) if not MEMCHECK
                      or number < highest_descriptor() - VALGRINDS_OWN)

    def limit_descriptors(self, count):
        """Sets the soft limit of open files. Returns the old one."""
        try:
            soft, hard = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (count, hard))
        except PermissionError:  # but what we start may: see tests/guard.py
            prlimit = ['prlimit', f'--pid={self.pid}']
            soft = int(subprocess.check_output(
                [*prlimit, '--nofile', '--output=SOFT', '--noheadings']))
            subprocess.check_call([*prlimit, f'--nofile={count}:'])
        return soft

    def end(self):
        self.signal(signal.SIGKILL)
        self.process.wait()
        if self in RUNNING:
            RUNNING.remove(self)
        for reader in self.readers:
            reader.join(1)
        for stream in (self.process.stdin, self.process.stdout,
                       self.process.stderr):
            if stream is not None:
                try:
                    stream.close()
                except OSError:
                    pass


def wait_until(condition, patience=PATIENCE):
    """Polls until the condition holds. Returns its last value."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.002)


class Server(Child):
    """A server that is ready, and where."""
    port = 0
    host = '127.0.0.1'


def complaints(report, descriptors):
    """What stands in valgrind's report: errors, leaks and, if asked for, the
    descriptors that were open at the end."""
    text = re.sub(r'^==\d+== ?(FILE DESC.*\n)?', '', report, flags=re.MULTILINE)
    text = re.sub(r'\b0x[0-9A-F]+: | \(in \S+\)', '', text)
    ended = r'Process terminating .* \(SIG(INT|TERM)\)'
    if re.search(ended, text):
        descriptors = False
    return [block for block in re.split(r'\n\n+', text.strip())
            if block and '<inherited from parent>' not in block
            and not re.match(ended, block)
            and (descriptors or not block.startswith('Open '))]


# ---------------------------------------------------------------- peers

class Peer:
    """A server for the client under test: every connection is handed to a
    function, in a thread of its own."""

    def __init__(self, handler, host='127.0.0.1', port=0, backlog=50):
        self.listener = socket.create_server((host, port), backlog=backlog)
        self.host, self.port = self.listener.getsockname()[:2]
        self.handler = handler
        self.connections = []
        self.accepted = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            connection.settimeout(PATIENCE)
            self.connections.append(connection)
            threading.Thread(target=self._handle, args=(connection,),
                             daemon=True).start()

    def _handle(self, connection):
        try:
            self.handler(connection)
        except OSError:
            pass
        finally:
            connection.close()

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def reset(connection):
    """Closes a connection with a reset instead of an orderly end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                          struct.pack('ii', 1, 0))
    connection.close()


def reset_for_sure(connection):
    """Resets a connection, and waits until the other side's kernel knows."""
    ours, theirs = connection.getsockname()[1], connection.getpeername()[1]
    other = re.compile(rf' \w+:{theirs:04X} \w+:{ours:04X} ')
    reset(connection)

    def known():
        with open('/proc/net/tcp') as file:
            return not other.search(file.read())
    wait_until(known)


def arrived(connection):
    """Whether the other side's kernel has everything that was sent."""
    unacknowledged = fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4))
    return struct.unpack('i', unacknowledged)[0] == 0


def end_half(connection):
    """Ends the sending half, and waits until the other side's kernel knows."""
    connection.shutdown(socket.SHUT_WR)
    fin_wait_2 = 5  # the first byte of struct tcp_info is the state
    wait_until(lambda: connection.getsockopt(
        socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == fin_wait_2)


def raise_limit():
    """Lets this process, and what it starts, open as many files as it may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def highest_descriptor():
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def free_port():
    """A port that was free just now, below the ephemeral ones."""
    seed = os.getpid() * 7919 + time.monotonic_ns() // 1000
    for step in range(2000):
        port = 10000 + (seed + step * 37) % 20000
        with socket.socket() as probe:
            try:
                probe.bind(('127.0.0.1', port))
                return port
            except OSError:
                continue
    raise Skip('no free port between 10000 and 30000')


def data(size, seed=1):
    """So many bytes, all values, without a short period."""
    block = bytes((i * i + 7 * i + seed + SEED) % 251 + (i >> 3) % 5
                  for i in range(65521))
    return (block * (size // len(block) + 1))[:size]


def shown(piece, most=60):
    """Bytes as a person reads them, cut to a readable length."""
    if not piece:
        return 'nothing'
    if len(piece) <= most:
        return repr(bytes(piece))
    return f'{bytes(piece[:8])!r}... ({len(piece)} bytes)'


# ---------------------------------------------------------------- a check

Check = collections.namedtuple('Check', 'stage name function what origin open')
CHECKS = []


def check(stages, open=True):
    """Makes a check of a function: its name, its docstring (what must hold),
    for these stages; open: also for programs with other words and options."""
    def register(function):
        what = ' '.join((function.__doc__ or '').split())
        for stage in stages.split():
            CHECKS.append(Check(stage, function.__name__, function, what, '',
                                open))
        return function
    return register


class Test:
    """One run of one check: starts programs, and ends them whatever comes."""

    def __init__(self, stage, command, directory, injector):
        self.stage = stage
        self.words = shlex.split(command)
        self.any = '{port}' in command  # anybody's program
        self.injector = injector
        self.directory = directory
        self.closing = []
        self.children = []
        self.reports = tempfile.mkdtemp(dir=directory)
        self.faults = Faults(directory)

    def close(self):
        for child in list(RUNNING):
            child.end()
        for thing in self.closing:
            thing.close()
        self.faults.page.close()
        with contextlib.suppress(FileNotFoundError):  # whatever a program did
            os.unlink(self.faults.path)

    def examine(self):
        """Demands that valgrind, if it is asked, has nothing to report. Ends
        the programs, from 07 on in good order: then all is to be closed."""
        for child in list(RUNNING) if MEMCHECK else ():
            child.signal(signal.SIGTERM)
            child.signal(signal.SIGCONT)
            if child.wait_exit() is None:
                raise Failure(f'{self.said(child)} ends on SIGTERM',
                              'it runs on, and valgrind cannot report')
        statuses = {child.pid: child.process.returncode
                    for child in self.children}
        for entry in os.scandir(self.reports):
            with open(entry.path, errors='replace') as file:
                found = complaints(file.read(), self.stage >= '07'
                                   or statuses.get(int(entry.name)) == 0)
            if found:
                raise Failure('no report of valgrind\'s: memory is used as it '
                              'should be and freed, descriptors are closed',
                              '\n' + '\n\n'.join(found[:2]) + f'\n\n(and '
                              f'{len(found) - 2} more)' * (len(found) > 2))

    def environment(self):
        environment = dict(os.environ)
        environment.pop('LD_PRELOAD', None)
        if self.injector is not None:
            environment[PRELOAD] = self.injector
            environment['LADDER_FAULTS'] = self.faults.path
            if MEMCHECK:
                program = os.path.basename(self.words[0])
                environment['LADDER_PROGRAM'] = program
            environment['ASAN_OPTIONS'] = ':'.join(filter(None, (
                environment.get('ASAN_OPTIONS'), 'verify_asan_link_order=0')))
        return environment

    def need_injector(self):
        if self.injector is None:
            raise Skip('tests/faults.c needs Linux and a C compiler')

    def attached(self):
        """Whether the injector is in the program; else the check is skipped."""
        self.need_injector()
        if not wait_until(lambda: self.faults.get('attached'), PATIENCE / 2):
            raise Skip('the injector cannot be loaded into this program')
        return True

    def command(self, *arguments, **places):
        words = [word.format(**places)
                 if any('{' + place + '}' in word for place in places)
                 else word for word in self.words]
        return self.starter() + words + list(arguments)

    def starter(self):
        """What programs are started by."""
        log = [f'--log-file={self.reports}/%p']
        return STARTER + (VALGRIND + log if MEMCHECK else [])

    def start(self, *arguments, stdin=subprocess.DEVNULL, kind=Child,
              stdout=subprocess.PIPE, **places):
        child = kind(self.command(*arguments, **places), self.environment(),
                     stdin, stdout)
        self.children.append(child)
        return child

    def run(self, *arguments, patience=PATIENCE):
        """Runs the program to its end. Returns the child and its status."""
        child = self.start(*arguments)
        status = child.wait_exit(patience)
        if status is None:
            raise Failure(f'{self.said(child)} ends by itself',
                          f'it still runs after {patience} seconds; it wrote '
                          f'{child.lines}')
        return child, status

    def server(self, *options, port=0, hint=''):
        """Starts the server and waits until it is ready."""
        if self.any:
            return self._any_server(port)
        server = self.start(*options, str(port), kind=Server)
        match = server.wait_line(r'listening on (\S+):(\d+)$')
        if match is None:
            raise Failure('the line "listening on 127.0.0.1:PORT" on standard '
                          'error, once the server is ready',
                          f'it {self.outcome(server)}', hint or
                          'print the line after listen() has succeeded; '
                          'standard error, not standard output')
        server.host, server.port = match[1].strip('[]'), int(match[2])
        return server

    def _any_server(self, port, **places):
        for _ in range(5):
            wanted = port or free_port()
            server = self.start(kind=Server, port=wanted, host='127.0.0.1',
                                **places)
            server.port = wanted

            def ready():
                if not server.running():
                    return True
                with socket.socket() as probe:
                    return probe.connect_ex((server.host, server.port)) == 0
            if wait_until(ready) and server.running():
                return server
            server.end()
        raise Failure('a server that accepts connections on {port}',
                      self.outcome(server))

    def connect(self, server, **options):
        """A client of the server, to be closed when the check ends."""
        try:
            client = socket.create_connection((server.host, server.port),
                                              PATIENCE, **options)
        except (socket.timeout, TimeoutError):
            raise Failure('a connection to the server', 'no answer; the server '
                          f'{self.outcome(server)}', 'a larger backlog for '
                          'listen: SOMAXCONN') from None
        except OSError as error:
            raise Failure('a connection to the server', f'{error}; the server '
                          f'{self.outcome(server)}', 'it has to stay, and to '
                          'listen, until a signal comes') from None
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.closing.append(client)
        return client

    def peer(self, handler, **options):
        peer = Peer(handler, **options)
        self.closing.append(peer)
        return peer

    def said(self, child):
        words = child.command[len(self.starter()):]
        return '`' + ' '.join(shlex.quote(word) for word in words) + '`'

    def outcome(self, child):
        """What has become of a program, in words."""
        status = child.wait_exit(0.2)  # it may be about to crash
        fate = ('runs' if status is None else f'exited with status {status}'
                if status >= 0 else
                f'was ended by {signal.Signals(-status).name}')
        if any(line.startswith('usage: ') for line in child.lines):
            wrote = child.lines[0] + '; usage ...'
        else:
            wrote = '; '.join(line[:200] for line in child.lines[-4:])
            wrote = wrote or 'nothing'
        if child.floods():
            fate += ' (it wrote without end)'
        if child.output and self.stage != '06':
            wrote += (f'; on standard output: {shown(child.output)} (what a '
                      'program tells goes to standard error)')
        return f'{fate}; on standard error: {wrote}'

    def alive(self, server, after, hint=''):
        """Demands that the server still runs."""
        if not server.running():
            status = server.process.poll()
            raise Failure(f'the server lives on after {after}',
                          f'it {self.outcome(server)}',
                          SIGPIPE_HINT if status == -signal.SIGPIPE else
                          hint if status != 1 and hint != SIGPIPE_HINT else
                          'a client\'s failure is no reason to exit: close its '
                          'socket, serve the next')

    # -------------------------------------------------------- conversations

    def receive(self, client, size, what='the bytes of the echo', hint=''):
        """Receives exactly so many bytes."""
        got = bytearray()
        while len(got) < size:
            try:
                piece = client.recv(min(size - len(got), 1 << 20))
            except OSError as error:
                raise Failure(f'{what}, {size} in all',
                              f'{len(got)} of them, then {said_error(error)}',
                              hint) from None
            if not piece:
                raise Failure(f'{what}, {size} in all',
                              f'{shown(got)}, then the end of the stream', hint)
            got += piece
        return bytes(got)

    def question(self, mark=b'served?'):
        """What a client says for the stage's server to answer."""
        return mark

    def plenty(self):
        """What a client may say again and again, without end."""
        return data(65536)

    def answered(self, client, mark=b'served?', hint=''):
        """Demands the answer to a question; of these servers, its echo."""
        got = self.receive(client, len(mark), f'the echo of {shown(mark)}',
                           hint or 'recv what has come, send as much back')
        if got != mark:
            raise Failure(f'the echo of {shown(mark)}',
                          difference(mark, got), hint or
                          'send as many bytes as recv returned, from the start '
                          'of the buffer: no strlen, no sizeof')

    def echo(self, client, message, hint=''):
        """Sends a message and demands its echo."""
        self.say(client, message, hint)
        self.answered(client, message, hint)

    def say(self, client, message, hint=''):
        try:
            client.sendall(message)
        except OSError as error:
            raise Failure('a connection that takes data', said_error(error),
                          hint) from None

    def ended(self, client, hint='', what='the end of the stream'):
        """Demands that the server ends the connection, having sent no more."""
        try:
            piece = client.recv(65536)
        except ConnectionResetError:
            return
        except OSError as error:
            raise Failure(what, said_error(error), hint if 'close' in hint else
                          'when recv returns 0, or the client is lost, close '
                          'its socket, on every way') from None
        if piece:
            raise Failure(what, f'more data: {shown(piece)}', hint or
                          'send exactly as many bytes as recv returned')

    def served(self, server, client, hint=''):
        """Demands that a client is served, as the stage does it."""
        if self.stage == '04':
            self.ended(client, hint, 'the server closes the connection')
        else:
            self.say(client, self.question(), hint)
            self.answered(client, hint=hint)


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
