"""The checks of 08 that are about rare events: files that change between two
calls, and files in memory that are out of date."""

import errno
import os
import random
import re
import signal
import time

from .changes import FRESH
from .fields import MOMENT
from .folders import Links
from checks.storm.page import Page
from harness import FOREVER, Failure, check, data, wait_until
from harness.web import DATA, HELLO, USUAL, WEB, fill, request


@check(WEB, open=False)
def recent_files_in_memory(test):
    """keeps the most recently sent files in its cache, even if the cache is
    full, and sends them without reopening them"""
    test.need_injector()
    names = [f'{number}.bin' for number in range(12)]  # of 1 MB: 8 MB are kept
    root = test.site({name: name.encode() * 150000 for name in names})
    time.sleep(3.2)  # a file that has just changed is not kept
    server = test.server(root=root)
    test.attached()
    visitor = test.visitor(server=server)
    for name in names:
        visitor.get('/' + name).must_be(200)
    for _ in range(30):  # cached files are reread after 0.1 seconds
        before = test.faults.get('calls', 'open')
        visitor.get('/' + names[-1]).must_be(200, names[-1].encode() * 150000)
        if test.faults.get('calls', 'open') == before:
            return
    raise Failure('the file from memory when it is requested again', 'it is '
                  'opened each time', 'make room by removing the least '
                  'recently used file')


@check(WEB, open=False)
def times_set_back(test):
    """serves the new content of a file whose size and modification time are
    unchanged: compare st_ctim, which no program can set"""
    names = [f'{number}.txt' for number in range(20)]
    root = test.site({name: b'old' for name in names})
    for name in names:
        os.utime(root / name, (MOMENT, MOMENT))
    time.sleep(3.2)
    visitor = test.visitor(server=test.server(root=root))
    for name in names:  # 08 rereads what it has cached after 0.1 seconds
        visitor.get('/' + name).must_be(200, b'old')
        (root / name).write_bytes(b'new')
        os.utime(root / name, (MOMENT, MOMENT))
        visitor.get('/' + name).must_be(200, b'new', FRESH)


@check(WEB, open=False)
def link_beside_a_folder(test):
    """follows no link that has replaced a folder, even right after looking at a
    folder whose name has the same beginning"""
    root = test.site({'ab/x.txt': b'ab', 'a/x.txt': b'a', 'hello.txt': HELLO})
    time.sleep(3.2)
    server = test.server(root=root)
    first, second = (test.visitor(server=server) for _ in range(2))
    first.stays()
    second.stays()
    for _ in range(10):  # cached files are reread after 0.1 seconds
        first.get('/ab/x.txt').must_be(200, b'ab')
        second.get('/a/x.txt').must_be(200, b'a')
        server.signal(signal.SIGSTOP)  # so that both arrive in one turn
        wait_until(lambda: server.state() == 'T')
        (root / 'a').rename(root / 'c')
        (root / 'a').symlink_to('c')
        first.send(request('/ab/x.txt'))
        second.send(request('/a/x.txt'))
        server.signal(signal.SIGCONT)
        first.answer().must_be(200, b'ab')
        second.answer().must_be(404, hint=FRESH)
        (root / 'a').unlink()
        (root / 'c').rename(root / 'a')


@check(WEB, open=False)
def pipe_in_time(test):
    """if a pipe replaces the file between two calls, neither waits for it nor
    serves it, but closes it; if a folder replaces the file, redirects"""
    test.need_injector()
    root = test.site()
    server = test.server(root=root)
    test.attached()
    visitor = test.visitor(server=server)
    path = root / 'hello.txt'

    def next_open():
        return test.faults.get('calls', 'open') + 1
    for place, make, status in ((0, os.mkfifo, 404), (1, os.mkfifo, 404),
                                (2, os.mkfifo, 404), (1, os.mkdir, 301)):
        test.faults.fail('open', errno.EIO, next_open())
        visitor.get('/page.html').must_be(500)  # leaves EIO in errno
        test.faults.set('stop', next_open() + place, 'open')
        visitor.send(request())
        wait_until(lambda: server.state() == 'T', 1)
        path.unlink()
        make(path)
        test.faults.set('stop', 0, 'open')
        server.signal(signal.SIGCONT)
        reply = visitor.answer(hint='O_NONBLOCK, and fstat after open')
        if reply.status != status:
            reply.must_be(200, HELLO, 'fstat after open: is it a file?')
        if str(path.resolve()) in map(server.file_of,
                                      server.descriptors_at_rest()):
            raise Failure(f'{path} closed', 'a descriptor of it')
        path.rmdir() if path.is_dir() else path.unlink()
        path.write_bytes(HELLO)
    visitor.stays()


@check(WEB, open=False)
def listing_of_what_vanishes(test):
    """a listing leaves out files that are removed before they are listed"""
    test.need_injector()
    root = fill(test.site({}), {f'list/{number}.txt': b'' for number
                                in range(5)})
    server = test.server(root=root)
    test.attached()
    test.faults.fail('stat', errno.ENOENT, test.faults.get('calls', 'stat') + 4,
                     FOREVER)  # but not for index.html and two files
    page = test.visitor(server=server).get('/list/').must_be(200).body
    if len(list(Links(page).names('/list/'))) != 2:
        raise Failure('two files in the listing: three have been removed',
                      page, 'look at what fstatat returns')


@check(WEB, open=False)
def listing_ends_a_failure(test):
    """reports the next failure after a successful listing"""
    test.need_injector()
    server = test.server(root=test.site())
    test.attached()
    visitor = test.visitor(server=server)
    for number in 1, 2:
        test.faults.fail('open', errno.EIO, last=FOREVER)
        visitor.get().must_be(500)
        if not server.wait_for(lambda: len(server.lines) == number + 1):
            raise Failure(f'{number} lines about EIO', server.lines[1:],
                          'after a success the next failure is a new one')
        test.faults.relent('open')
        visitor.get('/list/').must_be(200)


@check(WEB, open=False)
def listing_with_a_body(test):
    """lists a folder for a request that has a body, and then serves the next
    one"""
    root = fill(test.site(), {f'list/{number}': b'' for number in range(500)})
    visitor = test.visitor(server=test.server(root=root))
    for method, before in ('GET', 0), ('HEAD', 2):
        visitor.send(request('*', method='OPTIONS') * before
                     + request('/list/', 'Content-Length: 30', method=method,
                               body=b'x' * 30) + request())
        for _ in range(before):
            visitor.answer().must_be(204)
        visitor.answer(method.encode()).must_be(200)
        visitor.answer().must_be(200, HELLO, 'the body belongs to the request')


@check(WEB, open=False)
def listing_well_formed(test):
    """a listing closes all of its elements, and names the folder in its title
    and heading"""
    page = test.visitor().get('/list/').must_be(200).body.decode()
    opened = []
    for slash, tag in re.findall(r'<(/?)(\w+)', page):
        if slash and (not opened or opened.pop() != tag):
            raise Failure(f'<{tag}> before </{tag}>', page)
        if not slash and tag not in ('html', 'meta', 'link', 'p'):
            opened.append(tag)
    for tag in 'title', 'h1':
        if opened or f'<{tag}>/list/</{tag}>' not in page:
            raise Failure(f'<{tag}>/list/</{tag}>, and all elements closed',
                          page)


@check(WEB, open=False)
def listing_in_order(test):
    """lists the names in order, whatever the order in which they are read, and
    however long the folder's name is"""
    chance = random.Random(1)
    root = test.site({})
    for count in range(1, 41):
        names = [f'{"x" * count}/{number:02}' for number in range(count)]
        fill(root, dict.fromkeys(chance.sample(names, count), b''))
    visitor = test.visitor(server=test.server(root=root))
    for count in range(1, 41):
        path = f'/{"x" * count}/'
        names = list(Links(visitor.get(path).must_be(200).body).names(path))
        if names != [f'{number:02}' for number in range(count)]:
            raise Failure(f'{count} names in order', ' '.join(names))


@check(WEB, open=False)
def log_in_blocks(test):
    """writes the log lines of many requests together, again and again"""
    log = test.site({}) / 'log'
    server = test.server('-l', str(log), root=test.site())
    visitor = test.visitor(server=server)

    def writes():
        with open(f'/proc/{server.pid}/io') as file:
            return int(re.search(r'syscw: (\d+)', file.read())[1])
    for number in (200, 400):
        before, began = writes(), time.monotonic()
        for _ in range(200):
            visitor.get().must_be(200)
        wait_until(lambda: log.read_bytes().count(b'\n') == number)
        took = time.monotonic() - began  # more on a busy machine
        if writes() - before > 100 + 10 * took:
            raise Failure('lines that are written together',
                          f'{writes() - before} calls to write for 200 lines',
                          'write all collected lines every tenth of a second')


@check(WEB, open=False)
def limit_restored(test):
    """raises its descriptor limit for no longer than it takes to open a file,
    so that no client ever gets a descriptor too high for select"""
    root = test.site({**USUAL, 'large.bin': DATA * 10})
    time.sleep(3.2)  # a file that has just changed is not kept
    server = test.server(root=root)
    visitor = test.visitor(server=server)
    visitor.get('/').must_be(200)
    limit = server.limit_descriptors(max(server.descriptors_at_rest()) + 1)
    visitor.get().must_be(200, HELLO)
    raised = server.limit_descriptors(limit)
    visitor.get('/large.bin').must_be(200, DATA * 10)
    raised = max(raised, server.limit_descriptors(limit))
    if raised > limit:
        raise Failure(f'a limit of at most {limit} descriptors', str(raised),
                      'lower it again once the file is open')


@check(WEB, open=False)
def folders_looked_at_once(test):
    """looks at each folder or file only once per turn, however many requests
    need it"""
    test.need_injector()
    names = [f'a/b/c/d/{number}.txt' for number in range(20)]
    root = test.site(dict.fromkeys(names, b'x'))
    time.sleep(3.2)  # a file that has just changed is not kept
    server = test.server(root=root)
    test.attached()
    visitors = [test.visitor(server=server) for _ in names]

    def looks(asking):
        """Sends two requests for each of these files. Returns how many calls
        of stat the responses take."""
        before = test.faults.get('calls', 'stat')
        for visitor, name in asking:
            visitor.send(request('/' + name) * 2)
        server.signal(signal.SIGCONT)
        for visitor, _ in asking * 2:
            visitor.answer().must_be(200)
        return test.faults.get('calls', 'stat') - before
    pairs = list(zip(visitors, names))
    calls = min(looks([pair]) for pair in pairs)
    if calls > 2:
        raise Failure('one fstatat and one fstat for two requests',
                      f'{calls} calls')
    for _ in range(20):  # cached files are reread after 0.1 seconds
        for visitor, name in pairs:
            visitor.get('/' + name).must_be(200)
        server.signal(signal.SIGSTOP)
        wait_until(lambda: server.state() == 'T')
        calls = looks(pairs)
        if calls <= 2 * len(names):
            return
    raise Failure(f'one look at each of 4 folders and {len(names)} files',
                  f'{calls} calls', 'remember what you have already looked at '
                  'in this turn')


@check(WEB, open=False)
def cached_files_freed(test):
    """at exit frees every file that it has in memory, even if some were read
    again"""
    test.need_injector()
    names = [f'{number}.txt' for number in range(4)]
    root = test.site({**USUAL, **dict.fromkeys(names, HELLO)})
    time.sleep(3.2)  # a file that has just changed is not kept
    server = test.server(root=root)
    test.attached()
    visitor = test.visitor(server=server)
    visitor.get('/nothing').must_be(404)
    wait_until(lambda: server.state() == 'S')
    before = Page(test.faults).get('blocks')
    for name in names:
        visitor.get('/' + name).must_be(200)
    for name in names[1], names[1]:  # first inside the list, then at its end
        time.sleep(0.11)  # cached files are reread after 0.1 seconds
        visitor.get('/' + name).must_be(200)
    server.signal(signal.SIGTERM)
    if server.wait_exit() != 0:
        raise Failure('exit status 0', f'it {test.outcome(server)}')
    blocks = Page(test.faults).get('blocks')
    if blocks > before:
        raise Failure('no more blocks of memory than before the files',
                      f'{blocks - before} more', 'when a file leaves a list, '
                      'update the links in both directions')


@check(WEB, open=False)
def expect_for_a_listing(test):
    """answers "Expect: 100-continue" for a large folder, then lists it"""
    root = fill(test.site(), {f'list/{number}': b'' for number in range(500)})
    visitor = test.visitor(server=test.server(root=root))
    message = request('/list/', 'Expect: 100-continue', 'Content-Length: 5')
    visitor.send(message)
    visitor.head().must_be(100)
    visitor.send(b'hello')
    visitor.answer(message).must_be(200)
    visitor.stays()


@check(WEB, open=False)
def large_file_kept_open(test):
    """after sending a file too large to be kept in memory, closes it"""
    root = test.site({**USUAL, 'large': data(3 << 20)})
    time.sleep(3.2)  # a file that has just changed is not kept
    server = test.server(root=root)
    visitor = test.visitor(server=server)
    visitor.stays()
    before = len(server.descriptors_at_rest())
    for _ in range(3):
        visitor.get('/large').must_be(200, data(3 << 20))
    if not wait_until(lambda: len(server.descriptors()) == before):
        raise Failure(f'{before} open descriptors',
                      f'{len(server.descriptors())}')


@check(WEB, open=False)
def file_size_limited(test):
    """serves a file that is larger than any file it may write (ulimit -f)"""
    root = test.site({**USUAL, 'more.bin': DATA * 10})
    time.sleep(3.2)  # a file that has just changed is not kept
    server = test.server(root=root)
    visitor = test.visitor(server=server)
    visitor.stays()
    before = len(server.descriptors_at_rest())
    server.limit_files(4096)
    for _ in range(2):
        visitor.get('/more.bin').must_be(200, DATA * 10)
    if not wait_until(lambda: len(server.descriptors()) <= before):
        raise Failure(f'{before} open descriptors',
                      f'{len(server.descriptors())}')


@check(WEB, open=False)
def limit_not_raised(test):
    """answers with 500 if it cannot raise its descriptor limit; if it cannot
    lower it again, reports that, and responds as usual"""
    test.need_injector()
    server = test.server(root=test.site())
    test.attached()
    visitor = test.visitor(server=server)
    visitor.get('/').must_be(200)
    most = max(server.descriptors_at_rest()) + 1
    limit = server.limit_descriptors(most)
    for number, status in (1, 500), (2, 500), (3, 200), (6, 404):
        server.limit_descriptors(most)
        test.faults.fail('helper', errno.EPERM,
                         test.faults.get('calls', 'helper') + number)
        visitor.get('/nothing/page.html' if status == 404 else '/page.html'
                    ).must_be(status)
    server.limit_descriptors(limit)
    for call in 'openat', 'setrlimit':
        line = f'{call}: {os.strerror(errno.EPERM)}'
        if not server.wait_line(re.escape(line)):
            raise Failure(f'a line "{line} ..."', test.outcome(server))
    visitor.stays()
