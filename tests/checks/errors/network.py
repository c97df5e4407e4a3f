"""Errors that the kernel reports in a private network, where routes forbid
packets, links are cut and limits are tiny; and errors of a socket that the
check shares with the program. Where a system does not allow this, the errors
are injected."""

import errno
import re
import signal
import socket
import struct
import time

from checks.errors.actions import attached
from checks.errors.client import full_listener
from checks.errors.kernel import in_network, sharing
from harness import (Failure, Skip, arrived, echoing, flood, namespaces,
                     not_told, start_client, stopped, told, wait_until)
from harness.namespaces import (BLACKHOLE, PROHIBIT, UNREACHABLE, add_route,
                                borrow, cut, limit, sockets_of)

HERE, THERE = '127.0.0.1', '127.0.0.2'  # the server's address, the client's


# ------------------------------------------------------- connect, in a network

def next_one(test, name, first, peer, during=None):
    """Demands that the client report the first address, and go on to the next,
    where a server listens."""
    if test.injector is None or not test.loadable:  # it resolves names
        child = start_client(test, peer.port, host=first)
    else:
        test.faults.resolve(first, peer.host)
        child = start_client(test, peer.port, host='localhost')
    if during:
        during(child)
    status = child.wait_exit(20)
    if test.injector is None or not test.loadable:
        stopped(test, child, 'connect', name)
    elif status != 0 or child.output != b'hello\n':
        raise Failure('the echo, and status 0', f'it {test.outcome(child)}',
                      f'after {name} close the socket and try the next address '
                      '(ai_next) on a new one')
    told(test, child, 'connect', name)


def unreachable(test, name, kind=1):
    peer = test.peer(echoing)
    add_route('192.0.2.1', kind)
    next_one(test, name, '192.0.2.1', peer)


@in_network('connect', 'EACCES', '06')
def prohibited(test):
    unreachable(test, 'EACCES', PROHIBIT)


@in_network('connect', 'EHOSTUNREACH', '06')
def no_route(test):
    unreachable(test, 'EHOSTUNREACH', UNREACHABLE)


@in_network('connect', 'ETIMEDOUT', '06')
def no_answer(test):
    """Packets to the first address are lost; the second SYN is the last."""
    limit('tcp_syn_retries', 1)
    unreachable(test, 'ETIMEDOUT')


@in_network('connect', 'EADDRNOTAVAIL', '06')
def no_local_port(test):
    """The only available local port already has a connection to the first
    address."""
    peer = test.peer(echoing, host='0.0.0.0')
    peer.host = HERE
    limit('ip_local_port_range', '20000 20000')
    with socket.create_connection((THERE, peer.port)):
        next_one(test, 'EADDRNOTAVAIL', THERE, peer)


@in_network('connect', 'ECONNRESET', '06')
def reset_in_between(test):
    """Both sides begin a connection at the same time, and then one resets
    it."""
    port = full_listener(test).getsockname()[1]
    found = re.compile(rf' 0100007F:(\w+) 0100007F:{port:04X} 02 ')
    fillers = [each.getsockname()[1] for each in test.closing]
    syn, rst = 2, 4

    def waiting():
        with open('/proc/net/tcp') as file:
            return [int(own, 16) for own in found.findall(file.read())
                    if int(own, 16) not in fillers]

    def interfere(child):
        ports = wait_until(waiting)
        if not ports:
            raise Failure('a call to connect()', test.outcome(child))
        for sequence, flags in ((1000, syn), (1001, rst)):
            send_segment(port, ports[0], sequence, flags)
    next_one(test, 'ECONNRESET', HERE, test.peer(echoing, host=THERE,
                                                 port=port), interfere)


def send_segment(start, to, sequence, flags):
    """Sends a TCP header without data, RFC 9293, 3.1."""
    header = bytearray(struct.pack('!HHIIBBHHH', start, to, sequence, 0, 5 << 4,
                                   flags, 1024, 0, 0))
    local = socket.inet_aton(HERE)
    pseudo = local + local + struct.pack('!HH', socket.IPPROTO_TCP, len(header))
    total = sum(struct.unpack('!16H', pseudo + header))
    total = (total & 0xffff) + (total >> 16)
    struct.pack_into('!H', header, 16, ~(total + (total >> 16)) & 0xffff)
    with socket.socket(socket.AF_INET, socket.SOCK_RAW,
                       socket.IPPROTO_TCP) as raw:
        raw.sendto(header, (HERE, 0))


# ------------------------------------- recv and send, on a link that is cut

def lose_acknowledgements(test, message, kind=0):
    """A client sends something, and then the server gets nothing more from it,
    not even acknowledgements, so the server retransmits, and gives up a few
    seconds later. If kind is given, a rule of that kind soon stops the
    server's own packets, too."""
    limit('tcp_retries2', 3 if kind else 1)  # so that the cut comes in time
    limit('tcp_wmem', '4096 4096 4096')  # so that send soon finds no room
    server = test.server()
    client = test.connect(server, source_address=(THERE, 0))
    test.served(server, client)
    server.signal(signal.SIGSTOP)
    wait_until(lambda: server.state() == 'T')
    if message:
        client.sendall(message)
        wait_until(lambda: arrived(client))
    else:
        flood(client, 60000, test.plenty())
    before = sent_segments()
    cut(THERE, HERE)
    server.signal(signal.SIGCONT)
    wait_until(lambda: sent_segments() > before + 1)
    if kind:
        cut(HERE, THERE, kind)
    return server


def sent_segments():
    """How many segments this network has sent, counted by the kernel."""
    with open('/proc/net/snmp') as file:
        names, values = (line.split() for line in file
                         if line.startswith('Tcp:'))
    return int(values[names.index('OutSegs')])


def lost(test, call, name, kind=0):
    if test.any:
        raise Skip('messages of ours')
    message = test.question(b'lost\n') if call == 'recv' else b''
    server = lose_acknowledgements(test, message, kind)
    server.wait_line(f'{call}: ', 20)
    told(test, server, call, name)
    test.alive(server, f'{call} has failed with {name}')
    test.served(server, test.connect(server, source_address=('127.0.0.3', 0)),
                'an error on one client\'s socket ends that client\'s '
                'connection, never the server')


def lost_rows():
    """Adds the checks of the errors that a cut link causes in servers."""
    for call, name, kind in (('recv', 'ETIMEDOUT', 0),
                             ('recv', 'EINVAL', BLACKHOLE),
                             ('send', 'ETIMEDOUT', 0),
                             ('send', 'EINVAL', BLACKHOLE),
                             ('send', 'EACCES', PROHIBIT)):
        def function(test, call=call, name=name, kind=kind):
            lost(test, call, name, kind)
        in_network(call, name, '05 07 08')(function)


lost_rows()


@in_network('recv', 'ETIMEDOUT', '06')
def server_falls_silent(test):
    """The client's bytes are no longer acknowledged."""
    limit('tcp_retries2', 1)
    peer = test.peer(lambda connection: time.sleep(20))
    child = start_client(test, peer.port, message=None)
    wait_until(lambda: peer.accepted and child.state() == 'S')
    cut(HERE, HERE)
    child.process.stdin.write(b'hello\n')
    child.process.stdin.close()
    child.wait_exit(20)
    stopped(test, child, 'recv', 'ETIMEDOUT')


# --------------------------------------------------- a socket that is shared

@sharing('bind', 'EINVAL', '02 03 04 05 07 08')
def bound_already(test):
    """The check binds the socket just before the program does."""
    test.need_injector()
    test.faults.set('stop', 1, 'bind')
    child = attached(test, test.start('0'))
    with shared(test, child, 'bind') as other:
        other.bind((HERE, 0))
        child.signal(signal.SIGCONT)
        stopped(test, child, 'bind', 'EINVAL')


@sharing('accept', 'EINVAL', '04 05 07 08')
def listens_no_more(test):
    """The check shuts the listener down."""
    server = test.server()
    client = test.connect(server)
    test.served(server, client)
    client.close()
    with borrow(server, sockets_of(server)[0]) as other:
        if not other.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise namespaces.Unavailable('the first socket is not listening')
        other.shutdown(socket.SHUT_RD)
        stopped(test, server, 'accept', 'EINVAL')


@sharing('recv', 'ENOTCONN', '05 07 08')
def disconnected(test):
    """The check dissolves the connection: connect(2), AF_UNSPEC."""
    server = test.server()
    client = test.connect(server)
    test.served(server, client)
    fd = sockets_of(server)[-1]
    server.signal(signal.SIGSTOP)
    wait_until(lambda: server.state() == 'T')
    with borrow(server, fd) as other:
        if not disconnect(other):
            raise namespaces.Unavailable('its connection cannot be dissolved')
    server.signal(signal.SIGCONT)
    told(test, server, 'recv', 'ENOTCONN')
    test.served(server, test.connect(server), 'an error on one client\'s '
                'socket ends that client\'s connection, never the server')


def disconnect(connection):
    """Dissolves a connection, and clears the error that this leaves."""
    namespaces.dissolve(connection)
    connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    try:
        connection.getpeername()
    except OSError as error:
        return error.errno == errno.ENOTCONN
    return False


def shared(test, child, call):
    """Waits until a program stops before a call. Returns its last socket."""
    if not wait_until(lambda: child.state() == 'T' or not child.running()):
        raise Failure(f'a call to {call}()', test.outcome(child))
    if not child.running():
        raise Failure(f'a call to {call}()', test.outcome(child))
    return borrow(child, sockets_of(child)[-1])


@sharing('connect', 'EISCONN', '06')
def connected_already(test):
    """The check connects the socket just before the program does."""
    test.need_injector()
    peer = test.peer(echoing)
    test.faults.set('stop', 1, 'connect')
    child = attached(test, start_client(test, peer.port))
    with shared(test, child, 'connect') as other:
        other.connect((HERE, peer.port))
        child.signal(signal.SIGCONT)
        stopped(test, child, 'connect', 'EISCONN')


@sharing('connect', 'EALREADY', '06')
def connecting_already(test):
    """The check has begun to connect the socket, which does not block."""
    test.need_injector()
    port = full_listener(test).getsockname()[1]
    test.faults.set('stop', 1, 'connect')

    def interfere(child):
        with shared(test, attached(test, child), 'connect') as other:
            other.setblocking(False)
            other.connect_ex((HERE, port))
            child.signal(signal.SIGCONT)
            child.wait_exit(20)
    next_one(test, 'EALREADY', HERE, test.peer(echoing, host=THERE, port=port),
             interfere)


# ------------------------------------------------------- ordinary failures

@sharing('accept', 'EAGAIN', '07 08')
@sharing('accept', 'EWOULDBLOCK', '07 08')
def nobody_waits(test):
    """accept is called once more, does not block, and finds no client."""
    server = attached_server(test)
    test.served(server, test.connect(server))
    if not wait_until(lambda: test.faults.get('last_error', 'accept')
                      == errno.EAGAIN, 1):
        raise namespaces.Unavailable('the server accepts one client per turn')
    test.served(server, test.connect(server))
    not_told(test, server, 'accept')


def attached_server(test):
    test.need_injector()
    server = test.server()
    test.attached()
    return server


@sharing('select', 'EINTR', '08')
def interrupted_select(test):
    """SIGHUP makes the server open its log again; the signal has to arrive
    while select is waiting."""
    test.need_injector()
    server = test.server('-l', '/dev/null')
    test.attached()
    client = test.connect(server)
    test.served(server, client)
    for _ in range(50):
        wait_until(lambda: server.state() == 'S')
        server.signal(signal.SIGHUP)
        if wait_until(lambda: test.faults.get('last_error', 'select')
                      == errno.EINTR, 0.1):
            break
    else:
        raise Failure('select fails with EINTR', 'it did not')
    test.served(server, client, 'the action for EINTR is RETRY')
    not_told(test, server, 'select')
