"""Runs a server and its clients under strace, and captures their packets: the
scenes that charts are drawn from."""

import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from . import events

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PEER = pathlib.Path(__file__).with_name('peer.py')
PATIENCE = 10   # seconds that a program may take for anything
QUIET = 0.12    # seconds without an event, after which all is settled
CALLS = ('%network,select,pselect6,?_newselect,pause,close,openat,write')


class Missing(Exception):
    """Something that a chart needs is not installed or not permitted."""


class Process:
    """A program under strace, and the output of strace."""

    def __init__(self, stage, side, command, tag='', prefix=()):
        self.trace = events.Trace(side, tag)
        self.said, self.partial = '', b''
        # Named, because the program would inherit an end of an unnamed pipe.
        stage.started += 1
        self.told = os.path.join(stage.folder.name, str(stage.started))
        os.mkfifo(self.told)
        self.strace = subprocess.Popen(
            [*prefix, 'strace', '-qq', '-ttt', '-T', '-s', '100', '-e',
             f'trace={CALLS}', '-o', self.told, *map(str, command)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, bufsize=0, start_new_session=True)
        self.out = b''
        self.touched = time.monotonic()
        self.lock = threading.Lock()
        stage.processes.append(self)
        for stream, use in ((self.told, self.read_trace),
                            (self.strace.stdout.fileno(), self.read_out),
                            (self.strace.stderr.fileno(), self.read_err)):
            threading.Thread(target=self.pump, args=(stream, use),
                             daemon=True).start()

    def pump(self, stream, use):
        with contextlib.suppress(OSError):
            if isinstance(stream, str):  # waits until strace opens it, too
                stream = os.open(stream, os.O_RDONLY)
            while data := os.read(stream, 1 << 16):
                with self.lock:
                    use(data)
                    self.touched = time.monotonic()

    def read_trace(self, data):
        *lines, self.partial = (self.partial + data).split(b'\n')
        for line in lines:
            self.trace.feed(line.decode('latin-1'))
        if self.partial:
            self.trace.feed(self.partial.decode('latin-1'), ended=False)

    def read_out(self, data):
        self.out += data

    def read_err(self, data):
        self.said += data.decode('utf-8', 'replace')

    @property
    def pid(self):
        """The program's own process, the child of strace."""
        tasks = pathlib.Path(f'/proc/{self.strace.pid}/task')
        for children in tasks.glob('*/children'):
            for word in children.read_text().split():
                return int(word)
        return None

    def signal(self, number):
        pid = self.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def type(self, text):
        with contextlib.suppress(OSError):
            self.strace.stdin.write(text.encode())

    def end_input(self):
        with contextlib.suppress(OSError):
            self.strace.stdin.close()

    def close(self):
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        self.end_input()
        try:
            self.strace.wait(2)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.strace.pid, signal.SIGKILL)
            self.strace.wait()


class Stage:
    """A server, its clients, and the wire between them."""

    def __init__(self, capture=None):
        if shutil.which('strace') is None:
            raise Missing('install strace for this: '
                          'sudo apt-get install strace')
        self.processes, self.port, self.capture = [], None, capture
        self.folder, self.started = tempfile.TemporaryDirectory(), 0
        self.packets, self.shown = [], 0
        self.touched = 0.0

    def program(self, stage):
        """The path of a stage's program, relative to the top folder."""
        folder = next(ROOT.glob(f'{stage}-*'))
        name = 'client' if (folder / 'client.c').exists() else 'server'
        path = folder / name
        if not path.exists():
            raise Missing(f'{path.relative_to(ROOT)} is not built: make')
        return path

    def server(self, stage, *arguments):
        for port in ('15441', '0'):  # any, if 15441 is taken
            process = Process(self, 'server',
                              [self.program(stage), *arguments, port])
            line = self.until(process, r'listening on \S+:(\d+)|EADDRINUSE')
            if line[1]:
                break
            process.close()
            self.processes.remove(process)
        self.port = int(line[1])
        self.settle()
        return process

    def client(self, *arguments, host='127.0.0.1', tag='', prefix=()):
        return Process(self, 'client', [self.program('06'), *arguments, host,
                                        self.port], tag, prefix)

    def peer(self, tag=''):
        return Process(self, 'client', [sys.executable, '-u', PEER], tag)

    def until(self, process, pattern):
        deadline = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, process.said)):
            if time.monotonic() > deadline or process.strace.poll() is not None:
                said = process.said.strip().splitlines() or ['nothing']
                raise Missing(f'no "{pattern}" came, but: {said[-1]}')
            time.sleep(0.01)
        return found

    def settle(self, most=PATIENCE, quiet=QUIET):
        """Waits until nothing has happened for a moment."""
        start = time.monotonic()
        deadline = start + most
        while time.monotonic() < deadline:
            self.drain()
            latest = max([start, self.touched, *[process.touched
                                          for process in self.processes]])
            if time.monotonic() - latest > quiet:
                return
            time.sleep(0.01)

    def drain(self):
        if self.capture is None:
            return
        for packet in self.capture.take():
            if self.port in (packet.source[1], packet.target[1]):
                self.packets.append(packet)
                self.touched = time.monotonic()

    def rows(self, since=0.0):
        """Returns the chart's rows for what happened after `since`."""
        self.drain()
        calls = []
        for process in self.processes:
            with process.lock:
                calls += process.trace.events
        self.name_connections(calls)
        return [row for row in events.rows_of(calls, self.packets, self.port,
                                              since) if row.time > since]

    def name_connections(self, calls):
        """Marks packets with the letter of their client."""
        tags = sorted({call.tag for call in calls if call.tag})
        if not tags:
            return
        ports = []  # in the order in which they first appear: A, B, C
        for packet in self.packets:
            port = (packet.source[1] if packet.target[1] == self.port
                    else packet.target[1])
            if port not in ports:
                ports.append(port)
            packet.tag = dict(zip(ports, tags)).get(port, '')

    def close(self):
        for process in reversed(self.processes):
            process.close()
        self.folder.cleanup()


# ---------------------------------------------------------------- the scenes

SCENES = {}


def scene(name, title, caption):
    """Registers a function as a scene. Its picture has the same name."""
    def add(play):
        play.title, play.caption, play.stage = title, caption, name[:2]
        SCENES[name] = play
        return play
    return add


@scene('03-handshake', 'A handshake that nobody accepts',
       'The server never calls accept. Its kernel completes the handshake all '
       'the same, acknowledges the data and keeps it. The client gives up '
       'after one second (-t 1).')
def handshake(stage):
    stage.server('03')
    client = stage.client('-t', '1')
    client.type('hello\n')
    client.strace.wait(PATIENCE)
    stage.settle()


@scene('04-queue', 'accept takes what was there already',
       'The server is stopped while the client connects. Once it is '
       'resumed, accept returns at once: the connection was waiting in the '
       'queue.')
def queue(stage):
    server = stage.server('04')
    server.signal(signal.SIGSTOP)
    stage.settle()
    client = stage.client()
    stage.settle()
    server.signal(signal.SIGCONT)
    stage.settle()
    client.end_input()
    stage.settle()


@scene('05-half-close', 'An echo and a half-close',
       'shutdown ends one direction: FIN. The server sees recv return 0 and '
       'closes the other direction.')
def half_close(stage):
    stage.server('05')
    client = stage.client()
    stage.settle()
    client.type('hello\n')
    stage.settle()
    client.end_input()
    stage.settle()


@scene('05-short-send', 'A short send',
       'The client sends and never reads, so the buffers fill up. send '
       'waits for one second (-t 1), then returns the number of bytes that '
       'did fit. The next send moves none, and the server drops the client.')
def short_send(stage):
    stage.server('05', '-t', '1')
    client = stage.peer()
    client.type(f'small {stage.port}\n')
    stage.settle()
    client.type('flood 300000\n')
    stage.settle(quiet=1.5)


@scene('05-reset', 'A reset, because of unread bytes',
       'The client closes a socket that still holds four unread bytes. Its '
       'kernel sends RST instead of FIN, and recv fails with ECONNRESET.')
def reset(stage):
    stage.server('05')
    client = stage.peer()
    client.type(f'connect {stage.port}\n')
    stage.settle()
    client.type('send hello\n')
    stage.settle()
    client.type('recv 1\nclose\n')
    stage.settle()


@scene('06-addresses', '::1 refuses, 127.0.0.1 answers',
       'localhost has two addresses here. Nothing listens on ::1, so its '
       'kernel answers SYN with RST. The client tries the next address on a '
       'new socket.')
def addresses(stage):
    stage.server('05')
    with hosts_with_both() as prefix:
        client = stage.client(host='localhost', prefix=prefix)
        stage.settle(quiet=0.4)
        client.type('hello\n')
        stage.settle()


@scene('07-ready', 'Three clients in one select',
       'While the server is stopped, three clients send a line each. When it '
       'is resumed, one select reports three ready sockets, and none of the '
       'clients waits for another.')
def ready(stage):
    server = stage.server('07')
    clients = []
    for tag in 'ABC':
        clients.append(stage.client(tag=tag))
        stage.settle()
    server.signal(signal.SIGSTOP)
    stage.settle()
    for client, text in zip(clients, ('one', 'two', 'three')):
        client.type(text + '\n')
        stage.settle()
    server.signal(signal.SIGCONT)
    stage.settle()


@scene('08-pipelined', 'Two pipelined requests',
       'Both requests leave in one send, before any answer has come. The '
       'answers come back in the same order.')
def pipelined(stage):
    with tempfile.TemporaryDirectory() as folder:
        for name in ('a.txt', 'b.txt'):
            (pathlib.Path(folder) / name).write_text(f'this is {name}\n')
        stage.server('08', '-d', folder)
        client = stage.peer()
        client.type(f'connect {stage.port}\n')
        stage.settle()
        client.type('send ' + ''.join(
            f'GET /{name} HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n'
            for name in ('a.txt', 'b.txt')) + '\n')
        stage.settle()
        client.type('recv 65536\n')
        stage.settle()
        client.type('close\n')
        stage.settle()


@contextlib.contextmanager
def hosts_with_both():
    """Yields words to put before a command so that localhost resolves to
    ::1, then 127.0.0.1. Yields no words if localhost already does, or if we
    lack the rights."""
    found = [entry[4][0] for entry in socket.getaddrinfo(
        'localhost', 80, 0, socket.SOCK_STREAM)]
    if '::1' in found or os.geteuid() != 0 or not shutil.which('unshare'):
        yield ()
        return
    with tempfile.NamedTemporaryFile('w') as hosts:
        hosts.write('127.0.0.1 localhost\n::1 localhost\n')
        hosts.flush()
        yield ('unshare', '-m', 'sh', '-c',
               f'mount --bind {hosts.name} /etc/hosts && exec "$@"', 'sh')


def play(name, capture):
    """Plays a scene, and returns the rows of its chart."""
    stage = Stage(capture)
    try:
        SCENES[name](stage)
        rows = stage.rows()
    finally:
        stage.close()
    return rows, stage.port
