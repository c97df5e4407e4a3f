"""The checks of 08 that are about what is served: files, folders, their
listing, and the fields that tell of them."""

import calendar
import email.utils
import errno
import html.parser
import os
import re
import select
import signal
import socket
import time
import urllib.parse

from harness import (FOREVER, NOBODY, Failure, Skip, check, data,
                     wait_until)
from web_talk import HELLO, USUAL, fill, request

WEB = '08'
MOMENT = 784111777  # Sun, 06 Nov 1994 08:49:37 GMT, as in RFC 9110
PAGE = USUAL['page.html']


# ---------------------------------------------------------- what is no file

def not_found(test, visitor, targets, hint=''):
    for target in targets:
        visitor.get(target).must_be(404, hint=hint)
    visitor.stays()


@check(WEB, open=False)
def symbolic_links(test):
    """no symbolic link is followed: not to a file, not to a folder, neither
    inside nor outside, not on the way and not as index.html"""
    root = test.site()
    outside = test.site({'secret.txt': b'secret', 'index.html': b'secret'})
    for name, to in (('to-file', 'hello.txt'), ('to-folder', 'sub'),
                     ('out', outside), ('out-file', outside / 'secret.txt'),
                     ('nowhere', 'nothing'), ('round', 'round')):
        (root / name).symlink_to(to)
    (root / 'list' / 'index.html').symlink_to('../hello.txt')
    visitor = test.visitor(server=test.server(root=root))
    not_found(test, visitor, (
        '/to-file', '/to-folder', '/to-folder/', '/to-folder/inner.txt', '/out',
        '/out/', '/out/secret.txt', '/out-file', '/nowhere', '/round',
        '/round/x', '/list/index.html'), 'O_NOFOLLOW looks at the last part '
        'alone: open folder by folder (openat)')
    reply = visitor.get('/list/')
    if reply.body == HELLO:
        raise Failure('no index.html that is a symbolic link', str(reply))


@check(WEB, open=False)
def symbolic_link_in_time(test):
    """a symbolic link that is put into the way between two calls is not
    followed"""
    test.need_injector()
    root = test.site()
    outside = test.site({'inner.txt': b'secret'})
    server = test.server(root=root)
    test.attached()
    for call in ('stat', 'open'):
        for number in range(1, 6):
            for name, to in (('sub', outside),
                             ('sub/inner.txt', outside / 'inner.txt')):
                stop = test.faults.get('calls', call) + number
                test.faults.set('stop', stop, call)
                reply = raced(test.visitor(server=server), server, root / name,
                              to)
                test.faults.set('stop', 0, call)
                if b'secret' in reply.body:
                    raise Failure(f'no file from outside: {name} became a link '
                                  f'before {call} was called, the {number}th '
                                  'time', str(reply), 'O_NOFOLLOW')
    test.visitor(server=server).stays()


def raced(visitor, server, path, to):
    """Asks for a file, and puts a link into its way when the server stops."""
    visitor.send(request('/sub/inner.txt'))
    wait_until(lambda: server.state() == 'T'
               or select.select([visitor.socket], [], [], 0)[0])
    if server.state() != 'T':
        return visitor.answer()
    moved = path.with_name('moved')
    path.rename(moved)
    path.symlink_to(to)
    server.signal(signal.SIGCONT)
    reply = visitor.answer()
    path.unlink()
    moved.rename(path)
    return reply


@check(WEB, open=False)
def special_files(test):
    """what is no regular file is not served, and nobody waits for it"""
    root = test.site()
    os.mkfifo(root / 'fifo')
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / 'socket'))
    names = ['/fifo', '/socket', '/fifo/']
    if os.geteuid() == 0:
        os.mknod(root / 'null', 0o20666, os.makedev(1, 3))
        names.append('/null')
    visitor = test.visitor(server=test.server(root=root))
    not_found(test, visitor, names, 'to open a FIFO waits for a writer: '
              'O_NONBLOCK, then fstat and S_ISREG')


@check(WEB, open=False)
def no_permission(test):
    """a file that may not be read is a 403, and so is one in a folder that may
    not be entered"""
    root = test.site({**USUAL, 'closed/file.txt': b'x'})
    (root / 'page.html').chmod(0)
    (root / 'closed').chmod(0)
    if os.geteuid() == 0:  # whom permissions do not bind
        test.need_injector()
        test.faults.set('user', NOBODY)
    try:
        visitor = test.visitor(server=test.server(root=root))
        for target in ('/page.html', '/closed/file.txt', '/closed/'):
            visitor.get(target).must_be(403, hint='EACCES is a 403')
        visitor.stays()
    finally:
        (root / 'closed').chmod(0o700)


TROUBLE = {'EACCES': 403, 'ELOOP': 404, 'ENAMETOOLONG': 404, 'ENOENT': 404,
           'ENOTDIR': 404, 'ENXIO': 404, 'EMFILE': 503, 'ENFILE': 503,
           'ENOMEM': 503, 'EIO': 500}


@check(WEB, open=False)
def open_fails(test):
    """a file that cannot be opened is a 403, a 404 or a 5xx, as the reason is;
    what is nobody's fault is told, once until it is over"""
    test.need_injector()
    server = test.server(root=test.site())
    test.attached()
    visitor = test.visitor(server=server)
    for name, status in TROUBLE.items():
        before = len(server.lines)
        test.faults.fail('open', getattr(errno, name), last=FOREVER)
        for _ in range(3):
            visitor.get().must_be(status, hint=f'open fails with {name}')
        test.faults.relent('open')
        visitor.get().must_be(200, HELLO, f'{name} has passed')
        server.wait_for(lambda: len(server.lines) > before,
                        4 if status >= 500 else 0)
        lines = server.lines[before:]
        if len(lines) != (status >= 500) or lines and name not in (
                *lines[0].replace(':', ' ').split(), 'EIO'):
            raise Failure(f'{"one line" if status >= 500 else "no line"} about '
                          f'{name}', lines)


@check(WEB, open=False)
def read_fails(test):
    """a file that cannot be read is a 5xx, or the connection ends; the server
    lives on"""
    test.need_injector()
    large = data(1 << 20)
    root = fill(test.site(), {'large': large})
    server = test.server(root=root)
    test.attached()
    for target in ('/hello.txt', '/large'):
        visitor = test.visitor(server=server)
        test.faults.fail('read', errno.EIO, last=FOREVER)
        visitor.send(request(target))
        got = visitor.head(hint='read fails with EIO')
        if got.status == 200:
            visitor.ended('a promise that cannot be kept: close')
        elif got.status < 500:
            raise Failure('a status of 500 or more when read fails', str(got))
        test.faults.relent('read')
    test.faults.fail('read', errno.EINTR, test.faults.get('calls', 'read') + 2)
    visitor = test.visitor(server=server)
    visitor.get().must_be(200, HELLO, 'after EINTR read again')
    visitor.get('/large').must_be(200, large, 'after EINTR read again')
    test.alive(server, 'read has failed')


# ---------------------------------------------------------- folders

@check(WEB)
def index(test):
    """a folder is answered with its index.html"""
    visitor = test.visitor()
    for target in ('/sub/', '/sub/?a=b', '/sub/index.html'):
        visitor.get(target).must_be(200, USUAL['sub/index.html'])


@check(WEB)
def redirect(test):
    """a folder without its slash is a redirect to that with it, the query
    kept"""
    visitor = test.visitor(server=test.server(root=fill(
        test.site(), {'a b<&"/one.txt': b'', '%/one.txt': b''})))
    for target, path in (('/sub', '/sub/'), ('/sub?a=b&c', '/sub/?a=b&c'),
                         ('/list', '/list/'), ('/%73ub', '/sub/'),
                         ('/a%20b%3c%26%22', '/a%20b%3C%26%22/'),
                         ('/%25?%20', '/%25/?%20')):
        reply = visitor.get(target).must_be((301, 302, 307, 308) if test.any
                                            else 301)
        there = re.sub('^http://[^/]*', '', urllib.parse.urljoin(
            'http://ladder' + target, reply['Location']))
        if urllib.parse.unquote(there) != urllib.parse.unquote(path):
            raise Failure(f'"Location: {path}" for {reply.to}',
                          f'"Location: {reply["Location"]}"', 'the relative '
                          'links of a page lead astray without the slash')


@check(WEB, open=False)
def redirect_stays_here(test):
    """no redirect leads to another host: Location never begins with //"""
    root = fill(test.site(), {'evil.example/sub/one.txt': b'',
                              '\\evil.example/one.txt': b''})
    visitor = test.visitor(server=test.server(root=root))
    for target in ('//evil.example', '//evil.example/sub', '/%2fevil.example',
                   '///evil.example', '/%2f%2fevil.example/sub',
                   'http://ladder//evil.example', '/\\evil.example',
                   '//\\evil.example', '/%5cevil.example'):
        location = visitor.get(target).must_be(301)['Location']
        if not re.fullmatch(r'/(%2f|%5c)*evil\.example/(sub/)?', location,
                            re.IGNORECASE):
            raise Failure(f'a Location on this server for {target}', location,
                          'a browser takes //name and /\\name for another host')
    visitor.stays()


@check(WEB, open=False)
def redirect_in_one_line(test):
    """whatever a folder is called, Location is one line"""
    root = fill(test.site(), {'a\r\nX-Evil: 1/one.txt': b''})
    visitor = test.visitor(server=test.server(root=root))
    reply = visitor.get('/a%0d%0aX-Evil:%201').must_be(301)
    reply.must_lack('X-Evil')
    if urllib.parse.unquote(reply['Location']) != '/a\r\nX-Evil: 1/':
        raise Failure('the folder\'s name, encoded', reply['Location'])


class Links(html.parser.HTMLParser):
    """The links of a page, and their texts."""

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.links, self.tags, self.inside = [], set(), False
        self.feed(page.decode('utf-8', 'surrogateescape'))

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag == 'a':
            self.inside = True
            self.links.append([dict(attributes).get('href', ''), ''])

    def handle_endtag(self, tag):
        if tag == 'a':
            self.inside = False

    def handle_data(self, text):
        if self.inside:
            self.links[-1][1] += text

    def names(self, base):
        """The names in the folder at base that the links lead to."""
        for link, _ in self.links:
            there = urllib.parse.urljoin('http://x' + base, link)
            if there.startswith('http://x' + base) and '?' not in there:
                name = urllib.parse.unquote(there[len('http://x' + base):],
                                            errors='surrogateescape')
                if name:
                    yield name


NAMES = ['100%.txt', '<b>bold<', '&amp;.txt', 'a b.txt', 'c:d.txt', 'e\'f".txt',
         'ha#sh', 'plus+', 'q?m', 'semi;colon', '\xfcber.txt', '\u6f22\u5b57',
         '%41.txt', 'back\\slash', 'x' * 200, 'javascript:alert(1)', '*', '~',
         'a=b&c', '[1]', '{2}', '|', '^', '`', '$(x)', ',', 'Z', 'a']


@check(WEB)
def listing_leads(test):
    """every link of a folder's listing leads to its file, whatever the name"""
    files = {'list/' + name: name.encode() for name in NAMES}
    visitor = test.visitor(server=test.server(root=test.site(files)))
    page = Links(visitor.get('/list/').must_be(200).body)
    if sorted(page.names('/list/')) != sorted(NAMES):
        raise Failure(f'links to these names: {sorted(NAMES)}',
                      sorted(page.names('/list/')), 'percent-encode all but '
                      'letters, digits and -._~ in an href')
    for link, _ in page.links:
        there = urllib.parse.urljoin('http://x/list/', link)[len('http://x'):]
        name = urllib.parse.unquote(there[len('/list/'):])
        if name in NAMES:
            visitor.get(there).must_be(200, name.encode())


@check(WEB)
def listing_escaped(test):
    """no name in a listing is taken for markup"""
    names = ['<script>alert(1)<', '&lt;b&gt;', '"onload="x', '\'onload=\'x',
             '<img src=x>', '&amp']
    visitor = test.visitor(server=test.server(root=test.site(
        {'list/' + name: b'' for name in names})))
    page = visitor.get('/list/').must_be(200).body
    texts = [text for _, text in Links(page).links]
    if ('img' in Links(page).tags or b'<script>alert' in page
            or not set(names) <= set(texts)):
        raise Failure('names that are escaped: &lt; for <, &amp; for &',
                      page.decode()[:500])


@check(WEB, open=False)
def listing_form(test):
    """a listing has names in order, folders with a slash, a way up, and nothing
    that is not served: no dotfile, no symbolic link"""
    root = test.site({'list/' + name: b'' for name in (
        'b.txt', 'a.txt', 'C', 'folder/x', 'Z', 'm', '.hidden', '.d/x')})
    (root / 'list' / 'link').symlink_to('a.txt')
    (root / 'list' / 'link-folder').symlink_to('folder')
    visitor = test.visitor(server=test.server(root=root))
    reply = visitor.get('/list/').must_be(200)
    reply.must_have('Content-Type', 'text/html; charset=utf-8')
    reply.must_lack('ETag').must_lack('Last-Modified')
    page = Links(reply.body)
    names = ['C', 'Z', 'a.txt', 'b.txt', 'folder/', 'm']
    if list(page.names('/list/')) != names:
        raise Failure(f'links in this order: {names}',
                      list(page.names('/list/')))
    texts = [text for link, text in page.links if '..' not in link]
    if texts != names:
        raise Failure(f'the texts of the links: {names}', texts)
    if '../' not in [link for link, _ in page.links]:
        raise Failure('a link to ../', page.links)
    if any('..' in link for link, _ in Links(visitor.get('/').body).links):
        raise Failure('no link to ../ at the top', 'one')


@check(WEB, open=False)
def listing_odd_bytes(test):
    """names that are no UTF-8, and names with line breaks, are listed too"""
    root = test.site({'list/plain': b''})
    names = [b'\xff\xfe', b'a\nb', b'tab\tbed', b'\x1b[31m', b'\xc3', b'\x7f']
    for name in names:
        with open(os.path.join(os.fsencode(root / 'list'), name), 'wb') as file:
            file.write(b'odd')
    visitor = test.visitor(server=test.server(root=root))
    reply = visitor.get('/list/').must_be(200)
    listed = set(map(os.fsencode, Links(reply.body).names('/list/')))
    if listed != {b'plain', *names}:
        raise Failure(f'links to {names}', sorted(listed))
    for name in names:
        visitor.get('/list/' + urllib.parse.quote(name)).must_be(200, b'odd')


@check(WEB)
def listing_large(test):
    """a folder of 1000 files is listed whole"""
    names = [f'file-number-{number:04}.txt' for number in range(1000)]
    visitor = test.visitor(server=test.server(root=test.site(
        {'list/' + name: b'' for name in names})))
    page = Links(visitor.get('/list/').must_be(200).body)
    if list(page.names('/list/')) != names:
        raise Failure('1000 links, in order',
                      f'{len(page.links)}, or another order')
    visitor.get('/list/', method='HEAD').must_be(200)
    visitor.get(f'/list/{names[7]}').must_be(200, b'')


@check(WEB, open=False)
def listing_fresh(test):
    """a listing shows what is there now"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    for number in range(30):
        (root / 'list' / str(number)).write_bytes(b'')
        (root / 'list' / str(number - 3)).unlink() if number > 2 else None
        names = set(Links(visitor.get('/list/').body).names('/list/'))
        here = {'one.txt', *map(str, range(max(0, number - 2), number + 1))}
        if names != here:
            raise Failure(f'the names {sorted(here)}', sorted(names))


# ---------------------------------------------------------- fields

TYPES = {'html': 'text/html', 'css': 'text/css', 'js': 'text/javascript',
         'txt': 'text/plain', 'json': 'application/json', 'png': 'image/png',
         'jpg': 'image/jpeg', 'jpeg': 'image/jpeg', 'gif': 'image/gif',
         'svg': 'image/svg+xml', 'pdf': 'application/pdf'}
ALSO = {'text/javascript': 'application/javascript'}


@check(WEB)
def media_types(test):
    """Content-Type is that of the file's extension"""
    visitor = test.visitor(server=test.server(root=test.site(
        {f'file.with.{extension}': b'x' for extension in TYPES})))
    for extension, kind in TYPES.items():
        reply = visitor.get(f'/file.with.{extension}').must_be(200)
        got = reply['Content-Type'].split(';')[0].strip()
        if got not in (kind, ALSO.get(kind)):
            raise Failure(f'"Content-Type: {kind}" for .{extension}', got)
        charset = 'charset=utf-8' in reply['Content-Type'].lower()
        if charset != kind.startswith('text/') and not test.any:
            raise Failure('charset=utf-8 for text, and for nothing else',
                          reply['Content-Type'])


@check(WEB, open=False)
def media_type_unknown(test):
    """without a known extension it is application/octet-stream, and nosniff
    forbids to guess"""
    names = ('file', 'file.', 'file.unheard-of', 'html', 'txt.', 'file.html.x',
             'x.htmlx', 'a.ht')
    visitor = test.visitor(server=test.server(root=test.site(
        {name: b'<html>' for name in names})))
    for name in names:
        reply = visitor.get('/' + name).must_be(200)
        reply.must_have('Content-Type', 'application/octet-stream')
        reply.must_have('X-Content-Type-Options', 'nosniff')


@check(WEB, open=False)
def fields_of_a_file(test):
    """a 200 for a file has all the fields that tell of it"""
    visitor = test.visitor()
    reply = visitor.get('/page.html').must_be(200, PAGE)
    reply.must_have('Content-Type', 'text/html; charset=utf-8')
    reply.must_have('Content-Length', str(len(PAGE)))
    reply.must_have('X-Content-Type-Options', 'nosniff')
    reply.must_have('Accept-Ranges', 'bytes')
    for name in ('Date', 'Server', 'Last-Modified', 'ETag'):
        if not reply[name]:
            raise Failure(f'{name} in a 200', reply.fields)


ALL_KINDS = [request(), request(method='HEAD'), request('/list/'),
             request('/sub'), request('/nothing'),
             request('/hello.txt', 'If-None-Match: *'),
             request('/hello.txt', 'Range: bytes=0-3'),
             request('/hello.txt', 'Range: bytes=99-'),
             request(method='DELETE'), request(method='OPTIONS'),
             request(version='HTTP/1.0'), b'GET / HTTP/1.1\r\n\r\n']


@check(WEB)
def fields_once(test):
    """no field that has one value comes twice, in no kind of response"""
    for message in ALL_KINDS:
        reply = test.visitor().ask(message)
        names = [name for name, _ in reply.fields]
        for name in {*names} - {'vary', 'allow', 'set-cookie'}:
            if names.count(name) > 1:
                raise Failure(f'{name} once in the {reply.status} for '
                              f'{reply.to}', reply.fields)


def seconds_of(reply, name='Date'):
    """The moment that a field names, in the one form that may be sent."""
    text = reply[name]
    try:
        moment = calendar.timegm(
            time.strptime(text, '%a, %d %b %Y %H:%M:%S GMT'))
    except ValueError:
        moment = None
    if moment is None or email.utils.formatdate(moment, usegmt=True) != text:
        raise Failure(f'{name} in the {reply.status} for {reply.to}, as in '
                      '"Sun, 06 Nov 1994 08:49:37 GMT"', text or 'none',
                      'gmtime; names of days and months in English')
    return moment


@check(WEB)
def date(test):
    """every response but of the server's failures has the Date of now"""
    for message in ALL_KINDS:
        before = int(time.time()) - 1
        reply = test.visitor().ask(message)
        if not before <= seconds_of(reply) <= time.time() + 1:
            raise Failure(f'the Date of now in the {reply.status} for '
                          f'{reply.to}', reply['Date'])


@check(WEB)
def date_goes_on(test):
    """Date is that of the response, not of the connection or the first one"""
    visitor = test.visitor()
    first = visitor.get()
    time.sleep(2.1)
    later = visitor.get()
    if seconds_of(later) - seconds_of(first) < 2:
        raise Failure(f'a Date 2 seconds after {first["Date"]}', later['Date'])


@check(WEB)
def last_modified(test):
    """Last-Modified is the time of the file's last change"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    for moment in (MOMENT, 0, 951782400, 1709164800, 1735689599):
        os.utime(root / 'hello.txt', (moment, moment))
        reply = visitor.get().must_be(200, HELLO)
        if seconds_of(reply, 'Last-Modified') != moment:
            raise Failure(email.utils.formatdate(moment, usegmt=True),
                          reply['Last-Modified'])


@check(WEB)
def last_modified_not_later(test):
    """Last-Modified is never later than Date, though the file's time may be"""
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
    """files from before 1970 and from far in the future are served"""
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
    """an ETag is a quoted string: of a file the same each time, of another, or
    a changed one, another"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    tags = [visitor.get(target)['ETag'] for target in (
        '/hello.txt', '/hello.txt', '/data.bin')]
    (root / 'hello.txt').write_bytes(b'another text, and a longer one')
    tags.append(visitor.get()['ETag'])
    if not tags[0] and test.any:
        raise Skip('it sends no ETag')
    for tag in tags:
        if not re.fullmatch('(W/)?"[\x21\x23-\x7e\x80-\xff]*"', tag):
            raise Failure('an ETag like "3f-1a2b"', tag or 'none')
        if not test.any and tag.startswith('W/'):
            raise Failure('a strong ETag', tag)
    if tags[0] != tags[1] or len(set(tags)) != 3:
        raise Failure('the same ETag twice, then two others', tags)


@check(WEB, open=False)
def etag_of_rewritten(test):
    """a file of the same length, rewritten at once, has another ETag, and is no
    304 for the one before"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    tag = visitor.get()['ETag']
    for number in range(300):
        content = b'rewritten %03d' % number
        (root / 'hello.txt').write_bytes(content)
        reply = visitor.get('/hello.txt', f'If-None-Match: {tag}')
        reply.must_be(200, content, 'a strong ETag must differ whenever a byte '
                      'does: take st_mtim and st_ctim to the nanosecond')
        tag = reply['ETag']


@check(WEB, open=False)
def error_pages(test):
    """every error has a page of its own, in HTML, with nothing of the request
    in it that is markup"""
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
            raise Failure(f'a page that says {status}, and no markup of the '
                          'request', reply.body.decode())


@check(WEB, open=False)
def search_permission(test):
    """a folder that may be entered but not read (mode 711) serves its files; a
    listing of it is a 403"""
    root = test.site()
    root.chmod(0o711)
    for name in ('sub', 'list'):
        (root / name).chmod(0o311 if os.geteuid() else 0o711)
    if os.geteuid() == 0:  # whom permissions do not bind
        test.need_injector()
        test.faults.set('user', NOBODY)
    try:
        visitor = test.visitor(server=test.server(root=root))
        for target in ('/hello.txt', '/sub/inner.txt', '/sub/'):
            visitor.get(target).must_be(200, hint='search permission is enough '
                                        'on the way: O_SEARCH, or O_PATH')
        visitor.get('/list/').must_be(403)
    finally:
        for name in ('sub', 'list'):
            (root / name).chmod(0o755)


@check(WEB, open=False)
def leased(test):
    """a file that another program holds a lease on is a 503, to be tried again,
    and not a 500"""
    test.need_injector()
    visitor = test.visitor()
    test.attached()
    test.faults.fail('open', errno.EWOULDBLOCK, last=FOREVER)
    reply = visitor.get().must_be(503, hint='open(2): O_NONBLOCK and a lease')
    reply.must_have('Retry-After', '1')
    test.faults.relent('open')
    visitor.stays()


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
    """what pages of today need is typed, and source code is text, which a
    browser shows"""
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
    """a browser may keep what it gets, but has to ask whether it has changed:
    it would use a file for a tenth of its age else, and an edit not be seen"""
    visitor = test.visitor()
    reply = visitor.get().must_have('Cache-Control', 'no-cache')
    visitor.get('/list/').must_have('Cache-Control', 'no-cache')
    visitor.get('/hello.txt', f'If-None-Match: {reply["ETag"]}').must_be(
        304).must_have('Cache-Control', 'no-cache')
    visitor.get('/hello.txt', 'Range: bytes=0-3').must_be(206).must_have(
        'Cache-Control', 'no-cache')


@check(WEB, open=False)
def pages_of_ours(test):
    """error pages and listings fit a telephone, and are dark where that is
    preferred"""
    visitor = test.visitor()
    for target in ('/nothing', '/list/', '/sub'):
        page = visitor.get(target).body
        for name in (b'viewport', b'color-scheme'):
            if b'name="' + name + b'"' not in page:
                raise Failure(f'{name.decode()} in the page for {target}', page)


@check(WEB, open=False)
def listing_columns(test):
    """a listing has the size and the date of each file"""
    root = test.site({'list/a': b'x' * 12345, 'list/b': b'', 'list/c/d': b''})
    for name in 'abc':
        os.utime(root / 'list' / name, (MOMENT, MOMENT))
    page = test.visitor(server=test.server(root=root)).get('/list/').body
    rows = [[cell.decode() for cell in re.findall(b'<td>(.*?)</td>', row)]
            for row in page.splitlines() if b'href="../"' not in row
            and b'<td>' in row]
    date = '1994-11-06 08:49'
    expected = [['<a href="a">a</a>', '12345', date],
                ['<a href="b">b</a>', '0', date],
                ['<a href="c/">c/</a>', '', date]]
    if rows != expected:
        raise Failure(expected, rows)


@check(WEB, open=False)
def last_modified_early(test):
    """the year of a file from before the year 1000 has four digits, and one
    that has no such year has no Last-Modified"""
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
            continue  # this file system has no such time
        reply = visitor.get().must_be(200, HELLO)
        if reply['Last-Modified'] != date:
            raise Failure(date or 'no Last-Modified', reply['Last-Modified'])


@check(WEB, open=False)
def listing_in_portions(test):
    """while a folder of 30000 entries is listed others are served, a client
    that gives up costs nothing, and SIGTERM ends it at once"""
    root = test.site()
    (root / 'many').mkdir()
    for number in range(30000):
        os.mknod(root / 'many' / f'{number:05}')
    server = test.server(root=root)
    other = test.visitor(server=server)
    other.stays()
    visitor = test.visitor(server=server)
    visitor.send(request('/many/'))
    waits, end = [], time.monotonic() + 10
    while time.monotonic() < end and not select.select(
            [visitor.socket], [], [], 0)[0]:
        began = time.monotonic()
        other.stays()
        waits.append(time.monotonic() - began)
    reply = visitor.answer().must_be(200)
    if list(Links(reply.body).names('/many/')) != [
            f'{number:05}' for number in range(30000)]:
        raise Failure('30000 names, in order', f'{len(reply.body)} bytes')
    if len(waits) < 3:
        raise Failure('that others are served meanwhile: 3 times at least',
                      f'{len(waits)} times', 'read and write a portion, then '
                      'let the others have their turn')
    for _ in range(3):
        test.visitor(server=server).send(request('/many/'))
    other.stays()
    server.signal(signal.SIGTERM)
    if server.wait_exit() != 0:
        raise Failure('exit status 0', f'it {test.outcome(server)}')


@check(WEB, open=False)
def listing_runs_out_of_memory(test):
    """a listing for which there is no memory is a 503, and never a page with a
    hole"""
    test.need_injector()
    root = test.site({'list/' + 'x' * 100 + str(number): b''
                      for number in range(300)})
    server = test.server(root=root)
    test.attached()
    whole = test.visitor(server=server).get('/list/').must_be(200).body
    for number in range(1, 320, 7):
        visitor = test.visitor(server=server)
        before = test.faults.get('calls', 'malloc')
        test.faults.fail('malloc', errno.ENOMEM, before + number)
        visitor.send(request('/list/'))
        try:
            reply = visitor.answer()
        except Failure:
            continue  # memory for the connection was missing
        if reply.status != 503:
            reply.must_be(200, whole)
    test.faults.relent('malloc')
    test.visitor(server=server).get('/list/').must_be(200, whole)
