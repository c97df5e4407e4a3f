"""The head that a script writes: RFC 3875, 6."""

import errno
import os
import subprocess
import tempfile

from checks.cgi.scripts import (CGI, PYTHON, SHELL, WAIT, equal, pids, serve,
                                told)
from fuzzing.script_heads import CORPUS, build_heads
from harness import Failure, Skip, check
from harness.web import request


def writing(output):
    """A script that writes these bytes."""
    return PYTHON + f'import os\nos.write(1, {output!r})\n'


def each(test, heads):
    """Starts a server with a script for each head. For each head,
    yields a visitor, the head and the reply."""
    scripts = {f'n{number}': writing(head)
               for number, head in enumerate(heads)}
    visitor = serve(test, **scripts)
    for name, head in zip(scripts, heads):
        yield visitor, head, visitor.get(f'/cgi/{name}')


@check(CGI)
def status_chosen(test):
    """Status, or an HTTP status line, sets the status of the response"""
    heads = {b'Status: 404 Not Here\n\n': (404, 'Not Here'),
             b'status:201\nContent-Type: a/b\n\n': (201, None),
             b'Content-Type: a/b\nStatus: 500 \xe4\n\n': (500, '\xe4'),
             b'HTTP/1.1 403 Never\r\nX: y\r\n\r\n': (403, 'Never'),
             b'HTTP/1.0 299 \nContent-Type: a/b\n\n': (299, ''),
             b'Status: 418\n\n': (418, None)}
    for visitor, head, reply in each(test, heads):
        status, reason = heads[head]
        reply.must_be(status)
        if reason is not None:
            equal(f'the reason after {head!r}', reply.reason, reason)
        visitor.stays()


@check(CGI)
def location_chosen(test):
    """Location makes a 302, unless there is a Status"""
    heads = {b'Location: http://example.org/\n\n': 302,
             b'Location: /hello.txt\nContent-Type: a/b\n\nmoved': 302,
             b'Status: 303 See Other\nLocation: /x\n\n': 303,
             b'Location: /x\nStatus: 201 Created\n\n': 201}
    for visitor, head, reply in each(test, heads):
        reply.must_be(heads[head])
        equal('Location', reply['Location'],
              head.split(b'Location: ')[1].split(b'\n')[0].decode())


@check(CGI)
def fields_passed_on(test):
    """other fields are passed on as they are, whatever ends their lines"""
    heads = [b'Content-Type: a/b; c="d"%bSet-Cookie: a=1%bX-Empty:%b'
             b'Set-Cookie: b=2%bX:  \t\xff y %bCache-Control: no-store%b%b'
             % ((end,) * 7) for end in (b'\n', b'\r\n')]
    for _, _, reply in each(test, heads):
        reply.must_be(200, b'')
        equal('Content-Type', reply['Content-Type'], 'a/b; c="d"')
        equal('Set-Cookie', reply.values('Set-Cookie'), ['a=1', 'b=2'])
        equal('X', reply['X'], '\xff y')
        equal('X-Empty', reply.values('X-Empty'), [''])
        equal('Cache-Control', reply['Cache-Control'], 'no-store')


@check(CGI)
def fields_dropped(test):
    """fields that apply to the connection, or that the server sets, are not
    taken from the script"""
    names = ('Connection', 'Keep-Alive', 'Proxy-Connection', 'TE', 'Trailer',
             'Transfer-Encoding', 'Upgrade', 'Date', 'Server', 'Status')
    head = 'Content-Type: a/b\n' + ''.join(
        f'{name}: {"200" if name == "Status" else "gzip, close"}\n'
        for name in names) + '\nbody'
    for visitor, _, reply in each(test, [head.encode()]):
        reply.must_be(200, b'body')
        equal('Transfer-Encoding', reply['Transfer-Encoding'], 'chunked')
        for name in names:
            equal(f'{name} of the script',
                  'gzip, close' in reply.values(name), False)
        equal('Server', reply['Server'], 'sockets-ladder')
        visitor.stays()


BAD = {
    b'Content-Type: a\0b\n\n': 'NUL',
    b'Content-Type: a/b\nX: a\rSet-Cookie: b\n\n': 'a bare CR',
    b'Content-Type: a/b\nX: \x1b[31m\n\n': 'ESC',
    b'Content-Type: a/b\nX: \x7f\n\n': 'DEL',
    b'Content-Type: a/b\nno field\n\n': 'a line without a colon',
    b'Content-Type : a/b\n\n': 'a blank before the colon',
    b'Content-Type: a/b\n folded\n\n': 'a folded line',
    b': value\nContent-Type: a/b\n\n': 'a field without a name',
    b'Status: 99\n\n': 'a status below 200',
    b'Status: 100 Continue\n\n': 'an interim status',
    b'Status: 600\n\n': 'a status above 599',
    b'Status: 2000\n\n': 'a status of four digits',
    b'Status: OK\n\n': 'a status without digits',
    b'Status: 200\nStatus: 404\n\n': 'two statuses',
    b'HTTP/1.1\n\n': 'a status line without a status',
    b'HTTP/1.1 200 OK\nStatus: 200\n\n': 'a status line and Status',
    b'Content-Type: a/b\nContent-Length: x\n\n': 'a length of no digits',
    b'Content-Type: a/b\nContent-Length: -1\n\n': 'a negative length',
    b'Content-Type: a/b\nContent-Length: 1\nContent-Length: 2\n\n': 'two '
    'lengths',
    b'Content-Type: a/b\nContent-Length: 99999999999999999999\n\n': 'a length '
    'beyond 63 bits',
    b'X-Other: a\n\nbody': 'none of the fields of CGI',
    b'\nbody': 'no field',
    b'hello\n': 'a line of text',
    b'Content-Type: a/b\n': 'a head without an end',
    b'': 'nothing',
    b'X: ' + b'y' * 17000 + b'\nContent-Type: a/b\n\n': 'a head of 17 KB',
}


@check(CGI)
def heads_malformed(test):
    """a malformed head gives a 500, with the reason on standard error"""
    for visitor, head, reply in each(test, BAD):
        reply.must_be(500, hint=f'{BAD[head]} in the head of a script')
        visitor.stays()
    told(test, r'script: output: .* \(/.*/n0\)')


@check(CGI)
def heads_to_the_limit(test):
    """accepts a head of 16 KB, and the same Content-Length twice"""
    head = b'Content-Type: a/b\nX: ' + b'y' * 16300 + b'\n\nhi'
    twice = b'Content-Type: a/b\nContent-Length: 2\nContent-Length: 2\n\nhi'
    for visitor, _, reply in each(test, [head, twice]):
        reply.must_be(200, b'hi')


@check(CGI)
def head_lost(test):
    """answers with 503 if there is no memory for a head"""
    test.need_injector()
    visitor = serve(test, late=SHELL + 'echo $$ >>pids\n' + WAIT
                    + 'echo Status: 200; echo; echo hello\n')
    test.attached()
    visitor.send(request('/cgi/late'))
    pids(test, 1)
    first = test.faults.get('calls', 'malloc') + 1
    test.faults.fail('malloc', errno.ENOMEM, first)
    (test.scripts / 'go').touch()
    reply = visitor.answer()
    if not test.faults.get('injected', 'malloc'):
        raise Skip('the injector does not reach malloc in this program')
    reply.must_be(503)
    visitor.get('/cgi/late').must_be(200, b'hello\n')


@check(CGI)
def head_for_old_clients(test):
    """a status line from the script does not change the HTTP version of the
    response"""
    visitor = serve(test, own=writing(b'HTTP/1.0 200 Fine\nX: y\n\nbody'))
    reply = visitor.get('/cgi/own').must_be(200, b'body')
    equal('the version', reply.version, '1.1')
    reply = visitor.ask(request('/cgi/own', version='HTTP/1.0'))
    reply.must_be(200, b'body').must_lack('Transfer-Encoding')


@check(CGI, open=False)
def heads_replayed(test):
    """the recorded output of scripts is parsed correctly, in whatever pieces
    it arrives: tests/fuzzing/script-heads"""
    folder = tempfile.mkdtemp(dir=test.directory)  # other checks run as well
    program = os.path.join(folder, 'replay-heads')
    complaint = build_heads(program, '-DREPLAY')
    if complaint:
        raise Failure('tests/fuzzing/script_head.c compiles', complaint)
    done = subprocess.run([program, *sorted(CORPUS.iterdir())],
                          capture_output=True, text=True)
    if done.returncode:
        raise Failure('every head is parsed as its file name says',
                      done.stdout.splitlines()[-1] + ': ' + done.stderr,
                      'to parse them again, run tests/fuzzing/run-heads')
