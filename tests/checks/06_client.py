"""The checks of 06-client: what is sent, and what comes back.

To add one, start from `echo_line`, a short one; see "Add a check" in
tests/README.md."""

import contextlib
import errno
import re
import socket
import threading
import time

from checks.clients import failed, sent_and_echoed
from harness import (Failure, Skip, check, data, echoing, free_port, shown,
                     start_client, succeeded, told, wait_until)

LIMIT_HINT = ('SO_RCVTIMEO and SO_SNDTIMEO limit recv and send, which then '
              'fail with EAGAIN')


@check('06')
def echo_line(test):
    """sends a line and prints its echo"""
    sent_and_echoed(test, b'hello, world\n')


@check('06')
def line_by_line(test):
    """prints the echo of a line before the next line is typed"""
    peer = test.peer(echoing)
    child = start_client(test, peer.port, message=None)
    for number in range(3):
        line = b'line %d\n' % number
        before = len(child.output)
        with contextlib.suppress(BrokenPipeError):
            child.process.stdin.write(line)
            child.process.stdin.flush()
        echoed = child.wait_for(
            lambda: len(child.output) >= before + len(line), 5)
        if not echoed and child.process.poll() is not None:
            raise Failure('the client keeps reading',
                          f'it {test.outcome(child)}',
                          'call read again, in a loop, until it returns 0')
        if not echoed:
            raise Failure(f'the echo of {shown(line)} before more is typed',
                          f'{shown(child.output)} so far; the client '
                          f'{test.outcome(child)}', 'as soon as read() '
                          'returns, send those bytes; write their echo at '
                          'once, too: write(), or fflush()')
    child.process.stdin.close()
    succeeded(test, child, b'line 0\nline 1\nline 2\n')


@check('06')
def nul_bytes(test):
    """sends all bytes, NUL bytes too"""
    sent_and_echoed(test, b'a\0b\n\0\0' + bytes(range(256)) * 20 + b'\0',
                    hint='count bytes with what read and recv return: fgets, '
                    'strlen and printf stop at a NUL, and no byte may be '
                    'written past the end of a buffer')


@check('06')
def no_final_newline(test):
    """sends a last line without a newline, too"""
    sent_and_echoed(test, b'one\ntwo')


@check('06')
def empty_input(test):
    """exits with status 0 if the input is empty"""
    seen = []

    def handler(connection):
        seen.append(connection.recv(100))
    peer = test.peer(handler)
    succeeded(test, start_client(test, peer.port, message=b''), b'',
              'shutdown(fd, SHUT_WR), then recv until it returns 0')
    if wait_until(lambda: seen) != [b'']:
        raise Failure('nothing arrives at the server',
                      shown(seen[0]) if seen else 'no connection')


@check('06')
def bulk(test):
    """10 MB from a pipe come back whole"""
    sent_and_echoed(test, data(10_000_000), hint='send may take only some of '
                    'the bytes, recv may return only some: call each in a '
                    'loop')


@check('06')
def byte_by_byte(test):
    """accepts an echo that arrives one byte at a time"""
    def handler(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            piece = connection.recv(65536)
            if not piece:
                return
            for byte in piece:
                connection.sendall(bytes([byte]))
    sent_and_echoed(test, data(3000), handler, 'recv may return fewer bytes '
                    'than you sent: call it again for the rest')


@check('06')
def partial_send(test):
    """no bytes are lost when send takes only some of them"""
    test.need_injector()
    test.faults.set('most', 10, 'send')
    sent_and_echoed(test, data(5000), hint='send may take only some of the '
                    'bytes, and returns how many: send the rest, in a loop')


@check('06')
def partial_receive(test):
    """accepts an echo that arrives in small pieces"""
    test.need_injector()
    test.faults.set('most', 3, 'recv')
    sent_and_echoed(test, data(5000), hint='recv may return fewer bytes than '
                    'you sent: call it again for the rest')


@check('06')
def half_close(test):
    """at the end of its input shuts down its sending half, and receives until
    the server closes"""
    order = []

    def handler(connection):
        echoing(connection)
        order.append('the end came')
        time.sleep(0.3)  # a client that does not wait is gone by now
        order.append('the server closes' if child.running() else 'too late')
    peer = test.peer(handler)
    child = start_client(test, peer.port)
    succeeded(test, child, hint='shutdown(fd, SHUT_WR) tells the server that '
              'no more bytes will follow; close would end both directions')
    wait_until(lambda: len(order) == 2)
    if order != ['the end came', 'the server closes']:
        raise Failure('the client exits after the server has closed',
                      'it exited before', 'after shutdown call recv until it '
                      'returns 0: more bytes, or an error, may still arrive')


@check('06', open=False)
def every_address(test):
    """tries every address of the host in turn"""
    test.need_injector()
    peer = test.peer(echoing)
    test.faults.resolve('::1', '127.0.0.3', '127.0.0.1')
    child = start_client(test, peer.port, host='localhost')
    test.attached()
    succeeded(test, child, hint='after a failure try the next address '
              '(ai_next) on a new socket')
    for host in ('::1', '127.0.0.3'):
        if not any(host in line for line in child.lines):
            raise Failure(f'a line that names the address that failed: {host}',
                          '; '.join(child.lines) or 'no line at all',
                          'getnameinfo with NI_NUMERICHOST writes the address '
                          'in numeric form')


@check('06', open=False)
def sockets_closed(test):
    """closes the socket of every attempt that failed"""
    test.need_injector()
    peer = test.peer(echoing)
    test.faults.resolve(*[f'127.0.0.{number}' for number in range(2, 9)])
    test.faults.set('descriptors', 3 + 3)
    child = start_client(test, peer.port, host='localhost')
    test.attached()
    status = child.wait_exit()
    if any(re.match('socket: ', line) for line in child.lines):
        raise Failure('no more than a few descriptors for 7 addresses that '
                      'refuse', f'it {test.outcome(child)}', 'before the next '
                      'attempt, close the socket of the one that failed')
    if status != 1:
        raise Failure('exit status 1: no address answers',
                      f'it {test.outcome(child)}')


@check('06', open=False)
def sockets_closed_when_interrupted(test):
    """after EINTR connects again on a new socket, and closes the old one"""
    test.need_injector()
    peer = test.peer(echoing)
    test.faults.set('descriptors', 3 + 3)
    test.faults.fail('connect', errno.EINTR, last=8)
    child = start_client(test, peer.port)
    test.attached()
    succeeded(test, child, hint='close the socket of an attempt that failed, '
              'whatever the reason')
    if test.faults.get('calls', 'socket') != 9:
        raise Failure('9 sockets for 9 attempts',
                      f'{test.faults.get("calls", "socket")}',
                      'after EINTR the connection may still be in progress: a '
                      'second connect on that socket fails')


@check('06', open=False)
def refused_everywhere(test):
    """reports every address and exits with status 1 if none answers"""
    test.need_injector()
    test.faults.resolve('127.0.0.2', '127.0.0.1')
    port = free_port()
    child = start_client(test, port, host='localhost')
    test.attached()
    failed(test, child, 'no address answers')
    told(test, child, 'connect', 'ECONNREFUSED', times=2)
    later = [line for line in child.lines
             if re.match('(send|recv|shutdown): ', line)]
    if later:
        raise Failure('no further call after the last address has failed',
                      later[0],
                      'exit with status 1: there is no socket to send on')


@check('06', open=False)
def service_name(test):
    """passes a PORT that is not a number to getaddrinfo, as a service name"""
    says_what_getaddrinfo_says(test, '127.0.0.1', 'no-such-service')


@check('06', open=False)
def port_refused(test):
    """rejects a numeric PORT outside 1 to 65535 with status 2"""
    for port in ('0', '65536', '', '99999999999999999999', '000'):
        child = test.start('127.0.0.1', port)
        if child.wait_exit() != 2 or b'usage: ' not in child.errors:
            raise Failure(f'PORT "{port}" is rejected: usage, status 2',
                          f'it {test.outcome(child)}',
                          'getaddrinfo reads 65536 as 0: check the range of '
                          'a numeric PORT yourself')


@check('06', open=False)
def unknown_host(test):
    """reports an unknown host with getaddrinfo's own message, and exits with
    status 1"""
    says_what_getaddrinfo_says(test, 'no-such-host.invalid', '80')


def says_what_getaddrinfo_says(test, host, port):
    child, status = test.run(host, port)
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        raise Skip(f'this system knows {host} {port}')
    except socket.gaierror as error:
        line = f'getaddrinfo: {error.strerror} ({host} {port})'
    found = line in child.lines
    if not test.loadable:  # another C library has messages of its own
        form = rf'getaddrinfo: \S.* \({re.escape(f"{host} {port}")}\)'
        found = any(re.fullmatch(form, said) for said in child.lines)
    if status != 1 or not found:
        raise Failure(f'the line "{line}" and status 1',
                      f'it {test.outcome(child)}', 'getaddrinfo does not '
                      'return an errno: call gai_strerror with its result')


@check('06', open=False)
def never_ends(test):
    """with -t 1 gives up on a server that does not close"""
    over = threading.Event()

    def handler(connection):
        connection.sendall(connection.recv(100))
        over.wait(10)
    peer = test.peer(handler)
    child = start_client(test, peer.port, '-t', '1')
    failed(test, child, 'the server has not closed', 'recv: EAGAIN',
           LIMIT_HINT)
    over.set()


@check('06', open=False)
def never_reads(test):
    """with -t 1 gives up on a server that reads nothing"""
    over = threading.Event()
    peer = test.peer(lambda connection: over.wait(10))
    child = start_client(test, peer.port, '-t', '1', message=data(20 << 20))
    failed(test, child, 'the server does not answer', '(recv|send): EAGAIN',
           LIMIT_HINT)
    over.set()


@check('06')
def stop_and_continue(test):
    """Ctrl-Z and fg during a transfer lose no byte"""
    peer = test.peer(echoing)
    message = data(20_000_000)
    child = start_client(test, peer.port, message=message)
    for step in range(1, 6):
        child.wait_for(lambda: len(child.output) > step * 3_000_000)
        if child.running():
            child.stop_and_continue()
    succeeded(test, child, message, 'after SIGCONT a call may fail with EINTR '
              '(repeat it), or have moved only some of the bytes')


@check('06')
def signal_ends_it(test):
    """SIGINT ends the client by its default action"""
    peer = test.peer(echoing)
    child = start_client(test, peer.port, message=None)
    wait_until(lambda: peer.accepted)
    child.signal(2)
    if child.wait_exit() != -2:
        raise Failure('SIGINT ends the client', f'it {test.outcome(child)}')


@check('06')
def waits_quietly(test):
    """uses no processor time while nothing is typed"""
    peer = test.peer(echoing)
    child = start_client(test, peer.port, message=None)
    wait_until(lambda: peer.accepted)
    if child.spins():
        raise Failure('no processor time while nothing is typed', 'it spins',
                      'let read() wait for input')
