"""How the checks of 08 speak HTTP: the files to be served, requests, and
responses, which are read as strictly as RFC 9112 has them."""

import functools
import os
import pathlib
import re
import socket
import tempfile
import time

from harness import settings
from harness.clients import converse, data
from harness.failures import (Failure, Skip, counted, difference, said_error,
                              shown)
from harness.programs import wait_until
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
TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
STATUS_LINE = re.compile(rb'HTTP/(1\.[01]) ([1-5]\d\d) '
                         rb'([\t\x20-\x7e\x80-\xff]*)')
FIELD = re.compile(rb'(' + TOKEN + rb'):[ \t]*'
                   rb'((?:[\x21-\x7e\x80-\xff][\t\x20-\x7e\x80-\xff]*)?)')
CHUNK_SIZE = re.compile(rb'([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e]*)?\r\n')
FRAMING_HINT = ('a response is a status line, fields, an empty line, all of '
                'them ended by CRLF, and as many bytes as Content-Length says')


def request(target='/hello.txt', *fields, method='GET', version='HTTP/1.1',
            host='ladder', body=b''):
    """The bytes of a request."""
    fields = [field for field in (host is not None and f'Host: {host}',
                                  *fields) if field]
    lines = [f'{method} {target} {version}', *fields, '', '']
    return '\r\n'.join(lines).encode('latin-1') + body


def chunked(*pieces, extension=b'', trailer=b''):
    """Pieces in the chunked coding, to the last chunk and the trailer."""
    return b''.join(b'%x%b\r\n%b\r\n' % (len(piece), extension, piece)
                    for piece in pieces) + b'0\r\n' + trailer + b'\r\n'


class Reply:
    """A response: its status, its fields, its body; and to what it is one."""

    def __init__(self, head, to):
        self.to = to
        line, *fields = head[:-4].split(b'\r\n')
        match = STATUS_LINE.fullmatch(line)
        if not match:
            raise Failure(f'a status line, "HTTP/1.1 200 OK", for {to}',
                          shown(line), FRAMING_HINT)
        self.version, self.status = match[1].decode(), int(match[2])
        self.reason = match[3].decode('latin-1')
        self.fields, self.body = [], b''
        for field in fields:
            match = FIELD.fullmatch(field)
            if not match:
                raise Failure(f'fields like "Name: value" in the {self.status} '
                              f'for {to}', shown(field), FRAMING_HINT)
            self.fields.append((match[1].decode().lower(),
                                match[2].decode('latin-1').rstrip(' \t')))

    def __str__(self):
        return f'{self.status} {self.reason}, {shown(self.body)}'

    def values(self, name):
        return [value for other, value in self.fields if other == name.lower()]

    def __getitem__(self, name):
        """The value of a field, or an empty string if there is none."""
        return ', '.join(self.values(name))

    def tokens(self, name):
        return [token.strip().lower() for token in self[name].split(',')
                if token.strip()]

    @property
    def last(self):
        """Whether the server has said that it will close."""
        options = self.tokens('Connection')
        return 'close' in options or (self.version == '1.0'
                                      and 'keep-alive' not in options)

    def must_be(self, statuses, body=None, hint=''):
        """Demands one of the statuses, and the body if there is one given."""
        statuses = (statuses,) if isinstance(statuses, int) else statuses
        if self.status not in statuses:
            wanted = (' or '.join(map(str, sorted(statuses)))
                      if len(statuses) < 5 else
                      f'{min(statuses)} to {max(statuses)}')
            raise Failure(f'{wanted} for {self.to}', str(self), hint)
        if body is not None and self.body != body:
            raise Failure(f'the body of the response to {self.to}: '
                          f'{shown(body)}', f'{shown(self.body)}: '
                          f'{difference(body, self.body)}', hint)
        return self

    def must_have(self, name, value, hint=''):
        """Demands that a field has the value."""
        if self[name] != value:
            raise Failure(f'"{name}: {value}" in the {self.status} for '
                          f'{self.to}', f'"{name}: {self[name]}"'
                          if self.values(name) else f'no {name}', hint)
        return self

    def must_lack(self, name, hint=''):
        """Demands that there is no such field."""
        if self.values(name):
            raise Failure(f'no {name} in the {self.status} for {self.to}',
                          f'"{name}: {self[name]}"', hint)
        return self


LONGEST_HEAD, LONGEST_BODY = 1 << 20, 40 << 20  # bytes of a response
LONGEST = 15 * PATIENCE                        # seconds that it may take


class Visitor:
    """A client that speaks HTTP on a connection; on a new one, if there is a
    way to have it, when the server has said that it ends the old one."""

    def __init__(self, connection, connect=None):
        self.socket, self.connect = connection, connect
        self.buffer = bytearray()
        self.over = False
        self.deadline = 0  # of the response that is being read

    def send(self, piece, hint=''):
        if self.over and self.connect:
            self.socket, self.over = self.connect(), False
            self.buffer.clear()
        try:
            self.socket.sendall(piece)
        except OSError as error:
            raise Failure('a connection that takes data', said_error(error),
                          hint) from None

    def feed(self, message):
        """Sends what the caller does not want to wait for."""
        converse(self.socket, message, [], end=False)

    def get(self, target='/hello.txt', *fields, hint='', **parts):
        """Sends a request. Returns the response."""
        message = request(target, *fields, **parts)
        self.send(message, hint)
        return self.answer(message, hint)

    def ask(self, message, hint=''):
        self.send(message, hint)
        return self.answer(message, hint)

    def answer(self, message=b'GET', hint=''):
        """Reads the response to a message, the interim ones before it too."""
        self.deadline = time.monotonic() + LONGEST
        while True:
            reply = self.head(message, hint)
            if reply.status >= 200:
                break
        self.read_body(reply, message.split(b' ')[0], hint)
        self.over, self.deadline = reply.last, 0
        return reply

    def head(self, message=b'GET', hint=''):
        """Reads a response up to its empty line."""
        self.deadline = self.deadline or time.monotonic() + LONGEST
        to = shown(message.lstrip(b'\r\n').split(b'\r\n')[0], 100)
        while b'\r\n\r\n' not in self.buffer:
            if len(self.buffer) > LONGEST_HEAD:
                raise Failure(f'a response to {to}', f'{shown(self.buffer)} '
                              'without an empty line', hint or FRAMING_HINT)
            if not self.more(f'a response to {to}', hint):
                raise Failure(f'a whole response to {to}',
                              f'{shown(self.buffer)}, then the end of the '
                              'stream', hint or FRAMING_HINT)
        return Reply(self.take(self.buffer.index(b'\r\n\r\n') + 4), to)

    def more(self, what, hint=''):
        """Receives something. Returns whether it is not the end."""
        if len(self.buffer) > LONGEST_BODY + LONGEST_HEAD:
            raise Failure(what, f'more than {LONGEST_BODY >> 20} MB, and no '
                          'end', hint)
        if self.deadline and time.monotonic() > self.deadline:
            raise Failure(what, f'{shown(self.buffer)}, and no end in '
                          f'{LONGEST} seconds', hint)
        try:
            piece = self.socket.recv(1 << 18)
        except OSError as error:
            raise Failure(what, f'{shown(self.buffer)}, then '
                          f'{said_error(error)}', hint) from None
        self.buffer += piece
        return bool(piece)

    def take(self, size):
        piece = bytes(self.buffer[:size])
        del self.buffer[:size]
        return piece

    def exactly(self, size, reply, hint=''):
        if size > LONGEST_BODY:
            raise Failure(f'a body of at most {LONGEST_BODY >> 20} MB in the '
                          f'{reply.status} for {reply.to}', f'one of {size} '
                          'bytes', hint)
        while len(self.buffer) < size:
            what = f'{counted(size)} in the {reply.status} for {reply.to}'
            if not self.more(what, hint):
                raise Failure(what, f'{counted(len(self.buffer))}, then the '
                              'end of the stream', hint or FRAMING_HINT)
        return self.take(size)

    def read_body(self, reply, method, hint=''):
        """Reads as much as the fields promise."""
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
        body = b''
        while True:
            line = self.line(reply)
            match = CHUNK_SIZE.fullmatch(line)
            if not match:
                raise Failure('the size of a chunk', shown(line))
            size = int(match[1], 16)
            if size == 0:
                break
            body += self.exactly(size, reply)
            if len(body) > LONGEST_BODY:
                raise Failure('an end of the chunks',
                              f'more than {LONGEST_BODY >> 20} MB of them')
            if self.exactly(2, reply) != b'\r\n':
                raise Failure('CRLF after a chunk', 'something else')
        while self.line(reply) != b'\r\n':  # the trailer
            continue
        return body

    def line(self, reply):
        while b'\r\n' not in self.buffer:
            what = f'a line of the chunks in the {reply.status} for {reply.to}'
            if not self.more(what):
                raise Failure(what, f'{shown(self.buffer)}, then the end of '
                              'the stream', FRAMING_HINT)
        return self.take(self.buffer.index(b'\r\n') + 2)

    def rest(self, reply=None):
        """Reads what comes until the server closes the connection."""
        if not reply:
            self.deadline = time.monotonic() + LONGEST
        if reply and not reply.last:
            raise Failure('Content-Length, or that the connection ends: how '
                          f'long is the {reply.status} for {reply.to}?',
                          'neither', FRAMING_HINT)
        while self.more('the end of the stream', 'close it'):
            continue
        return self.take(len(self.buffer))

    def ended(self, hint=''):
        """Demands that the server has nothing to add, and ends it."""
        try:
            self.more('the end of the stream', hint or 'close the connection')
        except Failure as failure:
            if 'ECONNRESET' not in failure.got:
                raise
        if self.buffer:
            raise Failure('the end of the stream after the response',
                          shown(self.buffer), hint)

    def stays(self, hint=''):
        """Demands that the connection serves another request."""
        self.get(hint=hint or 'this is no reason to close the connection'
                 ).must_be(200, HELLO, hint)


def closed(failure):
    """Whether a failure is that the server has closed without an answer."""
    return bool(re.search('^nothing, then (the end of the stream|ECONNRESET)|'
                          'EPIPE|ECONNRESET', str(failure.got)))


def rests(server):
    """Waits until the server sleeps: it has taken in all that was sent."""
    wait_until(lambda: server.state() == 'S')


def fill(folder, files):
    """Makes files, by their names, of their contents."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


class WebTest(Test):
    """A run of a check of 08."""
    root = None       # of the visitors' server
    measured = False  # whether its memory is
    kept = None       # whether connections are; not known yet

    def environment(self):
        environment = super().environment()
        if self.measured:  # a sanitizer keeps for a while what was freed
            environment['ASAN_OPTIONS'] = ':'.join(filter(None, (
                environment.get('ASAN_OPTIONS'), 'quarantine_size_mb=0',
                'thread_local_quarantine_size_kb=0')))
        return environment

    def site(self, files=USUAL):
        """A new folder to be served, with these files, to every user."""
        root = pathlib.Path(tempfile.mkdtemp(dir=self.directory))
        os.chmod(self.directory, 0o711)
        root.chmod(0o755)
        return fill(root, files)

    def server(self, *options, root=None, **others):
        """Starts the server, on a folder; else on the one beside it."""
        if not self.any:
            folder = ['-d', str(root)] if root else []
            if settings.TLS:
                folder += ['-s', settings.TLS]
            return super().server(*folder, *options, **others)
        if '{root}' in ' '.join(self.words):
            root = root or self.site()
        if root and '{root}' not in ' '.join(self.words):
            raise Skip('which files does it serve? {root} in the command '
                       'stands for their folder')
        return self._any_server(others.get('port', 0), root=root or WWW)

    def visitor(self, *options, server=None):
        """A client of a server, of a new one with the usual files if none."""
        if server is None:
            self.root = self.site()
            server = self.server(*options, root=self.root)
        connect = functools.partial(self.connect, server)
        return Visitor(connect(), connect if self.any else None)

    def persists(self, server):
        """Whether the server keeps a connection after a response."""
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

    def question(self, mark=b''):
        return request('/hello.txt' if self.any and '{root}' in ' '.join(
            self.words) else '/')

    def plenty(self):
        return self.question() * 2000

    def answered(self, client, mark=b'', hint=''):
        visitor = Visitor(client)
        reply = visitor.answer(self.question(), hint)
        reply.must_be(range(200, 500) if self.any else 200,
                      hint=hint or 'GET / is answered with index.html')
        if visitor.buffer:
            raise Failure(f'one response to {reply.to}',
                          f'more: {shown(visitor.buffer)}', hint)
