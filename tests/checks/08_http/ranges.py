"""The checks of 08 that are about parts of files."""

import os
import time

from .conditions import AFTER, BEFORE, THEN, conditional, dated
from harness import CHECKS, Check, Failure, Skip, check
from harness.web import DATA, HELLO, WEB, request

# Values of Range, each with its first byte and the byte after its last.
SIZE = len(DATA)
PARTS = {
    'first': ('bytes=0-99', (0, 100)), 'one': ('bytes=7-7', (7, 8)),
    'within': ('bytes=1000-5999', (1000, 6000)),
    'open': ('bytes=9000-', (9000, SIZE)), 'all': ('bytes=0-', (0, SIZE)),
    'last': (f'bytes={SIZE - 1}-{SIZE - 1}', (SIZE - 1, SIZE)),
    'suffix': ('bytes=-300', (SIZE - 300, SIZE)),
    'suffix_of_one': ('bytes=-1', (SIZE - 1, SIZE)),
    'suffix_too_long': ('bytes=-20000', (0, SIZE)),
    'beyond_the_end': ('bytes=9990-20000', (9990, SIZE)),
    'exactly_all': (f'bytes=0-{SIZE - 1}', (0, SIZE)),
    'to_the_size': (f'bytes=9990-{SIZE}', (9990, SIZE)),
    'zeros': ('bytes=0005-0009', (5, 10)),
    'number_too_large': ('bytes=9990-' + '9' * 40, (9990, SIZE)),
    'suffix_too_large': ('bytes=-' + '9' * 40, (0, SIZE)),
}
WHOLE = ('bytes=5-2', 'bytes=', 'bytes=-', 'bytes=x', 'bytes=1-x', 'bytes 0-5',
         'bytes=0x1-5', 'bytes=1', 'bytes=+1-5', 'bytes=1--5', 'lines=0-5',
         'bytes=0-1,5-6', 'bytes=0-,-1', 'bytes=0-5 x', '', 'bytes=1.0-5',
         'bytes=99999-,0-0', 'xbytes=0-5')


def ranged(test):
    """A visitor of a server that serves ranges; skips the check if it does
    not."""
    visitor = test.visitor()
    if test.any and visitor.get('/data.bin', 'Range: bytes=0-0').status == 200:
        raise Skip('it serves no ranges')
    return visitor


def whole(test, reply):
    """Returns whether a server that is not ours has ignored a range, which RFC
    9110 14.2 allows."""
    return test.any and reply.status == 200


def make_range(name, value, part):
    def ask(test):
        visitor = ranged(test)
        first, end = part
        reply = visitor.get('/data.bin', f'Range: {value}')
        if whole(test, reply):
            return
        reply.must_be(206, DATA[first:end])
        reply.must_have('Content-Range', f'bytes {first}-{end - 1}/{SIZE}')
        if not test.any and not reply['ETag']:
            raise Failure('an ETag in a 206, as in a 200', 'no ETag')
        visitor.stays()
    what = (f'answers "Range: {value}" for a file of {SIZE} bytes with bytes '
            f'{part[0]} to {part[1] - 1}')
    CHECKS.append(Check(WEB, f'range_{name}', ask, what, '',
                        'large' not in name))


for name, (value, part) in PARTS.items():
    make_range(name, value, part)


@check(WEB, open=False)
def range_ignored(test):
    """answers with 200 and the whole file for several ranges, other units and
    invalid ranges"""
    visitor = test.visitor()
    for value in WHOLE:
        visitor.get('/data.bin', f'Range: {value}').must_be(200, DATA, value)
    visitor.get('/data.bin', 'Range: bytes=0-5', 'Range: bytes=7-9').must_be(
        200, DATA, 'two fields are one list')
    visitor.get('/list/', 'Range: bytes=0-5').must_be(200)
    visitor.get('/nothing', 'Range: bytes=0-5').must_be(404)
    visitor.stays()


@check(WEB)
def range_of_head(test):
    """ignores Range for HEAD, as for every method but GET"""
    visitor = test.visitor()
    reply = visitor.get('/data.bin', 'Range: bytes=0-99', method='HEAD')
    reply.must_be(200, hint='RFC 9110 14.2: a must')
    reply.must_lack('Content-Range').must_have('Content-Length', str(SIZE))


@check(WEB)
def range_beyond(test):
    """answers with 416 and the length for a range beyond the end"""
    visitor = ranged(test)
    for value in (f'bytes={SIZE}-', 'bytes=20000-30000',
                  f'bytes={SIZE}-{SIZE}'):
        reply = visitor.get('/data.bin', f'Range: {value}')
        if whole(test, reply):
            continue
        reply.must_be(416)
        if reply.values('Content-Range') or not test.any:
            reply.must_have('Content-Range', f'bytes */{SIZE}')
    visitor.stays()


@check(WEB, open=False)
def range_of_nothing(test):
    """answers with 416 for the last 0 bytes, for any byte of an empty file and
    for byte 10^40"""
    visitor = test.visitor()
    for target, value, size in (
            ('/data.bin', 'bytes=-0', SIZE), ('/empty.txt', 'bytes=0-', 0),
            ('/empty.txt', 'bytes=0-0', 0),
            ('/data.bin', f'bytes={10**40}-', SIZE),
            ('/data.bin', f'bytes={10**40}-{10**40 + 1}', SIZE)):
        reply = visitor.get(target, f'Range: {value}').must_be(416)
        reply.must_have('Content-Range', f'bytes */{size}')
    visitor.stays()


@check(WEB, open=False)
def range_of_empty_file(test):
    """answers with 200 for the last bytes of an empty file, and with 416 for
    its last 0 bytes"""
    visitor = test.visitor()
    for count in 1, 2, 10:
        visitor.get('/empty.txt', f'Range: bytes=-{count}').must_be(200, b'')
    visitor.get('/empty.txt', 'Range: bytes=-0').must_be(416)


@check(WEB)
def range_if_same(test):
    """sends the range if If-Range has the file's ETag or its exact date, and
    the whole file otherwise"""
    ranged(test)
    visitor, tag = dated(test)
    for value, status in ((tag, 206), ('"x"', 200), (f'W/{tag}', 200),
                          (THEN, 206), (BEFORE, 200), (AFTER, 200),
                          ('*', 200)):
        if not value.endswith('""') and value not in ('', 'W/'):
            visitor.get('/hello.txt', 'Range: bytes=0-4', f'If-Range: {value}'
                        ).must_be(status, HELLO[:5] if status == 206 else HELLO,
                                  f'If-Range: {value} (the file is dated '
                                  f'{THEN}, its ETag is {tag})')
    visitor.get('/hello.txt', 'If-Range: "x"').must_be(200, HELLO)
    visitor.get('/hello.txt', 'Range: bytes=99-', 'If-Range: "x"').must_be(
        200, HELLO)
    visitor.stays()


@check(WEB, open=False)
def range_after_conditions(test):
    """evaluates conditions before a range: 304 and 412, not 206 and 416"""
    conditional(test, 304, 'Range: bytes=0-4', 'If-None-Match: {tag}')
    conditional(test, 412, 'Range: bytes=0-4', 'If-Match: "x"')
    conditional(test, 304, 'Range: bytes=99-', 'If-None-Match: {tag}')
    conditional(test, 206, 'Range: bytes=0-4', 'If-Match: {tag}')
    conditional(test, 206, 'Range: bytes=0-4', 'If-None-Match: "x"')


@check(WEB)
def range_of_large(test):
    """sends the last bytes of a file of 5 GB"""
    ranged(test)
    root = test.site({'large': b''})
    size = 5 << 30
    with open(root / 'large', 'r+b') as file:
        file.truncate(size)  # takes no space, because the file has a hole
        file.seek(size - 5)
        file.write(b'hello')
    visitor = test.visitor(server=test.server(root=root))
    visitor.send(request('/large', 'Range: bytes=-7'))
    reply = visitor.head()
    if whole(test, reply):
        raise Skip('it ignores this range')
    visitor.read_body(reply, b'GET')
    reply.must_be(206, b'\0\0hello', 'sizes and offsets of files are off_t: 64 '
                  'bits')
    reply.must_have('Content-Range', f'bytes {size - 7}-{size - 1}/{size}')
    visitor.get('/large', f'Range: bytes={size - 5}-').must_be(206, b'hello')
    visitor.get('/large', method='HEAD').must_have('Content-Length', str(size))


@check(WEB, open=False)
def range_if_date_of_this_second(test):
    """a date in If-Range does not match a file whose time was set to that whole
    second before the second was over"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    for _ in range(5):
        now = int(time.time())
        os.utime(root / 'hello.txt', (now, now))
        if int(os.stat(root / 'hello.txt').st_ctime) == now:
            break
    date = visitor.get()['Last-Modified']
    visitor.get('/hello.txt', 'Range: bytes=0-4', f'If-Range: {date}').must_be(
        200, HELLO, 'RFC 9110 13.1.5: If-Range is false unless the date '
        'is a strong validator')


@check(WEB, open=False)
def range_if_weak_date(test):
    """a date in If-Range does not match a file written within that same
    second, in which it may have changed twice"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    (root / 'hello.txt').write_bytes(HELLO)
    written = os.stat(root / 'hello.txt').st_mtime_ns
    os.utime(root / 'hello.txt', ns=(written // 10**9 * 10**9 + 123,) * 2)
    for _ in range(2):
        date = visitor.get()['Last-Modified']
        visitor.get('/hello.txt', 'Range: bytes=0-4', f'If-Range: {date}'
                    ).must_be(200, HELLO, 'RFC 9110 13.1.5: If-Range is false '
                              'unless the date is a strong validator')
        time.sleep(1.1)
