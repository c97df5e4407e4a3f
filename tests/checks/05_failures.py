"""The checks of 05-recv-send and of what follows it: calls that fail in ways no
table has a row for.

To add one, start from `unlisted_stops`, a short one; see "Add a check" in
tests/README.md."""

import errno
import os
import signal
import socket

from checks.storm.page import Page
from harness import (ECHO, FOREVER, MANY, SERVING, TALKING, Failure, arrived,
                     check, data, difference, injected, stopped_plainly, told,
                     wait_until)


@check(SERVING, open=False)
def unlisted_stops(test):
    """an errno of socket, bind or listen in no row is reported, and stops the
    program"""
    for call in 'socket', 'bind', 'listen':
        stopped_plainly(test, call, errno.EXDEV)
        test.faults.relent(call)


@check(MANY, open=False)
def select_unlisted(test):
    """an errno of select in no row is reported, and stops the program"""
    stopped_plainly(test, 'select', errno.EXDEV)


@check(MANY, open=False)
def select_shortages_apart(test):
    """each shortage of select is reported: the second one, too"""
    test.need_injector()
    server = test.server()
    test.attached()
    client = test.connect(server)
    for number in 1, 2:
        test.served(server, client)
        test.faults.fail('select', errno.ENOMEM, last=FOREVER)
        client.sendall(test.question())
        told(test, server, 'select', 'ENOMEM', number)
        test.faults.relent('select')
        test.answered(client, *[] if test.stage == '08' else [test.question()])


@check(MANY, open=False)
def idle_takes_nothing(test):
    """a client that is idle takes no memory but its place in a table"""
    test.need_injector()
    server = test.server()
    test.attached()
    test.served(server, test.connect(server))
    wait_until(lambda: server.state() == 'S')
    before = Page(test.faults).get('blocks')
    for _ in range(20):
        test.served(server, test.connect(server))
    wait_until(lambda: server.state() == 'S')
    blocks = Page(test.faults).get('blocks') - before
    if blocks > 10:
        raise Failure('no memory for 20 idle clients', f'{blocks} blocks',
                      'free what a client no longer needs')


@check(TALKING, open=False)
def client_unlisted(test):
    """an errno of recv or send in no row is reported, and costs one client"""
    test.need_injector()
    server = test.server()
    test.attached()
    for call in 'recv', 'send':
        test.faults.fail(call, errno.EXDEV,
                         test.faults.get('calls', call) + 1)
        client = test.connect(server)
        test.say(client, test.question(b'lost\n'))
        injected(test, call)
        test.ended(client, f'{call} has failed: close this client')
        peer = '%s:%d' % client.getsockname()
        line = f'{call}: {os.strerror(errno.EXDEV)}' + (
            f' ({peer})' if test.stage in MANY else '')
        if not server.wait_for(lambda: line in server.lines):
            raise Failure(f'the line "{line}"', f'it {test.outcome(server)}',
                          f'{call} has a row of its own for any other errno')
        client = test.connect(server)
        test.served(server, client, 'an error on one client\'s socket costs '
                    'that client, never the server')
        client.close()


@check(ECHO, open=False)
def half_close_before_the_echo(test):
    """a client that shuts down its half while most of the echo is not sent yet
    gets all of it"""
    test.need_injector()
    server = test.server()
    test.attached()
    client = test.connect(server)
    test.served(server, client)
    server.signal(signal.SIGSTOP)  # so that all is there at once
    wait_until(lambda: server.state() == 'T')
    test.faults.set('most', 1000, 'send')
    test.say(client, data(50000))
    client.shutdown(socket.SHUT_WR)
    wait_until(lambda: arrived(client))
    server.signal(signal.SIGCONT)
    got = test.receive(client, 50000, hint='the end of what a client sends is '
                       'not the end of what it is to get')
    if got != data(50000):
        raise Failure('the echo', difference(data(50000), got))
    test.ended(client)
