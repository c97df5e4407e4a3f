"""The checks of 03-listen: a server that is ready, and waits.

To add one, start from `signals_end_it`, a short one; see "Add a check" in
tests/README.md."""

import signal
import socket

from harness import (READY, Failure, bytes_hint, check, failed_hint, near_hint,
                     said_error, shown, start_on_free_port, wait_until)


@check(READY, open=False, after='stream_socket')
def listening_line(test):
    """prints "listening on 127.0.0.1:PORT" with the port given"""
    child, port = start_on_free_port(test)
    match = child.wait_line('listening on (.*)')
    if not match:
        raise Failure('a line "listening on 127.0.0.1:PORT" on standard error',
                      f'it {test.outcome(child)}', failed_hint(child)
                      or near_hint(child, 'listening on 127') or
                      'after listen() has succeeded, print it to standard '
                      'error (stderr), which is not buffered')
    if match[1] != f'127.0.0.1:{port}':
        raise Failure(f'the line "listening on 127.0.0.1:{port}"',
                      f'it {test.outcome(child)}', bytes_hint(child, port))
    if test.loadable and test.injector:  # so /proc exists
        wait_until(lambda: not child.running() or child.state() != 'R', 1)
    if not child.running():
        raise Failure('a server that keeps running after this line',
                      f'it {test.outcome(child)}')


@check(READY, open=False, after='listening_line')
def ready_not_before(test):
    """prints "listening on" after listen() has succeeded, not before"""
    test.need_injector()
    test.faults.set('stop', 1, 'listen')
    child = test.start('0')
    test.attached()
    if not wait_until(lambda: not child.running() or child.state() == 'T'):
        raise Failure('a call to listen()', f'it {test.outcome(child)}')
    early = child.wait_line('listening on .*', 0.3)
    child.signal(signal.SIGCONT)
    if early:
        raise Failure('the line after listen() has returned',
                      f'"{early[0]}" before that',
                      'people and tests connect as soon as they read the '
                      'line: print it after listen() has succeeded')
    if not child.wait_line('listening on '):
        raise Failure('a line "listening on ..."', f'it {test.outcome(child)}')


@check('03')
def connection_established(test):
    """connections are established without accept, and stay open"""
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
        raise Failure('an open connection without an answer', outcome_of(got),
                      'call listen, then only wait: pause()')
    test.alive(server, 'five connections')
    if test.faults.get('calls', 'accept'):
        raise Failure('no call to accept() yet: that is the next stage',
                      f'{test.faults.get("calls", "accept")} of them',
                      'the kernel completes handshakes by itself')


def outcome_of(got):
    if isinstance(got, OSError):
        return said_error(got)
    return shown(got) if got else 'the end of the stream: closed by the server'


@check('03 04 05', open=False)
def signals_end_it(test):
    """SIGINT and SIGTERM end the program by their default action"""
    for number in (signal.SIGINT, signal.SIGTERM):
        server = test.server()
        server.signal(number)
        status = server.wait_exit()
        if status != -number:
            raise Failure(f'{number.name} ends the server',
                          f'it {test.outcome(server)}', 'leave the action of '
                          'the signal at its default')


@check(READY)
def waits_quietly(test):
    """uses no processor time while nothing happens"""
    server = test.server()
    spins = server.spins()
    test.alive(server, 'nothing at all')
    if spins:
        raise Failure('no processor time while nobody connects', 'it spins',
                      'let select wait until a descriptor is ready or a time '
                      'limit ends: is its timeout 0?'
                      if test.stage in ('07', '08') else
                      'let a blocking call wait: pause, accept or select. A '
                      'loop that keeps asking wastes processor time')
