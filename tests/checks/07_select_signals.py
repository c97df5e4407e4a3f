"""The checks of the last step of 07-select: the server exits cleanly, and
keeps serving even if nothing reads its messages.

To add one, start from `ends_unread`, a short one; see "Add a check" in
tests/README.md."""

import contextlib
import fcntl
import os
import signal
import socket
import subprocess
import threading
import time

from checks.storm.page import Page
from harness import (MANY, PATIENCE, Failure, Server, check, flood,
                     free_port, reset, wait_until)


@check(MANY, open=False)
def messages_unread(test):
    """serves clients even if nothing reads its standard error"""
    with unread(test):
        pass


@contextlib.contextmanager
def unread(test):
    """A server whose standard error is a full pipe that nothing reads."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, 1031, 4096)  # F_SETPIPE_SZ: some fifty lines
    server = test.start('0', kind=Server, stdout=subprocess.DEVNULL,
                        stderr=writing)
    os.close(writing)
    try:
        with os.fdopen(os.dup(reading)) as lines:
            server.port = int(lines.readline().rpartition(':')[2])
        end = time.monotonic() + 5 * PATIENCE
        for _ in range(200):
            client = socket.create_connection((server.host, server.port), 5)
            client.sendall(test.question(b'hello'))
            client.recv(5)
            reset(client)
            if time.monotonic() > end:
                raise Failure('200 answers at once', 'fewer of them in '
                              f'{5 * PATIENCE} seconds', 'before you write to '
                              'standard error, ask select, with a timeout of '
                              '0, whether it can take bytes')
        client = socket.create_connection((server.host, server.port), 5)
        with client:
            test.served(server, client, 'a message that nobody reads must not '
                        'make the clients wait')
        yield server
    finally:
        os.close(reading)


@check(MANY, open=False)
def ends_in_good_order(test):
    """exits within a second of SIGINT or SIGTERM, with status 0"""
    test.need_descriptors(250)
    for number in (signal.SIGINT, signal.SIGTERM):
        server = test.server(port=free_port())  # below the clients' ports
        clients = [test.connect(server) for _ in range(100)]
        for client in clients[:50]:
            test.served(server, client)
        flood(clients[60], block=test.plenty())
        began = time.monotonic()
        server.signal(number)
        status = server.wait_exit()
        if status != 0 or time.monotonic() - began > 3:
            raise Failure(f'exit status 0 within a second of {number.name}',
                          f'{time.monotonic() - began:.1f} s; it '
                          f'{test.outcome(server)}', 'let both signals '
                          'wake select, through a byte in a pipe that is in '
                          'the set, or with pselect; then end the loop')
        again = test.server(port=server.port)
        test.served(again, test.connect(again))


@check(MANY, open=False)
def frees_everything(test):
    """frees all memory and closes every descriptor before it exits"""
    test.need_injector()
    server = test.server()
    test.attached()
    first = test.connect(server)
    first.sendall(b'GET /nothing HTTP/1.0\r\n\r\n')  # libc allocates memory
    first.shutdown(socket.SHUT_WR)                    # for its first date
    test.until_end(first)
    first.close()
    wait_until(lambda: server.state() == 'S')
    before = Page(test.faults).get('blocks')
    clients = [test.connect(server) for _ in range(3)]
    test.served(server, clients[0])
    flood(clients[1], block=test.plenty())
    if test.stage == '08':
        clients[2].sendall(b'GET /')
        wait_until(lambda: server.state() == 'S')
    server.signal(signal.SIGTERM)
    server.wait_exit()
    blocks = Page(test.faults).get('blocks')
    if blocks > before:
        raise Failure('all memory of the connections freed at the end',
                      f'{blocks - before} more blocks than before they began',
                      'free what a connection needs, on every way out')


@check(MANY, open=False)
def ends_under_load(test):
    """exits on SIGTERM while clients keep it busy"""
    server = test.server()
    over = threading.Event()
    threads = []
    for _ in range(3):
        client = test.connect(server)
        threads.append(threading.Thread(
            target=chatter, args=(client, test.question(b'x' * 100), over),
            daemon=True))
        threads[-1].start()
    time.sleep(0.1)
    server.signal(signal.SIGTERM)
    status = server.wait_exit(3)
    over.set()
    if status != 0:
        raise Failure('exit status 0 within a second of SIGTERM',
                      f'it {test.outcome(server)}', 'check for the signal in '
                      'every turn of the loop, even if sockets are ready')


@check(MANY, open=False, after='ends_in_good_order')
def signal_before_select(test):
    """exits on a signal that arrives just before select is called"""
    test.need_injector()
    server = test.server()
    test.attached()
    client = test.connect(server)
    test.served(server, client)
    test.faults.set('stop', test.faults.get('calls', 'select') + 1, 'select')
    test.say(client, test.question())
    if not wait_until(lambda: server.state() == 'T', 1):
        return  # the program does not wait in select
    server.signal(signal.SIGTERM)
    server.signal(signal.SIGCONT)
    if server.wait_exit(2) != 0:
        raise Failure('exit status 0 after SIGTERM', f'it '
                      f'{test.outcome(server)}', 'a flag that is set after '
                      'the loop has tested it, but before select is called, '
                      'does not wake select: let '
                      'the handler write a byte to a pipe in the set, or '
                      'block the signals except during pselect')


@check(MANY, open=False, after='ends_in_good_order')
def handler_does_not_wait(test):
    """the pipe that a signal handler writes to does not block"""
    server = test.server()
    for fd in server.descriptors():
        flags = server.flags_of(fd)
        if (server.file_of(fd).startswith('pipe:') and flags & os.O_WRONLY
                and fd > 2 and not flags & os.O_NONBLOCK):
            raise Failure('a write end with O_NONBLOCK',
                          f'descriptor {fd} without it', 'if the pipe is full, '
                          'write waits until the program reads, which it '
                          'cannot while the handler runs')


def chatter(client, question, over):
    try:
        while not over.is_set():
            client.sendall(question)
            client.recv(65536)
    except OSError:
        pass


@check(MANY, open=False)
def ends_unread(test):
    """SIGTERM ends it with status 0 even if nothing reads its standard
    error"""
    with unread(test) as server:
        server.signal(signal.SIGTERM)
        status = server.wait_exit(5)
    if status != 0:
        raise Failure('exit status 0 after SIGTERM', status)
