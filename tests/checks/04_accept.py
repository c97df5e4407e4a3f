"""The checks of 04-accept: a server that takes its clients, one by one.

To add one, start from `closes_at_once`, a short one; see "Add a check" in
tests/README.md."""

import errno
import os
import signal
import socket

from harness import (FOREVER, SERVING, Failure, check, idles, injected, reset,
                     stopped_plainly, wait_until)


@check('04 05', open=False)
def accepted_line(test):
    """prints "accepted ADDRESS:PORT" for each client, its own and not ours"""
    server = test.server()
    for _ in range(3):
        client = test.connect(server)
        address, port = client.getsockname()
        line = f'accepted {address}:{port}'
        if not server.wait_line(line.replace('.', r'\.') + '$'):
            told = any(other.startswith('accepted') for other in server.lines)
            raise Failure(f'the line "{line}"', f'it {test.outcome(server)}',
                          'accept fills in the address if its length is set '
                          'before each call; ntohs for the port' if told else
                          'take the next client with accept, announce it, '
                          'close it or serve it until it ends; and so on')
        client.close()
    if test.faults.get('too_short', 'accept'):
        raise Failure('the address\'s length is set before each call of accept',
                      'it was less than an address is long',
                      'socklen_t length = sizeof *address, in the loop')


@check('04')
def closes_at_once(test):
    """each client's connection is closed, and the next one's taken"""
    server = test.server()
    for _ in range(20):
        client = test.connect(server)
        test.ended(client, 'close the socket that accept returned')
        client.close()
    test.alive(server, '20 clients')


@check(SERVING, after='waiting_clients')
def descriptors_closed(test):
    """after its clients have gone it has as many descriptors as before"""
    server = test.server()
    first = test.connect(server)
    test.served(server, first)
    first.close()
    before = wait_until(lambda: server.descriptors()) or []
    for _ in range(30):
        client = test.connect(server)
        test.served(server, client)
        client.close()
    if not wait_until(lambda: len(server.descriptors()) <= len(before), 5):
        raise Failure(f'{len(before)} open descriptors after 30 clients',
                      f'{len(server.descriptors())}',
                      'every way out of serving a client leads past close()')


@check(SERVING, after='descriptors_closed')
def restart_at_once(test):
    """it can be restarted on its port at once after serving clients"""
    server = test.server()
    clients = [test.connect(server) for _ in range(3)]
    test.served(server, clients[0])
    port = server.port
    server.signal(signal.SIGKILL)  # the kernel closes its side first
    server.wait_exit()
    for client in clients:
        try:
            client.recv(100)
        except OSError:
            pass
        client.close()
    again = test.server(port=port, hint='connections that ended linger in '
                        'TIME_WAIT: set SO_REUSEADDR before bind')
    test.served(again, test.connect(again))


@check(SERVING, open=False, after='restart_at_once')
def setsockopt_fails(test):
    """when setsockopt fails it says so and ends with status 1"""
    stopped_plainly(test, 'setsockopt')


@check(SERVING, after='restart_at_once')
def client_gone_before_accept(test):
    """a client that has left or reset before it is accepted harms nobody"""
    server = test.server()
    server.signal(signal.SIGSTOP)
    wait_until(lambda: server.state() == 'T')
    for leave in (reset, socket.socket.close, reset):
        leave(test.connect(server))
    client = test.connect(server)
    server.signal(signal.SIGCONT)
    test.served(server, client, 'a client that is gone costs only itself')
    test.alive(server, 'clients that left early')


@check('04 05 07', open=False, after='client_gone_before_accept')
def accept_unlisted(test):
    """an errno of accept in no row is waited out, and reported once"""
    test.need_injector()
    server = test.server()
    test.attached()
    test.faults.fail('accept', errno.EXDEV, last=FOREVER)
    test.connect(server).close()  # it may be in accept already
    client = test.connect(server)
    injected(test, 'accept')
    idles(test, server, 'accept', 'EXDEV')
    test.faults.relent('accept')
    test.served(server, client, 'an errno in no row may pass, too: a server '
                'does not end because of it')
    line = f'accept: {os.strerror(errno.EXDEV)}'
    if server.lines.count(line) != 1:
        raise Failure(f'the line "{line}" once', '; '.join(server.lines),
                      'accept has a row of its own for any other errno: WAIT')
