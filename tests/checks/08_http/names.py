"""The checks of 08 that are about the names of fields: their case does not
matter."""

import os

from .conditions import AFTER, BEFORE, THEN
from .fields import MOMENT
from .log import logging
from .options import logged
from harness import Failure, check
from harness.web import HELLO, WEB, chunked, request

DECOY = request('/data.bin')
# Fields, a body, and the status of the response; the file is dated MOMENT.
CASES = [
    (['Content-Length: %d' % len(DECOY)], DECOY, 200),
    (['Transfer-Encoding: chunked'], chunked(DECOY), 200),
    (['Range: bytes=0-4'], b'', 206),
    (['Range: bytes=0-4', f'If-Range: {AFTER}'], b'', 200),
    (['If-None-Match: *'], b'', 304),
    ([f'If-Modified-Since: {THEN}'], b'', 304),
    (['If-Match: "x"'], b'', 412),
    ([f'If-Unmodified-Since: {BEFORE}'], b'', 412),
    (['Expect: x'], b'', 417),
    (['Connection: close'], b'', 200),
]


@check(WEB, open=False)
def names_in_any_case(test):
    """ignores the case of field names: content-length, for example"""
    root = test.site()
    os.utime(root / 'hello.txt', (MOMENT, MOMENT))
    server = test.server(root=root)
    for fields, body, status in CASES:
        for case in str.lower, str.upper, str.swapcase:
            visitor = test.visitor(server=server)
            lines = [case(name) + colon + value for name, colon, value
                     in (line.partition(':') for line in fields)]
            hint = f'{lines[-1]} is {fields[-1]}'
            reply = visitor.get('/hello.txt', *lines, body=body, hint=hint)
            reply.must_be(status, HELLO if status == 200 else None, hint)
            if reply.last != (lines[-1].lower().startswith(('conn', 'expect'))):
                raise Failure('a connection that ends only after Connection: '
                              'close and after a 417',
                              f'{reply} after {lines[-1]}')
            if not reply.last:
                visitor.stays(hint)


@check(WEB, open=False)
def host_in_any_case(test):
    """ignores the case of the field name Host"""
    visitor = test.visitor()
    for name in 'host', 'HOST', 'hOST':
        visitor.get('/hello.txt', f'{name}: ladder', host=None).must_be(
            200, HELLO)
        test.visitor().get('/hello.txt', f'{name}: a b', host=None).must_be(400)


@check(WEB, open=False)
def logged_in_any_case(test):
    """logs Referer and User-Agent, whatever their case"""
    _, visitor, log = logging(test)
    visitor.get('/hello.txt', 'referer: http://ladder/', 'USER-AGENT: me/1.0')
    line = logged(log, 1)[0]
    if line[5:] != ('http://ladder/', 'me/1.0'):
        raise Failure('http://ladder/ and me/1.0', line[5:])
