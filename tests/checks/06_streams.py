"""The checks of 06-client with a large or non-blocking standard input or
output, and with failing calls that have no rows in its table.

To add one, start from `file_input`, a short one; see "Add a check" in
tests/README.md."""

import errno
import os
import resource
import select
import signal
import socket
import tempfile
import threading

from harness import (FOREVER, Failure, Skip, check, data, difference, echoing,
                     feed, injected, namespaces, start_client, succeeded, told,
                     wait_until)


HINT = ('send a piece small enough for any socket buffer, then receive its '
        'echo: with larger ones both sides could block in send, each waiting '
        'for the other to receive')


def send_file(test, peer, message):
    with tempfile.TemporaryFile() as file:
        file.write(message)
        file.seek(0)
        child = test.start('-t', '2', '127.0.0.1', str(peer.port), stdin=file)
        succeeded(test, child, message, HINT)


@check('06', open=False)
def file_input(test):
    """10 MB from a file come back whole: neither side waits for the other"""
    def handler(connection):
        for option in socket.SO_SNDBUF, socket.SO_RCVBUF:
            connection.setsockopt(socket.SOL_SOCKET, option, 65536)
        echoing(connection)
    send_file(test, test.peer(handler), data(10_000_000))


@check('06', open=False)
def small_buffers(test):
    """1 MB comes back whole even if socket buffers hold only 4 KB: neither side
    waits for the other"""
    if not namespaces.available():
        raise Skip('this system allows no private network, where a check may '
                   'set the size of all buffers')
    namespaces.run_in_child(send_through_4_kb, test)


def send_through_4_kb(test):
    for name in 'tcp_rmem', 'tcp_wmem':
        namespaces.limit(name, '4096 4096 4096')
    send_file(test, test.peer(echoing), data(1_000_000))


@check('06', open=False)
def input_not_blocking(test):
    """if a non-blocking standard input has no bytes yet, waits for them"""
    peer = test.peer(echoing)
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    try:
        child = test.start('127.0.0.1', str(peer.port), stdin=reading)
        wait_until(lambda: peer.accepted)
        spins = child.spins()
        os.write(writing, b'late\n')
    finally:
        os.close(reading)
        os.close(writing)
    succeeded(test, child, b'late\n', 'read fails with EAGAIN if O_NONBLOCK is '
              'set by the program\'s parent: wait with poll, read again')
    if spins:
        raise Failure('no processor time while nothing is typed', 'it spins',
                      'wait for the input with poll')


@check('06', open=False)
def output_not_blocking(test):
    """writes every byte to a non-blocking standard output, and waits while it
    is full"""
    peer = test.peer(echoing)
    message, got, full = data(300000), bytearray(), threading.Event()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def read():
        full.wait(10)
        while True:
            piece = os.read(reading, 65536)
            if not piece:
                return
            got.extend(piece)
    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    child = start_client(test, peer.port, message=message, stdout=writing)
    wait_until(lambda: not select.select([], [writing], [], 0)[1])
    spins = child.spins()
    full.set()
    os.close(writing)
    status = child.wait_exit()
    reader.join(5)
    os.close(reading)
    if status != 0 or bytes(got) != message:
        raise Failure('300000 bytes on standard output and status 0',
                      f'{len(got)} bytes; it {test.outcome(child)}',
                      'write may take only some of the bytes, or fail with '
                      'EAGAIN: wait with poll, write the rest')
    if spins:
        raise Failure('no processor time while the output takes no byte',
                      'it spins', 'use poll to wait for the output')


@check('06', open=False)
def closed_streams(test):
    """reports a missing standard input or output, and exits with status 1"""
    peer = test.peer(echoing)
    for closed in '<&-', '>&-':
        child = test.start_closed(closed, '127.0.0.1', str(peer.port))
        if child.wait_exit() != 1 or not child.lines:
            raise Failure(f'a message and status 1 when started with {closed}',
                          f'it {test.outcome(child)}', 'the socket would get '
                          'descriptor 0 or 1, and be used as input or output')


@check('06', open=False)
def partial_write(test):
    """notices a write that takes only part of the bytes"""
    if not hasattr(resource, 'prlimit'):
        raise Skip('this system cannot limit another process\'s file size')
    peer = test.peer(echoing)
    with tempfile.TemporaryFile() as file:
        child = start_client(test, peer.port, message=None, stdout=file)
        child.limit_files(10000)
        feed(test, child, data(3 * 4096))
        status = child.wait_exit()
        size = file.seek(0, os.SEEK_END)
    if status in (0, None):
        raise Failure('an exit status other than 0: 10000 of 12288 bytes '
                      'fit into the output', f'{size} were written; the client '
                      f'{test.outcome(child)}', 'write returns how many bytes '
                      'it took: write the rest in a loop')


@check('06', open=False)
def output_in_bits(test):
    """an output that takes a few bytes at a time gets every byte, in order"""
    peer = test.peer(echoing)
    message, got = data(300000), bytearray()
    test.need_injector()
    test.faults.set('most', 1000, 'send')  # this limits write to a socket, too
    reader, output = socket.socketpair()
    output.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    output.setblocking(False)
    child = start_client(test, peer.port, message=message, stdout=output)
    output.close()
    with reader:
        reader.settimeout(10)
        while piece := reader.recv(1000):
            got += piece
    if child.wait_exit() != 0 or bytes(got) != message:
        raise Failure('300000 bytes on standard output and status 0',
                      f'{difference(message, bytes(got))}; it '
                      f'{test.outcome(child)}', 'write returns how many bytes '
                      'it took: continue after those')


@check('06', open=False)
def input_fails(test):
    """reports an input that cannot be read, and exits with status 1"""
    peer = test.peer(echoing)
    folder = os.open('/', os.O_RDONLY)
    try:
        child = test.start('127.0.0.1', str(peer.port), stdin=folder)
    finally:
        os.close(folder)
    line = f'read: {os.strerror(errno.EISDIR)}'
    if child.wait_exit() != 1 or line not in child.lines:
        raise Failure(f'the line "{line}" and status 1',
                      f'it {test.outcome(child)}', 'read can fail, too: look '
                      'for -1')


@check('06', open=False)
def shortages_apart(test):
    """a shortage ends when bytes are sent: the next may last -t seconds"""
    test.need_injector()
    peer = test.peer(echoing)
    test.faults.set('most', 5, 'send')
    test.faults.set('stop', 8, 'send')
    test.faults.fail('send', errno.ENOBUFS, last=6)  # 0.6 seconds, then bytes
    child = start_client(test, peer.port, '-t', '1', message=b'five, five')
    test.attached()
    wait_until(lambda: child.state() == 'T' or not child.running())
    test.faults.fail('send', errno.ENOBUFS, 8, 13)
    child.signal(signal.SIGCONT)
    succeeded(test, child, b'five, five', 'a shortage ends when bytes are '
              'sent: count the waits of the next one from 0')
    told(test, child, 'send', 'ENOBUFS', 2)


@check('06', open=False)
def shortage_ends(test):
    """exits with status 1 if send fails with ENOBUFS for longer than -t"""
    test.need_injector()
    peer = test.peer(echoing)
    test.faults.fail('send', errno.ENOBUFS, last=1000)
    child = start_client(test, peer.port, '-t', '1')
    test.attached()
    if child.wait_exit() != 1:
        raise Failure('exit status 1 after 1 second (-t 1)',
                      f'it {test.outcome(child)}',
                      'count the waits of a shortage: together they may '
                      'last -t seconds')
    told(test, child, 'send', 'ENOBUFS')


@check('06', open=False)
def failure_in_a_shortage(test):
    """a failure of send during a shortage is reported, and ends the client"""
    test.need_injector()
    peer = test.peer(echoing)
    test.faults.fail('send', errno.ENOBUFS, last=FOREVER)
    child = start_client(test, peer.port)
    test.attached()
    injected(test, 'send')
    test.faults.fail('send', errno.EFAULT, last=FOREVER)
    if child.wait_exit() != 1:
        raise Failure('status 1 when send fails with EFAULT after ENOBUFS',
                      f'it {test.outcome(child)}', 'in a shortage too, '
                      'handle_retry calls handle_error for every failure that '
                      'is not a WAIT')
    told(test, child, 'send', 'EFAULT')


@check('06', open=False)
def shortage_without_limit(test):
    """with -t 0 does not give up during a shortage"""
    test.need_injector()
    peer = test.peer(echoing)
    test.faults.fail('send', errno.ENOBUFS, last=3)
    child = start_client(test, peer.port, '-t', '0')
    test.attached()
    succeeded(test, child, hint='-t 0 means no limit')


@check('06', open=False, after='default_limit')
def setsockopt_fails(test):
    """reports that no time limit can be set, and exits with status 1"""
    ends_over(test, 'setsockopt')
    ends_over(test, 'setsockopt', 2)


@check('06', open=False)
def shutdown_fails(test):
    """reports that shutdown failed, and exits with status 1"""
    ends_over(test, 'shutdown')


def ends_over(test, call, number=1):
    test.need_injector()
    test.faults.fail(call, errno.ENOBUFS,
                     test.faults.get('calls', call) + number)
    child = start_client(test, test.peer(echoing).port)
    test.attached()
    injected(test, call)
    line = f'{call}: {os.strerror(errno.ENOBUFS)}'
    if child.wait_exit() != 1 or line not in child.lines:
        raise Failure(f'the line "{line}" and status 1',
                      f'it {test.outcome(child)}',
                      'after this line exit with status 1'
                      if line in child.lines else
                      f'{call} can fail, too: look at what it returns')
