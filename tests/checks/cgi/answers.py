"""How the output of a script is sent: the body, and how its end is marked."""

import time

from checks.cgi.scripts import (CGI, HELLO, PLAIN, PYTHON, SHELL, WAIT, another,
                                serve)
from harness import Failure, check, data
from harness.web import HELLO as FILE
from harness.web import request

TYPE = 'printf "Content-Type: text/plain\\n\\n"; '


def sized(length, text):
    """A script that announces this many bytes, and writes this text."""
    return (SHELL + f'printf "Content-Length: {length}\\nContent-Type: a/b\\n'
            f'\\n{text}"\n')


@check(CGI)
def answer_in_chunks(test):
    """without Content-Length the body is chunked; the connection stays open"""
    visitor = serve(test, hello=HELLO, none=SHELL + TYPE)
    for name, body in (('hello', b'hello\n'), ('none', b'')) * 2:
        reply = visitor.get(f'/cgi/{name}').must_be(200, body)
        reply.must_have('Transfer-Encoding', 'chunked')
    visitor.stays()


@check(CGI)
def answer_to_old_clients(test):
    """HTTP/1.0 gets no chunks: the body ends with the connection; with
    Content-Length the connection may stay open"""
    visitor = serve(test, hello=HELLO, sized=sized(3, 'abc'))
    reply = visitor.ask(request('/cgi/hello', 'Connection: keep-alive',
                                version='HTTP/1.0')).must_be(200, b'hello\n')
    reply.must_lack('Transfer-Encoding')
    visitor.ended()
    visitor = another(test)
    for _ in range(2):
        visitor.ask(request('/cgi/sized', 'Connection: keep-alive',
                            version='HTTP/1.0')).must_be(
            200, b'abc').must_have('Connection', 'keep-alive')


@check(CGI)
def length_kept(test):
    """Content-Length is passed on, and a longer body is cut to that length"""
    visitor = serve(test, same=sized(3, 'abc'), more=sized(3, 'abcdef\\n'),
                    zero=sized(0, ''))
    for name, body in (('same', b'abc'), ('more', b'abc'), ('zero', b'')):
        reply = visitor.get(f'/cgi/{name}').must_be(200, body)
        reply.must_lack('Transfer-Encoding')
        reply.must_have('Content-Length', str(len(body)))
        visitor.stays('a client that counts the bytes would take any extra '
                      'bytes for the next response')


@check(CGI)
def length_not_kept(test):
    """if the body is shorter than Content-Length, closes the connection"""
    visitor = serve(test, less=sized(9, 'abc'))
    message = request('/cgi/less')
    visitor.send(message)
    visitor.head(message).must_have('Content-Length', '9')
    if visitor.rest() != b'abc':
        raise Failure('the three bytes, then the end of the connection',
                      'something else')


@check(CGI)
def answer_without_a_body(test):
    """HEAD, 204, 205 and 304 have no body, whatever the script writes"""
    def status(line):
        return SHELL + f'printf "Status: {line}\\nContent-Type: a/b\\n'\
                       'Content-Length: 5\\n\\nhello"\n'
    visitor = serve(test, no=status('204 No'), same=status('304'),
                    reset=status('205'), hello=HELLO, ok=status('200'),
                    long=PLAIN + 'head -c 300000 /dev/zero\n')
    for name, wanted in (('no', 204), ('same', 304)):
        visitor.get(f'/cgi/{name}').must_be(wanted)
        visitor.stays()
    visitor.get('/cgi/reset').must_be(205, b'').must_have('Content-Length', '0')
    visitor.stays()
    for name in ('hello', 'ok', 'long'):
        visitor.get(f'/cgi/{name}', method='HEAD').must_be(200, b'')
        visitor.stays('nothing follows the head')


@check(CGI)
def answer_discarded(test):
    """a response without a body ends after 1 MB of output, even if its
    Content-Length is 0"""
    visitor = serve(test, '-t', '1', yes=sized(0, '') + 'exec yes\n')
    visitor.get('/cgi/yes', method='HEAD').must_be(200, b'')
    visitor.stays('count what is discarded, whatever Content-Length says')


@check(CGI)
def answer_comes_at_once(test):
    """what the script has written arrives while it is still running"""
    visitor = serve(test, slow=PLAIN + 'echo first\n' + WAIT
                    + 'echo second\n')
    message = request('/cgi/slow')
    visitor.send(message)
    visitor.head(message).must_be(200)
    while b'first' not in visitor.buffer:
        visitor.more('the first line, before the script ends')
    (test.scripts / 'go').touch()
    while b'0\r\n\r\n' not in visitor.buffer:
        visitor.more('the last chunk')
    if b'second' not in visitor.buffer:
        raise Failure('the second line', repr(bytes(visitor.buffer)))


@check(CGI)
def answer_in_bits(test):
    """a script may write its head and body in pieces of any size"""
    visitor = serve(test, bits=PYTHON + '''import os, time
for byte in b'Content-Type: a/b\\r\\nX: y\\r\\n\\r\\nabc':
    os.write(1, bytes([byte]))
    time.sleep(0.001)
''')
    visitor.get('/cgi/bits').must_be(200, b'abc').must_have('X', 'y')
    visitor.stays()


@check(CGI)
def answer_large(test):
    """4 MB of output arrive whole"""
    visitor = serve(test, large=PYTHON + '''import sys
sys.stdout.buffer.write(b'Content-Type: a/b\\n\\n'
                        + open('data', 'rb').read())
''')
    content = data(4000000)
    (test.scripts / 'data').write_bytes(content)
    visitor.get('/cgi/large').must_be(200, content)
    visitor.stays()


@check(CGI)
def answer_not_read(test):
    """a client that does not read blocks the script, not the server, and costs
    no memory"""
    visitor = serve(test, zeros=PLAIN + 'exec head -c 60000000 /dev/zero\n')
    before = test.running.memory()
    visitor.send(request('/cgi/zeros'))
    other = another(test)
    for _ in range(20):
        other.stays()
        time.sleep(0.02)
    grown = test.running.memory() - before
    if grown > 4000:
        raise Failure('at most 4 MB more memory for a client that does not '
                      'read', f'{grown} KB more',
                      'read no more output while some is waiting to be sent')


@check(CGI)
def answers_in_order(test):
    """pipelined requests for files and scripts are answered in order"""
    visitor = serve(test, one=PLAIN + 'sleep 0.2; echo one\n',
                    two=sized(3, 'two'))
    visitor.send(request() + request('/cgi/one') + request()
                 + request('/cgi/two') + request('/cgi/none')
                 + request('/cgi/one', 'Connection: close') + request())
    for status, body in ((200, FILE), (200, b'one\n'), (200, FILE),
                         (200, b'two'), (404, None), (200, b'one\n')):
        visitor.answer().must_be(status, body)
    visitor.ended('"Connection: close" makes this the last response')


@check(CGI)
def requests_meanwhile(test):
    """requests that arrive while a script runs are answered afterwards"""
    visitor = serve(test, slow=PLAIN + 'sleep 0.4; echo slow\n')
    visitor.send(request('/cgi/slow'))
    for byte in request('/hello.txt'):
        visitor.send(bytes([byte]))
        time.sleep(0.002)
    visitor.send(request('/hello.txt') * 500)
    visitor.answer().must_be(200, b'slow\n')
    for _ in range(501):
        visitor.answer().must_be(200, FILE)


@check(CGI)
def others_meanwhile(test):
    """other clients are served while a script runs"""
    visitor = serve(test, slow=PLAIN + WAIT + 'echo slow\n')
    visitor.send(request('/cgi/slow'))
    for _ in range(3):
        another(test).stays('serve others while a script runs')
    (test.scripts / 'go').touch()
    visitor.answer().must_be(200, b'slow\n')
    visitor.stays()


@check(CGI)
def answer_in_the_log(test):
    """the log has the status and the size of a script's response"""
    visitor = serve(test, '-l', '-', hello=HELLO,
                    teapot=SHELL + 'echo Status: 418 Teapot; echo')
    visitor.get('/cgi/hello?a', 'User-Agent: me').must_be(200)
    visitor.get('/cgi/teapot').must_be(418)
    wanted = (b'"GET /cgi/hello?a HTTP/1.1" 200 6 "-" "me"\n',
              b'"GET /cgi/teapot HTTP/1.1" 418 - "-" "-"\n')
    if not test.running.wait_for(
            lambda: all(line in test.running.output for line in wanted)):
        raise Failure(str(wanted), bytes(test.running.output).decode())
