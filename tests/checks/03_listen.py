"""The checks of 03-listen: a server that is ready, and waits.

To add one, start from `signals_end_it`, a short one; see "Add a check" in
tests/README.md."""

import signal
import socket

from harness import READY, Failure, check, start_on_free_port, wait_until


@check(READY, open=False, after='stream_socket')
def listening_line(test):
    """prints "listening on 127.0.0.1:PORT", the port as given"""
    child, port = start_on_free_port(test)
    if not child.wait_line('listening on '):
        raise Failure('a line "listening on 127.0.0.1:PORT"',
                      f'it {test.outcome(child)}', 'print it to standard '
                      'error, which nothing holds back, once listen() has '
                      'succeeded')
    if child.lines[0] != f'listening on 127.0.0.1:{port}' or child.output:
        raise Failure(f'the line "listening on 127.0.0.1:{port}" on standard '
                      'error', f'{bytes(child.output[:80])!r} on standard '
                      f'output; it {test.outcome(child)}',
                      'what a program tells goes to stderr; sin_port is in '
                      'network byte order: htons to fill it in, ntohs to print')


@check(READY, open=False)
def ready_not_before(test):
    """"listening on" is printed after listen() has succeeded, not before"""
    test.need_injector()
    test.faults.set('stop', 1, 'listen')
    child = test.start('0')
    test.attached()
    if not wait_until(lambda: not child.running() or child.state() == 'T'):
        raise Failure('a call of listen()', f'it {test.outcome(child)}')
    early = list(child.lines)
    child.signal(signal.SIGCONT)
    if early:
        raise Failure('no line before listen() has returned', early[0],
                      'people and tests connect as soon as they read it')
    if not child.wait_line('listening on '):
        raise Failure('a line "listening on ..."', f'it {test.outcome(child)}')


@check('03')
def connection_established(test):
    """connections are established though nobody accepts them, and stay open"""
    server = test.server()
    clients = [test.connect(server) for _ in range(5)]
    for client in clients:
        client.sendall(b'anybody there?')
        client.settimeout(0.05)
        try:
            got = client.recv(1)
        except (socket.timeout, TimeoutError):
            continue
        except OSError as error:
            got = error
        raise Failure('an open connection on which nobody answers', repr(got),
                      'listen, and then only wait: pause()')
    test.alive(server, 'five connections')
    if test.faults.get('calls', 'accept'):
        raise Failure('no call of accept() yet: that is the next step',
                      f'{test.faults.get("calls", "accept")} of them')


@check('03 04 05', open=False)
def signals_end_it(test):
    """SIGINT and SIGTERM keep their default action: they end the program"""
    for number in (signal.SIGINT, signal.SIGTERM):
        server = test.server()
        server.signal(number)
        status = server.wait_exit()
        if status != -number:
            raise Failure(f'an end by {number.name}',
                          f'it {test.outcome(server)}')


@check(READY)
def waits_quietly(test):
    """while nothing happens it uses no processor time"""
    server = test.server()
    spins = server.spins()
    test.alive(server, 'nothing at all')
    if spins:
        raise Failure('no processor time while nobody connects', 'it spins',
                      'let a blocking call wait: pause, accept, select; a loop '
                      'that asks again and again spins')
