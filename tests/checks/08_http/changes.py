"""The checks of 08 that are about files that change."""

import mmap
import os
import shutil
import signal
import time

from .fields import MOMENT
from harness import Failure, Skip, check, data, wait_until
from harness.web import DATA, HELLO, USUAL, WEB, fill, request

FRESH = ('what a path leads to may have changed since the last request: look '
         'again')


def settled(test, files=USUAL):
    """A site whose files are a few seconds old, because a server may cache only
    what has not changed for a while."""
    root = test.site(files)
    time.sleep(3.2)
    return root


@check(WEB, open=False)
def changed_after_a_while(test):
    """serves new content at once, even of a file that was served before and
    had not changed for seconds"""
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
def thousands_of_files(test):
    """serves the right one of thousands of small files, and keeps running
    after they are gone"""
    names = [f'{number:04}' for number in range(3000)]
    root = settled(test, {'hello.txt': HELLO,
                          **{name: name.encode() for name in names}})
    server = test.server(root=root)
    visitor = test.visitor(server=server)
    for status in 200, 200, 404:
        if status == 404:
            for name in names:
                (root / name).unlink()
        visitor.feed(b''.join(request('/' + name) for name in names))
        for name in names:
            reply = visitor.answer(hint=FRESH).must_be(status)
            if status == 200 and reply.body != name.encode():
                raise Failure(name, reply.body)
    server.signal(signal.SIGTERM)
    if server.wait_exit() != 0:
        raise Failure('exit status 0 after SIGTERM',
                      f'it {test.outcome(server)}')


@check(WEB, open=False)
def rewritten(test):
    """serves the current content of a file that is rewritten repeatedly with
    the same length"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    for number in range(500):
        content = b'version %05d' % number
        (root / 'hello.txt').write_bytes(content)
        visitor.get().must_be(200, content, FRESH)


@check(WEB, open=False)
def replaced(test):
    """serves the new file after a rename over the old one"""
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
    """a file that has grown or shrunk is served with its current length"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    for size in (0, 1, 100000, 5, 65536, 65535, 300000, 0, 7):
        (root / 'hello.txt').write_bytes(data(size))
        visitor.get().must_be(200, data(size), FRESH)
        visitor.get('/hello.txt', 'Range: bytes=-1'
                    ).must_be(206 if size else 200)


@check(WEB, open=False)
def gone_and_back(test):
    """answers with 404 once a file is gone, and 200 once it is back"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    for number in range(100):
        visitor.get().must_be(200, HELLO, FRESH)
        (root / 'hello.txt').unlink()
        visitor.get().must_be(404, hint=FRESH)
        (root / 'hello.txt').write_bytes(HELLO)


@check(WEB, open=False)
def turned_into_a_link(test):
    """does not serve a file that has become a symbolic link"""
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
    """answers with 403 once a file that was served, or its folder, loses its
    permission"""
    test.without_root()
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
    """serves the new folder after a rename over the old one, even if that is
    the folder that -d names"""
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
def folders_exchanged(test):
    """serves the new file after two folders have been swapped, even if their
    files have the same size and times"""
    root = fill(test.site(), {'a/x.txt': b'one', 'b/x.txt': b'two'})
    paths = [root / name / 'x.txt' for name in 'ab']
    for _ in range(200):  # until both have the same ctime
        for path in paths:
            os.utime(path, (MOMENT, MOMENT))
        if len({os.stat(path).st_ctime_ns for path in paths}) == 1:
            break
    else:
        raise Skip('the clock of this file system is too fine')
    time.sleep(3.2)  # see settled
    visitor = test.visitor(server=test.server(root=root))
    contents = [b'one', b'two']
    for _ in range(20):  # 08 rereads cached files after 0.1 seconds
        visitor.get('/a/x.txt').must_be(200, contents[0], FRESH)
        (root / 'a').rename(root / 'c')
        (root / 'b').rename(root / 'a')
        (root / 'c').rename(root / 'b')
        contents.reverse()
        visitor.get('/a/x.txt').must_be(200, contents[0], FRESH)


@check(WEB, open=False)
def index_comes_and_goes(test):
    """serves index.html as soon as it exists"""
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
    """A server with a large file, and a visitor that has asked for it and read
    only some of it."""
    server = test.server(root=root)
    visitor = test.visitor(server=server)
    visitor.send(request('/large'))
    visitor.buffer += test.receive(visitor.socket, 100000)
    return server, visitor


@check(WEB, open=False)
def shrinks_while_sent(test):
    """closes the connection early if a file shrinks while it is being sent,
    instead of sending other bytes, and keeps running"""
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
        raise Failure('a prefix of the file, then the end of the stream',
                      f'{len(body)} of {len(content)} bytes, no shorter prefix')
    test.alive(server, 'a file has shrunk', 'reading a mapped file that has '
               'shrunk raises SIGBUS: call read or pread instead')
    test.visitor(server=server).get('/large').must_be(200, content[:200000])


@check(WEB, open=False)
def grows_while_sent(test):
    """sends exactly Content-Length bytes of a file that grows meanwhile"""
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
    """sends a file to its end even if it is replaced or unlinked meanwhile,
    and the new one to other clients"""
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
def overwritten_while_sent(test):
    """sends one version of a file of 1 MB that had not changed for a while,
    even if it is overwritten before the client has received all of it"""
    content = data(1 << 20)
    root = settled(test, {'large': content})
    server, visitor = halfway(test, root)
    with open(root / 'large', 'r+b') as file:
        file.write(content[::-1])
    visitor.answer(request('/large')).must_be(
        200, content, 'bytes that are waiting in a socket must not change with '
                      'the file')
    visitor.get('/large').must_be(200, content[::-1], FRESH)


@check(WEB, open=False)
def changed_through_a_mapping(test):
    """soon serves the new content of a file that was changed through a memory
    mapping, although its size and times are the same; the ETag changes, too"""
    root = test.site()
    with open(root / 'hello.txt', 'r+b') as file:
        mapping = mmap.mmap(file.fileno(), 0)
    mapping[:1] = b'H'
    time.sleep(3.2)
    visitor = test.visitor(server=test.server(root=root))
    for place in 0, 7, len(HELLO) - 1:
        mapping[place] = ord('a')
        time.sleep(0.2)
        reply = visitor.get().must_be(200, mapping[:], FRESH)
        mapping[place] = ord('x')
        time.sleep(0.2)
        visitor.get('/hello.txt', f'If-None-Match: {reply["ETag"]}').must_be(
            200, mapping[:])
    mapping.close()


@check(WEB, open=False)
def shrinks_before_it_is_read(test):
    """sends what is left of a small file that shrinks after it was opened"""
    test.need_injector()
    root = test.site()
    server = test.server(root=root)
    test.attached()
    visitor = test.visitor(server=server)
    for size in 5, 0:
        (root / 'hello.txt').write_bytes(HELLO)
        test.faults.set('stop', test.faults.get('calls', 'read') + 1, 'read')
        visitor.send(request())
        if not wait_until(lambda: server.state() == 'T'):
            raise Failure('a call of pread', 'none')
        os.truncate(root / 'hello.txt', size)
        server.signal(signal.SIGCONT)
        visitor.answer().must_be(200, HELLO[:size],
                                 'pread returns 0 at the end of the file')
