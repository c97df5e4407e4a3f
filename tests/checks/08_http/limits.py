"""The checks of 08 that are about how long a request may be."""

from .heads import field
from harness import Failure, check
from harness.web import HELLO, WEB


@check(WEB, open=False)
def target_length(test):
    """accepts a target of 8192 bytes, and rejects a longer one with 414"""
    visitor = test.visitor()
    for target in ('/' + 'x' * 8191, '/x?' + 'y' * 8189, '/' + 'x/' * 4000):
        visitor.get(target).must_be(404)
    visitor.get('/hello.txt?' + 'y' * 8181).must_be(200, HELLO)
    for size in (8193, 8200, 12000):
        other = test.visitor()
        reply = other.get('/' + 'x' * (size - 1)).must_be(414)
        other.ended()
        if not reply.last:
            raise Failure('Connection: close', reply['Connection'])
    visitor.stays()


@check(WEB)
def target_endless(test):
    """rejects a request line without an end"""
    visitor = test.visitor()
    visitor.feed([b'GET /', *[b'x' * 65536] * (256 if test.any else 5)])
    visitor.answer(hint='reject it once it is too long: its end may never '
                   'come').must_be(
        range(400, 600) if test.any else 414)


@check(WEB, open=False)
def head_length(test):
    """accepts a head of 16384 bytes, and rejects a longer one with 431"""
    bare = len(field('X-Filler: '))
    visitor = test.visitor()
    for size in (16000, 16384):
        visitor.get('/hello.txt', 'X-Filler: ' + 'x' * (size - bare)
                    ).must_be(200, HELLO)
    for size in (16400, 20000, 100000):
        other = test.visitor()
        reply = other.get('/hello.txt', 'X-Filler: ' + 'x' * (size - bare))
        other.ended()
        if not reply.must_be(431).last:
            raise Failure('Connection: close', reply['Connection'])
    visitor.stays()


@check(WEB)
def head_endless(test):
    """rejects a head without an end: one long field, or an endless series of
    fields"""
    times = 256 if test.any else 16
    start = b'GET /hello.txt HTTP/1.1\r\nHost: ladder\r\nX-Filler: '
    for block in b'x' * 65536, b'x\r\nX-Filler: ' * 5000:
        visitor = test.visitor()
        visitor.feed([start, *[block] * times])
        visitor.answer(hint='reject a head once it is too long').must_be(
            range(400, 600) if test.any else 431)


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
