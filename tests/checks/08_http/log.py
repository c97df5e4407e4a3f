"""The checks of 08 that are about the log."""

import errno
import os
import re
import shutil
import signal
import time
import urllib.parse

from .fields import MOMENT, seconds_of
from .options import LOG_HINT, LOG_LINE, cannot_start, logged
from harness import (FOREVER, PATIENCE, Failure, Server, Skip, check, shown,
                     wait_until)
from harness.web import HELLO, WEB, fill, request


def logging(test, *options):
    """A server with a log, a client of it, and the log."""
    test.root = test.site()
    log = test.site({}) / 'log'
    server = test.server('-l', str(log), *options, root=test.root)
    return server, test.visitor(server=server), log


@check(WEB, open=False)
def log_line(test):
    """with -l FILE writes a line in Combined Log Format for each request"""
    before = int(time.time())
    _, visitor, log = logging(test)
    visitor.get('/hello.txt?a=b', 'Referer: http://ladder/',
                'User-Agent: me/1.0').must_be(200, HELLO)
    line = logged(log, 1)[0]
    moment = time.mktime(time.strptime(line[1][:-6], '%d/%b/%Y:%H:%M:%S'))
    if not before <= moment <= time.time() + 1:
        raise Failure('the current local time', line[1])
    if line[1][-5:] != time.strftime('%z'):
        raise Failure(f'{time.strftime("%z")}: its offset from UTC', line[1])
    rest = ('GET /hello.txt?a=b HTTP/1.1', '200', str(len(HELLO)),
            'http://ladder/', 'me/1.0')
    if line[0] != '127.0.0.1' or line[2:] != rest:
        raise Failure(('127.0.0.1', *rest), (line[0], *line[2:]), LOG_HINT)


@check(WEB, open=False)
def log_statuses(test):
    """logs every response, errors too, with its status and how many bytes of
    the body were sent"""
    server, _, log = logging(test)
    messages = [request(), request(method='HEAD'), request('/nothing'),
                request('/hello.txt', 'Range: bytes=0-3'),
                request('/hello.txt', 'Range: bytes=0-0', 'User-Agent:'),
                request('/empty.txt', 'User-Agent: x'),
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
                    str(len(reply.body) or '-'), '-',
                    'x' if b'Agent: x' in message else '-')
        if line[2:] != expected:
            raise Failure(expected, line[2:], LOG_HINT)


@check(WEB, open=False)
def log_in_order(test):
    """logs 500 pipelined requests in 500 lines, in order"""
    _, visitor, log = logging(test)
    targets = [f'/hello.txt?{number}' for number in range(500)]
    visitor.feed(b''.join(map(request, targets)))
    for _ in targets:
        visitor.answer().must_be(200, HELLO)
    got = [line[2].split()[1] for line in logged(log, 500)]
    if got != targets:
        raise Failure('the targets in order', got[:5])


@check(WEB, open=False)
def log_of_long_lines(test):
    """loses no line when the log grows fast: 1 MB of lines at once; logs at
    most 8192 bytes of a field"""
    _, visitor, log = logging(test)
    filler = 'User-Agent: ' + 'x' * 8400
    visitor.feed(b''.join(request(f'/hello.txt?{number}', filler)
                          for number in range(120)))
    for _ in range(120):
        visitor.answer().must_be(200, HELLO)
    lines = logged(log, 120)
    got = [line[2].split()[1] for line in lines]
    if got != [f'/hello.txt?{number}' for number in range(120)]:
        raise Failure('120 lines in order', got[:5],
                      'when the buffer is full, write the lines at once, '
                      'without the usual delay')
    if any(line[6] != 'x' * 8192 for line in lines):
        raise Failure('8192 bytes of the field', len(lines[0][6]))


@check(WEB, open=False)
def log_escaped(test):
    """nothing that a client sends breaks a line of the log, or controls a
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
    odd = re.search(rb'[^ -~\n]', log.read_bytes())
    if odd:
        raise Failure('no byte below 0x20 or above 0x7e', repr(odd[0]),
                      'escape them: a terminal may take 0x9b for ESC [')


@check(WEB, open=False)
def messages_escaped(test):
    """no file name in a message can control the terminal"""
    test.need_injector()
    name = 'a\x1b[31m\x9b\\".txt'
    root = fill(test.site(), {name: HELLO})
    server = test.server(root=root)
    test.attached()
    test.faults.fail('open', errno.EIO, last=FOREVER)
    test.visitor(server=server).get('/' + urllib.parse.quote(name)).must_be(500)
    server.wait_for(lambda: len(server.lines) > 1)
    odd = re.search(rb'[^ -~\n]', bytes(server.errors))
    if odd or len(server.lines) != 2:
        raise Failure('one line without a byte below 0x20 or above 0x7e',
                      f'{odd and odd[0]!r} in {bytes(server.errors)!r}',
                      'escape them, as in the log')


@check(WEB, open=False)
def log_pipe_without_reader(test):
    """if -l names a pipe without a reader, exits instead of waiting for one"""
    root = test.site()
    pipe = test.site({}) / 'pipe'
    os.mkfifo(pipe)
    cannot_start(test, '-d', str(root), '-l', str(pipe), about=str(pipe))


@check(WEB, open=False)
def log_at_the_end(test):
    """writes the rest of the log before it exits on a signal"""
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
    """appends to an existing log"""
    root, log = test.site(), test.site({'log': b'before\n'}) / 'log'
    visitor = test.visitor(server=test.server('-l', str(log), root=root))
    visitor.get()
    wait_until(lambda: log.read_bytes().count(b'\n') == 2)
    if not re.fullmatch(rb'before\n127\.0\.0\.1 .*\n', log.read_bytes()):
        raise Failure('the old line and a new one',
                      shown(log.read_bytes(), 300))


@check(WEB, open=False)
def log_rotated(test):
    """logs to a new file after a rename and SIGHUP, loses no line, and serves
    new clients; a request between the two is logged in the old file"""
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
def log_rotated_when_full(test):
    """continues in a new file after a rename and SIGHUP, even while clients
    hold all descriptors"""
    test.need_injector()
    test.faults.set('descriptors', 30)
    server, visitor, log = logging(test)
    test.attached()
    others = [test.visitor(server=server) for _ in range(40)]
    if not server.wait_line('accept: EMFILE'):
        raise Failure('the line "accept: EMFILE..."', 'none')
    log.rename(log.with_name('old'))
    server.signal(signal.SIGHUP)
    if not wait_until(log.exists):
        raise Failure(f'a new {log} after SIGHUP', 'there is none',
                      'raise the descriptor limit for a moment')
    visitor.get('/hello.txt?new').must_be(200)
    if logged(log, 1)[0][2].split()[1] != '/hello.txt?new':
        raise Failure('the request in the new log', log.read_bytes())
    for other in others:
        other.get().must_be(200, HELLO)
        other.socket.close()


@check(WEB, open=False)
def log_cannot_be_reopened(test):
    """keeps serving if the new log cannot be opened"""
    server, visitor, log = logging(test)
    visitor.get().must_be(200)
    shutil.rmtree(log.parent)
    server.signal(signal.SIGHUP)
    if not server.wait_line('open: '):
        raise Failure('the line "open: ..."', f'it {test.outcome(server)}')
    for _ in range(20):
        visitor.get().must_be(200, HELLO)
    test.alive(server, 'a log that cannot be reopened')


@check(WEB, open=False)
def log_to_standard_output(test):
    """with -l - logs to standard output, soon after each request"""
    root = test.site()
    server = test.server('-l', '-', root=root)
    visitor = test.visitor(server=server)
    for count in (1, 2, 3):
        visitor.get()
        server.wait_for(lambda: server.output.count(b'\n') == count)
        lines = server.output.decode().splitlines(True)
        if len(lines) != count or not LOG_LINE.fullmatch(lines[-1]):
            raise Failure(f'{count} lines on standard output', lines)
    server.signal(signal.SIGHUP)  # there is nothing to reopen
    visitor.get()
    server.wait_for(lambda: server.output.count(b'\n') == 4)
    test.alive(server, 'SIGHUP')


@check(WEB, open=False)
def log_unread(test):
    """with -l - serves and exits even if nothing reads its standard output"""
    reading, writing = os.pipe()
    try:
        child = test.start('-d', str(test.site()), '-l', '-', '0',
                           stdout=writing, kind=Server)
        child.port = int(child.wait_line(r'listening on .*:(\d+)$')[1])
        visitor = test.visitor(server=child)
        end = time.monotonic() + 5 * PATIENCE
        message = request('/hello.txt', 'User-Agent: ' + 'x' * 500)
        hint = 'no client must wait for the reader of the log'
        for _ in range(20):  # more lines than a pipe and a buffer hold
            visitor.feed(message * 100)
            for _ in range(100):
                visitor.answer(message, hint).must_be(200, HELLO)
            if time.monotonic() > end:
                raise Failure(f'2000 answers in {5 * PATIENCE} seconds',
                              'fewer', hint)
        test.alive(child, '2000 requests', 'no line may be written beyond the '
                   'end of a buffer')
        child.signal(signal.SIGTERM)
        if child.wait_exit() != 0:
            raise Failure('exit status 0', f'it {test.outcome(child)}')
    finally:
        os.close(reading)
        os.close(writing)


@check(WEB, open=False)
def times_and_zones(test):
    """Date is in GMT, the log in local time"""
    test.zone = 'FAR-5:30'  # east of GMT: POSIX counts hours to the west
    _, visitor, log = logging(test)
    os.utime(test.root / 'hello.txt', (MOMENT, MOMENT))
    reply = visitor.get().must_be(200)
    if abs(seconds_of(reply) - time.time()) > 5:
        raise Failure('Date in GMT', reply['Date'], 'gmtime, not localtime')
    if seconds_of(reply, 'Last-Modified') != MOMENT:
        raise Failure(f'Last-Modified {MOMENT}', reply['Last-Modified'])
    before = minute_there()
    visitor.get('/hello.txt', f'If-Modified-Since: {reply["Last-Modified"]}'
                ).must_be(304)
    here, line = minute_there(), logged(log, 2)[1]
    if line[1][:17] not in (before, here) or line[1][-5:] != '+0530':
        raise Failure(f'the local time, {here}:.. +0530', line[1])


def minute_there():
    """The current minute, as a log shows it 5:30 hours east of GMT."""
    return time.strftime('%d/%b/%Y:%H:%M', time.gmtime(time.time() + 19800))


@check(WEB, open=False)
def log_disk_full(test):
    """every client gets its response even if the disk of the log is full"""
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
        raise Failure('an end', 'it keeps running')
