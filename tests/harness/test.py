"""One run of one check."""

import contextlib
import errno
import os
import shlex
import signal
import socket
import subprocess
import tempfile
import time

from harness import settings
from harness.clients import data
from harness.failures import (FEW_DESCRIPTORS, SIGPIPE_HINT, Failure, Skip,
                              counted, difference, said_error, shown)
from harness.faults import Faults, is_loadable
from harness.network import Peer, free_port, listening
from harness.programs import (RUNNING, Child, Server, highest_descriptor,
                              wait_until)
from harness.privileges import is_user
from harness.secure import for_nobody, secure
from harness.settings import MEMCHECK, NOBODY, PATIENCE
from harness.valgrind import VALGRIND, complaints


def small_client(size):
    """A socket whose receive buffer has this size from the first packet on."""
    client = socket.socket()
    client.settimeout(PATIENCE)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
    return client


class Test:
    """One run of one check: starts programs, and stops them whatever
    happens."""

    def __init__(self, stage, command, directory, injector):
        self.stage = stage
        self.words = shlex.split(command)
        self.any = '{port}' in command  # anybody's program
        self.injector = injector
        self.loadable = not self.words or is_loadable(self.words[0])
        self.directory = directory
        self.closing = []
        self.children = []
        self.reports = tempfile.mkdtemp(dir=directory)
        self.faults = Faults(directory)
        self.certificate = settings.TLS

    def close(self):
        for child in list(RUNNING):
            child.end()
        for thing in self.closing:
            thing.close()
        self.faults.page.close()
        with contextlib.suppress(FileNotFoundError):  # whatever a program did
            os.unlink(self.faults.path)

    def restart(self):
        """Stops all programs and drops the injector's orders, for a new run."""
        self.close()
        self.closing, self.children = [], []
        self.faults = Faults(self.directory)
        self.certificate = settings.TLS

    def examine(self):
        """Demands that valgrind, if it is used, have nothing to report. Stops
        the programs with SIGTERM, after which, from 07 on, every descriptor
        must be closed."""
        for child in list(RUNNING) if MEMCHECK else ():
            child.signal(signal.SIGTERM)
            child.signal(signal.SIGCONT)
            if child.wait_exit() is None:
                raise Failure(f'{self.said(child)} exits on SIGTERM',
                              'it is still running, so valgrind cannot report')
        statuses = {child.pid: child.process.returncode
                    for child in self.children}
        for entry in os.scandir(self.reports):
            with open(entry.path, errors='replace') as file:
                found = complaints(file.read(), self.stage >= '07'
                                   or statuses.get(int(entry.name)) == 0)
            if found:
                raise Failure('no error found by valgrind: no bad access, no '
                              'leak, no descriptor left open',
                              '\n' + '\n\n'.join(found[:2]) + f'\n\n(and '
                              f'{len(found) - 2} more)' * (len(found) > 2))

    def environment(self):
        environment = dict(os.environ)
        environment.pop('LD_PRELOAD', None)
        if self.injector is not None and self.loadable:
            environment[settings.PRELOAD] = self.injector
            environment['LADDER_FAULTS'] = self.faults.path
            if MEMCHECK:
                program = os.path.basename(self.words[0])
                environment['LADDER_PROGRAM'] = program
            environment['ASAN_OPTIONS'] = ':'.join(filter(None, (
                environment.get('ASAN_OPTIONS'), 'verify_asan_link_order=0')))
        return environment

    def need_injector(self):
        if self.injector is None:
            raise Skip('the injector of errors is missing: it needs Linux, a '
                       'C compiler and a folder to load it from (TMPDIR)')
        if not self.loadable:
            raise Skip('the injector of errors cannot be loaded into this '
                       'program, which has another C library')

    def without_root(self):
        """Makes programs run as another user if we are root, because
        permission checks do not apply to root."""
        if os.geteuid() == 0:
            if not is_user(NOBODY):
                raise Skip('root is the only user here')
            self.need_injector()
            self.faults.set('user', NOBODY)
            self.certificate = for_nobody(settings.TLS)

    def need_descriptors(self, count):
        """Skips the check if this process, or the server, cannot have this many
        descriptors."""
        if highest_descriptor() < count:
            raise Skip(f'this needs {count} descriptors (ulimit -n)')

    def attached(self):
        """Returns True, or skips the check if the injector is not loaded."""
        self.need_injector()
        if not wait_until(lambda: self.faults.get('attached'), PATIENCE / 2):
            raise Skip('the injector of errors cannot be loaded into this '
                       'program: was it built with -static?')
        return True

    def command(self, *arguments, **places):
        words = [word.format(**places)
                 if any('{' + place + '}' in word for place in places)
                 else word for word in self.words]
        return self.starter() + words + list(arguments)

    def starter(self):
        """The command that starts programs."""
        log = [f'--log-file={self.reports}/%p']
        return settings.STARTER + (VALGRIND + log if MEMCHECK else [])

    def start(self, *arguments, stdin=subprocess.DEVNULL, kind=Child,
              stdout=subprocess.PIPE, stderr=subprocess.PIPE, **places):
        child = kind(self.command(*arguments, **places), self.environment(),
                     stdin, stdout, stderr)
        self.children.append(child)
        return child

    def start_closed(self, closed, *arguments):
        """Starts the program with standard streams closed, as in "<&- 2>&-"."""
        words, ours = self.command(*arguments), len(settings.STARTER)
        child = Child([*words[:ours], 'sh', '-c', f'exec "$@" {closed}', 'sh',
                       *words[ours:]], self.environment(), subprocess.DEVNULL)
        self.children.append(child)
        return child

    def run(self, *arguments, patience=PATIENCE, hint=''):
        """Runs the program to its end. Returns the child and its status."""
        child = self.start(*arguments)
        status = child.wait_exit(patience)
        if status is None:
            raise Failure(f'{self.said(child)} exits by itself',
                          f'after {patience} seconds it {self.outcome(child)}',
                          hint)
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
                          'print the line to standard error after listen() '
                          'has succeeded')
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
                listens = listening(server.port)
                if listens is None:
                    with socket.socket() as probe:
                        return probe.connect_ex((server.host,
                                                 server.port)) == 0
                return listens
            if wait_until(ready) and server.running():
                return server
            server.end()
        raise Failure('a server that accepts connections on {port}',
                      self.outcome(server))

    def connect(self, server, receive_buffer=0, **options):
        """A client of the server, to be closed when the check ends."""
        there = server.host, server.port
        try:
            if receive_buffer:
                client = small_client(receive_buffer)
                client.connect(there)
            else:
                client = socket.create_connection(there, PATIENCE, **options)
        except (socket.timeout, TimeoutError):
            raise Failure('a connection to the server', 'no answer; the server '
                          f'{self.outcome(server)}', 'is the backlog of listen '
                          'too small? SOMAXCONN asks for a long '
                          'queue') from None
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise Skip(FEW_DESCRIPTORS) from None
            raise Failure('a connection to the server',
                          f'{said_error(error)}; the server '
                          f'{self.outcome(server)}', 'a server listens until '
                          'a signal ends it') from None
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client = self.secured(client)
        self.closing.append(client)
        return client

    def secured(self, client):
        """The client, with TLS on its connection if the check uses TLS."""
        return secure(client, settings.TLS) if settings.TLS else client

    def peer(self, handler, **options):
        peer = Peer(handler, **options)
        self.closing.append(peer)
        return peer

    def said(self, child):
        words = child.command[len(self.starter()):]
        return '`' + ' '.join(shlex.quote(word) for word in words) + '`'

    def outcome(self, child):
        """Describes the state of a program in words."""
        status = child.wait_exit(0.2)  # it may be about to crash
        fate = ('still runs' if status is None else
                f'exited with status {status}' if status >= 0 else
                f'was killed by {signal.Signals(-status).name}')
        if any(line.startswith('usage: ') for line in child.lines):
            wrote = child.lines[0] + '; usage ...'
        else:
            wrote = '; '.join(line[:200] for line in child.lines[-4:])
            last = child.unfinished
            if last:
                wrote += '; ' * bool(wrote) + (
                    f'{shown(last)}, a line without a newline')
            wrote = wrote or 'nothing'
        if child.floods():
            fate += ' (it printed without end)'
        if child.output and not self.stage.startswith('06'):
            wrote += (f'; on standard output: {shown(child.output)} (messages '
                      'go to standard error)')
        return f'{fate}; on standard error: {wrote}'

    def alive(self, server, after, hint=''):
        """Demands that the server still be running."""
        if not server.running():
            status = server.process.poll()
            raise Failure(f'the server is still running after {after}',
                          f'it {self.outcome(server)}',
                          SIGPIPE_HINT if status == -signal.SIGPIPE else
                          hint if hint not in ('', SIGPIPE_HINT) else
                          'an error on one client\'s socket may end that '
                          'connection, never the server: close the socket, '
                          'serve the next client')

    # -------------------------------------------------------- conversations

    def receive(self, client, size, what='the bytes of the echo', hint=''):
        """Receives exactly this many bytes."""
        got, end = bytearray(), time.monotonic() + 15 * PATIENCE
        while len(got) < size:
            if time.monotonic() > end:
                raise Failure(f'{what}, {counted(size)}', f'{len(got)} of them '
                              f'in {15 * PATIENCE} seconds', hint)
            try:
                piece = client.recv(min(size - len(got), 1 << 20))
            except OSError as error:
                raise Failure(f'{what}, {counted(size)}',
                              f'{len(got) or "none"} of them, then '
                              f'{said_error(error)}', hint or (
                                  'send back what recv stored, from its first '
                                  'byte on: as many bytes as it returned'
                                  if self.stage in ('05', '07') else '')
                              ) from None
            if not piece:
                raise Failure(f'{what}, {counted(size)}',
                              f'{shown(got)}, then the end of the stream',
                              hint or 'the server has closed the connection: '
                              'call recv again, in a loop, until it returns 0')
            got += piece
        return bytes(got)

    def question(self, mark=b'served?\n'):
        """A message that the stage's server answers."""
        return mark

    def need_persistence(self, server):
        """Skips the check if the server answers only once per connection."""

    def persists(self, server):
        return True

    def plenty(self):
        """A message that a client may send again and again."""
        return data(65536)

    def answered(self, client, mark=b'served?\n', hint=''):
        """Demands the answer to a question; from an echo server, the echo."""
        got = self.receive(client, len(mark), f'the echo of {shown(mark)}',
                           hint)
        if got != mark:
            raise Failure(f'the echo of {shown(mark)}',
                          difference(mark, got), hint or
                          'send as many bytes as recv returned, from the start '
                          'of the buffer: neither strlen nor sizeof gives '
                          'that number')

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
        """Demands that the server end the connection without sending anything
        more."""
        try:
            piece = client.recv(65536)
        except ConnectionResetError:
            return
        except OSError as error:
            raise Failure(what, said_error(error), hint or
                          'close the client\'s socket when recv returns 0, and '
                          'after every error') from None
        if piece:
            raise Failure(what, f'more data: {shown(piece)}', hint or
                          'send exactly as many bytes as recv returned')

    def until_end(self, client, most=1 << 20):
        """Receives and returns what still arrives, up to the end of the stream,
        within limits."""
        got, end = bytearray(), time.monotonic() + 2 * PATIENCE
        what = 'the end of the stream'
        while len(got) < most and time.monotonic() < end:
            try:
                piece = client.recv(65536)
            except ConnectionResetError:
                return bytes(got)
            except OSError as error:
                raise Failure(what, said_error(error)) from None
            if not piece:
                return bytes(got)
            got += piece
        raise Failure(what, f'more and more data: {shown(got)}')

    def served(self, server, client, hint=''):
        """Demands that a client be served in the stage's way."""
        if self.stage == '04':
            self.ended(client, hint, 'the server closes the connection')
        else:
            self.say(client, self.question(), hint)
            self.answered(client, hint=hint)
