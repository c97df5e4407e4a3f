"""The checks of 05-recv-send and of what follows it: calls that fail in ways no
table has a row for.

To add one, start from `unlisted_stops`, a short one; see "Add a check" in
tests/README.md."""

import errno
import os

from harness import (MANY, SERVING, TALKING, Failure, check, injected,
                     stopped_plainly)


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
