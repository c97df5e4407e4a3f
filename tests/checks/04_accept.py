"""The checks of 04-accept: a server that accepts its clients, one by one.

To add one, start from `closes_at_once`, a short one; see "Add a check" in
tests/README.md."""

import errno
import os
import signal
import socket

from harness import (FOREVER, SERVING, Failure, check, free_port, idles,
                     injected, reset, stopped_plainly, wait_until)


@check('04 05', open=False)
def accepted_line(test):
    """prints "accepted ADDRESS:PORT" with each client's address"""
    server = test.server()
    for _ in range(3):
        client = test.connect(server)
        address, port = client.getsockname()
        line = f'accepted {address}:{port}'
        if not server.wait_line(line.replace('.', r'\.') + '$'):
            told = any(other.startswith('accepted') for other in server.lines)
            raise Failure(f'the line "{line}"', f'it {test.outcome(server)}',
                          'set the length to the size of the address before '
                          'each call to accept; convert the port with ntohs'
                          if told and any(' 0.0.0.0:' in other or str(port)
                                          not in other
                                          for other in server.lines[-1:])
                          else 'loop: accept a client, print its address, '
                          + ('close it' if test.stage == '04' else
                             'serve it until it closes, then close its socket'))
        client.close()
    if test.faults.get('too_short', 'accept'):
        raise Failure('the address length set before each call to accept',
                      'a length shorter than an address',
                      'accept overwrites the length: before each call set it '
                      'to the size of your address structure again')


@check('04')
def closes_at_once(test):
    """closes each client, and accepts the next"""
    server = test.server()
    for _ in range(20):
        client = test.connect(server)
        test.ended(client, 'close the socket that accept returned')
        client.close()
    test.alive(server, '20 clients')


@check(SERVING, after='waiting_clients')
def descriptors_closed(test):
    """leaves no descriptor open after its clients have gone"""
    server = test.server()
    for _ in range(30 if test.any else 1):  # others keep some open
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
                      'close the client\'s socket on every path, after '
                      'errors too')


@check(SERVING, after='descriptors_closed')
def children_end(test):
    """a program that starts a process for each client leaves no process behind,
    neither a zombie nor a running one"""
    server = test.server()
    for _ in range(20):
        client = test.connect(server)
        test.served(server, client)
        client.close()
    if not wait_until(lambda: server.states().count('Z') < 10):
        raise Failure('no more than a few zombies after 20 clients',
                      f'{server.states().count("Z")}',
                      'a process that has ended is a zombie until its parent '
                      'calls waitpid')
    if server.spins():
        raise Failure('no processor time after the clients have gone',
                      'a process spins', 'when recv returns 0, end the process '
                      'of that client')


@check(SERVING, after='descriptors_closed')
def restart_at_once(test):
    """can be restarted on its port at once after serving clients"""
    server = test.server(port=free_port())  # below the clients' ports
    clients = [test.connect(server) for _ in range(3)]
    test.served(server, clients[0])
    port = server.port
    server.signal(signal.SIGKILL)  # so the server's side closes first
    server.wait_exit()
    for client in clients:
        try:
            client.recv(100)
        except OSError:
            pass
        client.close()
    again = test.server(port=port, hint='closed connections stay in TIME_WAIT '
                        'for a minute: set SO_REUSEADDR to 1 before bind')
    test.served(again, test.connect(again))


@check(SERVING, open=False, after='restart_at_once')
def setsockopt_fails(test):
    """reports that setsockopt failed, and exits with status 1"""
    stopped_plainly(test, 'setsockopt')
    if test.stage == '08':  # TCP_NODELAY, too
        test.faults.fail('setsockopt', errno.ENOBUFS,
                         test.faults.get('calls', 'setsockopt') + 2)
        child = test.start('0')
        if child.wait_exit() != 1:
            raise Failure('status 1 if the second setsockopt fails',
                          test.outcome(child))


@check(SERVING, after='restart_at_once')
def client_gone_before_accept(test):
    """a client that closes or resets its connection before accept harms no
    other client"""
    server = test.server()
    server.signal(signal.SIGSTOP)
    wait_until(lambda: server.state() == 'T')
    for leave in (reset, socket.socket.close, reset)[:1 if test.any else 3]:
        leave(test.connect(server))
    client = test.connect(server)
    server.signal(signal.SIGCONT)
    test.served(server, client, 'an error on one client\'s socket ends that '
                'client\'s connection, never the server')
    test.alive(server, 'clients that left early')


@check(SERVING, open=False, after='client_gone_before_accept')
def accept_unlisted(test):
    """if accept fails with an errno that has no row, reports the error once,
    waits and tries again"""
    test.need_injector()
    server = test.server()
    test.attached()
    test.faults.fail('accept', errno.EXDEV, last=FOREVER)
    test.connect(server).close()  # the server may be in accept already
    client = test.connect(server)
    injected(test, 'accept')
    idles(test, server, 'accept', 'EXDEV')
    test.faults.relent('accept')
    test.served(server, client,
                'an errno without a row may be temporary, too: it must not end '
                'the server')
    taken = [line for line in server.lines if line.startswith('accepted')]
    if len(taken) > 2:
        raise Failure('a line "accepted ..." for each of 2 clients',
                      '; '.join(taken), 'when accept has returned -1 there is '
                      'no client to announce: continue with the loop')
    line = f'accept: {os.strerror(errno.EXDEV)}'
    count = sum(line.startswith('accept: ') for line in server.lines)
    if count != 1 or line not in server.lines:
        raise Failure(f'the line "{line}" once', '; '.join(server.lines),
                      'report a shortage once, when it begins, not at each try'
                      ': the count of waits must keep its value from try to try'
                      if count > 1 else 'a shortage is reported when it begins:'
                      ' in handle_retry, call handle_error at the first try'
                      if count == 0 else
                      'the heading row of accept is for any other errno: '
                      'WAIT')
