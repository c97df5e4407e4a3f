"""The checks of 06-client: what goes out, what comes back, and what it says
when they are not the same.

To add one, start from `echo_line`, a short one; see "Add a check" in
tests/README.md."""

import os
import re
import socket
import threading
import time

from harness import (Failure, Skip, check, data, echoing, free_port, reset,
                     shown, start_client, succeeded, told, wait_until)


def sent_and_echoed(test, message, handler=echoing, hint='', *options):
    peer = test.peer(handler)
    child = start_client(test, peer.port, *options, message=message)
    succeeded(test, child, message, hint)
    return child


def failed(test, child, why, pattern=None, hint=''):
    """Demands a message and status 1."""
    status = child.wait_exit()
    if status != 1:
        raise Failure(f'exit status 1: {why}', f'it {test.outcome(child)}',
                      hint or 'status 0 means that every byte came back and '
                      'nothing else')
    if not test.any and not child.lines:
        raise Failure(f'a message: {why}', 'none on standard error', hint)
    if not test.any and pattern and not any(
            re.search(pattern, line) for line in child.lines):
        raise Failure(f'a message with "{pattern}"', '; '.join(child.lines))


@check('06')
def echo_line(test):
    """a line is sent, and its echo is printed"""
    child = sent_and_echoed(test, b'hello, world\n')
    if child.errors and not test.any:
        raise Failure('no message when all went well', child.lines)


@check('06')
def line_by_line(test):
    """a line is echoed before the next is typed"""
    peer = test.peer(echoing)
    child = start_client(test, peer.port, message=None)
    for number in range(3):
        line = b'line %d\n' % number
        before = len(child.output)
        child.process.stdin.write(line)
        child.process.stdin.flush()
        if not child.wait_for(lambda: len(child.output) >= before + len(line),
                              5):
            raise Failure(f'the echo of {line!r} before more is typed',
                          f'{shown(child.output)} so far; the client '
                          f'{test.outcome(child)}', 'send what read() returns '
                          'at once; print the echo unbuffered, or fflush')
    child.process.stdin.close()
    succeeded(test, child, b'line 0\nline 1\nline 2\n')


@check('06')
def nul_bytes(test):
    """bytes are sent, not strings: NULs and all the others"""
    sent_and_echoed(test, b'a\0b\n\0\0' + bytes(range(256)) * 20 + b'\0',
                    hint='read(), not fgets(): count bytes, do not look for '
                    'their end')


@check('06')
def no_final_newline(test):
    """a last line without a newline is sent too"""
    sent_and_echoed(test, b'one\ntwo')


@check('06')
def empty_input(test):
    """no input: nothing is sent, and all is well"""
    seen = []

    def handler(connection):
        seen.append(connection.recv(100))
    peer = test.peer(handler)
    succeeded(test, start_client(test, peer.port, message=b''), b'',
              'end the stream with shutdown(SHUT_WR), wait for its end')
    if seen != [b'']:
        raise Failure('an empty stream at the server', repr(seen))


@check('06')
def bulk(test):
    """10 MB through a pipe come back whole"""
    sent_and_echoed(test, data(10_000_000), hint='send may take only part, '
                    'recv may bring only part: loop over both')


@check('06')
def byte_by_byte(test):
    """a server that answers one byte at a time is a good server"""
    def handler(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            piece = connection.recv(65536)
            if not piece:
                return
            for byte in piece:
                connection.sendall(bytes([byte]))
    sent_and_echoed(test, data(3000), handler, 'never expect to recv in one '
                    'piece what was sent in one')


@check('06')
def partial_send(test):
    """a send that takes only part of the bytes loses none"""
    test.need_injector()
    test.faults.set('most', 10, 'send')
    sent_and_echoed(test, data(5000), hint='send the rest again')


@check('06')
def partial_receive(test):
    """an echo that arrives in small pieces is put together"""
    test.need_injector()
    test.faults.set('most', 3, 'recv')
    sent_and_echoed(test, data(5000))


@check('06')
def half_close(test):
    """at the end of its input it ends its half, and reads on until the
    server's end of stream"""
    order = []

    def handler(connection):
        received = bytearray()
        while True:
            piece = connection.recv(65536)
            if not piece:
                break
            received += piece
            connection.sendall(piece)
        order.append('the end came')
        time.sleep(0.3)  # a client that does not wait is gone by now
        order.append('the server ends' if child.running() else 'too late')
    peer = test.peer(handler)
    child = start_client(test, peer.port)
    succeeded(test, child, hint='shutdown(server, SHUT_WR) tells the server '
              'that no more will come; close would end both directions')
    wait_until(lambda: len(order) == 2)
    if order != ['the end came', 'the server ends']:
        raise Failure('the client ends after the server has ended the stream',
                      f'it ended before ({order})', 'after shutdown receive '
                      'until recv returns 0')


@check('06', open=False)
def every_address(test):
    """it tries every address of the host in turn"""
    test.need_injector()
    peer = test.peer(echoing)
    test.faults.resolve('::1', '127.0.0.3', '127.0.0.1')
    child = start_client(test, peer.port, host='localhost')
    test.attached()
    succeeded(test, child, hint='follow ai_next; a new socket for each address')
    for address in (f'([::1]:{peer.port})', f'(127.0.0.3:{peer.port})'):
        if not any(address in line for line in child.lines):
            raise Failure(f'a line about the address that failed: {address}',
                          '; '.join(child.lines) or 'no line at all')


@check('06', open=False)
def refused_everywhere(test):
    """when no address answers it says so for each, and ends with status 1"""
    test.need_injector()
    test.faults.resolve('127.0.0.2', '127.0.0.1')
    port = free_port()
    child = start_client(test, port, host='localhost')
    test.attached()
    failed(test, child, 'no address answers')
    told(test, child, 'connect', 'ECONNREFUSED', times=2)


@check('06', open=False)
def service_name(test):
    """a PORT that is no number is a service for getaddrinfo to judge"""
    says_what_getaddrinfo_says(test, '127.0.0.1', 'no-such-service')


@check('06', open=False)
def port_refused(test):
    """a PORT of digits is a number from 1 to 65535: else status 2"""
    for port in ('0', '65536', '', '99999999999999999999', '000'):
        child = test.start('127.0.0.1', port)
        if child.wait_exit() != 2 or b'usage: ' not in child.errors:
            raise Failure(f'PORT "{port}" is refused: usage, status 2',
                          f'it {test.outcome(child)}')


@check('06', open=False)
def unknown_host(test):
    """an unknown host gives getaddrinfo's own message and status 1"""
    says_what_getaddrinfo_says(test, 'no-such-host.invalid', '80')


def says_what_getaddrinfo_says(test, host, port):
    child, status = test.run(host, port)
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        raise Skip(f'this system knows {host} {port}')
    except socket.gaierror as error:
        line = f'getaddrinfo: {error.strerror} ({host} {port})'
    if status != 1 or child.lines != [line]:
        raise Failure(f'the line "{line}" and status 1',
                      f'it {test.outcome(child)}', 'pass both on to '
                      'getaddrinfo; its errors are not errno: gai_strerror')


@check('06', open=False)
def never_ends(test):
    """a server that does not end its stream is given up after -t seconds"""
    over = threading.Event()

    def handler(connection):
        connection.sendall(connection.recv(100))
        over.wait(10)
    peer = test.peer(handler)
    child = start_client(test, peer.port, '-t', '1')
    failed(test, child, 'the server has not ended the stream', 'recv: EAGAIN')
    over.set()


@check('06', open=False)
def never_reads(test):
    """a server that takes nothing is given up after -t seconds"""
    over = threading.Event()
    peer = test.peer(lambda connection: over.wait(10))
    child = start_client(test, peer.port, '-t', '1', message=data(20 << 20))
    failed(test, child, 'the server does not answer', '(recv|send): EAGAIN')
    over.set()


@check('06')
def ends_early(test):
    """a server that ends before all has come back is an error"""
    def handler(connection):
        connection.sendall(connection.recv(100)[:3])
    peer = test.peer(handler)
    child = start_client(test, peer.port)
    failed(test, child, '3 of 6 bytes came back',
           hint='recv() == 0 before everything is back is an error')


@check('06')
def ends_at_once(test):
    """a server that closes without an answer is an error"""
    peer = test.peer(lambda connection: connection.recv(100))
    failed(test, start_client(test, peer.port), 'nothing came back')


@check('06')
def server_resets(test):
    """a server that resets is an error, and SIGPIPE does not hide it"""
    def handler(connection):
        connection.sendall(connection.recv(4096))
        reset(connection)
    peer = test.peer(handler)
    child = start_client(test, peer.port, message=data(1 << 20))
    failed(test, child, 'the server reset the connection',
           hint='ignore SIGPIPE: then send fails with EPIPE, and you can say '
           'so')


@check('06')
def wrong_bytes(test):
    """a server that returns other bytes is found out"""
    def handler(connection):
        while True:
            piece = connection.recv(65536)
            if not piece:
                return
            connection.sendall(piece.swapcase())
    peer = test.peer(handler)
    failed(test, start_client(test, peer.port), 'other bytes came back',
           hint='compare what comes back with what was sent (memcmp)')


@check('06')
def one_wrong_byte(test):
    """a single wrong bit in 300000 bytes is found"""
    count = [0]

    def handler(connection):
        while True:
            piece = bytearray(connection.recv(65536))
            if not piece:
                return
            if count[0] <= 250001 < count[0] + len(piece):
                piece[250001 - count[0]] ^= 1
            count[0] += len(piece)
            connection.sendall(piece)
    peer = test.peer(handler)
    failed(test, start_client(test, peer.port, message=data(300000)),
           'one byte differs', hint='compare every byte')


@check('06')
def extra_bytes(test):
    """a server that returns more than it got is found out"""
    def handler(connection):
        echoing(connection)
        connection.sendall(b'and more')
    peer = test.peer(handler)
    failed(test, start_client(test, peer.port), 'more came back than was sent',
           hint='after shutdown the next recv must return 0')


@check('06')
def greeting(test):
    """a server that talks first is no echo server"""
    def handler(connection):
        connection.sendall(b'220 ready\r\n')
        echoing(connection)
    peer = test.peer(handler)
    failed(test, start_client(test, peer.port), 'other bytes came back')


@check('06')
def closed_output(test):
    """it ends, and not with status 0, when its output is closed"""
    peer = test.peer(echoing)
    reading, writing = os.pipe()
    os.close(reading)
    child = start_client(test, peer.port, message=data(200000), stdout=writing)
    os.close(writing)
    status = child.wait_exit()
    if status in (0, None):
        raise Failure('an end with another status than 0',
                      f'it {test.outcome(child)}',
                      'look at what write (or fwrite and fflush) returns')


@check('06')
def full_disk(test):
    """an output that takes nothing more is an error, too"""
    peer = test.peer(echoing)
    with open('/dev/full', 'wb') as full:
        child = start_client(test, peer.port, stdout=full)
    failed(test, child, 'the output could not be written', hint='stdio may '
           'only notice when it flushes: look at fflush')


@check('06')
def stop_and_continue(test):
    """Ctrl-Z and fg in the middle of a transfer lose no byte"""
    peer = test.peer(echoing)
    message = data(20_000_000)
    child = start_client(test, peer.port, message=message)
    for step in range(1, 6):
        child.wait_for(lambda: len(child.output) > step * 3_000_000)
        if child.running():
            child.stop_and_continue()
    succeeded(test, child, message)


@check('06')
def signal_ends_it(test):
    """SIGINT keeps its default action: it ends the client"""
    peer = test.peer(echoing)
    child = start_client(test, peer.port, message=None)
    wait_until(lambda: peer.accepted)
    child.signal(2)
    if child.wait_exit() != -2:
        raise Failure('an end by SIGINT', f'it {test.outcome(child)}')


@check('06')
def waits_quietly(test):
    """while nothing is typed it uses no processor time"""
    peer = test.peer(echoing)
    child = start_client(test, peer.port, message=None)
    wait_until(lambda: peer.accepted)
    if child.spins():
        raise Failure('no processor time while nothing is typed', 'it spins')
