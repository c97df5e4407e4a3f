"""The checks of 08 that are about versions of a file: conditions, ranges, and
what changes while it is served."""

import mmap
import os
import shutil
import time

from harness import NOBODY, CHECKS, Check, Failure, Skip, check, data
from web_files import MOMENT, seconds_of
from web_talk import DATA, HELLO, USUAL, fill, request

WEB = '08'


# ---------------------------------------------------------- conditions

def dated(test):
    """A visitor, and the ETag of a file that was changed at MOMENT."""
    root = test.site()
    os.utime(root / 'hello.txt', (MOMENT, MOMENT))
    visitor = test.visitor(server=test.server(root=root))
    return visitor, visitor.get()['ETag']


THEN = 'Sun, 06 Nov 1994 08:49:37 GMT'
BEFORE, AFTER = THEN.replace('37', '36'), THEN.replace('37', '38')
FORMS = (THEN, 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994')
NO_DATES = ('yesterday', '', '784111777', 'Sun, 06 Nov 2030 08:49:37 +0000',
            'Sun, 06 Nov 2030 08:49:37', 'Sun, 06 Nix 2030 08:49:37 GMT',
            'Sun, 06 Nov 2030 08:49:37 GMT x', '06 Nov 2030 08:49:37 GMT')
NEVER = ('Sun, 31 Feb 2030 08:49:37 GMT', 'Sun, 06 Nov 2030 25:49:37 GMT',
         'Sun, 06 Nov 2030 08:61:37 GMT', 'Sun, 00 Nov 2030 08:49:37 GMT',
         'Sun, +6 Nov 2030 08:49:37 GMT', 'Sun, 06 Nov 2030 8:49:37 GMT',
         'S, 06 Nov 2030 08:49:37 GMT', 'Sun, 06 Nov +030 08:49:37 GMT',
         'Sun,06Nov203008:49:37GMT', 'Sunday,06-Nov-3008:49:37GMT',
         'SunNov0608:49:372030', 'Sun, 06 Nov -800 08:49:37 GMT',
         'Sun Nov  6 08:49:37 -800')


def conditional(test, status, *fields, hint='', method='GET'):
    """Sends a request with conditions: {tag} in them stands for the ETag."""
    visitor, tag = dated(test)
    if '{tag}' in ''.join(fields) and not tag:
        raise Skip('it sends no ETag')
    fields = [item.format(tag=tag) for item in fields]
    reply = visitor.get('/hello.txt', *fields, method=method)
    reply.must_be(status, hint=f'{"; ".join(fields)} (the file is of {THEN}): '
                  + hint)
    if status == 304 and tag:
        reply.must_have('ETag', tag, 'a 304 tells of which version')
    if not test.any:
        visitor.stays()
    return reply


# A check each: what it demands, and rows of a status and the fields.
CONDITIONS = {
    'if_none_match': (
        'If-None-Match with the file\'s ETag, in a list or *, is a 304', [
            (304, 'If-None-Match: {tag}'), (304, 'If-None-Match: *'),
            (304, 'If-None-Match: "x", {tag}'),
            (304, 'If-None-Match: "x" , {tag},'),
            (304, 'If-None-Match: "a,b", {tag} ,"c"'),
            (304, 'If-None-Match:{tag}'),
            (200, 'If-None-Match: "x"'), (200, 'If-None-Match: "x", "y"'),
            (200, 'If-None-Match: ""')]),
    'if_none_match_weak': (
        'If-None-Match compares weakly: W/ does not count', [
            (304, 'If-None-Match: W/{tag}'),
            (304, 'If-None-Match: W/"x", W/{tag}'),
            (200, 'If-None-Match: W/"x"')]),
    'if_modified_since': (
        'If-Modified-Since with the file\'s date is a 304, an earlier one not',
        [(304, f'If-Modified-Since: {THEN}'),
         (200, f'If-Modified-Since: {BEFORE}')]),
    'if_modified_since_forms': (
        'a date may come in any of its three forms',
        [(304, f'If-Modified-Since: {form}') for form in FORMS]
        + [(200, f'If-Modified-Since: {form.replace(":37", ":36")}')
           for form in FORMS]),
    'if_modified_since_invalid': (
        'what is no date is ignored',
        [(200, f'If-Modified-Since: {no_date}') for no_date in NO_DATES]),
    'if_none_match_first': (
        'beside If-None-Match, If-Modified-Since is ignored', [
            (304, 'If-None-Match: {tag}', f'If-Modified-Since: {BEFORE}'),
            (200, 'If-None-Match: "x"', f'If-Modified-Since: {THEN}')]),
    'if_match': (
        'If-Match without the file\'s ETag is a 412', [
            (200, 'If-Match: {tag}'), (200, 'If-Match: *'),
            (200, 'If-Match: "x", {tag}'), (412, 'If-Match: "x"')]),
    'if_match_weak': (
        'If-Match compares strongly: a weak ETag never matches',
        [(412, 'If-Match: W/{tag}')]),
    'if_unmodified_since': (
        'If-Unmodified-Since with a date before the file\'s is a 412', [
            (200, f'If-Unmodified-Since: {THEN}'),
            (412, f'If-Unmodified-Since: {BEFORE}')]),
    'if_match_first': (
        'If-Match is looked at before If-None-Match, and in place of '
        'If-Unmodified-Since', [
            (200, 'If-Match: {tag}', f'If-Unmodified-Since: {BEFORE}'),
            (412, 'If-Match: "x"', 'If-None-Match: {tag}'),
            (304, 'If-Match: {tag}', 'If-None-Match: {tag}')]),
}


def make_condition(name, what, rows):
    def ask(test):
        for status, *fields in rows:
            conditional(test, status, *fields, hint=what)
    CHECKS.append(Check(WEB, name, ask, what, '', True))


for name, row in CONDITIONS.items():
    make_condition(name, *row)


@check(WEB, open=False)
def conditions_of_ours(test):
    """dates later than the file's, invalid dates, and conditions on what is not
    there"""
    conditional(test, 304, f'If-Modified-Since: {AFTER}')
    conditional(test, 200, f'If-Unmodified-Since: {AFTER}')
    conditional(test, 304, 'If-None-Match: {tag}', method='HEAD')
    conditional(test, 405, 'If-None-Match: {tag}', method='DELETE')
    conditional(test, 304, 'If-None-Match: "x"', 'If-None-Match: {tag}',
                hint='two fields are one list')
    for no_date in NO_DATES + NEVER:
        for name in ('If-Modified-Since', 'If-Unmodified-Since'):
            conditional(test, 200, f'{name}: {no_date}', hint='that is no date')
    visitor, _ = dated(test)
    visitor.get('/nothing', 'If-None-Match: *').must_be(404)
    visitor.get('/nothing', 'If-Match: "x"').must_be(404)
    visitor.get('/sub', 'If-Match: "x"').must_be(301)
    visitor.stays()


@check(WEB)
def not_modified_form(test):
    """a 304 has no body, and says nothing of one that is wrong"""
    reply = conditional(test, 304, f'If-Modified-Since: {THEN}')
    seconds_of(reply)
    if reply.values('Content-Length'):
        reply.must_have('Content-Length', str(len(HELLO)))
    reply.must_lack('Content-Range')


# ---------------------------------------------------------- ranges

# Fields, and the bytes that they ask for, or None if it is to be the whole.
SIZE = len(DATA)
PARTS = {
    'first': ('bytes=0-99', (0, 100)), 'one': ('bytes=7-7', (7, 8)),
    'within': ('bytes=1000-4999', (1000, 5000)),
    'open': ('bytes=9000-', (9000, SIZE)), 'all': ('bytes=0-', (0, SIZE)),
    'last': (f'bytes={SIZE - 1}-{SIZE - 1}', (SIZE - 1, SIZE)),
    'suffix': ('bytes=-300', (SIZE - 300, SIZE)),
    'suffix_of_one': ('bytes=-1', (SIZE - 1, SIZE)),
    'suffix_too_long': ('bytes=-20000', (0, SIZE)),
    'beyond_the_end': ('bytes=9990-20000', (9990, SIZE)),
    'exactly_all': (f'bytes=0-{SIZE - 1}', (0, SIZE)),
    'zeros': ('bytes=0005-0009', (5, 10)),
    'number_too_large': ('bytes=9990-' + '9' * 40, (9990, SIZE)),
    'suffix_too_large': ('bytes=-' + '9' * 40, (0, SIZE)),
}
WHOLE = ('bytes=5-2', 'bytes=', 'bytes=-', 'bytes=x', 'bytes=1-x', 'bytes 0-5',
         'bytes=0x1-5', 'bytes=1', 'bytes=+1-5', 'bytes=1--5', 'lines=0-5',
         'bytes=0-1,5-6', 'bytes=0-,-1', 'bytes=0-5 x', '', 'bytes=1.0-5',
         'bytes=99999-,0-0', 'xbytes=0-5')


def ranged(test):
    """A visitor of a server that serves ranges; it may well not."""
    visitor = test.visitor()
    if test.any and visitor.get('/data.bin', 'Range: bytes=0-0').status == 200:
        raise Skip('it serves no ranges')
    return visitor


def make_range(name, value, part):
    def ask(test):
        visitor = ranged(test)
        first, end = part
        reply = visitor.get('/data.bin', f'Range: {value}')
        reply.must_be(206, DATA[first:end])
        reply.must_have('Content-Range', f'bytes {first}-{end - 1}/{SIZE}')
        if not test.any and not reply['ETag']:
            raise Failure('the ETag of a 200 in a 206', reply.fields)
        visitor.stays()
    what = (f'"Range: {value}" of {SIZE} bytes is answered with {part[0]} to '
            f'{part[1] - 1}')
    CHECKS.append(Check(WEB, f'range_{name}', ask, what, '',
                        'large' not in name))


for name, (value, part) in PARTS.items():
    make_range(name, value, part)


@check(WEB, open=False)
def range_ignored(test):
    """several ranges, other units, and what is no range: the whole file, 200"""
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
    """Range is ignored for HEAD, as for every method but GET"""
    visitor = test.visitor()
    reply = visitor.get('/data.bin', 'Range: bytes=0-99', method='HEAD')
    reply.must_be(200, hint='RFC 9110 14.2: a must')
    reply.must_lack('Content-Range').must_have('Content-Length', str(SIZE))


@check(WEB)
def range_beyond(test):
    """a range that begins at the end or behind it is a 416 with the length"""
    visitor = ranged(test)
    for value in (f'bytes={SIZE}-', 'bytes=20000-30000',
                  f'bytes={SIZE}-{SIZE}'):
        reply = visitor.get('/data.bin', f'Range: {value}').must_be(416)
        if reply.values('Content-Range') or not test.any:
            reply.must_have('Content-Range', f'bytes */{SIZE}')
    visitor.stays()


@check(WEB, open=False)
def range_of_nothing(test):
    """the last 0 bytes, any byte of an empty file, and byte 10 to the 40th
    cannot be had: 416"""
    visitor = test.visitor()
    for target, value, size in (
            ('/data.bin', 'bytes=-0', SIZE), ('/empty.txt', 'bytes=0-', 0),
            ('/empty.txt', 'bytes=0-0', 0),
            ('/data.bin', f'bytes={10**40}-', SIZE),
            ('/data.bin', f'bytes={10**40}-{10**40 + 1}', SIZE)):
        reply = visitor.get(target, f'Range: {value}').must_be(416)
        reply.must_have('Content-Range', f'bytes */{size}')
    visitor.stays()


@check(WEB)
def range_if_same(test):
    """If-Range with the file's ETag or its very date gives the range; with any
    other, the whole"""
    ranged(test)
    visitor, tag = dated(test)
    for value, status in ((tag, 206), ('"x"', 200), (f'W/{tag}', 200),
                          (THEN, 206), (BEFORE, 200), (AFTER, 200)):
        if not value.endswith('""') and value not in ('', 'W/'):
            visitor.get('/hello.txt', 'Range: bytes=0-4', f'If-Range: {value}'
                        ).must_be(status, HELLO[:5] if status == 206 else HELLO,
                                  f'If-Range: {value} (the file is of {THEN}, '
                                  f'{tag})')
    visitor.get('/hello.txt', 'If-Range: "x"').must_be(200, HELLO)
    visitor.get('/hello.txt', 'Range: bytes=99-', 'If-Range: "x"').must_be(
        200, HELLO)
    visitor.stays()


@check(WEB, open=False)
def range_after_conditions(test):
    """conditions come before a range: 304 and 412 rather than 206 and 416"""
    conditional(test, 304, 'Range: bytes=0-4', 'If-None-Match: {tag}')
    conditional(test, 412, 'Range: bytes=0-4', 'If-Match: "x"')
    conditional(test, 304, 'Range: bytes=99-', 'If-None-Match: {tag}')
    conditional(test, 206, 'Range: bytes=0-4', 'If-Match: {tag}')
    conditional(test, 206, 'Range: bytes=0-4', 'If-None-Match: "x"')


@check(WEB)
def range_of_large(test):
    """the last bytes of a file of 5 GB can be had"""
    ranged(test)
    root = test.site({'large': b''})
    size = 5 << 30
    with open(root / 'large', 'r+b') as file:
        file.truncate(size)  # takes no space: the file is a hole
        file.seek(size - 5)
        file.write(b'hello')
    visitor = test.visitor(server=test.server(root=root))
    reply = visitor.get('/large', 'Range: bytes=-7').must_be(
        206, b'\0\0hello', 'sizes and places in files are off_t, 64 bits')
    reply.must_have('Content-Range', f'bytes {size - 7}-{size - 1}/{size}')
    visitor.get('/large', f'Range: bytes={size - 5}-').must_be(206, b'hello')
    visitor.get('/large', method='HEAD').must_have('Content-Length', str(size))


@check(WEB, open=False)
def range_if_weak_date(test):
    """a date does not vouch for a range of a file that was written within that
    second: it may have changed twice"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    (root / 'hello.txt').write_bytes(HELLO)
    written = os.stat(root / 'hello.txt').st_mtime_ns
    os.utime(root / 'hello.txt', ns=(written // 10**9 * 10**9 + 123,) * 2)
    for _ in range(2):
        date = visitor.get()['Last-Modified']
        visitor.get('/hello.txt', 'Range: bytes=0-4', f'If-Range: {date}'
                    ).must_be(200, HELLO, 'RFC 9110 13.1.5: false unless the '
                              'date is a strong validator')
        time.sleep(1.1)


@check(WEB, open=False)
def listing_conditions(test):
    """a listing, which has neither a tag nor a date, is there, which is all
    that * asks for, and has none of the tags that are given"""
    visitor = test.visitor()
    for field, status in (('If-None-Match: *', 304), ('If-Match: "x"', 412),
                          ('If-Match: *', 200), ('If-None-Match: "x"', 200),
                          ('If-None-Match: ""', 200), ('If-Match: ""', 412),
                          (f'If-Modified-Since: {THEN}', 200),
                          (f'If-Unmodified-Since: {BEFORE}', 200)):
        visitor.get('/list/', field).must_be(status, hint=field)
    visitor.stays()


@check(WEB, open=False)
def future_date_taken_back(test):
    """the Last-Modified of a file whose time lies in the future is taken back:
    the file has not changed since"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    os.utime(root / 'hello.txt', (time.time() + 3600,) * 2)
    time.sleep(1.1)
    date = visitor.get()['Last-Modified']
    time.sleep(1.1)
    visitor.get('/hello.txt', f'If-Unmodified-Since: {date}').must_be(200)
    visitor.get('/hello.txt', f'If-Modified-Since: {date}').must_be(304)
    os.utime(root / 'hello.txt', (time.time() + 7200,) * 2)
    visitor.get('/hello.txt', f'If-Unmodified-Since: {date}').must_be(412)
    visitor.get('/hello.txt', f'If-Modified-Since: {date}').must_be(200)


# ---------------------------------------------------------- change

FRESH = ('what was true of a path at the last request need not be true now: '
         'look anew')


def settled(test, files=USUAL):
    """A site as of some seconds ago: a server may keep in memory what has not
    changed for a while, and only that."""
    root = test.site(files)
    time.sleep(3.2)
    return root


@check(WEB, open=False)
def changed_after_a_while(test):
    """files that were left alone for some seconds, and served, are served as
    they are as soon as they have changed"""
    root = settled(test)
    visitor = test.visitor(server=test.server(root=root))
    targets = ['/hello.txt', '/data.bin', '/page.html', '/sub/', '/empty.txt']
    for target in targets * 3:
        visitor.get(target).must_be(200)
    (root / 'hello.txt').write_bytes(HELLO[::-1])
    visitor.get('/hello.txt').must_be(200, HELLO[::-1], FRESH)
    (root / 'list' / 'one.txt').write_bytes(DATA[::-1])
    (root / 'list' / 'one.txt').rename(root / 'data.bin')
    visitor.get('/data.bin').must_be(200, DATA[::-1], FRESH)
    (root / 'page.html').unlink()
    visitor.get('/page.html').must_be(404, hint=FRESH)
    (root / 'sub' / 'index.html').unlink()
    if b'inner.txt' not in visitor.get('/sub/').must_be(200).body:
        raise Failure('a listing, now that there is no index.html', 'another '
                      'page', FRESH)
    (root / 'empty.txt').write_bytes(b'no more')
    visitor.get('/empty.txt').must_be(200, b'no more', FRESH)


@check(WEB, open=False)
def rewritten(test):
    """a file that is rewritten, with the same length and again and again, is
    served as it is now"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    for number in range(500):
        content = b'version %05d' % number
        (root / 'hello.txt').write_bytes(content)
        visitor.get().must_be(200, content, FRESH)


@check(WEB, open=False)
def replaced(test):
    """a file that another one is renamed over is served as it is now"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    for number in range(300):
        content = b'version %05d' % number
        (root / 'new').write_bytes(content)
        (root / 'new').rename(root / 'hello.txt')
        visitor.get().must_be(200, content, FRESH)
        visitor.get('/new').must_be(404)


@check(WEB, open=False)
def grown_and_shrunk(test):
    """a file that has grown or shrunk is served with its length of now"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    for size in (0, 1, 100000, 5, 65536, 65535, 300000, 0, 7):
        (root / 'hello.txt').write_bytes(data(size))
        visitor.get().must_be(200, data(size), FRESH)
        visitor.get('/hello.txt', 'Range: bytes=-1'
                    ).must_be(206 if size else 200)


@check(WEB, open=False)
def gone_and_back(test):
    """a file that is gone is a 404, and one that is back a 200, at once"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    for number in range(100):
        visitor.get().must_be(200, HELLO, FRESH)
        (root / 'hello.txt').unlink()
        visitor.get().must_be(404, hint=FRESH)
        (root / 'hello.txt').write_bytes(HELLO)


@check(WEB, open=False)
def turned_into_a_link(test):
    """a file that was served, and is a symbolic link now, is not served"""
    root = settled(test)
    outside = test.site({'secret.txt': b'secret', 'inner.txt': b'secret'})
    visitor = test.visitor(server=test.server(root=root))
    secret = outside / 'secret.txt'
    for target, link, to in (('/hello.txt', 'hello.txt', secret),
                             ('/data.bin', 'data.bin', 'page.html'),
                             ('/sub/inner.txt', 'sub', outside),
                             ('/list/one.txt', 'list', 'list-moved')):
        visitor.get(target).must_be(200)
        (root / link).rename(root / (link + '-moved'))
        (root / link).symlink_to(to)
        visitor.get(target).must_be(404, hint=FRESH)
        (root / link).unlink()
        (root / (link + '-moved')).rename(root / link)
        visitor.get(target).must_be(200)


@check(WEB, open=False)
def permission_taken(test):
    """a file that was served and may not be read any more is a 403, and so is
    one whose folder may not be entered"""
    if os.geteuid() == 0:
        test.need_injector()
        test.faults.set('user', NOBODY)
    root = settled(test)
    visitor = test.visitor(server=test.server(root=root))
    for target, name, mode in (('/hello.txt', 'hello.txt', 0o644),
                               ('/sub/inner.txt', 'sub', 0o755)):
        visitor.get(target).must_be(200)
        (root / name).chmod(0)
        try:
            visitor.get(target).must_be(403, hint=FRESH)
        finally:
            (root / name).chmod(mode)
        visitor.get(target).must_be(200, USUAL[target[1:]])


@check(WEB, open=False)
def folder_replaced(test):
    """a folder that another one is renamed over, even -d's own, is served as it
    is now"""
    root = settled(test, {
        'www/hello.txt': b'old', 'www/sub/inner.txt': b'old',
        'next/hello.txt': b'new', 'next/sub/inner.txt': b'new'})
    visitor = test.visitor(server=test.server(root=root / 'www'))
    for target in ('/hello.txt', '/sub/inner.txt'):
        visitor.get(target).must_be(200, b'old')
    (root / 'www' / 'sub').rename(root / 'moved')
    fill(root, {'www/sub/inner.txt': b'other'})
    visitor.get('/sub/inner.txt').must_be(200, b'other', FRESH)
    (root / 'www').rename(root / 'old')
    (root / 'next').rename(root / 'www')
    for target in ('/hello.txt', '/sub/inner.txt'):
        visitor.get(target).must_be(200, b'new', FRESH)
    shutil.rmtree(root / 'www')
    visitor.get().must_be(range(400, 600))
    fill(root, {'www/hello.txt': b'back'})
    visitor.get().must_be(200, b'back', FRESH)


@check(WEB, open=False)
def index_comes_and_goes(test):
    """an index.html counts from the moment at which it is there"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    for number in range(50):
        listing = visitor.get('/list/').must_be(200).body
        if b'one.txt' not in listing:
            raise Failure('a listing', listing, FRESH)
        (root / 'list' / 'index.html').write_bytes(b'index %d' % number)
        visitor.get('/list/').must_be(200, b'index %d' % number, FRESH)
        (root / 'list' / 'index.html').unlink()


def halfway(test, root):
    """A server of a large file, and a visitor who has asked for it and read
    but some of it."""
    server = test.server(root=root)
    visitor = test.visitor(server=server)
    visitor.send(request('/large'))
    visitor.buffer += test.receive(visitor.socket, 100000)
    return server, visitor


@check(WEB, open=False)
def shrinks_while_sent(test):
    """a file that shrinks while it is sent ends the connection short: no bytes
    are made up, and the server lives on"""
    content = data(16 << 20)
    root = test.site({'large': content})
    server, visitor = halfway(test, root)
    os.truncate(root / 'large', 200000)
    try:
        got = visitor.rest()
    except Failure as failure:
        if 'ECONNRESET' not in str(failure.got):
            raise
        got = visitor.take(len(visitor.buffer))
    body = got.partition(b'\r\n\r\n')[2]
    if len(body) >= len(content) or not content.startswith(body):
        raise Failure('the start of the file, and then the end',
                      f'{len(body)} bytes of {len(content)}, and not the same')
    test.alive(server, 'a file has shrunk', 'a mapped file that shrinks raises '
               'SIGBUS: read it')
    test.visitor(server=server).get('/large').must_be(200, content[:200000])


@check(WEB, open=False)
def grows_while_sent(test):
    """of a file that grows while it is sent, as much is sent as was promised"""
    content = data(16 << 20)
    root = test.site({'large': content})
    server, visitor = halfway(test, root)
    with open(root / 'large', 'ab') as file:
        file.write(b'more')
    other = test.visitor(server=server)
    other.get('/large').must_be(200, content + b'more', FRESH)
    visitor.answer(request('/large')).must_be(200, content)
    visitor.get('/large').must_be(200, content + b'more', FRESH)


@check(WEB, open=False)
def replaced_while_sent(test):
    """a file that is replaced or unlinked while it is sent is sent to its end,
    and others get what is there now"""
    content = data(16 << 20)
    root = settled(test, {'large': content})
    server, visitor = halfway(test, root)
    (root / 'new').write_bytes(content[::-1])
    (root / 'new').rename(root / 'large')
    other = test.visitor(server=server)
    other.send(request('/large'))
    other.buffer += test.receive(other.socket, 100000)
    (root / 'large').unlink()
    test.visitor(server=server).get('/large').must_be(404, hint=FRESH)
    other.answer(request('/large')).must_be(200, content[::-1], FRESH)
    visitor.answer(request('/large')).must_be(200, content)
    visitor.get('/large').must_be(404)


@check(WEB, open=False)
def changed_through_a_mapping(test):
    """a file that a program changes by way of a mapping, which leaves size and
    times as they are, is served as it is now, a moment later at most, and with
    another ETag"""
    root = test.site()
    with open(root / 'hello.txt', 'r+b') as file:
        mapping = mmap.mmap(file.fileno(), 0)
    mapping[:1] = b'H'
    time.sleep(3.2)
    visitor = test.visitor(server=test.server(root=root))
    for letter in b'abc':
        mapping[:1] = bytes([letter])
        time.sleep(0.2)
        reply = visitor.get().must_be(200, bytes([letter]) + HELLO[1:], FRESH)
        mapping[:1] = b'x'
        time.sleep(0.2)
        visitor.get('/hello.txt', f'If-None-Match: {reply["ETag"]}').must_be(
            200, b'x' + HELLO[1:])
    mapping.close()
