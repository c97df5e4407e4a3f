"""Errors that the kernel itself reports to a server: the check provokes
them."""

import os
import signal
import socket
import time

from checks.errors.kernel import kernel, until_interrupted
from checks.errors.actions import attached
from harness import (SIGPIPE_HINT, Failure, Skip, Stream, data, flood, idles,
                     namespaces, not_told, reset, settings, stopped, told,
                     vanish, wait_until)
from harness.privileges import is_user

RECEIVING = '05 05-framing 07 07-publish 07-queue 08'


@kernel('socket', 'EMFILE', '01 02 03 04 05 07 08')
def socket_without_descriptors(test):
    """A server for many clients may open descriptors before its socket."""
    test.need_injector()
    arguments = {'01': [], '08': ['-l', '/dev/null', '0']}.get(test.stage,
                                                               ['0'])
    for limit in range(9, 2, -1) if test.stage >= '07' else (3,):
        test.faults.set('descriptors', limit)
        child = attached(test, test.start(*arguments))
        child.wait_for(lambda: child.lines)
        if not child.wait_line('listening on ', 0):
            break
    stopped(test, child, 'socket', 'EMFILE')


@kernel('bind', 'EACCES', '02 03 04 05 07 08')
def reserved_port(test):
    with open('/proc/sys/net/ipv4/ip_unprivileged_port_start') as file:
        if int(file.read()) < 2:
            raise namespaces.Unavailable('ports below 1024 are not reserved')
    if os.geteuid() == 0 and not is_user(settings.NOBODY):
        raise namespaces.Unavailable('there is no user other than root')
    test.without_root()
    folder = ['-d', str(test.site())] if test.stage == '08' else []
    stopped(test, attached(test, test.start(*folder, '1')), 'bind', 'EACCES')


@kernel('bind', 'EADDRINUSE', '02 03 04 05 07 08')
def port_taken(test):
    with socket.create_server(('127.0.0.1', 0)) as other:
        port = other.getsockname()[1]
        stopped(test, test.start(str(port)), 'bind', 'EADDRINUSE')


@kernel('bind', 'EADDRNOTAVAIL', '02 03 04 05 07 08')
def foreign_address(test):
    stopped(test, test.start('-a', '192.0.2.1', '0'), 'bind', 'EADDRNOTAVAIL')


@kernel('listen', 'EADDRINUSE', '04 05 07 08')
def listened_to(test):
    """Two sockets with SO_REUSEADDR are bound to one port; the check's
    socket listens first."""
    test.need_injector()
    test.faults.set('stop', 1, 'listen')
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(('127.0.0.1', 0))
        child = attached(test, test.start(str(other.getsockname()[1])))
        if not wait_until(lambda: child.state() == 'T' or not child.running()):
            raise Failure('a call to listen()', test.outcome(child))
        other.listen()
        child.signal(signal.SIGCONT)
        stopped(test, child, 'listen', 'EADDRINUSE')


@kernel('accept', 'EMFILE', '04 05 07 08')
def out_of_descriptors(test):
    server = test.server()
    used = max(server.descriptors()) + 1
    for shortage in (1, 2):
        limit = server.limit_descriptors(used)
        test.connect(server).close()  # a waiting accept may hold a descriptor
        clients = [test.connect(server) for _ in range(3)]
        if test.faults.get('attached'):  # 08 reserves descriptors for files,
            idles(test, server, 'accept', 'EMFILE',  # so it need not retry
                  again=test.stage < '08')
        told(test, server, 'accept', 'EMFILE', shortage)
        test.alive(server, 'accept has failed with EMFILE',
                   'EMFILE passes when a descriptor is closed: sleep for a '
                   'tenth of a second, call accept again')
        server.limit_descriptors(limit)
        for client in clients:
            test.served(server, client, 'clients wait in the queue of the '
                        'listener, and are served when a descriptor is free')
            client.close()
        if not wait_until(lambda: max(server.descriptors()) < used):
            raise Failure('every client\'s descriptor closed',
                          f'{len(server.descriptors())} are open', 'close the '
                          'client\'s socket on every path')


@kernel('recv', 'EAGAIN', '05 05-framing')
@kernel('recv', 'EWOULDBLOCK', '05 05-framing')
def silent_too_long(test):
    if test.any:
        raise Skip('-t is an option of ours')
    server = test.server('-t', '1')
    began = time.monotonic()
    client = test.connect(server)
    test.ended(client, 'SO_RCVTIMEO makes recv fail with EAGAIN after -t '
               'seconds: close the client')
    if time.monotonic() - began < 0.9:
        raise Failure('the client is dropped after 1 second of silence (-t 1)',
                      f'after {time.monotonic() - began:.2f} s')
    told(test, server, 'recv', 'EAGAIN')
    test.served(server, test.connect(server))


@kernel('send', 'EAGAIN', '05 05-framing')
@kernel('send', 'EWOULDBLOCK', '05 05-framing')
def never_reading(test):
    if test.any:
        raise Skip('-t is an option of ours')
    server = test.server('-t', '1')
    client = test.connect(server)
    next_client = test.connect(server)
    flood(client, block=test.plenty())
    told(test, server, 'send', 'EAGAIN', hint='send waits for a client that '
         'does not read: SO_SNDTIMEO limits the wait')
    test.alive(server, 'a client that does not read')
    test.served(server, next_client, 'SO_SNDTIMEO makes send fail with EAGAIN '
                'after -t seconds: close the client')


@kernel('recv', 'ECONNRESET', RECEIVING)
def reset_while_received(test):
    server = test.server()
    client = test.connect(server)
    test.served(server, client)
    reset(client)
    told(test, server, 'recv', 'ECONNRESET')
    test.served(server, test.connect(server), 'a reset ends one connection, '
                'never the server: close that socket, serve the next client')
    test.alive(server, 'a client\'s reset')


def gone_before_send(test, name, half_close):
    server = test.server()
    vanish(test, server, half_close)
    told(test, server, 'send', name)
    test.served(server, test.connect(server),
                'an error on one client\'s socket ends that client\'s '
                'connection, never the server')
    test.alive(server, f'send has failed with {name}', SIGPIPE_HINT)


@kernel('send', 'ECONNRESET', RECEIVING)
def reset_before_send(test):
    gone_before_send(test, 'ECONNRESET', False)


@kernel('send', 'EPIPE', RECEIVING)
def closed_before_send(test):
    gone_before_send(test, 'EPIPE', True)


@kernel('recv', 'EINTR', '05 05-framing')
def interrupted_recv(test):
    server = test.server()
    client = test.connect(server)
    test.served(server, client)
    until_interrupted(test, server, 'recv')
    test.served(server, client, 'with SO_RCVTIMEO recv fails with EINTR after '
                'SIGSTOP and SIGCONT, even without a handler: call it again')
    not_told(test, server, 'recv')


@kernel('send', 'EINTR', '05')
def interrupted_send(test):
    server = test.server()
    client = test.connect(server)
    sent = flood(client)
    until_interrupted(test, server, 'send')
    test.alive(server, 'SIGSTOP and SIGCONT')
    client.shutdown(socket.SHUT_WR)
    Stream(client, sent, data(65536)).finish(
        'the action for EINTR is RETRY: nothing was sent, so call send again '
        'with the same bytes')
    test.ended(client)
    not_told(test, server, 'send')
