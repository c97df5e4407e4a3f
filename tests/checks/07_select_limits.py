"""The checks of 07-select's limits: descriptors, memory, failing calls.

To add one, start from `few_descriptors`, a short one; see "Add a check" in
tests/README.md."""

import errno
import os
import re
import resource
import select
import signal
import socket
import sys
import time

from harness import (FOREVER, MANY, MEMCHECK, Failure, Skip, check, data,
                     reset, typical_delay, wait_until)


FD_SETSIZE = 1024


@check(MANY)
def more_than_fit(test):
    """clients that do not fit in an fd_set have to wait, and the others
    lose nothing"""
    count = 1100
    test.need_descriptors(2 * count)
    if test.any:
        raise Skip('the server may choose how many clients it accepts')
    server = test.server('-t', '0')  # however long this machine takes
    clients = [test.connect(server) for _ in range(count)]
    for number, client in enumerate(clients):
        client.sendall(test.question(b'client %04d\n' % number))
    for number, client in enumerate(clients[:900]):
        test.answered(client, b'client %04d\n' % number, 'a descriptor of '
                      'FD_SETSIZE or above must never enter a set')
    if server.spins():
        raise Failure('no processor time while the fd_set is full', 'it spins',
                      'leave the listener out of the set while no client can '
                      'be accepted')
    for client in clients[:200]:
        client.close()
    for number, client in enumerate(clients[900:], 900):
        try:
            test.answered(client, b'client %04d\n' % number,
                          'when a client leaves, accept the next one')
        except Failure as failure:
            if 'end of' in failure.got or 'RESET' in failure.got:
                failure.hint = ('the client was accepted, and closed: limit '
                                'the descriptors to FD_SETSIZE (setrlimit), '
                                'so that accept fails and the client waits')
            raise
    test.served(server, clients[500])
    test.alive(server, f'{count} clients')


@check(MANY, open=False)
def room_after_timeout(test):
    """reuses a descriptor at once when its client has timed out"""
    middle = typical_delay(test, delays_after_timeouts, 0.045)
    if middle > 0.045:
        raise Failure('the next client served as soon as one has timed out',
                      f'{middle * 1000:.0f} ms later, most times',
                      'the set was filled before the client was dropped, so '
                      'it lacks the listener: let select return at once')


def delays_after_timeouts(test):
    """How long it takes to serve the next client after each of five timeouts.
    """
    server, silent, times = test.server('-t', '1'), [], []
    for _ in range(5):
        count = len(server.descriptors())
        client = test.connect(server)
        wait_until(lambda: len(server.descriptors()) > count)
        silent.append((client, time.monotonic() + 1))
        time.sleep(0.15)
    server.limit_descriptors(max(server.descriptors()) + 1)
    for client, due in silent:
        time.sleep(max(0, due - 0.03 - time.monotonic()))
        other = test.connect(server)  # now accept fails: a shortage begins
        other.sendall(test.question(b'at once\n'))
        test.ended(client, 'with -t 1 a silent client is dropped after '
                   '1 second')
        test.answered(other, b'at once\n', 'when a client leaves, accept the '
                      'next one')
        times.append(time.monotonic() - due)
    return times


@check(MANY, open=False)
def limit_raised(test):
    """a descriptor of FD_SETSIZE or more never enters a set, even if the limit
    is raised later"""
    count = 1100
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 2 * count:
        raise Skip(f'this needs {2 * count} descriptors (ulimit -n)')
    server = test.server('-t', '0')
    server.limit_descriptors(2 * count)
    clients = [test.connect(server) for _ in range(count)]
    hint = 'accept may return a descriptor too high for a set: close it'
    for client in clients[:900]:
        test.served(server, client, hint)
    test.alive(server, f'{count} clients', hint)
    if not wait_until(lambda: max(server.descriptors()) < FD_SETSIZE):
        raise Failure(f'no descriptor of {FD_SETSIZE} or more',
                      f'{max(server.descriptors())}', hint)
    if not server.wait_line('accept: EMFILE'):
        raise Failure('the line "accept: EMFILE"',
                      f'it {test.outcome(server)}')
    if any(line.startswith('fcntl: ') for line in server.lines):
        raise Failure('no call on the socket that was closed',
                      test.outcome(server), 'once the socket is closed there '
                      'is no client: return -1 from accept_client')
    if MEMCHECK:
        return  # under valgrind, setrlimit changes no real limit
    late = select.poll()
    for client in clients[900:]:
        late.register(client, select.POLLIN)
    if wait_until(lambda: len(late.poll(0)) > 2, 1):
        raise Failure('once a client does not fit, all later ones wait, too',
                      f'{len(late.poll(0))} of them are lost', 'lower the '
                      'limit again (setrlimit): then accept fails, and no '
                      'client is lost')


@check(MANY, open=False, after='limit_raised')
def limit_raised_reported(test):
    """reports EMFILE for a descriptor of FD_SETSIZE or more, whatever the last
    failed call was"""
    count = FD_SETSIZE + 100
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 2 * count:
        raise Skip(f'this needs {2 * count} descriptors (ulimit -n)')
    server = test.server('-t', '0')
    server.limit_descriptors(2 * count)
    clients = []
    while (highest := max(server.descriptors_at_rest())) < FD_SETSIZE - 1:
        for _ in range(FD_SETSIZE - 1 - highest):
            clients.append(test.connect(server))
            test.served(server, clients[-1])
    reset(clients[-1])
    if not server.wait_line('recv: ECONNRESET'):
        raise Failure('the line "recv: ECONNRESET"', test.outcome(server),
                      'if recv returns -1, look errno up and report it')
    server.signal(signal.SIGSTOP)  # so that both are accepted in one turn
    wait_until(lambda: server.state() == 'T')
    clients += [test.connect(server) for _ in range(2)]
    server.limit_descriptors(2 * count)
    server.signal(signal.SIGCONT)
    line = server.wait_line('accept: .*')
    if not line or not line[0].startswith('accept: EMFILE'):
        raise Failure('the line "accept: EMFILE"', test.outcome(server),
                      'accept has not failed: set errno yourself')


@check(MANY, open=False)
def few_descriptors(test):
    """opens a listener and a pipe, and nothing else, before a client
    connects"""
    server = test.server()
    test.served(server, test.connect(server))
    if not wait_until(lambda: len(server.descriptors()) <= 7):  # with 0 to 2
        raise Failure('7 descriptors', f'{len(server.descriptors())}',
                      'close what is no longer needed')


@check(MANY, open=False)
def fcntl_fails(test):
    """closes a client whose socket cannot be made non-blocking, and no
    other"""
    test.need_injector()
    server = test.server()
    test.attached()
    client = test.connect(server)
    test.served(server, client)
    before = len(server.descriptors_at_rest())
    test.faults.fail('fcntl', errno.ENOBUFS,
                     test.faults.get('calls', 'fcntl') + 1)
    test.ended(test.connect(server), 'fcntl can fail, too: close the socket')
    line = f'fcntl: {os.strerror(errno.ENOBUFS)}'
    if not server.wait_for(lambda: line in server.lines):
        raise Failure(f'the line "{line}"', f'it {test.outcome(server)}',
                      'when fcntl returns -1, print a line: perror("fcntl")')
    test.served(server, client)
    if not wait_until(lambda: len(server.descriptors()) <= before):
        raise Failure('the socket closed', 'it is open')


@check(MANY, open=False, after='fcntl_fails')
def fcntl_fails_early(test):
    """reports that fcntl failed before the first client, and exits with status
    1"""
    test.need_injector()
    line = f'fcntl: {os.strerror(errno.ENOBUFS)}'
    for number in range(1, 10):
        before = test.faults.get('injected', 'fcntl')
        test.faults.fail('fcntl', errno.ENOBUFS, number
                         + test.faults.get('calls', 'fcntl'))
        child = test.start('0')
        child.wait_for(lambda: child.lines)
        if test.faults.get('injected', 'fcntl') == before:
            return  # it makes no more such calls
        if child.wait_exit() != 1 or line not in child.lines:
            raise Failure(f'the line "{line}" and status 1',
                          f'it {test.outcome(child)}', 'O_NONBLOCK could not '
                          'be set: look at what fcntl returns, each time')


def starved_in_a_shortage(test, receive_buffer):
    """Makes send fail with ENOBUFS once the server has sent 60,000 bytes.
    Returns the server, the client, and the line that says it was dropped."""
    test.need_injector()
    web = test.stage == '08'
    root = {'root': test.site({'large': data(600000)})} if web else {}
    server = test.server('-t', '2', **root)
    test.attached()
    test.faults.set('most', 60000, 'send')  # so that the socket has room left
    # While 'most' is set, the head of a response takes a send of its own.
    test.faults.fail('send', errno.ENOBUFS, 3 if web else 2, FOREVER)
    client = test.connect(server, receive_buffer=receive_buffer)
    test.say(client, b'GET /large HTTP/1.1\r\nHost: a\r\n\r\n' if web
             else data(200000))
    server.wait_line('send: ENOBUFS')
    port = client.getsockname()[1]
    return server, client, (f'dropped 127.0.0.1:{port}: no byte moved for 2 '
                            'seconds')


@check(MANY, open=False, after='shortage_ends')
def unread_in_a_shortage(test):
    """with -t 2 drops a client that does not read, even while send keeps
    failing with ENOBUFS"""
    server, _, line = starved_in_a_shortage(test, 2048)
    if not server.wait_line(re.escape(line), 8):
        raise Failure(f'the line "{line}"', 'no such line after 8 seconds',
                      'do not extend the time limit at each try in a shortage: '
                      'extend it only when bytes have moved')


@check(MANY, open=False, after='unread_in_a_shortage')
def read_in_a_shortage(test):
    """with -t 2, even while send fails with ENOBUFS, a client that reads is
    dropped no sooner than 2 seconds after its kernel last acknowledged bytes"""
    if not sys.platform.startswith('linux'):
        raise Skip('this system does not report what has arrived')
    server, client, line = starved_in_a_shortage(test, 16384)
    for _ in range(3):
        time.sleep(0.5)
        test.receive(client, 14000)
        last = time.monotonic()
    server.wait_line(re.escape(line), 8)
    took = time.monotonic() - last
    if took < 1.3:
        raise Failure(f'the line "{line}" two seconds after the client has '
                      'read', f'after {took:.1f} s', 'if the number of '
                      'unacknowledged bytes has changed since the last try in '
                      'a shortage, bytes have moved')


@check(MANY, open=False)
def bytes_in_a_long_turn(test):
    """does not drop a client whose bytes arrive in time while the program is
    busy with another client"""
    test.need_injector()
    server = test.server('-t', '2')
    test.attached()
    for _ in range(3):  # a busy machine may stop the server too late
        client, other = test.connect(server), test.connect(server)
        test.served(server, other)
        began = time.monotonic()
        test.served(server, client)
        test.served(server, other)
        test.faults.set('stop', test.faults.get('calls', 'recv') + 1, 'recv')
        time.sleep(max(0, began + 1.5 - time.monotonic()))
        test.say(other, test.question())
        stopped = wait_until(lambda: server.state() == 'T', 1)
        in_time = time.monotonic() < began + 1.9
        test.say(client, test.question())
        time.sleep(max(0, began + 2.3 - time.monotonic()))
        server.signal(signal.SIGCONT)
        if stopped and in_time:
            test.answered(client, hint='its bytes had arrived, but select had '
                          'not reported them: note the time when select '
                          'returns, and measure the limits by that')
            test.answered(other)
            return
    raise Skip('the program could not be stopped in recv in time')


@check(MANY)
def nothing_remains(test):
    """1000 connections, one after another, leave no descriptor and no memory
    behind"""
    test.measured = True
    server = test.server()
    descriptors = len(server.descriptors())
    for _ in range(1000 if test.any else 50):
        brief(test, server)
    wait_until(lambda: len(server.descriptors()) <= descriptors, 1)
    descriptors, memory = len(server.descriptors()), server.memory()
    for _ in range(1000):
        brief(test, server)
    allowed = 1000 if test.any else 200
    for _ in range(4):  # garbage collectors and sanitizers keep blocks
        if server.memory() <= memory + allowed:
            break
        memory = server.memory()
        for _ in range(1000):
            brief(test, server)
    spare = 8 if test.any else 0  # others keep some open
    if not wait_until(lambda: len(server.descriptors()) <= descriptors + spare):
        raise Failure(f'{descriptors} descriptors, as before',
                      f'{len(server.descriptors())}', 'close the client\'s '
                      'socket on every path')
    if server.memory() > memory + allowed:
        raise Failure(f'{memory} KB of memory, as before',
                      f'{server.memory()} KB', 'when you close a client\'s '
                      'socket, free what the client needed')


def brief(test, server):
    client = socket.create_connection((server.host, server.port), 10)
    with test.secured(client) as client:
        test.served(server, client)
