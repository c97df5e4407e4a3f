"""The checks of 08 that are about connections: how long they stay open, and in
what pieces requests and responses arrive."""

import socket
import time

from .kept import LEFT_HINT, need_pipelining, persistent
from harness import Failure, Skip, check, data, difference, shown
from harness.web import (DATA, HELLO, WEB, Visitor, chunked, closed, request,
                         rests)


@check(WEB, after='get_text')
def connection_kept(test):
    """serves one request after another on a 1.1 connection"""
    visitor = persistent(test)
    for _ in range(50):
        reply = visitor.get().must_be(200, HELLO)
        if reply.last:
            raise Failure('a connection that stays open', 'Connection: close',
                          'connections persist by default in HTTP/1.1')
    visitor.get('/hello.txt', 'Connection: keep-alive').must_be(200, HELLO)
    visitor.stays()


CLOSING = ('close', 'Close', 'CLOSE', 'keep-alive, close', 'close, keep-alive',
           'x,close', 'close ,x', ',close', 'close,', '\tclose\t',
           'x\r\nConnection: close')


@check(WEB, after='connect_not_allowed')
def connection_closed(test):
    """closes after the response to a request with close anywhere in
    Connection, and ignores later requests"""
    for value in CLOSING:
        visitor = test.visitor()
        reply = visitor.ask(request('/hello.txt', f'Connection: {value}')
                            + request('/data.bin')).must_be(200, HELLO)
        field = shown(b'Connection: ' + value.encode())
        visitor.ended(f'{field} contains close: compare each element of the '
                      'list, ignoring case, in one field or several')
        if not test.any and not reply.last:
            raise Failure(f'"Connection: close" in the answer to "Connection: '
                          f'{value}"', f'"{reply["Connection"]}"')


@check(WEB, open=False, after='connection_closed')
def connection_other_tokens(test):
    """keeps the connection if a token only resembles close"""
    visitor = test.visitor()
    for value in ('closed', 'x-close', 'disclose', 'keep-alive', 'upgrade', '',
                  'clos', '"close"'):
        visitor.get('/hello.txt', f'Connection: {value}',
                    hint='compare whole tokens').must_be(200, HELLO)
    visitor.stays()


@check(WEB, open=False, after='connection_other_tokens')
def close_wins(test):
    """close takes precedence over keep-alive, in HTTP/1.0 too"""
    for version in ('HTTP/1.0', 'HTTP/1.1'):
        visitor = test.visitor()
        reply = visitor.get('/hello.txt', 'Connection: keep-alive',
                            'Connection: close', version=version)
        visitor.ended('close takes precedence')
        if reply.tokens('Connection') != ['close']:
            raise Failure('"Connection: close"', f'"{reply["Connection"]}"')


@check(WEB, open=False)
def stays_after_refusal(test):
    """keeps the connection after rejecting a well-formed request"""
    visitor = test.visitor()
    for status, message in (
            (404, request('/nothing')), (405, request(method='DELETE')),
            (501, request(method='FROB')),
            (412, request('/hello.txt', 'If-Match: "x"')),
            (416, request('/hello.txt', 'Range: bytes=99-')),
            (301, request('/sub')), (204, request(method='OPTIONS'))):
        reply = visitor.ask(message, 'the request before this one was '
                            'rejected, but it was well formed').must_be(status)
        if reply.last:
            raise Failure(f'a connection that stays open after a {status}',
                          'Connection: close')
    visitor.stays()


@check(WEB)
def last_response_not_lost(test):
    """the last response of a connection, to a bad request or to "Connection:
    close", arrives though the client keeps sending: the server shuts down
    its half and reads the rest, since close would send a reset"""
    hint = ('closing a socket with unread bytes sends a reset: call '
            'shutdown(fd, SHUT_WR), then recv until the client has closed')
    for message, status in [
            (b'GET / HTTP/1.1\r\nbad field\r\n\r\n', 400),
            (request('/data.bin', 'Connection: close'), 200)] * 3:
        if test.any and status == 400:
            continue  # other servers may accept the bad field
        visitor = test.visitor()
        visitor.feed(message + data(4 << 20))
        if test.any:  # a reset after the whole response loses nothing
            reply = visitor.head(message, hint)
            if reply.status == 200:
                visitor.read_body(reply, b'GET', hint)
            continue
        visitor.answer(message, hint).must_be(status)
        try:
            rest = visitor.socket.recv(10)
        except ConnectionResetError:
            raise Failure('the end of the stream', 'a reset', hint) from None
        if rest:
            raise Failure('the end of the stream', shown(rest), hint)


@check(WEB, open=False)
def last_response_on_its_way(test):
    """the last response arrives though the client sends a few more bytes while
    most of the response is still on its way: the server closes last"""
    root = test.site({'16k': DATA + DATA[:6000]})
    server = test.server(root=root)
    for message, extra in ((request('/16k', 'Connection: close'), b'\r\n'),
                           (request('/16k', version='HTTP/1.0'), b'GET /')):
        client = socket.socket()
        test.closing.append(client)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        client.settimeout(10)
        client.connect((server.host, server.port))
        client = test.secured(client)
        client.sendall(message)
        rests(server)
        client.sendall(extra)
        rests(server)
        Visitor(client).answer(message, 'a reset destroys what the client has '
                               'not acknowledged: shutdown, then recv until it '
                               'closes').must_be(200, DATA + DATA[:6000])


@check(WEB, open=False)
def large_last_response(test):
    """a large last response arrives though the client sends more meanwhile"""
    large = data(8 << 20)
    server = test.server(root=test.site({'large': large}))
    for message in (request('/large', 'Connection: close'),
                    request('/large', version='HTTP/1.0')):
        client = Visitor(test.connect(server))
        client.send(message)
        client.head()
        client.send(b'GET /')
        got = bytes(client.buffer)
        got += test.receive(client.socket, len(large) - len(got))
        if got != large:
            raise Failure('the whole file', 'part of it', 'a reset destroys '
                          'what the client has not acknowledged: shutdown, '
                          'then recv until the client closes')


@check(WEB, open=False)
def sends_without_end(test):
    """drops a client that keeps sending after its last response"""
    visitor = test.visitor()
    visitor.send(b'nonsense\r\n\r\n')
    visitor.answer().must_be(400)
    piece = data(1 << 20)
    try:
        for _ in range(200):
            visitor.socket.sendall(piece)
    except OSError:
        return
    raise Failure('the end of the connection after a few megabytes', 'it takes '
                  '200 of them', 'discard what arrives, but only up to a limit')


@check(WEB, open=False)
def answers_at_once(test):
    """answers each request at once: no answer is held back in the kernel"""
    visitor = test.visitor()
    for _ in range(4):
        began = time.monotonic()
        for _ in range(5):
            visitor.get()
        took = (time.monotonic() - began) / 5
        if took < 0.1:  # one success is enough: the machine may be busy
            return
    raise Failure('an answer in less than 0.1 seconds', f'{took:.2f} seconds '
                  'each',
                  'MSG_MORE and TCP_CORK hold back the end of an answer for '
                  '0.2 seconds: use them only for the last answer')


CONVERSATION = (request('/hello.txt', 'X-Filler: ' + 'x' * 20)
                + request('/hello.txt', 'Content-Length: 5', body=b'hello')
                + request('/hello.txt', 'Transfer-Encoding: chunked',
                          body=chunked(b'one', b'and two', extension=b';a=b',
                                       trailer=b'X: y\r\n')))


def conversation(test):
    """The bytes of the requests, and the number of responses; only one request
    if the server under test is not ours."""
    return (request(), 1) if test.any else (CONVERSATION, 3)


@check(WEB, after='split_everywhere')
def byte_by_byte(test):
    """serves requests that arrive byte by byte"""
    visitor = test.visitor()
    message, count = conversation(test)
    for byte in message:
        visitor.send(bytes([byte]))
    for _ in range(count):
        visitor.answer(hint='keep what has arrived until the head is complete'
                       ).must_be(200, HELLO)


@check(WEB)
def split_everywhere(test):
    """serves requests that arrive in two pieces, wherever they are cut"""
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
    """serves requests if recv returns 1 byte at a time, or 3, or 100"""
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
    """no bytes are lost when send takes only some of them"""
    test.need_injector()
    visitor = test.visitor()
    test.attached()
    for most in (1, 7, 1000):
        test.faults.set('most', most, 'send')
        visitor.get('/data.bin').must_be(200, DATA, 'send returns how many '
                                         'bytes it took: send the rest')
        visitor.get('/nothing').must_be(404)


@check(WEB)
def pipelined(test):
    """answers 300 requests that are sent together, all in order"""
    files = {f'{number}.txt': b'file %d' % number for number in range(300)}
    visitor = persistent(test, files)
    targets = [f'/{number * 7 % 300}.txt' for number in range(300)]
    if test.any:  # others may close after 100 requests or have small buffers
        visitor.send(request() * 2)
        for _ in range(2):
            visitor.answer(request(), LEFT_HINT).must_be(200, HELLO, LEFT_HINT)
        targets = targets[:20]
    visitor.feed(b''.join(map(request, targets)))
    for target in targets:
        visitor.answer(request(target), LEFT_HINT).must_be(
            200, files[target[1:]])


@check(WEB)
def pipelined_mixture(test):
    """answers pipelined requests of every kind in order"""
    need_pipelining(test)
    visitor = persistent(test)
    script = [(request(), 200, HELLO), (request(method='HEAD'), 200, b''),
              (request('/nothing'), 404, None),
              (request('/data.bin'), 200, DATA),
              (request('/hello.txt', 'If-None-Match: *'), 304, b''),
              (request('/nothing', method='HEAD'), 404, b''),
              (request('/hello.txt', 'Range: bytes=0-4'), 206, HELLO[:5]),
              (request('/empty.txt'), 200, b'')] * 20
    if test.any:  # statuses other than 200 are a server's choice
        script = [row for row in script if row[1] == 200][:25]
    visitor.feed(b''.join(row[0] for row in script))
    for message, status, body in script:
        visitor.answer(message).must_be(status, body)


@check(WEB)
def pipelined_large(test):
    """sends large files completely, one after another"""
    large = [data(3 << 20, seed) for seed in range(4)]
    files = {str(number): content for number, content in enumerate(large)}
    need_pipelining(test)
    visitor = persistent(test, files)
    visitor.send(b''.join(request(f'/{number}') for number in range(4)))
    for number in range(4):
        visitor.answer().must_be(200, large[number])


@check(WEB, open=False)
def empty_lines_before(test):
    """skips any number of empty lines before a request, and no other line"""
    visitor = test.visitor()
    for before in (b'\r\n', b'\r\n\r\n', b'', b'\r\n' * 10000, b'\n' * 20000):
        visitor.ask(before + request(), 'some clients send CRLF after a body'
                    ).must_be(200, HELLO)
    visitor.ask(b'x\n' + request()).must_be(400)


@check(WEB)
def half_closed(test):
    """answers a client that shuts down its half after its requests"""
    need_pipelining(test)
    visitor = persistent(test)
    visitor.send(request('/data.bin') * 3)
    visitor.socket.shutdown(socket.SHUT_WR)
    if test.any:  # RFC 9112 allows a server to close now
        try:
            visitor.head()
        except Failure as failure:
            if closed(failure):
                raise Skip('it drops a client that shuts down its half'
                           ) from None
            raise
        return
    for _ in range(3):
        visitor.answer(hint='recv() == 0: only the client\'s half has ended'
                       ).must_be(200, DATA)
    visitor.ended()


@check(WEB)
def ends_within_a_request(test):
    """does not serve a client that closes in the middle of a request"""
    message = request('/hello.txt')
    for at in (1, 10, len(message) - 2, len(message) - 1):
        visitor = test.visitor()
        visitor.send(message[:at])
        visitor.socket.shutdown(socket.SHUT_WR)
        if b'hello' in visitor.rest():
            raise Failure('no file for half a request', 'the file',
                          'a head is complete only after an empty line')


@check(WEB)
def read_in_bits(test):
    """sends everything to a client that reads late and in small pieces"""
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
    """loses no byte of a file when stopped and continued (Ctrl-Z, fg)"""
    content = data(10 << 20)
    server = test.server(root=test.site({'large': content}))
    visitor = test.visitor(server=server)
    visitor.send(request('/large'))
    for _ in range(8):
        visitor.buffer += test.receive(visitor.socket, 1 << 20)
        server.stop_and_continue()
    visitor.answer(request('/large')).must_be(200, content)


@check(WEB)
def all_at_once_large(test):
    """ten clients that read in turn each get a large file"""
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
