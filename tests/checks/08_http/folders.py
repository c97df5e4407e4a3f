"""The checks of 08 that are about folders: index.html and listings."""

import errno
import html.parser
import os
import re
import select
import signal
import time
import urllib.parse

from checks.storm.page import Page
from harness import Failure, Skip, check, literal, wait_until
from harness.web import USUAL, WEB, fill, request


def need_index(test):
    """Skips the check if another server does not use index.html."""
    if test.any and test.visitor().get('/sub/').body != USUAL[
            'sub/index.html']:
        raise Skip('it does not serve index.html for a folder')


def need_listing(test, server, target='/list/'):
    """Skips the check if another server does not list folders."""
    if test.any:
        reply = test.visitor(server=server).get(target)
        if reply.status != 200 or not Links(reply.body).links:
            raise Skip('it does not list folders')


@check(WEB)
def index(test):
    """answers with index.html for a folder"""
    need_index(test)
    visitor = test.visitor()
    if test.any:
        visitor.get('/sub/').must_be(200, USUAL['sub/index.html'])
        return
    for target in ('/sub/', '/sub/?a=b', '/sub/index.html'):
        visitor.get(target).must_be(200, USUAL['sub/index.html'])


@check(WEB, after='target_query_dots')
def redirect(test):
    """redirects a folder without a final slash to the path with it, and keeps
    the query"""
    visitor = test.visitor(server=test.server(root=fill(
        test.site(), {'a b<&"/one.txt': b'', '%/one.txt': b''})))
    for target, path in (('/sub', '/sub/'), ('/sub?a=b&c', '/sub/?a=b&c'),
                         ('/list', '/list/'), ('/%73ub', '/sub/'),
                         ('/a%20b%3c%26%22', '/a%20b%3C%26%22/'),
                         ('/%25?%20', '/%25/?%20')):
        reply = visitor.get(target)
        if test.any and reply.status not in (301, 302, 307, 308):
            raise Skip('it does not redirect to a folder')
        if not test.any:
            reply.must_be(301)
        there = re.sub('^http://[^/]*', '', urllib.parse.urljoin(
            'http://ladder' + target, reply['Location']))
        if test.any:  # the server may choose to drop the query
            there, path = there.partition('?')[0], path.partition('?')[0]
        if urllib.parse.unquote(there) != urllib.parse.unquote(path):
            raise Failure(f'"Location: {path}" for {reply.to}',
                          f'"Location: {reply["Location"]}"', 'the query, '
                          'with its question mark, follows the slash' if '?' in
                          target else 'without the slash the relative links of '
                          'a page are wrong')


@check(WEB, open=False)
def redirect_stays_here(test):
    """redirects to no other host: Location never begins with //"""
    root = fill(test.site(), {'evil.example/sub/one.txt': b'',
                              '\\evil.example/one.txt': b''})
    visitor = test.visitor(server=test.server(root=root))
    for target in ('//evil.example', '//evil.example/sub', '/%2fevil.example',
                   '///evil.example', '/%2f%2fevil.example/sub',
                   'http://ladder//evil.example', '/\\evil.example',
                   '//\\evil.example', '/%5cevil.example'):
        location = visitor.get(target).must_be(301)['Location']
        slash = '%5c' if re.search(r'\\|%5c', target) else '(%2f)*'
        if not re.fullmatch(fr'/{slash}evil\.example/(sub/)?', location,
                            re.IGNORECASE):
            raise Failure(f'a Location on this server for {target}', location,
                          'a browser reads //name and /\\name as another host')
    visitor.stays()


@check(WEB, open=False)
def redirect_in_one_line(test):
    """Location is one line, whatever the name of the folder"""
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
        """The names in the folder `base` that have a link."""
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
    """every link of a listing leads to its file, whatever the name"""
    files = {'list/' + name: name.encode() for name in NAMES}
    server = test.server(root=test.site(files))
    need_listing(test, server)
    visitor = test.visitor(server=server)
    page = Links(visitor.get('/list/').must_be(200).body)
    if sorted(page.names('/list/')) != sorted(NAMES):
        raise Failure(f'links to these names: {"; ".join(sorted(NAMES))}',
                      '; '.join(sorted(page.names('/list/'))),
                      'percent-encode all but letters, digits and -._~ in an '
                      'href')
    for link, _ in page.links:
        there = urllib.parse.urljoin('http://x/list/', link)[len('http://x'):]
        name = urllib.parse.unquote(there[len('/list/'):])
        if name in NAMES:
            visitor.get(there).must_be(200, name.encode())


@check(WEB)
def listing_escaped(test):
    """no name in a listing is interpreted as markup"""
    names = ['<script>alert(1)<', '&lt;b&gt;', '"onload="x', '\'onload=\'x',
             '<img src=x>', '&amp']
    server = test.server(root=test.site(
        {'list/' + name: b'' for name in names}))
    need_listing(test, server)
    visitor = test.visitor(server=server)
    page = visitor.get('/list/').must_be(200).body
    texts = [text.strip() for _, text in Links(page).links]
    if ('img' in Links(page).tags or b'<script>alert' in page
            or not set(names) <= set(texts)):
        raise Failure('names that are escaped: &lt; for <, &amp; for &',
                      page.decode(errors='replace')[:500])
    server = test.server(root=test.site({'<img src=x>&amp/one.txt': b''}))
    page = test.visitor(server=server).get('/%3Cimg%20src=x%3E&amp/').body
    if 'img' in Links(page).tags or b'>&amp' in page:
        raise Failure('the name of the folder, escaped',
                      page.decode(errors='replace')[:500])


@check(WEB, open=False)
def listing_form(test):
    """a listing has the names in order, folders with a slash, a link to the
    parent, and only what is served: no dotfile, no symbolic link"""
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
        raise Failure(f'links in this order: {" ".join(names)}',
                      ' '.join(page.names('/list/')))
    texts = [text for link, text in page.links if '..' not in link]
    if texts != names:
        raise Failure(f'the texts of the links: {" ".join(names)}',
                      ' '.join(texts))
    if '../' not in [link for link, _ in page.links]:
        raise Failure('a link to ../',
                      ' '.join(link for link, _ in page.links))
    if any('..' in link for link, _ in Links(visitor.get('/').body).links):
        raise Failure('no link to ../ at the top', 'one')


@check(WEB, open=False)
def listing_odd_bytes(test):
    """lists names that are not UTF-8, and names with line breaks"""
    root = test.site({'list/plain': b''})
    names = [b'\xff\xfe', b'a\nb', b'tab\tbed', b'\x1b[31m', b'\xc3', b'\x7f']
    for name in names:
        with open(os.path.join(os.fsencode(root / 'list'), name), 'wb') as file:
            file.write(b'odd')
    visitor = test.visitor(server=test.server(root=root))
    reply = visitor.get('/list/').must_be(200)
    listed = set(map(os.fsencode, Links(reply.body).names('/list/')))
    if listed != {b'plain', *names}:
        raise Failure('links to ' + ', '.join(map(literal, names)),
                      ', '.join(map(literal, sorted(listed))))
    for name in names:
        visitor.get('/list/' + urllib.parse.quote(name)).must_be(200, b'odd')


@check(WEB)
def listing_large(test):
    """lists all 1000 files of a folder"""
    names = [f'file-number-{number:04}.txt' for number in range(1000)]
    server = test.server(root=test.site(
        {'list/' + name: b'' for name in names}))
    need_listing(test, server)
    visitor = test.visitor(server=server)
    page = Links(visitor.get('/list/').must_be(200).body)
    found = list(page.names('/list/'))
    if (sorted(found) if test.any else found) != names:
        raise Failure('1000 links, in order',
                      f'{len(page.links)}, or another order')
    visitor.get('/list/', method='HEAD').must_be(200)
    visitor.get(f'/list/{names[7]}').must_be(200, b'')


@check(WEB, open=False)
def listing_fresh(test):
    """lists the current contents"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    for number in range(30):
        (root / 'list' / str(number)).write_bytes(b'')
        (root / 'list' / str(number - 3)).unlink() if number > 2 else None
        names = set(Links(visitor.get('/list/').body).names('/list/'))
        here = {'one.txt', *map(str, range(max(0, number - 2), number + 1))}
        if names != here:
            raise Failure(f'the names {" ".join(sorted(here))}',
                          ' '.join(sorted(names)))


@check(WEB, open=False)
def listing_columns(test):
    """a listing has the size and the date of each file"""
    root = test.site({'list/a': b'x' * 12345, 'list/b': b'', 'list/c/d': b''})
    for name in 'abc':  # Sun, 06 Nov 1994 08:49:37 GMT
        os.utime(root / 'list' / name, (784111777, 784111777))
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
def listing_in_portions(test):
    """while it lists a folder of 30000 entries, serves other clients, and
    exits at once on SIGTERM"""
    root = test.site()
    (root / 'many').mkdir()
    for number in range(30000):
        os.mknod(root / 'many' / f'{number:05}')
    test.longest = 4 << 20  # bytes of the listing
    server = test.server('-t', '0', root=root)  # we may read slowly
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
        raise Failure('another client served at least 3 times meanwhile',
                      f'{len(waits)} times',
                      'read and write a portion, then serve the others')
    for _ in range(3):
        test.visitor(server=server).send(request('/many/'))
    other.stays()
    server.signal(signal.SIGTERM)
    if server.wait_exit() != 0:
        raise Failure('exit status 0', f'it {test.outcome(server)}')


@check(WEB, open=False)
def listing_runs_out_of_memory(test):
    """answers with 503, never with an incomplete page, if there is no memory
    for a listing; then frees what it has allocated"""
    test.need_injector()
    root = test.site({'list/' + 'x' * 100 + str(number): b''
                      for number in range(300)})
    server = test.server(root=root)
    test.attached()

    def ask(number):
        """Requests a listing while one allocation fails."""
        visitor = test.visitor(server=server)
        test.faults.fail('malloc', errno.ENOMEM,
                         test.faults.get('calls', 'malloc') + number)
        visitor.send(request('/list/'))
        try:
            reply = visitor.answer()
        except Failure:
            return  # there was no memory for the connection
        finally:
            visitor.socket.close()
        if reply.status != 503:
            reply.must_be(200, whole)

    def taken():
        wait_until(lambda: server.state() == 'S')
        return len(server.descriptors()), Page(test.faults).get('blocks')
    whole = test.visitor(server=server).get('/list/').must_be(200).body
    before = taken()
    for number in (*range(1, 50), *range(50, 316, 7), *range(316, 330)):
        ask(number)
    test.faults.relent('malloc')
    if not wait_until(lambda: taken() == before):
        raise Failure(f'{before[0]} descriptors and {before[1]} blocks of '
                      'memory, as before', f'{taken()}')
    test.visitor(server=server).get('/list/').must_be(200, whole)


@check(WEB, open=False)
def listing_reports_no_memory(test):
    """answers with 503 if there is no memory for the first listing, even if
    another call fails before the answer"""
    test.need_injector()
    test.zone = 'No/Where'  # so the first call of gmtime_r sets errno too
    root = test.site({'list/' + '<' * 200: b''})
    for number in range(1, 20):
        server = test.server(root=root)
        test.attached()
        visitor = test.visitor(server=server)
        test.faults.fail('malloc', errno.ENOMEM,
                         test.faults.get('calls', 'malloc') + number)
        try:
            reply = visitor.get('/list/')
        except Failure:
            continue  # there was no memory for the connection
        if reply.status == 200:
            break
        reply.must_be(503, hint='save errno when the call fails')


@check(WEB, open=False)
def listing_read_fails(test):
    """answers with 500 if a folder cannot be read to its end, and reports
    it"""
    test.need_injector()
    root = fill(test.site(), {f'list/{number}': b'' for number in range(100)})
    server = test.server(root=root)
    test.attached()
    visitor = test.visitor(server=server)
    line = f'readdir: {os.strerror(errno.EIO)} (/list/)'
    for number in 1, 2, 70, 104:  # ., .., one.txt and others, and the end
        test.faults.fail('readdir', errno.EIO,
                         test.faults.get('calls', 'readdir') + number)
        before = len(server.lines)
        visitor.get('/list/').must_be(500, hint='readdir returns NULL both at '
                                      'the end and on failure: see errno')
        if not server.wait_for(lambda: server.lines[before:] == [line]):
            raise Failure(f'the line "{line}"', server.lines[before:])
        if len(Links(visitor.get('/list/').must_be(200).body).links) != 102:
            raise Failure('101 files and the parent', 'others')
