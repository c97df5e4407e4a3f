"""The checks of 06-client: servers that fail or send wrong bytes, and
outputs that fail.

To add one, start from `greeting`, a short one; see "Add a check" in
tests/README.md."""

import contextlib
import errno
import os
import subprocess
import tempfile

from checks.clients import compares, failed
from harness import (Failure, Skip, check, data, echoing, feed, reset,
                     start_client, succeeded)


@check('06')
def ends_early(test):
    """reports an error if the server closes before everything has come back"""
    compares(test)
    def handler(connection):
        connection.sendall(connection.recv(100)[:3])
    peer = test.peer(handler)
    child = start_client(test, peer.port)
    failed(test, child, '3 of 6 bytes came back',
           hint='recv() == 0 before every byte has come back is an error')


@check('06')
def ends_at_once(test):
    """reports an error if the server closes the connection without an answer"""
    peer = test.peer(lambda connection: connection.recv(100))
    compares(test)
    failed(test, start_client(test, peer.port), 'nothing came back',
           hint='recv() == 0 before every byte has come back is an error')


@check('06')
def server_resets(test):
    """a reset by the server is reported as an error"""
    def handler(connection):
        connection.sendall(connection.recv(4096))
        reset(connection)
    peer = test.peer(handler)
    child = start_client(test, peer.port, message=data(1 << 20))
    failed(test, child, 'the server reset the connection',
           hint='signal(SIGPIPE, SIG_IGN): then send fails with EPIPE, which '
           'can be reported')


@check('06')
def wrong_bytes(test):
    """detects a server that returns other bytes"""
    compares(test)
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
    """detects a single wrong bit in 300000 bytes"""
    compares(test)
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
    """detects a server that returns more than was sent"""
    compares(test)
    for more in b'and more', b'!':
        def handler(connection, more=more):
            echoing(connection)
            connection.sendall(more)
        peer = test.peer(handler)
        failed(test, start_client(test, peer.port), 'more came back than was '
               'sent', hint='after shutdown the next recv must return 0')


@check('06')
def more_than_the_piece(test):
    """detects a server that returns more than was sent while more is typed"""
    compares(test)
    def handler(connection):
        connection.sendall(connection.recv(8))
        connection.recv(2)
        connection.sendall(b'a\naaaa')  # what follows equals the first line
        connection.recv(1)
    peer = test.peer(handler)
    child = start_client(test, peer.port, message=None)
    for line, echoed in ((b'aaaaaaa\n', 8), (b'a\n', 10)):
        with contextlib.suppress(BrokenPipeError):
            child.process.stdin.write(line)
            child.process.stdin.flush()
        child.wait_for(lambda: len(child.output) >= echoed)
    child.process.stdin.close()
    failed(test, child, '6 bytes came back for 2', hint='ask recv for no more '
           'bytes than are missing: what comes after them was never sent')


@check('06')
def greeting(test):
    """detects a server that sends first"""
    def handler(connection):
        connection.sendall(b'220 ready\r\n')
        echoing(connection)
    peer = test.peer(handler)
    compares(test)
    failed(test, start_client(test, peer.port), 'other bytes came back',
           hint='compare what comes back with what was sent (memcmp)')


@check('06')
def closed_output(test):
    """exits with an error when its output is closed"""
    peer = test.peer(echoing)
    reading, writing = os.pipe()
    os.close(reading)
    child = start_client(test, peer.port, message=data(200000), stdout=writing)
    os.close(writing)
    status = child.wait_exit()
    if status in (0, None):
        raise Failure('an exit status other than 0',
                      f'it {test.outcome(child)}',
                      'look at what write (or fwrite and fflush) returns')


@check('06')
def full_disk(test):
    """a full disk is reported as an error"""
    peer = test.peer(echoing)
    with open('/dev/full', 'wb') as full:
        child = start_client(test, peer.port, stdout=full)
    failed(test, child, 'the output could not be written', hint='look at '
           'what write returns; stdio may notice the error only in fflush')


@check('06')
def output_cut(test):
    """if the output takes only some of the bytes, writes the rest or reports an
    error"""
    peer = test.peer(echoing)
    message = data(4000)
    with tempfile.TemporaryFile() as output:
        child = start_client(test, peer.port, message=None, stdout=output)
        try:
            child.limit_files(1000)
        except (OSError, subprocess.CalledProcessError):
            raise Skip('this user cannot limit the size of its files') from None
        feed(test, child, message)
        status = child.wait_exit()
        size = os.fstat(output.fileno()).st_size
    if status in (0, None) and size < len(message):
        raise Failure('an error: only 1000 bytes can be written',
                      f'{size} of 4000 bytes were written; it '
                      f'{test.outcome(child)}', 'write may take only some of '
                      'the bytes, and returns how many: write the rest, and '
                      'if that fails, report it')


@check('06', open=False)
def connect_unlisted(test):
    """if connect fails with an errno that has no row, reports it and tries the
    next address"""
    test.need_injector()
    peer = test.peer(echoing)
    test.faults.resolve('127.0.0.2', '127.0.0.1')
    test.faults.fail('connect', errno.EXDEV)
    child = start_client(test, peer.port, host='localhost')
    test.attached()
    succeeded(test, child, hint='try the next address, whatever errno '
                                'connect fails with')
    line = (f'connect: {os.strerror(errno.EXDEV)} (127.0.0.2:{peer.port})')
    if line not in child.lines:
        raise Failure(f'the line "{line}"', '; '.join(child.lines),
                      'the heading row of connect is for any other errno')


@check('06', open=False)
def transfer_unlisted(test):
    """if recv or send fails with an errno that has no row, reports the error
    and exits with status 1"""
    test.need_injector()
    for call in 'recv', 'send':
        test.faults.fail(call, errno.EXDEV,
                         test.faults.get('calls', call) + 1)
        child = start_client(test, test.peer(echoing).port)
        status = child.wait_exit()
        test.attached()
        line = f'{call}: {os.strerror(errno.EXDEV)}'
        if status != 1 or line not in child.lines:
            raise Failure(f'the line "{line}" and status 1',
                          f'it {test.outcome(child)}',
                          f'the heading row of {call} is for any other errno')
