"""The checks of 08 that are about the command line: folders, addresses, the
log."""

import errno
import os
import pathlib
import re
import shlex
import shutil
import socket
import subprocess

from harness import Failure, Server, Skip, check, wait_until
from harness.web import HELLO, WEB

QUOTED = r'"((?:[^"\\\x00-\x1f\x7f]|\\[ -~])*)"'
LOG_LINE = re.compile(r'(\S+) - - \[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d '
                      r'[+-]\d{4})\] ' + QUOTED + r' (\d{3}) (\d+|-) ' + QUOTED
                      + ' ' + QUOTED + '\n')
LOG_HINT = ('ADDRESS - - [TIME] "REQUEST LINE" STATUS BYTES "REFERER" '
            '"USER AGENT", with \\ before " and \\, \\xhh for control bytes')


def logged(log, count):
    """Waits for this many lines in a log. Returns the fields of each: address,
    time, request line, status, bytes, referer, user agent."""
    def lines():
        text = log.read_bytes() if log.exists() else b''
        return text.decode('latin-1').splitlines(True)
    wait_until(lambda: len(lines()) >= count)
    matches = [LOG_LINE.fullmatch(line) for line in lines()]
    if len(matches) != count or not all(matches):
        raise Failure(f'{count} lines in Combined Log Format within a tenth '
                      'of a second', lines()[-3:], LOG_HINT)
    return [match.groups() for match in matches]


@check(WEB, open=False)
def default_folder(test):
    """without -d serves www beside the program, wherever it is run"""
    index = pathlib.Path(test.words[0]).parent / 'www' / 'index.html'
    if not index.exists():
        raise Skip(f'there is no {index}')
    visitor = test.visitor(server=test.server())
    for target in ('/', '/index.html'):
        visitor.get(target).must_be(200, index.read_bytes())


@check(WEB, open=False)
def default_folder_found(test):
    """without -d serves www beside the program even if the program was found
    through PATH or a link, and never a www in the current folder"""
    program = pathlib.Path(test.words[0]).resolve()
    index = program.parent / 'www' / 'index.html'
    if not index.exists():
        raise Skip(f'there is no {index}')
    place = test.site({'www/index.html': b'foreign', 'bin/www/index.html':
                       b'foreign too'})
    (place / 'bin' / 'link').symlink_to(program)
    for name, path in ((program.name, program.parent),
                       ('link', place / 'bin'), (place / 'bin' / 'link', '')):
        serves_index(test, place, f'{path}:$PATH', name, index)


def serves_index(test, place, path, name, index, starter=()):
    """Starts the server by this name, in this folder, with this PATH. Demands
    that it serve this index.html by default."""
    start = (f'cd {shlex.quote(str(place))} && PATH="{path}" && '
             f'exec {shlex.quote(str(name))} 0')
    child = Server([*starter, *test.starter(), 'sh', '-c', start],
                   test.environment(), subprocess.DEVNULL)
    test.children.append(child)
    match = child.wait_line(r'listening on .*:(\d+)$')
    if match is None:
        raise Failure('a server', test.outcome(child))
    child.port = int(match[1])
    test.visitor(server=child).get('/').must_be(200, index.read_bytes())


@check(WEB, open=False)
def default_folder_without_proc(test):
    """finds www beside the program even on a system that has no /proc"""
    program = pathlib.Path(test.words[0]).resolve()
    index = program.parent / 'www' / 'index.html'
    hidden = ['unshare', *['-r'] * (os.geteuid() != 0), '-m', 'sh', '-c',
              'mount -t tmpfs none /proc && exec "$0" "$@"']
    if not index.exists() or not shutil.which('unshare') or subprocess.run(
            [*hidden, 'true'], stderr=subprocess.DEVNULL).returncode != 0:
        raise Skip('no mount namespace can be created here')
    if subprocess.run([*hidden, *test.starter(), program, '-h'],
                      env=test.environment(), stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL).returncode != 0:
        raise Skip('a sanitizer in the program needs /proc')
    place = test.site({'a/x': b'', 'bin/x': b''})
    (place / 'bin' / 'ladder').symlink_to(program)
    (place / 'a' / program.name).mkdir()
    os.chmod(place / 'a' / program.name, 0)  # no program
    for folder, path, name in (
            (place, f'{place}:{program.parent}:$PATH', program.name),
            (program.parent, f'{place}::$PATH', program.name),
            (program.parent, '.:$PATH', program.name),
            (place, f'$PATH:{place}/bin', 'ladder'),
            (place, '$PATH', 'bin/ladder'), (place, '$PATH', program)):
        serves_index(test, folder, path, name, index, hidden)


@check(WEB, open=False)
def link_local(test):
    """-a takes a link-local address with its zone, fe80::1%lo"""
    words = ['unshare', *['-r'] * (os.geteuid() != 0), '-n', 'sh', '-c',
             'ip link set lo up && ip addr add fe80::1/64 dev lo nodad || '
             'exit 77; exec "$0" "$@"', test.words[0], '-a', 'fe80::1%lo', '0']
    if not shutil.which('unshare') or not shutil.which('ip'):
        raise Skip('it needs unshare and ip')
    child = Server(words, test.environment(), subprocess.DEVNULL)
    test.children.append(child)
    if not child.wait_line(r'listening on \[fe80::1%lo\]:\d+$'):
        if child.wait_exit() not in (1, 2) or 'fe80' not in str(child.lines):
            raise Skip('no network namespace can be created here')
        raise Failure('the line "listening on [fe80::1%lo]:PORT"',
                      test.outcome(child))


@check(WEB, open=False)
def link_local_without_zone(test):
    """rejects -a fe80::1, and says that it needs an interface"""
    for address in 'fe80::1%nothing', 'fe80::1' + '0' * 60:
        if test.run('-a', address, '0')[1] != 2:
            raise Failure(f'status 2 for -a {address}', 'another')
    child, status = test.run('-a', 'fe80::1', '0')
    if status != 2 or not any('interface' in line for line in child.lines):
        raise Failure('a line about the missing interface, and status 2',
                      f'it {test.outcome(child)}', 'bind would fail with '
                      'EINVAL, which does not say what is missing')


@check(WEB, open=False)
def folder_relative(test):
    """-d takes a relative path, with or without a slash at the end"""
    path = os.path.relpath(test.site())
    for folder in (path, path + '/', path + '/sub/..'):
        visitor = test.visitor(server=test.server(root=folder))
        visitor.get().must_be(200, HELLO)
        visitor.get('/sub').must_have('Location', '/sub/')


def cannot_start(test, *options, about=''):
    """Demands one line on standard error, and status 1, before the server
    listens."""
    child = test.start(*options, '0')
    status = child.wait_exit()
    if status != 1 or len(child.lines) != 1 or about not in child.lines[0]:
        raise Failure(f'{test.said(child)} exits with status 1 and one line '
                      'that says why', f'it {test.outcome(child)}',
                      'check before listening, not when a client arrives')


@check(WEB, open=False)
def folder_missing(test):
    """reports a -d that is missing or not a folder, and exits with status 1"""
    root = test.site()
    for path, number in ((root / 'nothing', errno.ENOENT),
                         (root / 'hello.txt', errno.ENOTDIR),
                         (root / 'sub' / 'no', errno.ENOENT)):
        cannot_start(test, '-d', str(path),
                     about=f'{os.strerror(number)} ({path})')


@check(WEB, open=False)
def folder_unreadable(test):
    """reports a -d that it may not read, and exits with status 1"""
    root = test.site({})
    root.chmod(0)
    test.without_root()
    cannot_start(test, '-d', str(root),
                 about=f'{os.strerror(errno.EACCES)} ({root})')


@check(WEB, open=False)
def log_not_writable(test):
    """reports a -l file that cannot be opened, and exits with status 1"""
    root = test.site()
    for path in (root / 'nothing' / 'log', root / 'sub'):
        cannot_start(test, '-d', str(root), '-l', str(path), about=str(path))


@check(WEB, open=False)
def ipv6(test):
    """-a takes an IPv6 address; the server prints it in brackets before the
    port"""
    try:
        socket.create_server(('::1', 0), family=socket.AF_INET6).close()
    except OSError as error:
        raise Skip(f'no IPv6 here: {error}') from None
    root = test.site()
    log = root / 'log.txt'
    server = test.server('-a', '::1', '-l', str(log), root=root)
    if server.lines != [f'listening on [::1]:{server.port}']:
        raise Failure('the line "listening on [::1]:PORT"',
                      '; '.join(server.lines))
    test.visitor(server=server).get(host=f'[::1]:{server.port}').must_be(
        200, HELLO)
    logged(log, 1)
    if not log.read_text().startswith('::1 - - ['):
        raise Failure('a line with ::1 in the log', log.read_text())
