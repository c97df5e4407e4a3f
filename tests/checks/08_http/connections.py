"""The checks of 08 that are about connections: how long they stay, and in what
pieces requests and responses come."""

import socket
import time

from harness import Failure, check, data, difference, shown
from harness.web import (DATA, HELLO, USUAL, WEB, Visitor, chunked, request,
                         rests)


def persistent(test, files=USUAL):
    """A visitor of a server that keeps connections."""
    server = test.server(root=test.site(files))
    test.need_persistence(server)
    return test.visitor(server=server)


@check(WEB)
def connection_kept(test):
    """a 1.1 connection serves one request after the other"""
    visitor = persistent(test)
    for _ in range(50):
        reply = visitor.get().must_be(200, HELLO)
        if reply.last:
            raise Failure('a connection that stays', 'Connection: close',
                          'to persist is the default in HTTP/1.1')
    visitor.get('/hello.txt', 'Connection: keep-alive').must_be(200, HELLO)
    visitor.stays()


CLOSING = ('close', 'Close', 'CLOSE', 'keep-alive, close', 'close, keep-alive',
           'x,close', 'close ,x', ',close', 'close,', '\tclose\t',
           'x\r\nConnection: close')


@check(WEB)
def connection_closed(test):
    """"Connection: close", anywhere in the list, ends the connection after the
    response, and what is sent after it is not looked at"""
    for value in CLOSING:
        visitor = test.visitor()
        reply = visitor.ask(request('/hello.txt', f'Connection: {value}')
                            + request('/data.bin')).must_be(200, HELLO)
        visitor.ended(f'"Connection: {value}" has close in it: a list, of any '
                      'case, in one field or more')
        if not test.any and not reply.last:
            raise Failure(f'"Connection: close" in the answer to "Connection: '
                          f'{value}"', f'"{reply["Connection"]}"')


@check(WEB, open=False)
def connection_other_tokens(test):
    """tokens that only look like close do not close"""
    visitor = test.visitor()
    for value in ('closed', 'x-close', 'disclose', 'keep-alive', 'upgrade', '',
                  'clos', '"close"'):
        visitor.get('/hello.txt', f'Connection: {value}',
                    hint='a token is compared whole').must_be(200, HELLO)
    visitor.stays()


@check(WEB, open=False)
def close_wins(test):
    """close wins over keep-alive, in 1.0 as well"""
    for version in ('HTTP/1.0', 'HTTP/1.1'):
        visitor = test.visitor()
        reply = visitor.get('/hello.txt', 'Connection: keep-alive',
                            'Connection: close', version=version)
        visitor.ended('close wins')
        if reply.tokens('Connection') != ['close']:
            raise Failure('"Connection: close"', f'"{reply["Connection"]}"')


@check(WEB, open=False)
def stays_after_refusal(test):
    """a refusal of a sound request does not end the connection"""
    visitor = test.visitor()
    for status, message in (
            (404, request('/nothing')), (405, request(method='DELETE')),
            (501, request(method='FROB')),
            (412, request('/hello.txt', 'If-Match: "x"')),
            (416, request('/hello.txt', 'Range: bytes=99-')),
            (301, request('/sub')), (204, request(method='OPTIONS'))):
        reply = visitor.ask(message, 'the request before this one was refused, '
                            'but it was sound').must_be(status)
        if reply.last:
            raise Failure(f'a connection that stays after a {status}',
                          'Connection: close')
    visitor.stays()


@check(WEB)
def last_response_not_lost(test):
    """the last response of a connection, to a bad request or to "Connection:
    close", arrives though much more was sent: the server ends its half and
    takes in the rest, for a close would reset"""
    hint = ('to close a socket with bytes unread resets the connection: '
            'shutdown(SHUT_WR), then recv until the client has closed')
    for message, status in [
            (b'GET / HTTP/1.1\r\nbad field\r\n\r\n', 400),
            (request('/data.bin', 'Connection: close'), 200)] * 3:
        visitor = test.visitor()
        visitor.feed(message + data(4 << 20))
        visitor.answer(message, hint).must_be(
            range(200, 600) if test.any else status)
        try:
            rest = visitor.socket.recv(10)
        except ConnectionResetError:
            raise Failure('the end of the stream', 'a reset', hint) from None
        if rest:
            raise Failure('the end of the stream', shown(rest))


@check(WEB, open=False)
def last_response_on_its_way(test):
    """the last response arrives though the client sends one more byte while
    most of it is still on its way: the server closes after the client"""
    root = test.site({'16k': DATA + DATA[:6000]})
    server = test.server(root=root)
    for message, extra in ((request('/16k', 'Connection: close'), b'\r\n'),
                           (request('/16k', version='HTTP/1.0'), b'GET /')):
        client = socket.socket()
        test.closing.append(client)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        client.settimeout(10)
        client.connect((server.host, server.port))
        client.sendall(message)
        rests(server)
        client.sendall(extra)
        rests(server)
        Visitor(client).answer(message, 'a reset destroys what the client has '
                               'not acknowledged: shutdown, then recv until it '
                               'closes').must_be(200, DATA + DATA[:6000])


CONVERSATION = (request('/hello.txt', 'X-Filler: ' + 'x' * 20)
                + request('/hello.txt', 'Content-Length: 5', body=b'hello')
                + request('/hello.txt', 'Transfer-Encoding: chunked',
                          body=chunked(b'one', b'and two', extension=b';a=b',
                                       trailer=b'X: y\r\n')))


def conversation(test):
    """Its bytes, and how many responses it has: one, if what bodies do is a
    server's own affair."""
    return (request(), 1) if test.any else (CONVERSATION, 3)


@check(WEB)
def byte_by_byte(test):
    """requests that come byte by byte are served"""
    visitor = test.visitor()
    message, count = conversation(test)
    for byte in message:
        visitor.send(bytes([byte]))
    for _ in range(count):
        visitor.answer(hint='keep what has come until the head is whole'
                       ).must_be(200, HELLO)


@check(WEB)
def split_everywhere(test):
    """requests that come in two pieces are served, wherever they part"""
    message, count = conversation(test)
    server = test.server(root=test.site())
    visitor = test.visitor(server=server)
    for at in range(1, len(message)):
        visitor.send(message[:at])
        rests(server)
        visitor.send(message[at:])
        for _ in range(count):
            visitor.answer(hint=f'the first piece ends with '
                           f'{shown(message[max(0, at - 8):at])}'
                           ).must_be(200, HELLO)


@check(WEB, open=False)
def partial_recv(test):
    """a server that receives one byte at a time, or 3, or 100, serves the same
    requests"""
    test.need_injector()
    for most in (1, 3, 100):
        visitor = test.visitor()
        test.attached()
        test.faults.set('most', most, 'recv')
        visitor.send(CONVERSATION)
        for _ in range(3):
            visitor.answer().must_be(200, HELLO)


@check(WEB, open=False)
def partial_sends(test):
    """a send that takes only part of the bytes loses none"""
    test.need_injector()
    visitor = test.visitor()
    test.attached()
    for most in (1, 7, 1000):
        test.faults.set('most', most, 'send')
        visitor.get('/data.bin').must_be(200, DATA, 'send returns how many '
                                         'bytes it took: the rest comes next')
        visitor.get('/nothing').must_be(404)


@check(WEB)
def pipelined(test):
    """300 requests sent in one go are answered, all and in order"""
    files = {f'{number}.txt': b'file %d' % number for number in range(300)}
    visitor = persistent(test, files)
    targets = [f'/{number * 7 % 300}.txt' for number in range(300)]
    visitor.feed(b''.join(map(request, targets)))
    for target in targets:
        visitor.answer(request(target), 'what is left in the buffer after a '
                       'request is the next one').must_be(
                           200, files[target[1:]])


@check(WEB)
def pipelined_mixture(test):
    """pipelined requests of every kind are answered in order"""
    visitor = persistent(test)
    script = [(request(), 200, HELLO), (request(method='HEAD'), 200, b''),
              (request('/nothing'), 404, None),
              (request('/data.bin'), 200, DATA),
              (request('/hello.txt', 'If-None-Match: *'), 304, b''),
              (request('/nothing', method='HEAD'), 404, b''),
              (request('/hello.txt', 'Range: bytes=0-4'), 206, HELLO[:5]),
              (request('/empty.txt'), 200, b'')] * 20
    if test.any:  # the others are a server's own choice
        script = [row for row in script if row[1] == 200]
    visitor.feed(b''.join(row[0] for row in script))
    for message, status, body in script:
        visitor.answer(message).must_be(status, body)


@check(WEB)
def pipelined_large(test):
    """large files in a row come whole, one after the other"""
    large = [data(3 << 20, seed) for seed in range(4)]
    files = {str(number): content for number, content in enumerate(large)}
    visitor = persistent(test, files)
    visitor.send(b''.join(request(f'/{number}') for number in range(4)))
    for number in range(4):
        visitor.answer().must_be(200, large[number])


@check(WEB, open=False)
def empty_lines_before(test):
    """an empty line or two before a request are skipped"""
    visitor = test.visitor()
    for before in (b'\r\n', b'\r\n\r\n', b''):
        visitor.ask(before + request(), 'some clients send CRLF after a body'
                    ).must_be(200, HELLO)


@check(WEB)
def half_closed(test):
    """a client that ends its half after its requests gets its answers"""
    visitor = persistent(test)
    visitor.send(request('/data.bin') * 3)
    visitor.socket.shutdown(socket.SHUT_WR)
    for _ in range(3):
        visitor.answer(hint='recv() == 0 ends the client\'s half alone'
                       ).must_be(200, DATA)
    visitor.ended()


@check(WEB)
def ends_within_a_request(test):
    """a client that ends within a request is let go, and is not served"""
    message = request('/hello.txt')
    for at in (1, 10, len(message) - 2, len(message) - 1):
        visitor = test.visitor()
        visitor.send(message[:at])
        visitor.socket.shutdown(socket.SHUT_WR)
        if b'hello' in visitor.rest():
            raise Failure('no file for half a request', 'the file',
                          'a head ends with an empty line')


@check(WEB)
def read_in_bits(test):
    """a client that reads late and in bits gets it all"""
    content = data(8 << 20)
    visitor = test.visitor(server=test.server(
        root=test.site({'large': content})))
    visitor.send(request('/large'))
    time.sleep(0.2)  # by now the server can send no more
    got = bytearray()
    for step in range(300):
        got += test.receive(visitor.socket, 1 + step * 7 % 2000)
    visitor.buffer = got
    visitor.answer(request('/large')).must_be(200, content)


@check(WEB)
def stopped_and_continued(test):
    """Ctrl-Z and fg in the middle of a file lose no byte"""
    content = data(24 << 20)
    server = test.server(root=test.site({'large': content}))
    visitor = test.visitor(server=server)
    visitor.send(request('/large'))
    for _ in range(8):
        visitor.buffer += test.receive(visitor.socket, 1 << 20)
        server.stop_and_continue()
    visitor.answer(request('/large')).must_be(200, content)


@check(WEB)
def all_at_once_large(test):
    """ten clients get a large file each, read in turns, and all get theirs"""
    large = [data(1 << 20, seed) for seed in range(10)]
    server = test.server(root=test.site(
        {str(number): content for number, content in enumerate(large)}))
    visitors = [test.visitor(server=server) for _ in large]
    for number, visitor in enumerate(visitors):
        visitor.send(request(f'/{number}'))
    for _ in range(20):
        for visitor in visitors:
            visitor.buffer += test.receive(visitor.socket, 20000)
    for number, visitor in reversed(list(enumerate(visitors))):
        got = visitor.answer(request(f'/{number}')).must_be(200)
        if got.body != large[number]:
            raise Failure(f'file {number}, whole',
                          difference(large[number], got.body))
