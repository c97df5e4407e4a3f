"""The checks of 08 that are about the fields of responses."""

import calendar
import email.utils
import http.client
import os
import re
import time

from harness import Failure, Skip, check, shown
from harness.web import HELLO, USUAL, WEB, request

MOMENT = 784111777  # Sun, 06 Nov 1994 08:49:37 GMT, as in RFC 9110
PAGE = USUAL['page.html']
TYPES = {'html': 'text/html', 'css': 'text/css', 'js': 'text/javascript',
         'txt': 'text/plain', 'json': 'application/json', 'png': 'image/png',
         'jpg': 'image/jpeg', 'jpeg': 'image/jpeg', 'gif': 'image/gif',
         'svg': 'image/svg+xml', 'pdf': 'application/pdf'}
ALSO = {'text/javascript': 'application/javascript'}


@check(WEB)
def media_types(test):
    """Content-Type follows the file's extension"""
    if test.any:
        raise Skip('the server may choose which extensions it knows')
    visitor = test.visitor(server=test.server(root=test.site(
        {f'file.with.{extension}': b'x' for extension in TYPES})))
    for extension, kind in TYPES.items():
        reply = visitor.get(f'/file.with.{extension}').must_be(200)
        got = reply['Content-Type'].split(';')[0].strip()
        if got not in (kind, ALSO.get(kind)):
            raise Failure(f'"Content-Type: {kind}" for .{extension}', got)
        charset = 'charset=utf-8' in reply['Content-Type'].lower()
        if charset != kind.startswith('text/'):
            raise Failure('charset=utf-8 for text types only',
                          reply['Content-Type'])


@check(WEB, open=False)
def media_type_unknown(test):
    """Content-Type is application/octet-stream, with nosniff, if the extension
    is unknown"""
    names = ('file', 'file.', 'file.unheard-of', 'html', 'txt.', 'file.html.x',
             'x.htmlx', 'a.ht')
    visitor = test.visitor(server=test.server(root=test.site(
        {name: b'<html>' for name in names})))
    for name in names:
        reply = visitor.get('/' + name).must_be(200)
        reply.must_have('Content-Type', 'application/octet-stream')
        reply.must_have('X-Content-Type-Options', 'nosniff')


def said_fields(reply):
    return '; '.join(f'{name}: {value}' for name, value in reply.fields)


@check(WEB, open=False)
def fields_of_a_file(test):
    """a 200 for a file has all the fields that describe it"""
    visitor = test.visitor()
    reply = visitor.get('/page.html').must_be(200, PAGE)
    reply.must_have('Content-Type', 'text/html; charset=utf-8')
    reply.must_have('Content-Length', str(len(PAGE)))
    reply.must_have('X-Content-Type-Options', 'nosniff')
    reply.must_have('Accept-Ranges', 'bytes')
    for name in ('Date', 'Server', 'Last-Modified', 'ETag'):
        if not reply[name]:
            raise Failure(f'{name} in a 200', said_fields(reply))


ALL_KINDS = [request(), request(method='HEAD'), request('/list/'),
             request('/sub'), request('/nothing'),
             request('/hello.txt', 'If-None-Match: *'),
             request('/hello.txt', 'Range: bytes=0-3'),
             request('/hello.txt', 'Range: bytes=99-'),
             request(method='DELETE'), request(method='OPTIONS'),
             request(version='HTTP/1.0'), b'GET / HTTP/1.1\r\n\r\n']


SINGLE = {'age', 'content-length', 'content-location', 'content-range',
          'content-type', 'date', 'etag', 'expires', 'last-modified',
          'location', 'retry-after', 'server'}


@check(WEB)
def fields_once(test):
    """sends no single-valued field twice, in any kind of response"""
    for message in ALL_KINDS:
        reply = test.visitor().ask(message)
        names = [name for name, _ in reply.fields]
        for name in {*names} & SINGLE if test.any else {*names} - {
                'vary', 'allow', 'set-cookie'}:
            if names.count(name) > 1:
                raise Failure(f'{name} once in the {reply.status} for '
                              f'{reply.to}', said_fields(reply))


def seconds_of(reply, name='Date'):
    """Returns the time in a field. Only one form of date may be sent."""
    text = reply[name]
    try:
        moment = calendar.timegm(
            time.strptime(text, '%a, %d %b %Y %H:%M:%S GMT'))
    except ValueError:
        moment = None
    if moment is None or email.utils.formatdate(moment, usegmt=True) != text:
        raise Failure(f'{name} in the {reply.status} for {reply.to}, as in '
                      '"Sun, 06 Nov 1994 08:49:37 GMT"', text or 'none',
                      'gmtime; English names of days and months')
    return moment


@check(WEB)
def date(test):
    """every response has the current Date"""
    for message in ALL_KINDS:
        before = int(time.time()) - 1
        reply = test.visitor().ask(message)
        if not before <= seconds_of(reply) <= time.time() + 1:
            raise Failure(f'the current Date in the {reply.status} for '
                          f'{reply.to}', reply['Date'])


@check(WEB)
def date_goes_on(test):
    """Date is the time of the response, not of the connection"""
    visitor = test.visitor()
    first = visitor.get()
    time.sleep(2.1)
    later = visitor.get()
    least = 1 if test.any else 2  # others may reuse a Date for 1 s
    if seconds_of(later) - seconds_of(first) < least:
        raise Failure(f'a Date {least} seconds after {first["Date"]}',
                      later['Date'])


@check(WEB)
def last_modified(test):
    """Last-Modified is the time of the file's last change"""
    root = test.site()
    os.utime(root / 'hello.txt', (MOMENT, MOMENT))
    visitor = test.visitor(server=test.server(root=root))
    if test.any and not visitor.get()['Last-Modified']:
        raise Skip('it sends no Last-Modified')
    moments = [MOMENT, 0, 951782400, 1709164800, 1735689599]
    for moment in moments[:1 if test.any else None]:  # others may cache it
        os.utime(root / 'hello.txt', (moment, moment))
        reply = visitor.get().must_be(200, HELLO)
        if seconds_of(reply, 'Last-Modified') != moment:
            raise Failure(email.utils.formatdate(moment, usegmt=True),
                          reply['Last-Modified'])


@check(WEB)
def last_modified_not_later(test):
    """Last-Modified is never later than Date, even if the file's time is"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    tomorrow = time.time() + 86400
    os.utime(root / 'hello.txt', (tomorrow, tomorrow))
    reply = visitor.get().must_be(200, HELLO)
    if reply.values('Last-Modified') and (seconds_of(reply, 'Last-Modified')
                                          > seconds_of(reply)):
        raise Failure(f'Last-Modified not after {reply["Date"]}',
                      reply['Last-Modified'], 'RFC 9110 8.8.2.1: a must')


@check(WEB, open=False)
def odd_times(test):
    """serves files dated before 1970 or far in the future"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    for moment in (-1, -86400 * 365 * 60, 2**31, 2**32 + 5, 2**33):
        try:
            os.utime(root / 'hello.txt', (moment, moment))
        except (OSError, OverflowError):
            continue
        reply = visitor.get().must_be(200, HELLO)
        if reply.values('Last-Modified'):
            seconds_of(reply, 'Last-Modified')
        visitor.get('/hello.txt', f'If-None-Match: {reply["ETag"]}'
                    ).must_be(304)


@check(WEB)
def etag(test):
    """an ETag is a quoted string: the same for the same file, different for
    another file or a changed one"""
    root = test.site()
    for name in ('hello.txt', 'data.bin'):  # a new file may have no ETag
        os.utime(root / name, (MOMENT, MOMENT))
    visitor = test.visitor(server=test.server(root=root))
    tags = [visitor.get(target)['ETag'] for target in (
        '/hello.txt', '/hello.txt', '/data.bin')]
    (root / 'hello.txt').write_bytes(b'another text, and a longer one')
    os.utime(root / 'hello.txt', (MOMENT + 9, MOMENT + 9))
    time.sleep(3 if test.any else 0)  # others may cache it for a while
    tags.append(visitor.get()['ETag'])
    if test.any and not all(tags):  # the file has just changed
        raise Skip('it sends no ETag')
    for tag in tags:
        if not re.fullmatch('(W/)?"[\x21\x23-\x7e\x80-\xff]*"', tag):
            raise Failure('an ETag like "3f-1a2b"', tag or 'none')
        if not test.any and tag.startswith('W/'):
            raise Failure('a strong ETag', tag)
    if tags[0] != tags[1] or len(set(tags)) != 3:
        raise Failure('the same ETag twice, then two others',
                      ' '.join(tags))


@check(WEB, open=False)
def etag_of_rewritten(test):
    """a file rewritten immediately with the same length gets a new ETag; the
    old one no longer gives a 304"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    tag = visitor.get()['ETag']
    for number in range(300):
        content = b'rewritten %03d' % number
        if number > 250:  # larger than what a server reads to make a tag
            content *= 2000
            time.sleep(0.012)  # more than a tick of a file system's clock
        (root / 'hello.txt').write_bytes(content)
        reply = visitor.get('/hello.txt', f'If-None-Match: {tag}')
        reply.must_be(200, content, 'a strong ETag differs whenever a byte '
                      'does: use st_mtim and st_ctim to the nanosecond')
        tag = reply['ETag']


@check(WEB, open=False)
def error_pages(test):
    """every error has an HTML page of its own, without markup from the
    request"""
    for message, status in (
            (request('/<script>alert(1)</script>'), 404),
            (request('/"><script>'), 404), (request(method='DELETE'), 405),
            (request('/<script>', method='FROB'), 501),
            (request('/hello.txt', 'Host: <script>'), 400),
            (request('/hello.txt', 'Range: bytes=99-'), 416),
            (request('/hello.txt', 'Expect: <script>'), 417),
            (request('/hello.txt', 'If-Match: "<script>"'), 412),
            (request(version='HTTP/2.0'), 505),
            (request('/' + 'x' * 9000), 414)):
        reply = test.visitor().ask(message).must_be(status)
        reply.must_have('Content-Type', 'text/html; charset=utf-8')
        reply.must_have('Content-Length', str(len(reply.body)))
        if b'<script>' in reply.body or str(status).encode() not in reply.body:
            raise Failure(f'a page that says {status}, without markup from '
                          'the request', shown(reply.body, 500))


MORE_TYPES = {
    'avif': 'image/avif', 'apng': 'image/apng', 'webp': 'image/webp',
    'webmanifest': 'application/manifest+json', 'map': 'application/json',
    'xhtml': 'application/xhtml+xml', 'woff': 'font/woff',
    'woff2': 'font/woff2', 'ttf': 'font/ttf', 'otf': 'font/otf',
    'ogg': 'audio/ogg', 'opus': 'audio/ogg', 'wav': 'audio/wav',
    'flac': 'audio/flac', 'm4a': 'audio/mp4', 'm4s': 'video/iso.segment',
    'vtt': 'text/vtt', 'm3u8': 'application/vnd.apple.mpegurl',
    'mpd': 'application/dash+xml', 'c': 'text/plain', 'h': 'text/plain',
    'py': 'text/plain', 'sh': 'text/plain', 'log': 'text/plain',
    'md': 'text/plain', 'PY': 'text/plain'}


@check(WEB, open=False)
def more_media_types(test):
    """each kind of file that modern pages use has its own media type; source
    code is text, so browsers show it"""
    names = {f'x.{extension}': kind for extension, kind in MORE_TYPES.items()}
    names.update({'Makefile': 'text/plain', 'README': 'text/plain',
                  'README.x': 'application/octet-stream',
                  'a.c/README': 'text/plain', 'a.c/x': 'application/'
                  'octet-stream'})
    visitor = test.visitor(server=test.server(root=test.site(
        {name: b'x' for name in names})))
    for name, kind in names.items():
        text = '; charset=utf-8' if kind.startswith('text/') else ''
        visitor.get('/' + name).must_have('Content-Type', kind + text)


@check(WEB, open=False)
def no_cache(test):
    """a browser may cache a response, but must ask whether it has changed;
    otherwise it may show an outdated file for as long as a tenth of the file's
    age"""
    visitor = test.visitor()
    reply = visitor.get().must_have('Cache-Control', 'no-cache')
    visitor.get('/list/').must_have('Cache-Control', 'no-cache')
    visitor.get('/hello.txt', f'If-None-Match: {reply["ETag"]}').must_be(
        304).must_have('Cache-Control', 'no-cache')
    visitor.get('/hello.txt', 'Range: bytes=0-3').must_be(206).must_have(
        'Cache-Control', 'no-cache')


@check(WEB, open=False)
def pages_of_ours(test):
    """error pages and listings fit a phone, and follow a preference for dark
    pages"""
    visitor = test.visitor()
    for target in ('/nothing', '/list/', '/sub'):
        page = visitor.get(target).body
        for name in (b'viewport', b'color-scheme'):
            if b'name="' + name + b'"' not in page:
                raise Failure(f'{name.decode()} in the page for {target}', page)
        visitor.get(target).must_have('X-Content-Type-Options', 'nosniff')


@check(WEB, open=False)
def reasons(test):
    """each status has its own reason phrase (RFC 9110, 15)"""
    server = test.server(root=test.site())
    for message in [*ALL_KINDS, request('/hello.txt', 'Expect: x'),
                    request('/' + 'x' * 9000), request(version='HTTP/2.0'),
                    request('/hello.txt', 'If-Match: "x"'),
                    request('/hello.txt', *['X: y'] * 200),
                    request(method='FROB')]:
        reply = test.visitor(server=server).ask(message)
        names = {416: 'Range Not Satisfiable', 414: 'URI Too Long'}
        reason = names.get(reply.status,
                           http.client.responses.get(reply.status))
        if reply.reason != reason:
            raise Failure(f'{reply.status} {reason}', reply)


@check(WEB, open=False)
def last_modified_early(test):
    """Last-Modified writes a year before 1000 with four digits; a file whose
    year does not fit in four digits has no Last-Modified"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    for moment, date in ((-35000000000, 'Mon, 22 Nov 0860 09:46:40 GMT'),
                         (-62135596800, 'Mon, 01 Jan 0001 00:00:00 GMT'),
                         (-70000000000, '')):
        try:
            os.utime(root / 'hello.txt', (moment, moment))
        except (OSError, OverflowError):
            continue
        if os.stat(root / 'hello.txt').st_mtime != moment:
            continue  # this file system cannot store the time
        reply = visitor.get().must_be(200, HELLO)
        if reply['Last-Modified'] != date:
            raise Failure(date or 'no Last-Modified', reply['Last-Modified'])
