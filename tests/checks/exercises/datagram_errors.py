"""The rows of tests/errors.tsv for 04-datagram, each tried on the program as a
server and then as a client; and other failing calls."""

import errno
import os
import socket
import subprocess

from checks.errors import server as of_servers
from checks.errors.actions import ACTIONS_OF
from checks.errors.kernel import kernel
from checks.exercises.datagram_tools import (
    STAGE, Asked, answered, echoed, free_port, nothing_more, socket_to, start,
    start_server)
from harness import (FOREVER, PATIENCE, Failure, check, feed, idles, injected,
                     not_told, stopped, told, wait_until)

MESSAGES = ('recvfrom', 'sendto')
DROP_HINT = ('the action is DROP: the server goes on with the next message, '
             'and the client exits with status 1')


def order(test, call, name, action):
    """Makes the next call fail; for WAIT, also those after it."""
    first = test.faults.get('calls', call) + 1
    test.faults.set('injected', 0, call)
    test.faults.fail(call, getattr(errno, name), first,
                     FOREVER if action == 'WAIT' else first)


def faulty_server(test, call, name, action):
    """A server with one failing call: the recvfrom after the first of two
    messages, or the sendto of its answer. Returns the server and the two
    senders."""
    test.faults.relent(call)  # no fault yet, or the first call would fail
    server = start_server(test)
    test.attached()
    echoed(test, server, socket_to(test, server))
    wait_until(lambda: test.faults.get('inside', 'recvfrom'))
    order(test, call, name, action)
    senders = [socket_to(test, server) for _ in range(2)]
    for sender in senders:
        sender.send(b'knock')
    injected(test, call)
    return server, senders


def faulty_client(test, call, name, action):
    """A client that sends one line; its first use of that call fails."""
    for child in list(test.children):
        child.end()
    test.faults.relent(call)
    order(test, call, name, action)
    asked = Asked(test)
    asked.start(b'knock\n')
    if call == 'recvfrom':  # some clients call it only after a message arrives
        asked.request(1, b'knock')
        asked.answer(b'other bytes')
    injected(test, call)
    return asked, asked.child


def served_at_last(asked, hint):
    """Demands that the client get its answer despite the fault."""
    if asked.seen:
        asked.answer(asked.seen[-1])
    else:
        asked.serve(b'knock')
    asked.succeeded(b'knock\n', hint)


def stop(test, call, name):
    if call not in MESSAGES:
        stopped(test, start(test), call, name)
        return
    stopped(test, faulty_server(test, call, name, 'STOP')[0], call, name)
    stopped(test, faulty_client(test, call, name, 'STOP')[1], call, name)


def drop(test, call, name):
    server, senders = faulty_server(test, call, name, 'DROP')
    told(test, server, call, name)
    if call == 'sendto':
        nothing_more(senders[0], hint=DROP_HINT)
    test.alive(server, f'{call} has failed with {name}', DROP_HINT)
    answered(test, server, senders[1], b'knock', DROP_HINT)
    asked, child = faulty_client(test, call, name, 'DROP')
    asked.failed(hint=DROP_HINT)
    told(test, child, call, name)


def retry(test, call, name):
    hint = f'the action for {name} is RETRY: call {call} again, print nothing'
    server, senders = faulty_server(test, call, name, 'RETRY')
    for sender in senders:
        answered(test, server, sender, b'knock', hint)
    not_told(test, server, call)
    asked, child = faulty_client(test, call, name, 'RETRY')
    served_at_last(asked, hint)
    not_told(test, child, call)


def wait(test, call, name):
    hint = (f'the action for {name} is WAIT: call {call} again a tenth of a '
            'second later, and lose no message')
    server, senders = faulty_server(test, call, name, 'WAIT')
    idles(test, server, call, name)
    test.faults.relent(call)
    for sender in senders:
        answered(test, server, sender, b'knock', hint)
    told(test, server, call, name)
    asked, child = faulty_client(test, call, name, 'WAIT')
    idles(test, child, call, name)
    test.faults.relent(call)
    served_at_last(asked, hint)
    told(test, child, call, name)


ACTIONS_OF[STAGE] = {'STOP': stop, 'DROP': drop, 'RETRY': retry, 'WAIT': wait}


@check(STAGE, open=False)
def recvfrom_unlisted(test):
    """if recvfrom fails with an errno that has no row, waits and tries again;
    reports it once"""
    server, senders = faulty_server(test, 'recvfrom', 'EXDEV', 'WAIT')
    idles(test, server, 'recvfrom', 'EXDEV')
    test.faults.relent('recvfrom')
    for sender in senders:
        answered(test, server, sender, b'knock',
                 'an errno without a row may be temporary, too: the heading '
                 'row says WAIT')
    reported_once(test, server, 'recvfrom')


@check(STAGE, open=False)
def sendto_unlisted(test):
    """if sendto fails with an errno that has no row, only that message is
    lost"""
    server, senders = faulty_server(test, 'sendto', 'EXDEV', 'DROP')
    answered(test, server, senders[1], b'knock', DROP_HINT)
    reported_once(test, server, 'sendto')
    asked, child = faulty_client(test, 'sendto', 'EXDEV', 'DROP')
    asked.failed(hint=DROP_HINT)
    reported_once(test, child, 'sendto')


def reported_once(test, child, call):
    line = f'{call}: {os.strerror(errno.EXDEV)}'
    child.wait_for(lambda: line in child.lines)
    if child.lines.count(line) != 1:
        raise Failure(f'the line "{line}" once', f'it {test.outcome(child)}',
                      f'the heading row of {call} is for any other errno')


@check(STAGE, open=False)
def shortage_without_end(test):
    """during a shortage the client gives up as if no answer had arrived"""
    test.need_injector()
    test.faults.fail('sendto', errno.ENOBUFS, last=FOREVER)
    asked = Asked(test)
    child = asked.start(b'hello\n', seconds=1)
    test.attached()
    asked.failed(patience=4 + PATIENCE, hint='in the client a WAIT lasts '
                 'until it is time to ask again; give up after the fourth '
                 'wait')
    told(test, child, 'sendto', 'ENOBUFS')
    if not child.wait_line('no answer from ', 0):
        raise Failure('the line "no answer from 127.0.0.1:PORT"',
                      f'it {test.outcome(child)}')


@check(STAGE, open=False)
def output_fails(test):
    """an answer that cannot be written is reported: status 1"""
    server = Asked(test)
    with open('/dev/full', 'wb') as full:
        child = start(test, '-t', '1', client=True, port=server.port,
                      stdin=subprocess.PIPE, stdout=full)
    server.child = child
    feed(test, child, b'hello\nmore\n')
    server.serve(b'hello')
    if child.wait_exit() != 1 or not any(line.startswith('write: ')
                                         for line in child.lines):
        raise Failure('the line "write: No space left on device" and status 1',
                      f'it {test.outcome(child)}', 'fflush returns EOF if '
                      'what is printed cannot be written')


@check(STAGE, open=False)
def output_closed(test):
    """an answer written to a pipe that has no reader is reported: status 1"""
    server = Asked(test)
    reading, writing = os.pipe()
    os.close(reading)
    child = start(test, client=True, port=server.port, stdin=subprocess.PIPE,
                  stdout=writing)
    os.close(writing)
    server.child = child
    feed(test, child, b'hello\nmore\n')
    server.serve(b'hello')
    line = f'write: {os.strerror(errno.EPIPE)}'
    if child.wait_exit() != 1 or line not in child.lines:
        raise Failure(f'the line "{line}" and status 1',
                      f'it {test.outcome(child)}', 'SIGPIPE ends the program, '
                      'unless it is ignored: then write fails with EPIPE')


@check(STAGE, open=False)
def input_fails(test):
    """a line that cannot be read is reported, and the status is 1"""
    folder = os.open('/', os.O_RDONLY)
    try:
        child = start(test, client=True, port=free_port(), stdin=folder)
    finally:
        os.close(folder)
    line = f'read: {os.strerror(errno.EISDIR)}'
    if child.wait_exit() != 1 or line not in child.lines:
        raise Failure(f'the line "{line}" and status 1',
                      f'it {test.outcome(child)}', 'getchar returns EOF at the '
                      'end of the input, but also if it fails: call ferror')


@check(STAGE, open=False)
def connect_fails(test):
    """reports that connect failed, and exits with status 1"""
    test.need_injector()
    test.faults.fail('connect', errno.ENOBUFS)
    child = start(test, client=True, port=free_port())
    test.attached()
    line = f'connect: {os.strerror(errno.ENOBUFS)}'
    if child.wait_exit() != 1 or line not in child.lines:
        raise Failure(f'the line "{line}" and status 1',
                      f'it {test.outcome(child)}', 'connect can fail, too: if '
                      'it returns -1, call handle_error("connect")')


# ------------------------------------------------- those that the kernel makes

kernel('socket', 'EMFILE', STAGE)(of_servers.socket_without_descriptors)
kernel('bind', 'EACCES', STAGE)(of_servers.reserved_port)
kernel('bind', 'EADDRNOTAVAIL', STAGE)(of_servers.foreign_address)


@kernel('bind', 'EADDRINUSE', STAGE)
def port_taken(test):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(('127.0.0.1', 0))
        stopped(test, start(test, port=other.getsockname()[1]), 'bind',
                'EADDRINUSE')
