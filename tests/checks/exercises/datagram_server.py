"""The checks of 04-datagram as a server: each message is handled on its
own."""

import signal
import socket
import struct

from checks.exercises.datagram_tools import (
    LONGEST, STAGE, answered, echoed, free_port, is_bound, nothing_more,
    socket_to, start, start_server)
from harness import (Failure, Skip, check, data, refuses, share,
                     stopped_plainly, told, wait_until)


@check(STAGE, open=False)
def bound_line(test):
    """prints "bound to ADDRESS:PORT" when it is ready"""
    port = free_port()
    server = start_server(test, port=port)
    if (server.host, server.port) != ('127.0.0.1', port):
        raise Failure(f'the line "bound to 127.0.0.1:{port}"', server.lines[0],
                      'getsockname stores the address; use ntohs for the port')


share(STAGE, 'default_port')


@check(STAGE)
def echo_message(test):
    """sends a message back to its sender, once"""
    server = start_server(test)
    ours = socket_to(test, server)
    for message in b'hello', b'hello\n', b'x':
        echoed(test, server, ours, message)
    nothing_more(ours)


@check(STAGE)
def message_boundaries(test):
    """messages that are queued together come back one by one"""
    server = start_server(test)
    ours = socket_to(test, server)
    messages = b'one', b'and two', b'3' * 1000, b'4', b'five'
    with_server_stopped(server, lambda: list(map(ours.send, messages)))
    for message in messages:
        answered(test, server, ours, message, 'one recvfrom returns one '
                 'message, and one sendto sends one')
    nothing_more(ours)


def with_server_stopped(server, function):
    server.signal(signal.SIGSTOP)
    wait_until(lambda: server.state() == 'T')
    function()
    server.signal(signal.SIGCONT)


@check(STAGE)
def empty_message(test):
    """a message of 0 bytes comes back, and does not end the server"""
    server = start_server(test)
    ours = socket_to(test, server)
    for message in b'', b'', b'after it', b'':
        echoed(test, server, ours, message, 'a datagram may have no bytes: '
               'recvfrom returns 0, which does not mean the end')


@check(STAGE)
def every_byte(test):
    """a message may contain any bytes, including NUL and newlines"""
    server = start_server(test)
    ours = socket_to(test, server)
    for message in b'a\0b\n\0', bytes(range(256)), b'\0', b'\n':
        echoed(test, server, ours, message,
               'use the length that recvfrom returns: a NUL or a newline does '
               'not end a message')


@check(STAGE)
def longest_message(test):
    """a message of 65,507 bytes, the longest, comes back whole"""
    server = start_server(test)
    ours = socket_to(test, server)
    for size in 512, 513, 1472, 1473, 4097, 8193, 32769, LONGEST - 1, LONGEST:
        echoed(test, server, ours, data(size), 'recvfrom stores what fits in '
               'the buffer and drops the rest of the message: the buffer has '
               'to hold 65,507 bytes')


@check(STAGE)
def stale_bytes(test):
    """a short message after a long one comes back short"""
    server = start_server(test)
    ours = socket_to(test, server)
    for size in 5000, 3, 0, 700, 1:
        echoed(test, server, ours, data(size, seed=size))


@check(STAGE)
def to_its_sender(test):
    """each of many senders gets its own messages back"""
    server = start_server(test)
    senders = [socket_to(test, server) for _ in range(40)]
    for sender in senders[:2] * 2:
        echoed(test, server, sender, hint='each message may come from a '
               'different sender: send to the address that recvfrom stored '
               'for it, and do not connect the server\'s socket')
    messages = {sender: b'from %d' % sender.getsockname()[1]
                for sender in senders}
    with_server_stopped(server, lambda: [
        sender.send(messages[sender]) for sender in senders + senders[::-1]])
    for sender in senders * 2:
        answered(test, server, sender, messages[sender], 'send to the address '
                 'that recvfrom stored with this message; before each recvfrom '
                 'set the length of the address again')
    for sender in senders:
        nothing_more(sender, 0.005)


@check(STAGE)
def sender_gone(test):
    """a sender that is gone before its answer arrives, and the ICMP error that
    results, do not end the server"""
    server = start_server(test)
    ours = socket_to(test, server)
    echoed(test, server, ours)
    for _ in range(3):
        with_server_stopped(server, lambda: leave(test, server))
        echoed(test, server, ours, b'still there?', 'if an answer cannot be '
               'delivered, only that answer is lost; do not connect the '
               'server\'s socket')
    test.alive(server, 'a sender that was gone')


def leave(test, server):
    for _ in range(3):
        other = socket_to(test, server)
        other.send(b'and gone')
        other.close()


@check(STAGE)
def sender_without_port(test):
    """a message from port 0, which cannot be answered, does not end the
    server"""
    server = start_server(test)
    ours = socket_to(test, server)
    try:
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW,
                            socket.IPPROTO_UDP)
    except PermissionError:
        raise Skip('only root may send from port 0') from None
    with raw:
        for _ in range(2):
            raw.sendto(struct.pack('!HHHH', 0, server.port, 12, 0) + b'nope',
                       (server.host, 0))
    echoed(test, server, ours, hint='RFC 768 allows a sender to set its port '
                                    'to 0. sendto then fails with EINVAL: only '
                                    'this answer is lost')
    told(test, server, 'sendto', 'EINVAL', times=2)


@check(STAGE)
def idle_server(test):
    """uses no processor time while no message arrives"""
    server = start_server(test)
    echoed(test, server, socket_to(test, server))
    if server.spins():
        raise Failure('no processor time while no message arrives', 'it spins',
                      'let recvfrom wait for the next message')


@check(STAGE)
def restart_at_once(test):
    """can be restarted on its port at once"""
    port = free_port()
    server = start_server(test, port=port)
    ours = socket_to(test, server)
    echoed(test, server, ours)
    server.signal(signal.SIGKILL)
    server.wait_exit()
    again = start_server(test, port=port)
    echoed(test, again, socket_to(test, again))


@check(STAGE, open=False)
def port_not_shared(test):
    """does not share its port, even with a socket that sets SO_REUSEADDR"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(('127.0.0.1', 0))
        child = start(test, port=other.getsockname()[1])
        if child.wait_exit() != 1 or not any(
                line.startswith('bind: EADDRINUSE') for line in child.lines):
            raise Failure('bind fails with EADDRINUSE', f'it '
                          f'{test.outcome(child)}',
                          'do not set SO_REUSEADDR on a datagram socket: its '
                          'port is never in TIME_WAIT, and with the option two '
                          'servers can share a port, and then one of them '
                          'gets nothing')


@check(STAGE, open=False)
def address_option(test):
    """-a binds the server to another address"""
    server = start_server(test, '-a', '127.0.0.2')
    if server.host != '127.0.0.2':
        raise Failure('the line "bound to 127.0.0.2:PORT"', server.lines[0])
    echoed(test, server, socket_to(test, server))


@check(STAGE, open=False)
def help_printed(test):
    """-h prints the usage on standard output, status 0"""
    child, status = test.run('-h')
    if (status != 0 or not bytes(child.output).startswith(b'usage: datagram')
            or child.errors):
        raise Failure('the usage on standard output, status 0',
                      f'it {test.outcome(child)}')


@check(STAGE, open=False)
def wrong_arguments(test):
    """rejects a wrong command line: usage, status 2"""
    for arguments in (['80x'], ['-1'], ['65536'], [''], [' 80'], ['1', '2'],
                      ['-a', '127.0.0', '0'], ['-a', 'localhost', '0'],
                      ['-x'], ['-c', '0'], ['-c', '00'], ['-c', '65536'],
                      ['-c', '-t', '0', '1'], ['-c', '-t', '1x', '1'],
                      ['-c', '-t', '', '1'], ['-c', '-t', '86401', '1'],
                      ['-c', '-t', '-1', '1'], ['-c', '1', '2'], ['-c', '-t']):
        refuses(test, *arguments, hint="check that the whole argument is a "
                                       "number; the client's port and -t are "
                                       "at least 1")


@check(STAGE, open=False)
def getsockname_fails(test):
    """reports that getsockname failed, and exits with status 1"""
    stopped_plainly(test, 'getsockname')


@check(STAGE, open=False)
def streams_closed(test):
    """the socket does not take the place of a closed standard stream"""
    port = free_port()
    server = test.start_closed('<&- >&- 2>&-', str(port))
    wait_until(lambda: is_bound(port) or not server.running())
    if not server.running():
        raise Failure('a server that runs', f'it {test.outcome(server)}')
    if server.file_of(2).startswith('socket:'):
        raise Failure('standard error is not the socket', 'descriptor 2 is '
                      'the socket', 'before creating the socket, open '
                      '/dev/null for each standard stream that is closed')
