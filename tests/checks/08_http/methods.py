"""The checks of 08 that are about methods, and the versions of HTTP."""

from harness import Failure, check, data
from harness.replies import UNEXPECTED
from harness.web import HELLO, USUAL, WEB, gave_up, request

ALLOWED = ['get', 'head', 'options']


@check(WEB, open=False)
def head_of_every_status(test):
    """sends the same Content-Length for HEAD as for GET, and no body, whatever
    the status"""
    visitor = test.visitor()
    for target, *fields in (('/hello.txt',), ('/sub',), ('/nothing',),
                            ('/list/',), ('/hello.txt', 'If-Match: "x"'),
                            ('/hello.txt', 'If-None-Match: *')):
        get = visitor.get(target, *fields)
        head = visitor.get(target, *fields, method='HEAD').must_be(get.status)
        head.must_have('Content-Length', get['Content-Length'])
        visitor.stays('HEAD has no body')


@check(WEB, after='standard_output_empty')
def get_text(test):
    """answers GET with 200 and the file"""
    reply = test.visitor().get('/hello.txt')
    reply.must_be(200, HELLO, 'open the file that the target names'
                  * (reply.status not in UNEXPECTED))


@check(WEB)
def get_every_byte(test):
    """sends all 256 byte values of a file unchanged"""
    root = test.site({'every': bytes(range(256)) * 5})
    visitor = test.visitor(server=test.server(root=root))
    visitor.get('/every').must_be(200, bytes(range(256)) * 5,
                                  'do not use strlen, and add nothing')


@check(WEB)
def get_empty(test):
    """answers with 200 and no bytes for an empty file"""
    visitor = test.visitor()
    reply = visitor.get('/empty.txt').must_be(200, b'')
    if 'chunked' not in reply['Transfer-Encoding']:
        reply.must_have('Content-Length', '0')
    visitor.stays()


@check(WEB)
def get_large(test):
    """sends a file of 8 MB completely"""
    content = data(8 << 20)
    root = test.site({'large': content, **USUAL})
    visitor = test.visitor(server=test.server(root=root))
    visitor.get('/large').must_be(200, content, 'send may take only some of '
                                  'the bytes: keep track of the offset in the '
                                  'file')
    visitor.stays()


@check(WEB)
def get_awkward_lengths(test):
    """sends files of every critical length completely"""
    sizes = (1, 255, 256, 1023, 1024, 1025, 4095, 4096, 4097, 8191, 8192, 16383,
             16384, 16385, 65535, 65536, 65537, 131072, 262145)
    root = test.site({str(size): data(size, size % 251) for size in sizes})
    visitor = test.visitor(server=test.server(root=root))
    for size in sizes:
        visitor.get(f'/{size}').must_be(200, data(size, size % 251),
                                        'is a full buffer, or an empty one, '
                                        'treated as a special case?')


@check(WEB)
def head_like_get(test):
    """answers HEAD like GET, but without the body"""
    visitor = test.visitor()
    for target in ('/hello.txt', '/empty.txt', '/sub/', '/list/', '/nothing',
                   '/sub'):
        got = visitor.get(target)
        reply = visitor.get(target, method='HEAD', hint='no body follows the '
                            'head of a response to HEAD').must_be(got.status)
        names = ('Content-Type', 'Content-Length', 'ETag', 'Last-Modified',
                 'Location')
        for name in names:
            if reply.values(name) or not test.any:
                reply.must_have(name, got[name], 'HEAD has the fields of GET')


@check(WEB)
def head_error_without_body(test):
    """sends no body in response to HEAD, whatever the status"""
    visitor = test.visitor()
    visitor.get('/nothing', method='HEAD').must_be(404)
    visitor.get('/nothing', 'If-Match: "x"', method='HEAD').must_be(404)
    visitor.stays('the client takes an unexpected body for the next response')


@check(WEB, open=False, after='target_empty_path')
def options(test):
    """answers OPTIONS with 204, Allow and no body: for a file, a folder and
    *"""
    visitor = test.visitor()
    for target in ('/hello.txt', '/sub/', '*', 'http://ladder/hello.txt'):
        reply = visitor.get(target, method='OPTIONS').must_be(
            204, hint='OPTIONS may ask for *, which is the server itself'
            * (target == '*'))
        if sorted(reply.tokens('Allow')) != ALLOWED:
            raise Failure('Allow: GET, HEAD, OPTIONS', f'"{reply["Allow"]}"')
    visitor.get('*x', method='OPTIONS').must_be(
        400, hint='the target is * alone, or begins with a slash or http://')


@check(WEB)
def method_not_allowed(test):
    """names the allowed methods in a 405 (Allow)"""
    visitor = test.visitor()
    for method in ('POST', 'PUT', 'DELETE', 'PATCH', 'TRACE'):
        reply = visitor.get(method=method, hint='a 405 does not close '
                            'the connection')
        if not test.any:
            reply.must_be(405, hint=f'{method} is a known method, and its '
                          'target has the usual form: only that of CONNECT '
                          'differs')
        if reply.status == 405 and (not reply.values('Allow') if test.any else
                                    sorted(reply.tokens('Allow')) != ALLOWED):
            raise Failure(f'Allow in the 405 for {reply.to}',
                          f'"{reply["Allow"]}"', 'RFC 9110 15.5.6: a must')
    if not test.any:
        visitor.stays()


@check(WEB, open=False, after='options')
def connect_not_allowed(test):
    """answers CONNECT, whose target is HOST:PORT, with 405"""
    visitor = test.visitor()
    hint = ('CONNECT with a host is valid, so the parser accepts it: the 405 '
            'comes later, and the connection stays open')
    for target in ('ladder:80', '[::1]:443', 'x'):
        visitor.get(target, method='CONNECT', hint=hint).must_be(
            405, hint=hint)
    visitor.stays(hint)
    for target in ('/hello.txt', 'ladder:x', 'user@ladder:80', ''):
        test.visitor().get(target, method='CONNECT').must_be(
            400, hint='the target of CONNECT is a host, and not empty')


@check(WEB)
def method_unknown(test):
    """rejects unknown methods with 501, including get: case matters"""
    visitor = test.visitor()
    for method in ('get', 'Get', 'GETT', 'GE', 'FROB', 'M-SEARCH',
                   "!#$%&'*+.^_`", 'X' * 100):
        visitor.get(method=method).must_be(
            range(400, 600) if test.any else 501,
            hint='compare the whole method; its case matters')
    visitor.stays()


@check(WEB)
def http_1_0(test):
    """answers HTTP/1.0, even without Host, and closes the connection"""
    for host in ('ladder', None):
        visitor = test.visitor()
        reply = visitor.get(version='HTTP/1.0', host=host).must_be(200, HELLO)
        visitor.ended('a 1.0 client expects the connection to end, unless it '
                      'has sent "Connection: keep-alive": is the version '
                      'stored, and does it decide whether the connection stays '
                      'open?')
        if not test.any and not reply.last:
            raise Failure('"Connection: close", since the connection is '
                          'closed',
                          f'"{reply["Connection"]}"')


@check(WEB, open=False, after='close_wins')
def http_1_0_kept(test):
    """keeps a 1.0 connection after "Connection: keep-alive", and answers with
    the same field"""
    visitor = test.visitor()
    for value in ('keep-alive', 'Keep-Alive', 'x, KEEP-ALIVE', 'keep-alive,x'):
        reply = visitor.get('/hello.txt', f'Connection: {value}',
                            version='HTTP/1.0', host=None).must_be(200, HELLO)
        if 'keep-alive' not in reply.tokens('Connection'):
            raise Failure('"Connection: keep-alive" for a 1.0 client that '
                          f'has sent "Connection: {value}"',
                          f'"{reply["Connection"]}"', 'keep-alive, '
                          'whatever its case, keeps an HTTP/1.0 connection '
                          'open, unless close is listed, too')
    for value in ('keep-alives', 'keep', 'x', ''):
        visitor.get('/hello.txt', f'Connection: {value}', version='HTTP/1.0'
                    ).must_be(200)
        visitor.ended(f'"Connection: {value}" has no keep-alive')
        visitor = test.visitor()


@check(WEB)
def http_1_0_unchunked(test):
    """sends no chunked response to HTTP/1.0"""
    for target in ('/hello.txt', '/list/', '/nothing'):
        visitor = test.visitor()
        visitor.get(target, version='HTTP/1.0').must_lack('Transfer-Encoding')


@check(WEB, open=False)
def http_1_later(test):
    """treats HTTP/1.2 to 1.9 as 1.1"""
    visitor = test.visitor()
    for minor in range(2, 10):
        hint = ('treat a later minor version as 1.1: the connection stays '
                'open, too')
        visitor.get(version=f'HTTP/1.{minor}', hint=hint).must_be(
            200, HELLO, hint)


@check(WEB, open=False)
def version_of_responses(test):
    """responds in HTTP/1.1, whatever the version of the request"""
    for version in ('HTTP/1.0', 'HTTP/1.1', 'HTTP/1.2', 'HTTP/2.0', 'HTTP/x'):
        reply = test.visitor().get(version=version)
        if reply.version != '1.1':
            raise Failure(f'HTTP/1.1 in the response to {reply.to}',
                          f'HTTP/{reply.version}')


@check(WEB)
def other_major_version(test):
    """rejects other major versions with 505, and closes the connection"""
    messages = [request(version='HTTP/2.0'), request(version='HTTP/3.0'),
                request(version='HTTP/9.9')]
    if not test.any:
        messages += [request(version='HTTP/0.9'),
                     b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n']
    for message in messages:
        visitor = test.visitor()
        try:
            reply = visitor.ask(message + request())
        except Failure as failure:
            if test.any and gave_up(visitor, failure):
                continue
            raise
        if test.any:  # 505 is a choice: RFC 9110 15.6.6
            return
        reply.must_be(505, hint='a well-formed version whose first digit '
                      'is not 1 is another major version')
        if not reply.last:
            raise Failure('Connection: close', f'"{reply["Connection"]}"')
        visitor.ended('what follows must not be read as HTTP/1.1')
