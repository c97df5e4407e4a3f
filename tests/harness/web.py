"""How the checks of 08 speak HTTP: the files that are served, requests, and
connections. replies.py parses the responses."""

import functools
import os
import pathlib
import re
import socket
import tempfile
import time

from harness import settings
from harness.clients import converse, data
from harness.failures import Failure, Skip, counted, said_error, shown
from harness.programs import wait_until
from harness.replies import (
    CLOSED_HINT, FRAMING_HINT, UNEXPECTED, Reply)
from harness.settings import PATIENCE
from harness.stages import STAGES
from harness.test import Test

WEB = '08'
WWW = STAGES['08'].folder / 'www'
HELLO, DATA = b'hello, world\n', data(10000)
USUAL = {'hello.txt': HELLO, 'data.bin': DATA, 'empty.txt': b'',
         'page.html': b'<!doctype html>\n<title>a page</title>\n',
         'sub/index.html': b'<!doctype html>\n<title>sub</title>\n',
         'sub/inner.txt': b'further down\n', 'list/one.txt': b'1\n'}
CHUNK_SIZE = re.compile(rb'([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e]*)?\r\n')


def request(target='/hello.txt', *fields, method='GET', version='HTTP/1.1',
            host='ladder', body=b''):
    """Returns the bytes of a request."""
    fields = [field for field in (host is not None and f'Host: {host}',
                                  *fields) if field]
    lines = [f'{method} {target} {version}', *fields, '', '']
    return '\r\n'.join(lines).encode('latin-1') + body


def chunked(*pieces, extension=b'', trailer=b''):
    """Returns a body in the chunked coding, with the last chunk and the
    trailer."""
    return b''.join(b'%x%b\r\n%b\r\n' % (len(piece), extension, piece)
                    for piece in pieces) + b'0\r\n' + trailer + b'\r\n'


LONGEST_HEAD = 1 << 20   # bytes
LONGEST = 15 * PATIENCE  # seconds that a response may take


class Visitor:
    """A client that speaks HTTP. When the server announces that it will close
    the connection, the next request uses a new one."""

    longest = 1 << 20  # bytes of a body, unless a file is longer

    def __init__(self, connection, connect=None, longest=0):
        self.socket, self.connect = connection, connect
        self.longest = max(self.longest, longest)
        self.buffer = bytearray()
        self.over = False
        self.answers = 0  # on this connection
        self.deadline = 0  # of the response that is being read

    def send(self, piece, hint=''):
        if self.over and self.connect:
            self.socket, self.over = self.connect(), False
            self.answers = 0
            self.buffer.clear()
        try:
            self.socket.sendall(piece)
        except OSError as error:
            raise Failure('a connection that takes data', said_error(error),
                          hint) from None

    def feed(self, message):
        """Sends a message, or several, in a thread."""
        converse(self.socket, message, [], end=False)

    def get(self, target='/hello.txt', *fields, hint='', **parts):
        """Sends a request. Returns the response."""
        return self.ask(request(target, *fields, **parts), hint)

    def ask(self, message, hint=''):
        try:
            self.send(message, hint)
            return self.answer(message, hint)
        except Failure as failure:  # RFC 9112 9.5: the server may close
            if not (self.connect and self.answers and closed(failure)):
                raise
        self.over = True
        self.send(message, hint)
        return self.answer(message, hint)

    def answer(self, message=b'GET', hint=''):
        """Reads the response to a message, including interim responses before
        it."""
        self.deadline = time.monotonic() + LONGEST
        for _ in range(100):
            reply = self.head(message, hint)
            if reply.status >= 200:
                break
        else:
            raise Failure(f'a response to {reply.to}',
                          'interim ones (1xx) without end')
        self.read_body(reply, message.split(b' ')[0], hint)
        self.over, self.deadline = reply.last, 0
        self.answers += 1
        return reply

    def head(self, message=b'GET', hint=''):
        """Reads a response up to its empty line."""
        self.deadline = self.deadline or time.monotonic() + LONGEST
        to = shown(message.lstrip(b'\r\n').split(b'\r\n')[0], 100)
        while b'\r\n\r\n' not in self.buffer:
            if len(self.buffer) > LONGEST_HEAD:
                raise Failure(f'a response to {to}', f'{self.emptied()} '
                              'without an empty line', hint or FRAMING_HINT)
            if not self.more(f'a response to {to}', hint):
                raise Failure(f'a whole response to {to}',
                              f'{shown(self.buffer)}, then the end of the '
                              'stream', hint or (FRAMING_HINT if self.buffer
                                                 else CLOSED_HINT))
        size = self.buffer.index(b'\r\n\r\n') + 4
        reply = Reply(bytes(self.buffer[:size]), to)
        del self.buffer[:size]
        return reply

    def more(self, what, hint=''):
        """Receives something. Returns whether the stream goes on."""
        if len(self.buffer) > self.longest + LONGEST_HEAD:
            raise Failure(what, f'more and more: {self.emptied()}', hint)
        if self.deadline and time.monotonic() > self.deadline:
            raise Failure(what, f'{self.emptied()}, and no end in {LONGEST} '
                          'seconds', hint)
        try:
            piece = self.socket.recv(1 << 16)
        except OSError as error:
            raise Failure(what, f'{shown(self.buffer)}, then '
                          f'{said_error(error)}', hint) from None
        self.buffer += piece
        return bool(piece)

    def emptied(self):
        """Empties the buffer, which a failure would otherwise keep in memory.
        Returns what was in it, for a message."""
        said = shown(self.buffer)
        self.buffer = bytearray()
        return said

    def take(self, size):
        if size == len(self.buffer) > 1 << 20:  # without a copy
            piece, self.buffer = self.buffer, bytearray()
            return piece
        piece = bytes(self.buffer[:size])
        del self.buffer[:size]
        return piece

    def exactly(self, size, reply, hint=''):
        if size > self.longest:
            raise Failure(f'a body of at most {self.longest} bytes in the '
                          f'{reply.status} for {reply.to}', f'one of {size} '
                          'bytes', hint)
        while len(self.buffer) < size:
            what = f'{counted(size)} in the {reply.status} for {reply.to}'
            if not self.more(what, hint):
                raise Failure(what, f'{counted(len(self.buffer))}, then the '
                              'end of the stream', hint or FRAMING_HINT)
        return self.take(size)

    def read_body(self, reply, method, hint=''):
        """Reads as many bytes as the fields announce."""
        lengths = reply.values('Content-Length')
        codings = reply.values('Transfer-Encoding')
        if reply.status == 204:
            for name in ('Content-Length', 'Transfer-Encoding'):
                reply.must_lack(name, 'a 204 never has a body')
        if (lengths and codings or len(lengths) > 1 or codings not in (
                [], ['chunked']) or not ''.join(lengths or '0').isdecimal()):
            raise Failure(f'one Content-Length, a number, in the '
                          f'{reply.status} for {reply.to}',
                          f'Content-Length {", ".join(lengths) or "missing"}; '
                          f'Transfer-Encoding {", ".join(codings) or "none"}',
                          FRAMING_HINT)
        if method == b'HEAD' or reply.status in (204, 304):
            return
        if codings:
            reply.body = self.chunks(reply)
        elif lengths:
            reply.body = self.exactly(int(lengths[0]), reply, hint)
        else:
            reply.body = self.rest(reply)

    def chunks(self, reply):
        """Reads a body in the chunked coding."""
        body = bytearray()
        while True:
            line = self.line(reply)
            match = CHUNK_SIZE.fullmatch(line)
            if not match:
                raise Failure('the size of a chunk', shown(line))
            size = int(match[1], 16)
            if size == 0:
                break
            body += self.exactly(size, reply)
            if len(body) > self.longest:
                raise Failure('an end of the chunks',
                              f'more than {self.longest} bytes of them')
            if self.exactly(2, reply) != b'\r\n':
                raise Failure('CRLF after a chunk', 'something else')
        trailer = 0
        while (line := self.line(reply)) != b'\r\n':
            trailer += len(line)
            if trailer > LONGEST_HEAD:
                raise Failure('an end of the trailer',
                              f'more than {LONGEST_HEAD} bytes of it')
        return bytes(body)

    def line(self, reply):
        while b'\r\n' not in self.buffer:
            if len(self.buffer) > LONGEST_HEAD:
                raise Failure(f'the end of a line in the {reply.status} for '
                              f'{reply.to}', self.emptied())
            if not self.more(f'a line in the {reply.status} for {reply.to}'):
                raise Failure(f'a line in the {reply.status} for {reply.to}',
                              f'{shown(self.buffer)}, then the end of the '
                              'stream', FRAMING_HINT)
        return self.take(self.buffer.index(b'\r\n') + 2)

    def rest(self, reply=None):
        """Reads until the server closes the connection."""
        if not reply:
            self.deadline = time.monotonic() + LONGEST
        if reply and not reply.last:
            raise Failure('Content-Length, or the end of the connection: how '
                          f'long is the {reply.status} for {reply.to}?',
                          'neither', FRAMING_HINT)
        while self.more('the end of the stream', 'close it'):
            continue
        return self.take(len(self.buffer))

    def ended(self, hint=''):
        """Demands that the server send nothing more and close."""
        try:
            self.more('the end of the stream', hint or 'close the connection')
        except Failure as failure:
            if 'ECONNRESET' not in failure.got:
                raise
        if self.buffer:
            raise Failure('the end of the stream after the response',
                          shown(self.buffer), hint)

    def stays(self, hint=''):
        """Demands that the connection serve another request."""
        self.get(hint=hint or 'this is no reason to close the connection'
                 ).must_be(200, HELLO, hint)


def closed(failure):
    """Returns whether the server has closed without an answer."""
    return bool(re.search('^nothing, then (the end of the stream|ECONNRESET)|'
                          'EPIPE|ECONNRESET', str(failure.got)))


def gave_up(visitor, failure):
    """Returns whether a server that is not ours has refused, by closing without
    serving a file, perhaps after an error page of HTTP/0.9."""
    if closed(failure):
        return True
    try:
        got = bytes(visitor.buffer) + visitor.rest()
    except Failure:
        return False
    return HELLO not in got and DATA not in got


def rests(server):
    """Waits until the server sleeps, having received everything."""
    wait_until(lambda: server.state() == 'S')


def fill(folder, files):
    """Creates files with these names and contents."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


class WebTest(Test):
    """One run of a check of 08."""
    root = None       # of the visitors' server
    measured = False  # whether its memory is measured
    zone = ''         # its time zone, as TZ names it; '' for our own
    longest = 1 << 20  # bytes of the longest file served, at least
    kept = None       # whether connections are kept; None: not known yet

    def environment(self):
        environment = super().environment()
        if self.zone:
            environment['TZ'] = self.zone
        if self.measured:  # a sanitizer keeps freed memory for a while
            environment['ASAN_OPTIONS'] = ':'.join(filter(None, (
                environment.get('ASAN_OPTIONS'), 'quarantine_size_mb=0',
                'thread_local_quarantine_size_kb=0')))
        return environment

    def site(self, files=USUAL):
        """Makes a new folder to serve, with these files, readable by every
        user."""
        root = pathlib.Path(tempfile.mkdtemp(dir=self.directory))
        os.chmod(self.directory, 0o711)
        root.chmod(0o755)
        self.longest = max(self.longest, *map(len, files.values()), 0)
        return fill(root, files)

    def server(self, *options, root=None, **others):
        """Starts the server on root, or on the folder beside its program."""
        if not self.any:
            folder = ['-d', str(root)] if root else []
            if settings.TLS:
                folder += ['-s', self.certificate]
            return super().server(*folder, *options, **others)
        if '{root}' in ' '.join(self.words):
            root = root or self.site()
        if root and '{root}' not in ' '.join(self.words):
            raise Skip('which files does it serve? {root} in the command '
                       'stands for their folder')
        return self._any_server(others.get('port', 0), root=root or WWW)

    def visitor(self, *options, server=None):
        """Returns a client of a server, or of a new server with the usual
        files."""
        if server is None:
            self.root = self.site()
            server = self.server(*options, root=self.root)
        connect = functools.partial(self.connect, server)
        return Visitor(connect(), connect if self.any else None,
                       self.longest + 100)

    def persists(self, server):
        """Returns whether the server keeps a connection after a response."""
        if not self.any:
            return True
        if self.kept is None:
            visitor = Visitor(self.connect(server))
            visitor.ask(self.question())
            visitor.socket.settimeout(0.2)
            try:
                self.kept = not visitor.over and visitor.socket.recv(1) != b''
            except (socket.timeout, TimeoutError):
                self.kept = True
            except OSError:
                self.kept = False
        return self.kept

    def need_persistence(self, server):
        if not self.persists(server):
            raise Skip('this server closes each connection after a response')

    def need_1_1(self, server):
        """Skips the check if the server is not ours and speaks HTTP/1.0, to
        which the rules of HTTP/1.1 do not apply."""
        if self.any and self.visitor(server=server).ask(
                self.question()).version == '1.0':
            raise Skip('this server speaks HTTP/1.0')

    def question(self, mark=b''):
        return request('/hello.txt' if self.any and '{root}' in ' '.join(
            self.words) else '/')

    def plenty(self):
        return self.question() * 2000

    def answered(self, client, mark=b'', hint=''):
        visitor = Visitor(client)
        reply = visitor.answer(self.question(), hint)
        reply.must_be(range(200, 500) if self.any else 200,
                      hint=hint or 'GET / is answered with index.html'
                      * (reply.status not in UNEXPECTED))
        if visitor.buffer:
            raise Failure(f'one response to {reply.to}',
                          f'more: {shown(visitor.buffer)}', hint)
