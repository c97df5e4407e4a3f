"""Shared by the checks of 04-datagram: the program as a server and as a
client, and the sockets on the other side."""

import contextlib
import re
import socket
import struct
import subprocess

from harness import (PATIENCE, Failure, Server, Skip, counted, difference, feed,
                     network, said_error, shown, wait_until)

STAGE = '04-datagram'
LONGEST = 65507  # bytes of a message: 65,535, less 20 for IPv4 and 8 for UDP
ECHO_HINT = ('sendto sends as many bytes as recvfrom has returned, to the '
             'address that recvfrom has stored')


def start(test, *options, client=False, port=0, **others):
    """Starts the program. In a user's command, the word {client} stands for -c
    and the client's options."""
    if not test.any:
        return test.start(*['-c'] * client, *options, str(port), **others)
    if client and '{client}' not in test.words:
        raise Skip('a program without {client} in its command is only tested '
                   'as a server')
    words, role = test.words, ['-c', *options] if client else []
    test.words = [new for word in words
                  for new in (role if word == '{client}' else [word])]
    try:
        return test.start(port=port, host='127.0.0.1', **others)
    finally:
        test.words = words


# ------------------------------------------------------------ as the server

def free_port():
    """A port below the ephemeral range that is free for TCP and UDP."""
    while True:
        port = network.free_port()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            with contextlib.suppress(OSError):
                probe.bind(('', port))
                return port


def is_bound(port):
    """Returns whether a UDP socket is bound to a port."""
    for path in '/proc/net/udp', '/proc/net/udp6':
        try:
            with open(path) as file:
                if re.search(rf':{port:04X} \S+ 07 ', file.read()):
                    return True
        except OSError:
            continue
    return False


def start_server(test, *options, port=0):
    """Starts the program as the server, and waits until it is ready."""
    if test.any:
        port = port or free_port()
        server = start(test, port=port, kind=Server)
        if not wait_until(lambda: is_bound(port) or not server.running()) \
                or not server.running():
            raise Failure(f'a server with a UDP socket on {port}',
                          f'it {test.outcome(server)}')
        server.port = port
        return server
    server = start(test, *options, port=port, kind=Server)
    match = server.wait_line(r'bound to (\S+):(\d+)$')
    if match is None:
        raise Failure('the line "bound to 127.0.0.1:PORT" on standard error, '
                      'once the server is ready', f'it {test.outcome(server)}',
                      'a datagram socket needs neither listen nor accept: '
                      'print the line after bind and getsockname')
    server.host, server.port = match[1], int(match[2])
    return server


def socket_to(test, server):
    """A socket that receives messages only from the server."""
    ours = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    test.closing.append(ours)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    ours.settimeout(PATIENCE)
    ours.connect((server.host, server.port))
    return ours


def said(message):
    return f'a message of {counted(len(message))}: {shown(message)}'


def answered(test, server, ours, message, hint=''):
    """Demands the echo of a message, whole and in one piece."""
    expected = f'the echo of {said(message)}'
    try:
        got = ours.recv(1 << 17)
    except OSError as error:
        raise Failure(expected, f'{said_error(error)}; the server '
                      f'{test.outcome(server)}', hint or ECHO_HINT) from None
    if got != message:
        raise Failure(expected, f'{said(got)}: {difference(message, got)}'
                      if got else 'a message of 0 bytes', hint or ECHO_HINT)


def echoed(test, server, ours, message=b'served?', hint=''):
    """Sends a message and demands its echo."""
    try:
        ours.send(message)
    except OSError as error:
        raise Failure('a server that takes messages', f'{said_error(error)}; '
                      f'it {test.outcome(server)}', hint) from None
    answered(test, server, ours, message, hint)


def nothing_more(ours, seconds=0.1, hint=''):
    """Demands that no further message arrive for a while."""
    ours.settimeout(seconds)
    try:
        got = ours.recv(1 << 17)
    except (socket.timeout, TimeoutError):
        return
    finally:
        ours.settimeout(PATIENCE)
    raise Failure('no further message', said(got), hint or
                  'send each message back once, and only to its sender')


# ------------------------------------------------------------ as the client

class Asked:
    """The server for the client under test."""

    def __init__(self, test, host='127.0.0.1', port=0):
        self.test = test
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        test.closing.append(self.socket)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((host, port))
        self.port = self.socket.getsockname()[1]
        self.client, self.child, self.seen = None, None, []

    def start(self, message, *options, seconds=20, **others):
        """Starts the client. Its input is the message, unless the message is
        None. The usual time limit is long, so that the client does not ask
        again just because this process answers slowly."""
        self.child = start(self.test, '-t', str(seconds), *options,
                           client=True, port=self.port, stdin=subprocess.PIPE,
                           **others)
        if message is not None:
            feed(self.test, self.child, message)
        return self.child

    def take(self, patience=PATIENCE):
        """Returns the next message, or None if none arrives in time."""
        self.socket.settimeout(patience)
        try:
            message, self.client = self.socket.recvfrom(1 << 17)
        except (socket.timeout, TimeoutError):
            return None
        return message

    def request(self, number, line, hint='', patience=PATIENCE):
        """Demands the request with this number and line. Returns it. Skips
        copies of earlier requests, sent because this process was slow."""
        expected = struct.pack('!I', number) + line
        got = self.take(patience)
        while got != expected and got in self.seen:
            got = self.take(patience)
        if got is None:
            raise Failure(f'request {number}, {said(expected)}',
                          f'none in {patience:.1f} seconds; the client '
                          f'{self.test.outcome(self.child)}', hint)
        if got != expected:
            raise Failure(f'request {number}, {said(expected)}', said(got),
                          wrong_request(expected, got, hint))
        self.seen.append(got)
        return got

    def nothing(self, seconds, why, hint='', again_hint=''):
        """Demands that no request arrive for a while."""
        got = self.take(seconds)
        if got is not None:
            if got in self.seen:
                hint = again_hint or hint
            raise Failure(f'no request {why}', said(got), hint)

    def answer(self, message):
        self.socket.sendto(message, self.client)

    def serve(self, *lines):
        """Answers the requests for these lines, numbered from 1."""
        for number, line in enumerate(lines, 1):
            self.answer(self.request(number, line))

    def succeeded(self, output, hint=''):
        """Demands status 0 and these lines on standard output."""
        child, test = self.child, self.test
        status = child.wait_exit()
        outcome = f'it {test.outcome(child)}'
        if status is not None and bytes(child.output) != output:
            raise Failure(f'{shown(output)} on standard output',
                          f'{shown(bytes(child.output))}; {outcome}', hint or
                          'print each answer without its number, followed '
                          'by a newline')
        if status != 0:
            raise Failure('exit status 0: every line has its answer', outcome,
                          hint)

    def failed(self, output=b'', patience=PATIENCE, hint=''):
        """Demands status 1 and these lines, no more, on standard output."""
        child, test = self.child, self.test
        status = child.wait_exit(patience)
        if status in (None, 0) or status != 1 and not test.any:
            raise Failure('exit status 1: a line has no answer',
                          f'it {test.outcome(child)}', hint)
        if bytes(child.output) != output:
            raise Failure(f'{shown(output)} on standard output',
                          f'{shown(bytes(child.output))}', hint or
                          'print nothing for a line without an answer')


def wrong_request(expected, got, hint):
    """Returns a hint about what is probably wrong with a request."""
    if got[:4] == expected[:4][::-1] and got[4:] == expected[4:]:
        return 'send the number in network byte order: htonl'
    if got == expected + b'\n':
        return 'a message is a line without its newline'
    if got[4:] == expected[4:]:
        return ('for the first line the number is 1, for the next one 2, and '
                'so on; asking again does not change it')
    if got == expected[4:]:
        return 'a request begins with its number, 4 bytes'
    return hint or ('a request is 4 bytes, its number in network byte order, '
                    'and then the line')
