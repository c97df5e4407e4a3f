"""The scenes of 01 to 07."""

import filecmp
import os
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time

from harness.compiling import compiler
from scenes.tools import (
    Player, connect, established, receive, scene, screen, text)

MOST = 64 * 1000 * 1000  # bytes: more would be slow on some machines


@scene('01-socket', 'The kernel makes a socket. It has no address yet.')
def play_socket():
    with Player('01-socket/server') as program:
        number, = program.prints('socket: descriptor NUMBER')
        program.ends(0)
    screen.fact('a socket is a descriptor, like an open file: 3, because '
                '0, 1 and 2 are standard input, output and error', '3', number)


@scene('02-bind', 'The socket gets an address and a port, where clients will '
       'find it.')
def play_bind():
    with Player('02-bind/server', '0') as program:
        address = program.prints_address('bound to')
        program.ends(0)
    screen.fact('port 0 asks for any free port: the kernel chose '
                f'{address[1]}', True, 0 < address[1] < 65536)
    with socket.socket() as ours:
        ours.bind((address[0], 0))
        port = ours.getsockname()[1]
        screen.fact(f'a socket of this script is bound to port {port}')
        with Player('02-bind/server', str(port)) as program:
            program.prints('bind: EADDRINUSE: ...')
            program.ends(1)
        screen.fact('a second bind to that port fails, and the program exits '
                    'with status 1')


@scene('03-listen', 'Clients can connect: the kernel answers them, the '
       'program does not.')
def play_listen():
    with Player('03-listen/server', '0') as server:
        address = server.prints_address('listening on')
        with connect(address) as client:
            own = client.getsockname()
            screen.fact(f'a client, {text(own)}, is connected, although the '
                        'server never calls accept', address,
                        client.getpeername())
            for local, remote in established(own, address):
                screen.line(f'/proc/net/tcp  {text(local):21} '
                            f'{text(remote):21} ESTABLISHED')
            screen.fact('the server does not notice: it prints nothing and '
                        'keeps running', True, server.waits())


@scene('04-accept', 'The server takes each client from the queue, and gets a '
       'new socket for it.')
def play_accept():
    with Player('04-accept/server', '0') as server:
        address = server.prints_address('listening on')
        for which in 'the client', 'the next one':
            with connect(address) as client:
                accepted = server.prints_address('accepted')
                screen.fact(f'{which} says that its address is '
                            f'{text(accepted)}',
                            client.getsockname(), accepted)
                screen.fact('and the server closes the connection at once', b'',
                            receive(client, 1))


@scene('05-recv-send', 'The server sends back what a client sends, until the '
       'client closes.')
def play_recv_send():
    with Player('05-recv-send/server', '0') as server:
        address = server.prints_address('listening on')
        with connect(address) as client:
            server.prints_address('accepted')
            for what, sent in (
                    ('a line, "Hello, echo.", came back', b'Hello, echo.\n'),
                    ('so did a single byte, a question mark', b'?'),
                    ('so did five bytes that are not text, NULs among them',
                     b'\0\377\0\200\0')):
                client.sendall(sent)
                screen.fact(what, sent, receive(client, len(sent)))
            client.sendall(b'the last words')
            client.shutdown(socket.SHUT_WR)
            screen.fact('all that was sent before the client closed its side '
                        'comes back; then the server closes, too',
                        b'the last words', receive(client, 1000))


@scene('06-client', 'The client: it sends its input, and prints and checks the '
       'echo.')
def play_client():
    with Player('05-recv-send/server', '0', shown=' &') as server:
        address = server.prints_address('listening on')
        command = ('06-client/client', address[0], str(address[1]))
        with Player(*command, stdin=subprocess.PIPE) as client:
            server.prints_address('accepted')
            client.echoes('Is anybody there?')
            client.echoes('Only an echo.')
            client.ends(0)
        screen.fact('each line came back before the next one was typed')
        echo_file(server, command)


def echo_file(server, command):
    """Sends a real file through client and server."""
    path = large_file()
    size = os.path.getsize(path)
    with open(path, 'rb') as file, tempfile.NamedTemporaryFile() as copy:
        began = time.monotonic()
        with Player(*command, stdin=file, stdout=copy,
                    shown=f' <{path} >copy') as client:
            server.prints_address('accepted')
            client.ends(0)
        took = time.monotonic() - began
        screen.fact(f'{size / 1e6:.1f} MB came back in {took:.2f} seconds, '
                    'byte for byte the same', True,
                    filecmp.cmp(path, copy.name, shallow=False))


def large_file():
    """Returns the largest of some files that exist wherever this script runs:
    of those up to MOST bytes, if there are any."""
    library = [sysconfig.get_config_var(name) or ''
               for name in ('LIBDIR', 'INSTSONAME')]
    paths = [os.path.realpath(path) for path in
             (sys.executable, os.path.join(*library), real_compiler())]
    sizes = {path: os.path.getsize(path) for path in paths
             if os.path.isfile(path)}
    return max(sizes, key=lambda path: (sizes[path] <= MOST, sizes[path]))


def real_compiler():
    """Returns the program behind the command cc, if that is gcc."""
    try:
        return subprocess.run(
            [*compiler(), '-print-prog-name=cc1'], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.strip()
    except OSError:
        return ''


@scene('07-select', 'The server waits for all clients at once; in 05 a '
       'client waited for the one before.')
def play_select():
    with Player('07-select/server', '0') as server:
        address = server.prints_address('listening on')
        with connect(address) as silent, connect(address) as talker:
            own = silent.getsockname()
            screen.fact(f'a client, {text(own)}, connects and sends nothing',
                        address, silent.getpeername())
            own = talker.getsockname()
            talker.sendall(b'Is it my turn?\n')
            screen.fact(f'the next one, {text(own)}, sends "Is it my turn?" '
                        'and gets the echo at once', b'Is it my turn?\n',
                        receive(talker, 15))
            silent.sendall(b'Now it is mine.\n')
            screen.fact('then the first sends "Now it is mine." and gets that '
                        'back, too', b'Now it is mine.\n', receive(silent, 16))
            took = server.ends_by_interrupt()
            screen.fact(f'Ctrl-C ends the server in {took:.2f} seconds, with '
                        'status 0, and both connections with it',
                        (True, b'', b''),
                        (took < 3, receive(silent, 1), receive(talker, 1)))
