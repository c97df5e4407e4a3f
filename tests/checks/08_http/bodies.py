"""The checks of 08 that are about Expect and the bodies of requests."""

import socket

from harness import Failure, check, data
from harness.web import DATA, HELLO, WEB, chunked, request, rests

DECOY = request('/data.bin')
BODIES = {
    'a length': request('/hello.txt', f'Content-Length: {len(DECOY)}',
                        method='POST', body=DECOY),
    'chunks': request('/hello.txt', 'Transfer-Encoding: chunked', method='POST',
                      body=chunked(DECOY[:10], DECOY[10:])),
}


@check(WEB, after='coding_forms')
def body_no_request(test):
    """does not read the body of a request as the next request"""
    for message in BODIES.values():
        visitor = test.visitor()
        reply = visitor.ask(message + request())
        if reply.body == DATA:
            raise Failure(f'an answer to {reply.to}',
                          'the file that the body names')
        if reply.last:
            visitor.ended()
        else:
            hint = 'read and discard the body: the next request follows it'
            visitor.answer(request(), hint).must_be(200, HELLO, hint)


@check(WEB, open=False, after='body_no_request')
def body_discarded(test):
    """reads and discards a body, with any method and of any length"""
    visitor = test.visitor()
    for size in (0, 1, 5, 1000, 16384, 16385, 65536, 1000000):
        body = data(size)
        for method, status in (('GET', 200), ('POST', 405), ('HEAD', 200),
                               ('OPTIONS', 204), ('FROB', 501)):
            field = f'Content-Length: {size}'
            visitor.get('/hello.txt', field, method=method, body=body).must_be(
                status, hint=f'"{field}" and a body of this length are valid')
            visitor.get('/hello.txt', 'Transfer-Encoding: chunked',
                        method=method, body=chunked(*filter(None, (
                            body[:size // 3], body[size // 3:])))
                        ).must_be(status, hint='a body in the chunked coding '
                                  'is valid')
    visitor.stays()


CHUNKED = {
    'an extension': chunked(b'hello', extension=b';name=value'),
    'extensions': chunked(b'hello', extension=b';a;b=c;d="e;\\"f"'),
    'spaces before an extension': chunked(b'hello', extension=b' ; a=b'),
    'a trailer': chunked(b'hello', trailer=b'X-One: 1\r\nX-Two: 2\r\n'),
    'no data': chunked(),
    'leading zeros': b'00000000000000005\r\nhello\r\n000\r\n\r\n',
    'capital digits': b'A\r\n0123456789\r\n0\r\n\r\n',
    'small digits': b'a\r\n0123456789\r\n0\r\n\r\n',
    'an extension of the last chunk': b'5\r\nhello\r\n0;last\r\n\r\n',
    'thousands of chunks': chunked(*[b'x'] * 20000),
    'a tab before an extension': chunked(b'hello', extension=b'\t;a'),
    'tabs and spaces before an extension':
        chunked(b'hello', extension=b' \t \t;a=b'),
    'CRLF in the data': chunked(b'\r\n0\r\n\r\n', b'\r\n'),
}


@check(WEB, open=False, after='coding_forms')
def chunked_forms(test):
    """accepts every form of the chunked coding: extensions, trailers, leading
    zeros, digits in either case"""
    for what, body in CHUNKED.items():
        visitor = test.visitor()
        visitor.get('/hello.txt', 'Transfer-Encoding: chunked', body=body,
                    hint=f'a body with {what}').must_be(200, HELLO)
        visitor.stays(f'the previous body had {what}')


@check(WEB, open=False)
def chunked_endless(test):
    """rejects an extension or a trailer that never ends"""
    for body in (b'5;' + b'x' * 1000000, b'0\r\n' + b'X: y\r\n' * 100000,
                 b'0\r\nX: ' + b'y' * 1000000):
        visitor = test.visitor()
        visitor.feed(request('/hello.txt', 'Transfer-Encoding: chunked',
                             body=body))
        visitor.answer().must_be(400, hint='count the bytes that are not data, '
                                 'and limit them')


@check(WEB, open=False, after='length_forms')
def coding_forms(test):
    """accepts the name of the chunked coding in any case, and empty elements
    in the list"""
    visitor = test.visitor()
    for value in ('chunked', 'Chunked', 'CHUNKED', ' \tchunked \t', 'chunked,',
                  ', chunked , ,'):
        hint = f'"Transfer-Encoding: {value}" names one coding, chunked'
        visitor.get('/hello.txt', f'Transfer-Encoding:{value}', hint=hint,
                    body=chunked(b'hello')).must_be(200, HELLO, hint)
    visitor.stays()


@check(WEB, open=False)
def length_forms(test):
    """accepts a repeated length if all values are equal, in one list or in
    several fields"""
    visitor = test.visitor()
    for fields in (['Content-Length: 5', 'Content-Length: 5'],
                   ['Content-Length: 5, 5'], ['Content-Length: 5,5,\t5'],
                   ['Content-Length: 0005'], ['Content-Length:5 ']):
        hint = (f'"{", and ".join(fields)}": a body of 5 bytes follows, and '
                'then the next request')
        visitor.get('/hello.txt', *fields, body=b'GET /', hint=hint).must_be(
            200, HELLO, hint)
        visitor.stays(hint)
    message = request('/hello.txt', 'Expect: 100-continue',
                      f'Content-Length: {2**63 - 1}')
    visitor.send(message)
    hint = 'a Content-Length of LLONG_MAX fits in 64 bits, and is valid'
    visitor.head(message, hint).must_be(100, hint=hint)


@check(WEB, open=False)
def body_after_a_while(test):
    """responds after the whole body, however it arrives"""
    server = test.server(root=test.site())
    visitor = test.visitor(server=server)
    body = chunked(b'hello', extension=b';a="b"', trailer=b'X: y\r\n')
    visitor.send(request('/hello.txt', 'Transfer-Encoding: chunked'))
    for byte in body:
        rests(server)
        visitor.send(bytes([byte]))
    visitor.answer().must_be(200, HELLO)
    visitor.stays()


@check(WEB, open=False)
def body_cut_off(test):
    """does not serve a request whose body ends too early"""
    for fields, body in ((['Content-Length: 10'], b'hello'),
                         (['Transfer-Encoding: chunked'], b'5\r\nhello\r\n'),
                         (['Transfer-Encoding: chunked'], b'5\r\nhel')):
        visitor = test.visitor()
        visitor.send(request('/hello.txt', *fields, method='POST', body=body))
        visitor.socket.shutdown(socket.SHUT_WR)
        if b' 200 ' in visitor.rest()[:20]:
            raise Failure(f'no 200 for an incomplete body ({fields[0]})', '200',
                          'recv() == 0 in the middle of a body: close')


def expecting(expectation='100-continue', **parts):
    """The head of a request whose 5-byte body has not been sent yet."""
    return request('/hello.txt', f'Expect: {expectation}', 'Content-Length: 5',
                   **parts)


@check(WEB)
def expect_continue(test):
    """answers "Expect: 100-continue" before the body arrives"""
    visitor = test.visitor()
    visitor.send(expecting())
    reply = visitor.head(hint='the client sends no body before it receives '
                              '"HTTP/1.1 100 Continue"')
    if not test.any:
        reply.must_be(100)
    if reply.status != 100:
        return
    if reply.fields and not test.any:
        raise Failure('a 100 without fields', reply.fields)
    visitor.send(b'hello')
    reply = visitor.head(b'GET').must_be(range(200, 600))
    if not test.any:
        visitor.read_body(reply.must_be(200), b'GET')
        visitor.stays()


@check(WEB, open=False)
def expect_continue_chunked(test):
    """sends 100 before chunks, too; Expect is compared without case"""
    visitor = test.visitor()
    for value in ('100-continue', '100-Continue', '100-CONTINUE'):
        visitor.send(request('/hello.txt', f'Expect: {value}',
                             'Transfer-Encoding: chunked'))
        visitor.head().must_be(100)
        visitor.ask(chunked(b'hello')).must_be(200, HELLO)
    visitor.stays()


@check(WEB, open=False)
def expect_refused(test):
    """a client that waits for 100 gets a refusal at once, before it sends its
    body; then the connection ends, because the body may still follow"""
    server = test.server(root=test.site())
    for status, target, fields, method in (
            (405, '/hello.txt', (), 'PUT'), (501, '/hello.txt', (), 'FROB'),
            (404, '/nothing', (), 'GET'),
            (412, '/hello.txt', ('If-Match: "x"',), 'GET')):
        visitor = test.visitor(server=server)
        reply = visitor.get(target, 'Expect: 100-continue',
                            'Content-Length: 5', *fields, method=method)
        reply.must_be(status, hint='RFC 9110 10.1.1: send the final status '
                      'instead of 100 if it is known already')
        visitor.feed(b'hello')
        visitor.ended('Connection: close')


@check(WEB, open=False)
def expect_nothing_to_come(test):
    """sends no 100 if there is no body, or if part of it has arrived"""
    visitor = test.visitor()
    for message in (request('/hello.txt', 'Expect: 100-continue'),
                    request('/hello.txt', 'Expect: 100-continue',
                            'Content-Length: 0'),
                    expecting() + b'hello'):
        visitor.send(message)
        reply = visitor.head().must_be(200)
        visitor.read_body(reply, b'GET')
    visitor.stays()


@check(WEB)
def expect_of_1_0(test):
    """sends no 100 to a 1.0 client, which would not understand it"""
    server = test.server(root=test.site())
    visitor = test.visitor(server=server)
    visitor.send(expecting(version='HTTP/1.0'))
    rests(server)
    visitor.send(b'hello')
    if visitor.head().status < 200:
        raise Failure('no interim response to HTTP/1.0', '100',
                      'RFC 9110 10.1.1: a must')


@check(WEB, open=False)
def expect_unknown(test):
    """rejects other expectations with 417 and closes the connection, since a
    body may or may not follow; ignores Expect in HTTP/1.0"""
    for values in (['200-ok'], ['100-continued'], ['100'],
                   ['100-continue, 200-ok'], ['100-continue', '200-ok'],
                   ['200-ok', '100-continue']):
        visitor = test.visitor()
        fields = [f'Expect: {value}' for value in values]
        visitor.get('/hello.txt', *fields).must_be(
            417, hint=f'"{", and ".join(fields)}" has an unknown expectation: '
            'only 100-continue is known')
        visitor.ended('Connection: close')
    test.visitor().get('/hello.txt', 'Expect: 200-ok', version='HTTP/1.0'
                       ).must_be(200, HELLO, 'HTTP/1.0 has no Expect')


@check(WEB, open=False)
def chunked_lines_long(test):
    """accepts an extension and a trailer of 16000 bytes"""
    visitor = test.visitor()
    for body in (b'5;a=' + b'x' * 16000 + b'\r\nhello\r\n0\r\n\r\n',
                 b'5\r\nhello\r\n0\r\nX: ' + b'x' * 16000 + b'\r\n\r\n'):
        visitor.get('/hello.txt', 'Transfer-Encoding: chunked', body=body
                    ).must_be(200, HELLO)
    visitor.stays()
