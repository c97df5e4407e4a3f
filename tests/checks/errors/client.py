"""Errors that the kernel itself reports to the client: the check provokes
them."""

import errno
import re
import signal
import socket
import threading
import time

from checks.errors.kernel import kernel, until_interrupted
from checks.errors.actions import attached
from harness import (Failure, Skip, arrived, echoing, end_half, feed, free_port,
                     not_told, reset, reset_for_sure, start_client, stopped,
                     succeeded, wait_until)


@kernel('socket', 'EMFILE', '06')
def client_without_descriptors(test):
    test.need_injector()
    test.faults.set('descriptors', 3)
    peer = test.peer(echoing)
    stopped(test, attached(test, start_client(test, peer.port)), 'socket',
            'EMFILE')


@kernel('connect', 'ECONNREFUSED', '06')
def nobody_listens(test):
    stopped(test, start_client(test, free_port()), 'connect', 'ECONNREFUSED')


@kernel('connect', 'ENETUNREACH', '06')
def broadcast(test):
    """Linux has no route for a connection to the loopback broadcast address."""
    stopped(test, start_client(test, 80, host='127.255.255.255'), 'connect',
            'ENETUNREACH')


def full_listener(test):
    """A listener whose queue is full: new connections get no answer."""
    listener = socket.socket()
    test.closing.append(listener)
    listener.bind(('127.0.0.1', 0))
    listener.listen(0)
    for _ in range(2):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        test.closing.append(filler)
    return listener


@kernel('connect', 'EINPROGRESS', '06')
def silent_address(test):
    if test.any:
        raise Skip('-t is an option of ours')
    port = full_listener(test).getsockname()[1]
    began = time.monotonic()
    child = start_client(test, port, '-t', '1')
    stopped(test, child, 'connect', 'EINPROGRESS')
    if time.monotonic() - began < 0.9:
        raise Failure('the client waits for 1 second (-t 1)',
                      f'{time.monotonic() - began:.2f} s')


@kernel('connect', 'EINTR', '06')
def interrupted_connect(test):
    """Stops the client while it waits for an answer, and continues it once the
    queue has room."""
    test.need_injector()
    listener = full_listener(test)
    port = listener.getsockname()[1]
    child = attached(test, start_client(test, port))
    if not wait_until(lambda: test.faults.get('calls', 'connect') == 1):
        raise Failure('a call to connect()', test.outcome(child))
    wait_until(lambda: child.state() == 'S')
    child.signal(signal.SIGSTOP)
    wait_until(lambda: child.state() == 'T')
    listener.settimeout(5)
    for _ in range(2):
        listener.accept()[0].close()
    threading.Thread(target=serve_from, args=(listener,), daemon=True).start()
    child.signal(signal.SIGCONT)
    succeeded(test, child, hint='after EINTR the kernel keeps connecting: '
              'close that socket, and connect a new one')
    not_told(test, child, 'connect')
    if test.faults.get('last_error', 'connect') != errno.EINTR:
        raise Failure('connect fails with EINTR', 'it did not',
                      'is the call restarted (SA_RESTART)?')


def serve_from(listener):
    """Serves clients of a listener, including those that have already left."""
    try:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve_one, args=(connection,),
                             daemon=True).start()
    except OSError:
        pass


def serve_one(connection):
    try:
        with connection:
            echoing(connection)
    except OSError:
        pass


@kernel('recv', 'EAGAIN', '06')
@kernel('recv', 'EWOULDBLOCK', '06')
def silent_server(test):
    if test.any:
        raise Skip('-t is an option of ours')
    peer = test.peer(lambda connection: time.sleep(5))
    began = time.monotonic()
    child = start_client(test, peer.port, '-t', '1')
    stopped(test, child, 'recv', 'EAGAIN')
    if time.monotonic() - began < 0.9:
        raise Failure('the client waits for 1 second (-t 1)',
                      f'{time.monotonic() - began:.2f} s')


@kernel('recv', 'ECONNRESET', '06')
def server_resets(test):
    def handler(connection):
        connection.recv(1)
        reset(connection)
    peer = test.peer(handler)
    stopped(test, start_client(test, peer.port), 'recv', 'ECONNRESET')


def server_gone_before_send(test, name, half_close):
    gone = threading.Event()

    def handler(connection):
        connection.sendall(connection.recv(100))
        wait_until(lambda: arrived(connection))
        if half_close:
            end_half(connection)
        reset_for_sure(connection)
        gone.set()
    peer = test.peer(handler)
    child = start_client(test, peer.port, message=None)
    child.process.stdin.write(b'one\n')
    child.process.stdin.flush()
    child.wait_for(lambda: bytes(child.output) == b'one\n')
    gone.wait(5)
    feed(test, child, b'two\n')
    if child.wait_exit() == 1 and any(
            re.match('recv: (ECONNRESET|EPIPE)', line)
            for line in child.lines):
        return  # recv failed first: this client receives while it sends
    stopped(test, child, 'send', name)


@kernel('send', 'ECONNRESET', '06')
def server_reset_before_send(test):
    server_gone_before_send(test, 'ECONNRESET', False)


@kernel('send', 'EPIPE', '06')
def server_closed_before_send(test):
    server_gone_before_send(test, 'EPIPE', True)


@kernel('recv', 'EINTR', '06')
def client_interrupted(test):
    go_on = threading.Event()

    def handler(connection):
        message = connection.recv(100)
        go_on.wait(10)
        connection.sendall(message)
        echoing(connection)
    peer = test.peer(handler)
    child = start_client(test, peer.port)
    wait_until(lambda: peer.accepted and child.state() == 'S')
    until_interrupted(test, child, 'recv')
    go_on.set()
    succeeded(test, child,
              hint='the action for EINTR is RETRY: call recv again')
    not_told(test, child, 'recv')
