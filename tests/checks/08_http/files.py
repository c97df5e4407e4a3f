"""The checks of 08 that are about files that do not exist or cannot be read."""

import contextlib
import errno
import os
import select
import signal
import socket
import time

from harness import FOREVER, Failure, arrived, check, data, wait_until
from harness.web import DATA, HELLO, USUAL, WEB, fill, request


def not_found(test, visitor, targets, hint=''):
    for target in targets:
        visitor.get(target).must_be(404, hint=hint)
    visitor.stays()


@check(WEB, open=False)
def symbolic_links(test):
    """follows no symbolic link, whether to a file or a folder, inside the site
    or outside, within a path or as index.html"""
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
        '/round/x', '/list/index.html'), 'O_NOFOLLOW applies only to the '
        'last part of a path: open folder by folder (openat)')
    reply = visitor.get('/list/')
    if reply.body == HELLO:
        raise Failure('no index.html that is a symbolic link', str(reply))


@check(WEB, open=False)
def symbolic_link_in_time(test):
    """follows no symbolic link that appears between two calls"""
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
                                  f'just before call no. {number} of {call}',
                                  str(reply), 'O_NOFOLLOW')
    test.visitor(server=server).stays()


def raced(visitor, server, path, to):
    """Requests a file, and replaces `path` with a link to `to` while the server
    is stopped."""
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
    """does not serve special files, and does not wait for them"""
    root = test.site()
    os.mkfifo(root / 'fifo')
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / 'socket'))
    names = ['/fifo', '/socket', '/fifo/']
    with contextlib.suppress(PermissionError):
        os.mknod(root / 'null', 0o20666, os.makedev(1, 3))
        names.append('/null')
    visitor = test.visitor(server=test.server(root=root))
    not_found(test, visitor, names, 'opening a FIFO waits for a writer: '
              'O_NONBLOCK, then fstat and S_ISREG')


@check(WEB, open=False)
def no_permission(test):
    """answers with 403 for a file that the server may not read, or that is in a
    folder that it may not enter"""
    root = test.site({**USUAL, 'closed/file.txt': b'x'})
    (root / 'page.html').chmod(0)
    (root / 'closed').chmod(0)
    test.without_root()
    try:
        visitor = test.visitor(server=test.server(root=root))
        for target in ('/page.html', '/closed/file.txt', '/closed/'):
            visitor.get(target).must_be(403, hint='EACCES means 403')
        visitor.stays()
    finally:
        (root / 'closed').chmod(0o700)


TROUBLE = {'EACCES': 403, 'ELOOP': 404, 'ENAMETOOLONG': 404, 'ENOENT': 404,
           'ENOTDIR': 404, 'ENXIO': 404, 'EMFILE': 503, 'ENFILE': 503,
           'ENOMEM': 503, 'EIO': 500, 'EILSEQ': 404, 'EINVAL': 404,
           'EMLINK': 404}


@check(WEB, open=False)
def open_fails(test):
    """answers with 403, 404 or 5xx, depending on the reason, if a file cannot
    be opened; reports a 5xx only once until a file can be opened again"""
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
                          f'{name}', '; '.join(lines) or 'none')


@check(WEB, open=False)
def read_fails(test):
    """answers with 5xx, or closes, if a file cannot be read; keeps running"""
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
            visitor.ended('the bytes that Content-Length promises cannot all '
                          'be sent: close')
        elif got.status < 500:
            raise Failure('a status of 500 or more when read fails', str(got))
        line = f'pread: {os.strerror(errno.EIO)} ({root}{target})'
        if not server.wait_for(lambda: line in server.lines):
            raise Failure(f'the line "{line}"', test.outcome(server))
        test.faults.relent('read')
        test.visitor(server=server).get('/page.html').must_be(200)
    test.faults.fail('read', errno.EINTR, test.faults.get('calls', 'read') + 2)
    visitor = test.visitor(server=server)
    visitor.get().must_be(200, HELLO, 'after EINTR read again')
    visitor.get('/large').must_be(200, large, 'after EINTR read again')
    test.alive(server, 'read has failed')


@check(WEB, open=False)
def read_interrupted(test):
    """reads again when any read of a file fails with EINTR"""
    test.need_injector()
    large = data(3 << 20)  # too large to be kept in memory
    root = test.site({'large': large, **{f'small{number}': HELLO
                                         for number in range(1, 4)}})
    server = test.server(root=root)
    test.attached()
    for number in range(1, 4):
        for name, content, most in ((f'small{number}', HELLO, 1),
                                    ('large', large, 0)):
            test.faults.set('most', most, 'read')
            before = test.faults.get('injected', 'read')
            test.faults.fail('read', errno.EINTR,
                             test.faults.get('calls', 'read') + number)
            test.visitor(server=server).get('/' + name).must_be(
                200, content, f'read no. {number} fails with EINTR: read again')
            if test.faults.get('injected', 'read') == before:
                raise Failure(f'{number} reads of {name}', 'fewer')


@check(WEB, open=False)
def spare_descriptors(test):
    """serves a file to every client that it accepts, even if the hard limit on
    descriptors is low"""
    test.need_injector()
    root = fill(test.site(), {f'{number}.txt': HELLO for number in range(40)})
    test.faults.set('descriptors', 30)
    server = test.server(root=root)
    test.attached()
    visitors = [test.visitor(server=server) for _ in range(40)]
    server.wait_line('accept: EMFILE')
    for number, visitor in enumerate(visitors):
        visitor.get(f'/{number}.txt', hint='reserve descriptors for the files: '
                    'accept fewer clients').must_be(200, HELLO)
        visitor.socket.close()


@check(WEB, open=False)
def slow_files_shared(test):
    """no client waits while many files that are not in memory are read for
    another client"""
    test.need_injector()
    root = fill(test.site(), {f'{number}.txt': HELLO for number in range(100)})
    later = os.stat(root).st_mtime + 3600  # so that they look just written
    for path in root.glob('[0-9]*.txt'):
        os.utime(path, (later, later))
    server = test.server(root=root)
    test.attached()
    greedy, other = (test.visitor(server=server) for _ in range(2))
    greedy.stays()
    other.stays()
    server.signal(signal.SIGSTOP)  # so that select finds both of them ready
    wait_until(lambda: server.state() == 'T')
    test.faults.set('stop', test.faults.get('calls', 'open') + 20, 'open')
    greedy.send(b''.join(request(f'/{number}.txt') for number in range(100)))
    other.send(request())
    wait_until(lambda: arrived(greedy.socket) and arrived(other.socket))
    server.signal(signal.SIGCONT)
    wait_until(lambda: server.state() == 'T')
    other.answer(hint='handle one slow request per turn of the loop').must_be(
        200, HELLO)
    test.faults.set('stop', 0, 'open')
    server.signal(signal.SIGCONT)
    for _ in range(100):
        greedy.answer().must_be(200, HELLO)


@check(WEB, open=False)
def search_permission(test):
    """serves files from a folder that it may enter but not read (mode 711);
    answers a request to list that folder with 403"""
    root = test.site()
    root.chmod(0o711)
    for name in ('sub', 'list'):
        (root / name).chmod(0o311 if os.geteuid() else 0o711)
    test.without_root()
    try:
        visitor = test.visitor(server=test.server(root=root))
        for target in ('/hello.txt', '/sub/inner.txt', '/sub/'):
            visitor.get(target).must_be(
                200, hint='search permission is enough for the folders of a '
                'path: open them with O_SEARCH or O_PATH')
        visitor.get('/list/').must_be(403)
    finally:
        for name in ('sub', 'list'):
            (root / name).chmod(0o755)


@check(WEB, open=False)
def leased(test):
    """answers with 503, which means that the client may try again, and not with
    500, if another program holds a lease on the file"""
    test.need_injector()
    visitor = test.visitor()
    test.attached()
    test.faults.fail('open', errno.EWOULDBLOCK, last=FOREVER)
    reply = visitor.get().must_be(503, hint='open(2): O_NONBLOCK and a lease')
    reply.must_have('Retry-After', '1')
    test.faults.relent('open')
    visitor.stays()


@check(WEB, open=False)
def open_interrupted(test):
    """calls open again after EINTR"""
    test.need_injector()
    server = test.server(root=test.site())
    test.attached()
    for number in 1, 2, 3:  # the served folder, sub, and the file
        test.faults.fail('open', errno.EINTR,
                         test.faults.get('calls', 'open') + number)
        visitor = test.visitor(server=server)
        visitor.get('/sub/inner.txt', hint='after EINTR call open again'
                    ).must_be(200, USUAL['sub/inner.txt'])
        test.faults.relent('open')


@check(WEB, open=False)
def fstat_fails(test):
    """answers with 500 if fstat fails after the file was opened, and closes the
    file"""
    test.need_injector()
    server = test.server(root=test.site())
    test.attached()
    visitor = test.visitor(server=server)
    visitor.stays()
    before = len(server.descriptors_at_rest())
    test.faults.fail('stat', errno.EIO, test.faults.get('calls', 'stat') + 2)
    visitor.get('/page.html').must_be(500)
    if not server.wait_line('openat: Input/output error'):
        raise Failure('a line about EIO', test.outcome(server))
    if len(server.descriptors_at_rest()) != before:
        raise Failure(f'{before} descriptors, as before',
                      f'{len(server.descriptors())}')


@check(WEB, open=False)
def sent_byte_by_byte(test):
    """sends everything even if the socket takes one byte at a time"""
    test.need_injector()
    server = test.server(root=test.site({**USUAL, 'more.bin': DATA * 2}))
    test.attached()
    time.sleep(3.2)  # a file that has just changed is not kept
    test.faults.set('most', 1, 'send')
    visitor = test.visitor(server=server)
    visitor.get().must_be(200, HELLO)
    for _ in range(2):
        visitor.get('/more.bin').must_be(200, DATA * 2)
    visitor.get('/nothing').must_be(404)
    visitor.stays()
