"""The checks of 08 that are about files in memory: which ones are kept, and
how long they are trusted."""

import os
import time

from .changes import FRESH
from .fields import MOMENT
from checks.storm.page import Page
from harness import Failure, Skip, check
from harness.web import DATA, HELLO, WEB, request


@check(WEB, open=False)
def used_files_in_memory(test):
    """a file that is requested again and again stays in memory while others
    evict one another"""
    test.need_injector()
    large = [f'large{number}' for number in range(9)]  # of 1 MB: 8 MB are kept
    root = test.site({'hello.txt': HELLO,
                      **{name: name.encode() * 170000 for name in large}})
    time.sleep(3.2)  # a file that has just changed is not kept
    server = test.server(root=root)
    test.attached()
    visitor = test.visitor(server=server)
    names = ['hello.txt', *large[:5], 'hello.txt', *large[5:], 'hello.txt']
    counts = []
    for _ in range(30):
        time.sleep(0.11)  # cached files are reread after 0.1 seconds
        before, began = test.faults.get('calls', 'open'), time.monotonic()
        visitor.feed(b''.join(request('/' + name, method='HEAD')
                              for name in names))
        for name in names:
            visitor.answer(b'HEAD').must_be(200)
        if time.monotonic() - began < 0.1:
            counts.append(test.faults.get('calls', 'open') - before)
        if counts and counts[-1] <= 2 * len({*names}):  # the folder, the file
            return
    if not counts:
        raise Skip(f'this machine is too busy: {len(names)} requests took 0.1 '
                   'seconds')
    raise Failure('each of 10 files opened once', f'{min(counts)} calls '
                  'instead of 20', 'make room by removing the least recently '
                  'used file: a file is used whenever it is requested')


@check(WEB, open=False)
def folder_turned_into_a_link(test):
    """follows no link that has replaced a folder, even if a file in that folder
    was sent from memory before"""
    root = test.site({'a/x.txt': HELLO})
    time.sleep(3.2)  # a file that has just changed is not kept
    visitor = test.visitor(server=test.server(root=root))
    for _ in range(10):  # cached files are reread after 0.1 seconds
        for _ in range(2):
            visitor.get('/a/x.txt').must_be(200, HELLO)
        (root / 'a').rename(root / 'b')
        (root / 'a').symlink_to('b')
        visitor.get('/a/x.txt').must_be(404, hint=FRESH)
        (root / 'a').unlink()
        (root / 'b').rename(root / 'a')


@check(WEB, open=False)
def changed_file_not_kept(test):
    """opens a file again for each request until a few seconds after its last
    change, even if its modification time was set back, and as long as that time
    is in the future"""
    test.need_injector()
    root = test.site(dict.fromkeys(['new.txt', 'back.txt', 'ahead.txt'], HELLO))
    later = time.time() + 3600
    os.utime(root / 'ahead.txt', (later, later))
    time.sleep(3.2)  # now only its mtime makes ahead.txt too new
    server = test.server(root=root)
    test.attached()
    visitor = test.visitor(server=server)

    def opened_again(name):
        """Returns whether a file is opened again when it is requested again."""
        visitor.get('/' + name).must_be(200, HELLO)
        before = test.faults.get('calls', 'open')
        visitor.get('/' + name).must_be(200, HELLO)
        return test.faults.get('calls', 'open') > before

    for name, change in (
            ('new.txt', lambda: (root / 'new.txt').write_bytes(HELLO)),
            ('back.txt', lambda: os.utime(root / 'back.txt', (MOMENT, MOMENT))),
            ('ahead.txt', lambda: None)):
        for _ in range(5):
            began = time.monotonic()
            change()
            opened = opened_again(name)
            if opened or time.monotonic() - began < 1:
                break
        else:
            raise Skip('this machine is too busy: two requests took a second')
        if not opened:
            raise Failure(f'a call to open for {name}', 'none', 'a second '
                          'change soon after the first may leave all of the '
                          'file\'s times as they were')


@check(WEB, open=False)
def outdated_file_freed(test):
    """frees the old copy of a file in memory when it reads the file again"""
    test.need_injector()
    root = test.site()
    time.sleep(3.2)  # a file that has just changed is not kept
    server = test.server(root=root)
    test.attached()
    visitor, blocks = test.visitor(server=server), []
    for _ in range(8):
        visitor.stays()
        time.sleep(0.11)  # cached files are reread after 0.1 seconds
        blocks.append(Page(test.faults).get('blocks'))
    if blocks[-1] > blocks[1]:
        raise Failure('the same number of blocks of memory each time', blocks)


@check(WEB, open=False)
def kept_whatever_the_path(test):
    """keeps files in memory even if the folder that -d names is a symbolic
    link, or if a path is long"""
    test.need_injector()
    names = ['/'.join(['x' * 200] * 18 + ['x.txt']), 'a.txt', 'ab.txt']
    root, link = test.site(dict.fromkeys(names, HELLO)), test.site({}) / 'link'
    link.symlink_to(root)
    time.sleep(3.2)  # a file that has just changed is not kept
    for folder in root, link:
        server = test.server(root=folder)
        test.attached()
        visitor = test.visitor(server=server)
        for _ in range(30):  # cached files are reread after 0.1 seconds
            for name in names:
                visitor.get('/' + name).must_be(200, HELLO)
            before = test.faults.get('calls', 'open')
            for name in names:
                visitor.get('/' + name).must_be(200, HELLO)
            if test.faults.get('calls', 'open') == before:
                break
        else:
            raise Failure('files from memory when they are requested again',
                          f'a file is opened each time in {folder}', 'follow '
                          'no link below the served folder; the folder itself '
                          'may be a link')


def need_memfd(test):
    """Skips the check where the kernel cannot keep a file in a memfd."""
    try:
        os.close(os.memfd_create('ladder'))
    except (AttributeError, OSError):
        raise Skip('this system has no memfd_create') from None
    test.need_descriptors(2048)


@check(WEB, open=False)
def files_above_clients(test):
    """keeps files in memfds, which the kernel can send without a copy; their
    descriptors are too high for any client"""
    need_memfd(test)
    names = [f'{number}.bin' for number in range(5)]
    root = test.site(dict.fromkeys(names, DATA * 3))
    time.sleep(3.2)  # a file that has just changed is not kept
    server = test.server(root=root)
    visitor = test.visitor(server=server)
    for name in names:
        visitor.get('/' + name).must_be(200, DATA * 3)
    kept = [number for number in server.descriptors_at_rest()
            if 'memfd' in server.file_of(number)]
    if len(kept) != len(names) or min(kept) < 1024:
        raise Failure(f'{len(names)} descriptors from 1024 on for the files in '
                      'memory', ', '.join(map(str, kept)) or 'none',
                      'memfd_create, then fcntl(fd, F_DUPFD_CLOEXEC, limit) '
                      'while the limit is raised for a moment')


@check(WEB, open=False)
def memory_limited(test):
    """keeps no more than a few MB of files in memory"""
    need_memfd(test)
    names = [f'{number}.bin' for number in range(40)]
    root = test.site(dict.fromkeys(names, DATA * 100))  # 1 MB each
    time.sleep(3.2)  # a file that has just changed is not kept
    server = test.server(root=root)
    visitor = test.visitor(server=server)
    for name in names:
        visitor.get('/' + name, method='HEAD').must_be(200)
    kept = [number for number in server.descriptors_at_rest()
            if 'memfd' in server.file_of(number)]
    if len(kept) > 20:
        raise Failure('at most 8 MB of files in memory', f'{len(kept)} MB',
                      'count what is added and what is freed')
