"""The checks of 08 that are about how long a request may be."""

from .heads import field
from harness import Failure, check
from harness.web import HELLO, WEB, closed, request, rests


@check(WEB, open=False)
def target_length(test):
    """accepts a target of 8192 bytes, and rejects a longer one with 414"""
    server = test.server(root=test.site())
    visitor = test.visitor(server=server)
    for target in ('/' + 'x' * 8191, '/x?' + 'y' * 8189, '/' + 'x/' * 4000):
        visitor.get(target).must_be(404)
    message = request('/hello.txt?' + 'y' * 8181)
    visitor.ask(message).must_be(200, HELLO)
    visitor.send(message[:8200])
    rests(server)
    visitor.ask(message[8200:]).must_be(
        200, HELLO, 'the request line is longer than 8192 bytes, and may '
        'arrive in pieces: until it has ended, its limit is MAX_HEAD')
    for size in (8193, 8200, 12000):
        other = test.visitor()
        reply = other.get('/' + 'x' * (size - 1)).must_be(414)
        other.ended()
        if not reply.last:
            raise Failure('Connection: close', reply['Connection'])
    visitor.stays()


def rejected(test, visitor, status, hint):
    """Demands this status; another server may send any error, or close."""
    try:
        if test.any:
            visitor.head(hint=hint).must_be(range(400, 600), hint=hint)
        else:
            visitor.answer(hint=hint).must_be(status, hint=hint)
    except Failure as failure:
        if not test.any or not closed(failure):
            raise


@check(WEB)
def target_endless(test):
    """rejects a request line that never ends"""
    hint = 'reject a line once it is too long: its end may never come'
    visitor = test.visitor()
    visitor.feed([b'GET /', *[b'x' * 65536] * (256 if test.any else 5)])
    rejected(test, visitor, 414, hint)
    if not test.any:
        visitor = test.visitor()
        visitor.send(b'GET /' + b'x' * (16384 - len('GET /')))
        visitor.answer(hint='no end within 16384 bytes: reject it').must_be(414)


@check(WEB, open=False, after='head_endless')
def head_length(test):
    """accepts a head of 16384 bytes, and rejects a longer one with 431"""
    bare = len(field('X-Filler: '))
    visitor = test.visitor()
    for size in (16000, 16384):
        visitor.get('/hello.txt', 'X-Filler: ' + 'x' * (size - bare)
                    ).must_be(200, HELLO)
    for _ in range(2):  # over 16384 bytes arrive, but not in one head
        visitor.send(field('X-Filler: ' + 'x' * (16384 - bare)) + request())
        hint = 'a request follows a head of 16384 bytes, and both are valid'
        for _ in range(2):
            visitor.answer(hint=hint).must_be(200, HELLO, hint)
    for size in (16385, 16400, 20000, 100000):
        hint = f'a head of {size} bytes is too long'
        other = test.visitor()
        reply = other.get('/hello.txt', 'X-Filler: ' + 'x' * (size - bare),
                          hint=hint).must_be(431, hint=hint)
        other.ended()
        if not reply.last:
            raise Failure('Connection: close', reply['Connection'])
    visitor.stays()


@check(WEB)
def head_endless(test):
    """rejects a head that never ends: one long field, or an endless series of
    fields"""
    times = 256 if test.any else 16
    start = b'GET /hello.txt HTTP/1.1\r\nHost: ladder\r\nX-Filler: '
    for block in b'x' * 65536, b'x\r\nX-Filler: ' * 5000:
        visitor = test.visitor()
        visitor.feed([start, *[block] * times])
        hint = 'reject a head once it is too long: its end may never come'
        rejected(test, visitor, 431, hint)
    if not test.any:
        visitor = test.visitor()
        visitor.send(start + b'x' * (16384 - len(start)))
        visitor.answer(hint='no end within 16384 bytes: reject it').must_be(431)


@check(WEB, open=False)
def field_count(test):
    """accepts 100 fields, and rejects more with 431"""
    visitor = test.visitor()
    visitor.get('/hello.txt', *['X: y'] * 99).must_be(200, HELLO)
    for count in (100, 101, 500):
        other = test.visitor()
        other.get('/hello.txt', *['X: y'] * count).must_be(431)
        other.ended()
    visitor.stays()


@check(WEB)
def garbage(test):
    """random bytes get no file, and do not end the server"""
    server = test.server(root=test.site())
    for seed in range(40):
        visitor = test.visitor(server=server)
        noise = bytes(byte * (seed + 1) % 256 for byte in range(seed, 500))
        visitor.send(noise + b'\r\n\r\n\r\n')
        visitor.socket.shutdown(1)
        if HELLO in visitor.rest():
            raise Failure('no file for random bytes', 'the file')
    test.alive(server, 'noise')
    test.visitor(server=server).stays()
