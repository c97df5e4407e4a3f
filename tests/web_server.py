"""The checks of 08 that are about the program: its options, its log, and how
much time and memory it spends on its clients."""

import os
import pathlib
import random
import re
import resource
import select
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time

from harness import (NOBODY, Failure, Server, Skip, check, data, reset,
                     wait_until)
from many import dropped, guarded, resident
from rows import flood
from web_files import MOMENT, seconds_of
from web_talk import HELLO, Visitor, request

WEB = '08'


# ---------------------------------------------------------- options

@check(WEB, open=False)
def default_folder(test):
    """without -d it serves www beside the program, wherever it is run"""
    index = pathlib.Path(test.words[0]).parent / 'www' / 'index.html'
    if not index.exists():
        raise Skip(f'there is no {index}')
    visitor = test.visitor(server=test.server())
    for target in ('/', '/index.html'):
        visitor.get(target).must_be(200, index.read_bytes())


@check(WEB, open=False)
def default_folder_found(test):
    """without -d it serves www beside the program also if that was found by way
    of PATH or a link, and never a www that is in the current folder"""
    program = pathlib.Path(test.words[0]).resolve()
    index = program.parent / 'www' / 'index.html'
    if not index.exists():
        raise Skip(f'there is no {index}')
    place = test.site({'www/index.html': b'foreign', 'bin/www/index.html':
                       b'foreign too'})
    (place / 'bin' / 'link').symlink_to(program)
    for name, path in ((program.name, program.parent),
                       ('link', place / 'bin'), (place / 'bin' / 'link', '')):
        start = (f'cd {shlex.quote(str(place))} && '
                 f'PATH={shlex.quote(str(path))}:$PATH && '
                 f'exec {shlex.quote(str(name))} 0')
        child = Server(test.starter() + ['sh', '-c', start],
                       test.environment(), subprocess.DEVNULL)
        test.children.append(child)
        match = child.wait_line(r'listening on .*:(\d+)$')
        if match is None:
            raise Failure('a server', test.outcome(child))
        child.port = int(match[1])
        test.visitor(server=child).get('/').must_be(200, index.read_bytes())


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
            raise Skip('no namespace of its own here')
        raise Failure('the line "listening on [fe80::1%lo]:PORT"',
                      test.outcome(child))


@check(WEB, open=False)
def folder_relative(test):
    """-d takes a relative path, with a slash at its end or without"""
    path = os.path.relpath(test.site())
    for folder in (path, path + '/', path + '/sub/..'):
        visitor = test.visitor(server=test.server(root=folder))
        visitor.get().must_be(200, HELLO)
        visitor.get('/sub').must_have('Location', '/sub/')


def cannot_start(test, *options, about=''):
    """Demands one line on standard error, and status 1, before it listens."""
    child = test.start(*options, '0')
    status = child.wait_exit()
    if status != 1 or len(child.lines) != 1 or about not in child.lines[0]:
        raise Failure(f'{test.said(child)} ends with status 1 and one line '
                      'that says why', f'it {test.outcome(child)}',
                      'find out before it listens, not when a client comes')


@check(WEB, open=False)
def folder_missing(test):
    """a -d that is not there, or no folder, is told of: status 1"""
    root = test.site()
    for path in (root / 'nothing', root / 'hello.txt', root / 'sub' / 'no'):
        cannot_start(test, '-d', str(path), about=str(path))


@check(WEB, open=False)
def folder_unreadable(test):
    """a -d that may not be entered is told of: status 1"""
    root = test.site({})
    root.chmod(0)
    if os.geteuid() == 0:
        test.need_injector()
        test.faults.set('user', NOBODY)
    cannot_start(test, '-d', str(root), about=str(root))


@check(WEB, open=False)
def log_not_writable(test):
    """a -l that cannot be opened is told of: status 1"""
    root = test.site()
    for path in (root / 'nothing' / 'log', root / 'sub'):
        cannot_start(test, '-d', str(root), '-l', str(path), about=str(path))


@check(WEB, open=False)
def ipv6(test):
    """-a takes an IPv6 address, which stands in brackets before the port"""
    try:
        socket.create_server(('::1', 0), family=socket.AF_INET6).close()
    except OSError as error:
        raise Skip(f'no IPv6 here: {error}') from None
    root = test.site()
    log = root / 'log.txt'
    server = test.server('-a', '::1', '-l', str(log), root=root)
    if server.lines != [f'listening on [::1]:{server.port}']:
        raise Failure('the line "listening on [::1]:PORT"', server.lines)
    test.visitor(server=server).get(host=f'[::1]:{server.port}').must_be(
        200, HELLO)
    logged(log, 1)
    if not log.read_text().startswith('::1 - - ['):
        raise Failure('a line of ::1 in the log', log.read_text())


# ---------------------------------------------------------- the log

QUOTED = r'"((?:[^"\\\x00-\x1f\x7f]|\\[ -~])*)"'
LOG_LINE = re.compile(r'(\S+) - - \[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d '
                      r'[+-]\d{4})\] ' + QUOTED + r' (\d{3}) (\d+|-) ' + QUOTED
                      + ' ' + QUOTED + '\n')
LOG_HINT = ('ADDRESS - - [TIME] "REQUEST LINE" STATUS BYTES "REFERER" '
            '"USER AGENT", with \\ before " and \\, \\xhh for control bytes')


def logged(log, count):
    """Waits for so many lines in a log. Returns what each consists of: address,
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


def logging(test, *options):
    """A server with a log, a client of it, and the log."""
    test.root = test.site()
    log = test.site({}) / 'log'
    server = test.server('-l', str(log), *options, root=test.root)
    return server, test.visitor(server=server), log


@check(WEB, open=False)
def log_line(test):
    """-l FILE gets a line in Combined Log Format for a request"""
    before = int(time.time())
    _, visitor, log = logging(test)
    visitor.get('/hello.txt?a=b', 'Referer: http://ladder/',
                'User-Agent: me/1.0').must_be(200, HELLO)
    line = logged(log, 1)[0]
    moment = time.mktime(time.strptime(line[1][:-6], '%d/%b/%Y:%H:%M:%S'))
    if not before <= moment <= time.time() + 1:
        raise Failure('the local time of now', line[1])
    if line[1][-5:] != time.strftime('%z'):
        raise Failure(f'{time.strftime("%z")}: how far it is from UTC', line[1])
    rest = ('GET /hello.txt?a=b HTTP/1.1', '200', str(len(HELLO)),
            'http://ladder/', 'me/1.0')
    if line[0] != '127.0.0.1' or line[2:] != rest:
        raise Failure(('127.0.0.1', *rest), (line[0], *line[2:]), LOG_HINT)


@check(WEB, open=False)
def log_statuses(test):
    """every response is logged, refusals too, with its status and how many
    bytes of a body were sent"""
    server, _, log = logging(test)
    messages = [request(), request(method='HEAD'), request('/nothing'),
                request('/hello.txt', 'Range: bytes=0-3'),
                request('/hello.txt', 'If-None-Match: *'), request('/sub'),
                request(method='OPTIONS'), request(method='FROB'),
                request(version='HTTP/1.0'), b'nonsense\r\n\r\n',
                b'GET / HTTP/1.1\r\n\r\n']
    replies = []
    for message in messages:
        replies.append(test.visitor(server=server).ask(message))
    lines = logged(log, len(messages))
    for message, reply, line in zip(messages, replies, lines):
        expected = (message.split(b'\r\n')[0].decode(), str(reply.status),
                    len(reply.body), '-', '-')
        size = 0 if line[4] == '-' else int(line[4])
        got = (line[2], line[3], size, *line[5:])
        if got != expected:
            raise Failure(expected, got, LOG_HINT)


@check(WEB, open=False)
def log_in_order(test):
    """500 pipelined requests are 500 lines, in their order"""
    _, visitor, log = logging(test)
    targets = [f'/hello.txt?{number}' for number in range(500)]
    visitor.feed(b''.join(map(request, targets)))
    for _ in targets:
        visitor.answer().must_be(200, HELLO)
    got = [line[2].split()[1] for line in logged(log, 500)]
    if got != targets:
        raise Failure('the targets in their order', got[:5])


@check(WEB, open=False)
def log_escaped(test):
    """nothing that a client sends breaks a line of the log, or speaks to a
    terminal"""
    server, _, log = logging(test)
    messages = [request('/"quoted"'), request('/back\\slash"'),
                request('/hello.txt', 'User-Agent: "a" 200 1 "b" \\" "'),
                request('/hello.txt', 'Referer: a\tb\\'),
                b'GET /\x1b[31m HTTP/1.1\r\nHost: ladder\r\n\r\n',
                b'GET /a\rb HTTP/1.1\r\nHost: ladder\r\n\r\n',
                b'GET /\x7f\x01\x00 HTTP/1.1\r\nHost: ladder\r\n\r\n',
                request('/\xff\x9b31m'),
                request('/hello.txt', 'User-Agent: \\')]
    for message in messages:
        test.visitor(server=server).ask(message)
    lines = logged(log, len(messages))
    if not re.search(r'\\(x1[bB]|033|e)', lines[4][2]):
        raise Failure('the ESC in a request line, escaped', lines[4][2])


@check(WEB, open=False)
def log_at_the_end(test):
    """what is still to be written when a signal ends it is written"""
    for number in (signal.SIGTERM, signal.SIGINT):
        server, visitor, log = logging(test)
        for _ in range(50):
            visitor.get()
        server.signal(number)
        status = server.wait_exit()
        if status != 0:
            raise Failure('exit status 0', f'it {test.outcome(server)}')
        count = log.read_bytes().count(b'\n')
        if count != 50:
            raise Failure('50 lines at the end', f'{count}')


@check(WEB, open=False)
def log_appended(test):
    """a log that is there already is continued"""
    root, log = test.site(), test.site({'log': b'before\n'}) / 'log'
    visitor = test.visitor(server=test.server('-l', str(log), root=root))
    visitor.get()
    wait_until(lambda: log.read_bytes().count(b'\n') == 2)
    if not re.fullmatch(rb'before\n127\.0\.0\.1 .*\n', log.read_bytes()):
        raise Failure('the old line and a new one', log.read_bytes())


@check(WEB, open=False)
def log_rotated(test):
    """after a rename and SIGHUP it goes on in a new file, and no line is lost;
    a request between the two is in the old one; new clients are served"""
    server, visitor, log = logging(test)
    for number in range(5):
        targets = [f'/hello.txt?{number}{letter}' for letter in 'abc']
        old = log.with_name(f'log.{number}')
        test.visitor(server=server).get(targets[0]).must_be(200, HELLO)
        visitor.get(targets[1]).must_be(200)
        log.rename(old)
        visitor.get(targets[2]).must_be(200)
        server.signal(signal.SIGHUP)
        if not wait_until(log.exists):
            raise Failure(f'a new {log} after SIGHUP',
                          f'there is none; it {test.outcome(server)}')
        got = [line[2].split()[1] for line in logged(old, 3)]
        if got != targets:
            raise Failure(f'{targets} in the old file', got)
    visitor.get()
    logged(log, 1)


@check(WEB, open=False)
def log_cannot_be_reopened(test):
    """if there can be no new log it goes on serving"""
    server, visitor, log = logging(test)
    visitor.get().must_be(200)
    shutil.rmtree(log.parent)
    server.signal(signal.SIGHUP)
    server.wait_for(lambda: len(server.lines) > 1, 1)
    for _ in range(20):
        visitor.get().must_be(200, HELLO)
    test.alive(server, 'a log that cannot be reopened')


@check(WEB, open=False)
def log_to_standard_output(test):
    """-l - is standard output, soon after each request"""
    root = test.site()
    server = test.server('-l', '-', root=root)
    visitor = test.visitor(server=server)
    for count in (1, 2, 3):
        visitor.get()
        server.wait_for(lambda: server.output.count(b'\n') == count)
        lines = server.output.decode().splitlines(True)
        if len(lines) != count or not LOG_LINE.fullmatch(lines[-1]):
            raise Failure(f'{count} lines on standard output', lines)
    server.signal(signal.SIGHUP)  # there is nothing to be reopened
    visitor.get()
    server.wait_for(lambda: server.output.count(b'\n') == 4)
    test.alive(server, 'SIGHUP')


@check(WEB, open=False)
def log_unread(test):
    """with -l - it serves, and ends, though nobody reads its standard output"""
    reading, writing = os.pipe()
    try:
        child = test.start('-d', str(test.site()), '-l', '-', '0',
                           stdout=writing, kind=Server)
        child.port = int(child.wait_line(r'listening on .*:(\d+)$')[1])
        visitor = test.visitor(server=child)
        for _ in range(2000):  # lines for more than a pipe and a buffer hold
            visitor.get(hint='nobody is to wait for who reads the log'
                        ).must_be(200, HELLO)
        child.signal(signal.SIGTERM)
        if child.wait_exit() != 0:
            raise Failure('exit status 0', f'it {test.outcome(child)}')
    finally:
        os.close(reading)
        os.close(writing)


@check(WEB, open=False)
def times_and_zones(test):
    """Date is in GMT and the log in local time, wherever that is"""
    before = os.environ.get('TZ')
    os.environ['TZ'] = 'FAR-5:30'  # hours before GMT, as POSIX counts them
    try:
        _, visitor, log = logging(test)
    finally:
        del os.environ['TZ']
        if before is not None:
            os.environ['TZ'] = before
    os.utime(test.root / 'hello.txt', (MOMENT, MOMENT))
    reply = visitor.get().must_be(200)
    if abs(seconds_of(reply) - time.time()) > 5:
        raise Failure('Date in GMT', reply['Date'], 'gmtime, not localtime')
    if seconds_of(reply, 'Last-Modified') != MOMENT:
        raise Failure(f'Last-Modified {MOMENT}', reply['Last-Modified'])
    visitor.get('/hello.txt', f'If-Modified-Since: {reply["Last-Modified"]}'
                ).must_be(304)
    here = time.strftime('%d/%b/%Y:%H:%M', time.gmtime(time.time() + 19800))
    line = logged(log, 2)[1]
    if line[1][:17] != here or line[1][-5:] != '+0530':
        raise Failure(f'the local time, {here}:.. +0530', line[1])


@check(WEB, open=False)
def log_disk_full(test):
    """a log that takes nothing more costs no client its response"""
    if not os.path.exists('/dev/full'):
        raise Skip('there is no /dev/full')
    server = test.server('-l', '/dev/full', root=test.site())
    visitor = test.visitor(server=server)
    for _ in range(1000):
        visitor.get().must_be(200, HELLO)
    time.sleep(0.2)
    visitor.stays()
    test.alive(server, 'a full disk')
    server.signal(signal.SIGTERM)
    if server.wait_exit() is None:
        raise Failure('an end', 'it runs on')


@check(WEB, open=False)
def log_limited(test):
    """a log that has reached the limit of a file's size (ulimit -f) ends
    nothing; when there is room again every line is whole"""
    if not hasattr(resource, 'prlimit'):
        raise Skip('there is no prlimit here')
    server, visitor, log = logging(test)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (1000, -1))
    for _ in range(30):
        visitor.get('/hello.txt', 'User-Agent: ' + 'x' * 20).must_be(200, HELLO)
    wait_until(lambda: log.stat().st_size == 1000)
    time.sleep(0.3)  # more lines cannot be written
    test.alive(server, 'SIGXFSZ', 'ignore SIGXFSZ: write fails with EFBIG')
    visitor.stays()
    time.sleep(0.3)
    resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (-1, -1))
    for _ in range(3):
        visitor.get().must_be(200)
    wait_until(lambda: log.read_bytes().count(b'\n') > 12)
    lines = log.read_text().splitlines(True)
    broken = [line for line in lines if not LOG_LINE.fullmatch(line)]
    if broken or len(lines) < 12:
        raise Failure('whole lines alone, three of them new', broken or lines,
                      'complete the line of which part was written')


# ---------------------------------------------------------- patience

def until_ended(visitor, began, send=None, every=0.1):
    """Waits for the end of a connection, sending now and then. Demands that it
    comes after one second, or little more."""
    visitor.socket.settimeout(every)
    while time.monotonic() - began < 6:
        try:
            if send is not None:
                visitor.socket.sendall(send)
            if not visitor.socket.recv(65536):
                break
        except (socket.timeout, TimeoutError):
            continue
        except OSError:
            break
    took = time.monotonic() - began
    if not 0.9 < took < 4:
        raise Failure('the end of the connection after 1 second (-t 1)',
                      f'after {took:.1f} s' if took < 6 else 'no end in 6 s')


@check(WEB, open=False)
def slow_head(test):
    """with -t 1 a head has a second from its first byte, however often a byte
    comes"""
    server = test.server('-t', '1', root=test.site())
    visitors = [test.visitor(server=server) for _ in range(2)]
    began = time.monotonic()
    pieces = (b'x', b'X: y\r\n')
    for visitor in visitors:
        visitor.send(b'GET /hello.txt HTTP/1.1\r\nX: ' + b'\r\n' * (
            visitor is visitors[1]))
    thread = threading.Thread(target=trickle, args=(
        visitors[1], pieces[1], time.monotonic() + 3), daemon=True)
    thread.start()
    until_ended(visitors[0], began, pieces[0])
    until_ended(visitors[1], began)
    thread.join()
    test.visitor(server=server).stays()


def trickle(visitor, piece, end):
    """Sends a piece every tenth of a second."""
    try:
        while time.monotonic() < end:
            visitor.socket.sendall(piece)
            time.sleep(0.1)
    except OSError:
        pass


@check(WEB, open=False)
def slow_second_head(test):
    """with -t 1 the second head of a connection has a second, too"""
    visitor = test.visitor('-t', '1')
    visitor.stays()
    time.sleep(0.5)
    began = time.monotonic()
    visitor.send(b'GET /hello')
    until_ended(visitor, began, b'x')


@check(WEB, open=False)
def trickling_empty_lines(test):
    """with -t 1 empty lines now and then keep no connection, in whatever bits
    they come"""
    server = test.server('-t', '1', root=test.site())
    for bits in ([b'\r\n'], [b'\n'], [b'\r', b'\n']):
        visitor = test.visitor(server=server)
        visitor.stays()
        began = time.monotonic()
        for bit in bits * 40:
            try:
                visitor.socket.sendall(bit)
            except OSError:
                break
            if select.select([visitor.socket], [], [], 0.1)[0]:
                break
        if not 0.9 < time.monotonic() - began < 3:
            raise Failure('the end of the connection after 1 second (-t 1)',
                          f'{time.monotonic() - began:.1f} s')


@check(WEB, open=False)
def trickling_body(test):
    """with -t 1 a body of which a byte comes every 0.7 seconds keeps no
    connection; nor does one that comes faster, if it does not grow"""
    server = test.server('-t', '1', root=test.site())
    for field, bit, every in (('Content-Length: 100000', b'x', 0.7),
                              ('Content-Length: 100000', b'x', 0.2),
                              ('Transfer-Encoding: chunked',
                               b'1\r\nx\r\n', 0.4)):
        visitor = test.visitor(server=server)
        visitor.send(request('/hello.txt', field, method='POST'))
        began = time.monotonic()
        while time.monotonic() - began < 8:
            try:
                visitor.socket.sendall(bit)
            except OSError:
                break
            if select.select([visitor.socket], [], [], every)[0]:
                break
        else:
            raise Failure('the end of the connection', 'it is open after 8 s',
                          'a body gains time as it grows')
    test.visitor(server=server).stays()


@check(WEB, open=False)
def idle_after_a_response(test):
    """with -t 1 a connection that has been served is ended after a second of
    silence"""
    visitor = test.visitor('-t', '1')
    visitor.stays()
    until_ended(visitor, time.monotonic())


@check(WEB, open=False)
def body_that_stops(test):
    """with -t 1 a client whose body stops coming is dropped, but not one whose
    body is slow"""
    server = test.server('-t', '1', root=test.site())
    stopped, slow = test.visitor(server=server), test.visitor(server=server)
    began = time.monotonic()
    for visitor in (stopped, slow):
        visitor.send(request('/hello.txt', 'Content-Length: 9', body=b'hel'))
    for byte in b'lo bye':
        time.sleep(0.3)
        slow.send(bytes([byte]))
    slow.answer().must_be(200, HELLO)
    dropped(test, server, stopped.socket, began)
    stopped.ended()


@check(WEB, open=False)
def reader_that_stops(test):
    """with -t 1 a client that stops reading a file is dropped, but not one that
    reads slowly"""
    content = data(24 << 20)
    server = test.server('-t', '1', root=test.site({'large': content}))
    stopped, slow = test.visitor(server=server), test.visitor(server=server)
    for visitor in (stopped, slow):
        visitor.send(request('/large'))
    began = time.monotonic()
    for _ in range(8):
        time.sleep(0.25)
        slow.buffer += test.receive(slow.socket, 1 << 20)
    dropped(test, server, stopped.socket, began)
    slow.answer(request('/large')).must_be(200, content)


@check(WEB, open=False)
def refused_and_silent(test):
    """with -t 1 a client that does not end after it was refused is dropped"""
    server = test.server('-t', '1', root=test.site())
    before = len(server.descriptors())
    visitor = test.visitor(server=server)
    visitor.ask(b'nonsense\r\n\r\n').must_be(400)
    visitor.ended()
    trickler = test.visitor(server=server)
    trickler.ask(b'nonsense\r\n\r\n').must_be(400)
    thread = threading.Thread(target=trickle, args=(
        trickler, b'x', time.monotonic() + 5), daemon=True)
    thread.start()
    if not wait_until(lambda: len(server.descriptors()) <= before, 4.5):
        raise Failure('no socket of a client that was refused, after 4 s',
                      f'{len(server.descriptors()) - before} still open', 'to '
                      'take in what comes is right, but not for ever')


# ---------------------------------------------------------- room

@check(WEB)
def requests_without_reading(test):
    """from a client that does not take its answers nothing is read: memory is
    bounded, and nobody else waits"""
    test.measured = True
    server = test.server(root=test.site())
    other = test.visitor(server=server)
    other.stays()
    before = resident(server)
    for _ in range(4):
        client = test.connect(server)
        taken = flood(client, 64 << 20, request('/data.bin') * 1000)
        if taken >= 64 << 20:
            raise Failure('that it stops to read from a client that does not '
                          'read', '64 MB of requests were taken')
        other.stays()
    most = 4000 if test.any else 300
    if resident(server) - before > 4 * most:
        raise Failure(f'at most {most} KB for each client',
                      f'{resident(server) - before} KB for 4')


@check(WEB)
def files_without_reading(test):
    """files of 64 MB, asked for by 20 clients that do not read, do not fill the
    memory"""
    test.measured = True
    root = test.site()
    with open(root / 'large', 'wb') as file:
        file.truncate(64 << 20)
    server = test.server(root=root)
    test.visitor(server=server).stays()
    before = resident(server)
    visitors = [test.visitor(server=server) for _ in range(20)]
    for visitor in visitors:
        visitor.send(request('/large'))
    for visitor in visitors:
        test.receive(visitor.socket, 100000)
    most = 4000 if test.any else 300
    if resident(server) - before > 20 * most:
        raise Failure(f'at most {most} KB for each client',
                      f'{resident(server) - before} KB for 20', 'read no more '
                      'of a file than can be sent')


@check(WEB, open=False)
def bodies_forgotten(test):
    """a body of 64 MB, in one chunk or many, takes no memory"""
    test.measured = True
    server = test.server(root=test.site())
    visitor = test.visitor(server=server)
    visitor.stays()
    before, block = resident(server), data(1 << 20)
    piece = b'100000\r\n' + block + b'\r\n'
    visitor.send(request('/hello.txt', f'Content-Length: {64 << 20}'))
    for _ in range(64):
        visitor.send(block)
    visitor.answer().must_be(200, HELLO)
    visitor.send(request('/hello.txt', 'Transfer-Encoding: chunked'))
    for _ in range(64):
        visitor.send(piece)
    visitor.ask(b'0\r\n\r\n').must_be(200, HELLO)
    if resident(server) - before > 1000:
        raise Failure('at most 1000 KB more', f'{resident(server) - before} KB')


@check(WEB)
def web_storm(test):
    """50 clients with random requests and sudden ends: every byte is right"""
    files = {f'{size}.bin': data(size, size % 250) for size in (
        0, 1, 100, 5000, 65536, 300000)}
    server = test.server(root=test.site(files))
    end, complaints = time.monotonic() + 1, []

    def live(number):
        chance = random.Random(number * 100003 + 15441)
        while time.monotonic() < end and not complaints:
            with socket.create_connection((server.host, server.port),
                                          10) as connection:
                web_life(Visitor(connection), files, chance)

    def watched(number):
        try:
            guarded(live, number, complaints)
        except Failure as failure:
            complaints.append(f'{failure.got} instead of {failure.expected}')
    threads = [threading.Thread(target=watched, args=(number,), daemon=True)
               for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(15)
    if complaints:
        raise Failure('the files that were asked for', complaints[0])
    test.alive(server, 'the storm')
    test.visitor(server=server).get('/1.bin').must_be(200, files['1.bin'])


def web_life(visitor, files, chance):
    """A connection: some requests at a time, and an end at any moment."""
    for _ in range(chance.randrange(1, 4)):
        names = chance.choices(sorted(files), k=chance.randrange(1, 8))
        visitor.send(b''.join(request('/' + name) for name in names))
        for name in names:
            if chance.random() < 0.05:
                if chance.random() < 0.5:
                    reset(visitor.socket)
                return
            visitor.answer(request('/' + name)).must_be(200, files[name])


@check(WEB, open=False)
def download_given_up(test):
    """a download that a browser gives up is one line on standard error at most,
    and so are several requests for it on one connection"""
    root = test.site({'middle': data(500000)})
    with open(root / 'large', 'wb') as file:
        file.truncate(64 << 20)
    server = test.server(root=root)
    for target in ('/large', '/middle'):
        for give_up in (reset, socket.socket.close):
            before = len(server.lines)
            visitor = test.visitor(server=server)
            visitor.send(request(target) * 3)
            test.receive(visitor.socket, 70000)
            give_up(visitor.socket)
            time.sleep(0.2)
            if len(server.lines) > before + 1:
                raise Failure('one line at most', server.lines[before:])
    test.visitor(server=server).get('/middle').must_be(200, data(500000))
