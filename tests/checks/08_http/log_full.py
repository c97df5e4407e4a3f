"""The checks of 08 that are about a log that takes no more bytes, or only a
part of a line."""

import errno
import fcntl
import os
import resource
import signal
import time

from .log import logging
from .options import LOG_LINE, logged
from harness import Failure, Skip, check, counted, shown, wait_until
from harness.web import HELLO, WEB, request


@check(WEB, open=False)
def log_limited(test):
    """a log that has reached the file size limit (ulimit -f) does not end the
    server; once there is room again, every line is complete"""
    if not hasattr(resource, 'prlimit'):
        raise Skip('this system has no prlimit')
    server, visitor, log = logging(test)
    before = server.limit_files(1000)
    for _ in range(30):
        visitor.get('/hello.txt', 'User-Agent: ' + 'x' * 20).must_be(200, HELLO)
    wait_until(lambda: log.stat().st_size == 1000)
    time.sleep(0.3)  # more lines cannot be written
    test.alive(server, 'SIGXFSZ', 'ignore SIGXFSZ: write fails with EFBIG')
    visitor.stays()
    time.sleep(0.3)
    server.limit_files(before)
    for _ in range(3):
        visitor.get().must_be(200)
    wait_until(lambda: log.read_bytes().count(b'\n') > 12)
    lines = log.read_text().splitlines(True)
    broken = [line for line in lines if not LOG_LINE.fullmatch(line)]
    if broken or len(lines) < 12:
        raise Failure('only complete lines, three of them new',
                      broken or lines,
                      'complete the line that was partly written')
    if len(lines) > 25:
        raise Failure('no lines from the time when the log was full',
                      f'{len(lines)} lines', 'drop lines that do not fit, or '
                      'they take more and more memory')


@check(WEB, open=False)
def log_failures_apart(test):
    """reports every time that the log becomes full, not only the first; drops
    the lines that did not fit"""
    if not hasattr(resource, 'prlimit'):
        raise Skip('this system has no prlimit')
    server, visitor, log = logging(test)
    for number in 1, 2:
        visitor.get()
        logged(log, 2 * number - 1)
        before = server.limit_files(log.stat().st_size)
        visitor.get('/hello.txt?dropped')
        line = f'write: {os.strerror(errno.EFBIG)} ({log})'
        if not server.wait_for(lambda: server.lines.count(line) == number):
            raise Failure(f'{number} lines "{line}"', test.outcome(server),
                          'once a line has been written, the next failure is a '
                          'new one: report it')
        server.limit_files(before)
        visitor.get()
        for entry in logged(log, 2 * number):
            if 'dropped' in entry[2] or entry[0] != '127.0.0.1':
                raise Failure('no line from the time when the log was full',
                              entry, 'complete only a line that was partly '
                              'written')


@check(WEB, open=False)
def log_last_byte(test):
    """writes the rest of a line, even a single byte, once the log takes bytes
    again"""
    if not hasattr(resource, 'prlimit'):
        raise Skip('this system has no prlimit')
    server, visitor, log = logging(test)
    visitor.get()
    wait_until(lambda: log.read_bytes().endswith(b'\n'))
    size = log.stat().st_size
    before = server.limit_files(2 * size - 1)
    visitor.get()
    wait_until(lambda: log.stat().st_size == 2 * size - 1)
    time.sleep(0.2)
    server.limit_files(before)
    if not wait_until(lambda: log.stat().st_size == 2 * size):
        raise Failure('the line feed of the second line',
                      shown(log.read_bytes()[-20:]), 'try again after a tenth '
                      'of a second, without waiting for a request')


@check(WEB, open=False)
def log_rotated_while_full(test):
    """after SIGHUP begins the new log with a complete line, even if the old log
    ends in the middle of one; closes the old log"""
    if not hasattr(resource, 'prlimit'):
        raise Skip('this system has no prlimit')
    server, visitor, log = logging(test)
    visitor.get()
    wait_until(lambda: log.read_bytes().endswith(b'\n'))
    descriptors, size = len(server.descriptors_at_rest()), log.stat().st_size
    before = server.limit_files(size + size // 2)
    visitor.get()
    wait_until(lambda: log.stat().st_size == size + size // 2)
    log.rename(log.with_name('old'))
    server.signal(signal.SIGHUP)
    wait_until(log.exists)
    visitor.get()
    wait_until(lambda: log.stat().st_size >= size)
    server.limit_files(before)
    if not LOG_LINE.fullmatch(log.read_text()):
        raise Failure('one complete line in the new log', log.read_text(),
                      'discard the rest of a line begun in the old log')
    if not wait_until(lambda: len(server.descriptors()) == descriptors):
        raise Failure('the old log closed',
                      f'{len(server.descriptors()) - descriptors} more '
                      'descriptors', 'dup2 makes a second descriptor: close '
                      'the one that open returned')
    mask = os.umask(0)
    os.umask(mask)
    if log.stat().st_mode & 0o777 != 0o666 & ~mask:
        raise Failure('a log with the permissions that the umask leaves',
                      oct(log.stat().st_mode & 0o777))


@check(WEB, open=False)
def log_continued_in_a_pipe(test):
    """after SIGHUP continues in a pipe that has replaced the log, and keeps its
    lines while the pipe is full"""
    server, visitor, log = logging(test)
    visitor.get()
    logged(log, 1)
    log.unlink()
    os.mkfifo(log)
    reader, got = os.open(log, os.O_RDONLY | os.O_NONBLOCK), bytearray()
    fcntl.fcntl(reader, 1031, 4096)  # F_SETPIPE_SZ: less than all lines need

    def read():
        """Returns whether the server has opened the pipe."""
        try:
            got.extend(piece := os.read(reader, 65536))
        except BlockingIOError:
            return True
        return piece != b''
    try:
        server.signal(signal.SIGHUP)
        wait_until(read)
        message = request('/hello.txt', 'User-Agent: ' + 'x' * 4000)
        for _ in range(15):  # less than the server keeps
            visitor.ask(message).must_be(200, HELLO)
        time.sleep(0.3)  # collected lines are written every tenth of a second
        if not wait_until(lambda: read() and got.count(b'\n') == 15
                          ) or len(server.lines) > 1:
            raise Failure('15 lines, and no message',
                          f'{counted(got.count(10), "line")}; '
                          f'{server.lines[1:]}', 'after SIGHUP check again '
                          'whether the log is a pipe, which may be full')
    finally:
        os.close(reader)
