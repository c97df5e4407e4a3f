"""Request bodies for scripts, each stored in a file before its script runs."""

import errno
import re
import socket
import threading
import time

from checks.cgi.scripts import (CGI, ECHO, ENVIRONMENT, HELLO, PLAIN, SHELL,
                                another,
                                equal, serve, variables)
from harness import Failure, Skip, check, data, wait_until
from harness.web import HELLO as FILE
from harness.web import chunked, request

MOST = 64 << 20


@check(CGI)
def body_with_a_length(test):
    """a body with Content-Length reaches the script whole, in whatever pieces
    it arrives"""
    visitor = serve(test, echo=ECHO)
    for size in (1, 100, 100000, 3 << 20):
        body = data(size)
        visitor.feed(request('/cgi/echo', f'Content-Length: {size}',
                             method='POST', body=body))
        visitor.answer(b'POST').must_be(200, body)
    for byte in request('/cgi/echo', 'Content-Length: 3', method='PUT',
                        body=b'abc'):
        visitor.send(bytes([byte]))
    visitor.answer(b'PUT').must_be(200, b'abc')


@check(CGI)
def body_in_chunks(test):
    """a chunked body is decoded, and CONTENT_LENGTH is its length"""
    visitor = serve(test, echo=ECHO, env=ENVIRONMENT)
    pieces = [b'one', data(70000), b'\r\n', b'0\r\n\r\n']
    visitor.feed(request('/cgi/echo', 'Transfer-Encoding: chunked',
                         method='POST', body=chunked(
                             *pieces, extension=b';a=b',
                             trailer=b'X: y\r\n')))
    visitor.answer(b'POST').must_be(200, b''.join(pieces))
    got = variables(visitor.ask(request(
        '/cgi/env', 'Transfer-Encoding: chunked', 'Content-Type: text/x',
        method='POST', body=chunked(*pieces[:2]))))
    equal('CONTENT_LENGTH', got.get('CONTENT_LENGTH'), '70003')
    equal('CONTENT_TYPE', got.get('CONTENT_TYPE'), 'text/x')
    equal('HTTP_TRANSFER_ENCODING', got.get('HTTP_TRANSFER_ENCODING'), None)


@check(CGI)
def body_empty(test):
    """an empty body has CONTENT_LENGTH 0"""
    visitor = serve(test, env=ENVIRONMENT)
    for field, body in (('Content-Length: 0', b''),
                        ('Transfer-Encoding: chunked', chunked())):
        got = variables(visitor.ask(request('/cgi/env', field, method='POST',
                                            body=body)))
        equal('CONTENT_LENGTH', got.get('CONTENT_LENGTH'), '0')


@check(CGI)
def body_not_read(test):
    """a script need not read the body: the next request is still answered"""
    visitor = serve(test, hello=HELLO)
    body = data(300000)
    for _ in range(3):
        visitor.feed(request('/cgi/hello', f'Content-Length: {len(body)}',
                             method='POST', body=body))
        visitor.answer(b'POST').must_be(200, b'hello\n')
    visitor.stays()


@check(CGI)
def body_first(test):
    """the script starts when the body is complete, not before"""
    visitor = serve(test, mark=SHELL + 'touch started\necho Status: 204; echo')
    visitor.send(request('/cgi/mark', 'Content-Length: 9', method='POST',
                         body=b'hel'))
    another(test).stays()
    time.sleep(0.2)
    if (test.scripts / 'started').exists():
        raise Failure('no process while a body arrives slowly',
                      'the script has been started',
                      'receive the body first, into a file')
    visitor.send(b'lo bye')
    visitor.answer(b'POST').must_be(204)


@check(CGI)
def body_of_a_client_that_only_sends(test):
    """a client that sends everything before it reads does not stall the
    script"""
    visitor = serve(test, '-t', '20', both=PLAIN
                    + 'head -c 1000000 /dev/zero; wc -c\n')
    body = data(16 << 20)
    visitor.socket.settimeout(20)
    visitor.send(request('/cgi/both', f'Content-Length: {len(body)}',
                         method='POST', body=body),
                 'a script that writes while it reads waits for the client, '
                 'and the client waits for the script: receive the body first')
    reply = visitor.answer(b'POST').must_be(200)
    equal('zeros, and the number of bytes read',
          (reply.body[:1000000].count(0), reply.body[1000000:].strip()),
          (1000000, b'%d' % len(body)))


@check(CGI)
def body_too_long(test):
    """a Content-Length of more than 64 MB gets a 413 at once, as the last
    response"""
    visitor = serve(test, echo=ECHO)
    visitor.send(request('/cgi/echo', f'Content-Length: {MOST + 1}',
                         method='POST'))
    reply = visitor.answer(b'POST').must_be(413)
    if not reply.last:
        raise Failure('Connection: close', 'none', 'close the connection, '
                      'to avoid receiving the whole body')
    visitor.socket.shutdown(socket.SHUT_WR)
    visitor.ended()


@check(CGI)
def chunks_too_long(test):
    """a chunked body gets a 413 as soon as it is longer than 64 MB"""
    visitor = serve(test, echo=ECHO)
    piece = chunked(data(1 << 20))[:-5]

    def send():
        try:
            visitor.socket.sendall(request(
                '/cgi/echo', 'Transfer-Encoding: chunked', method='POST'))
            for _ in range(65):
                visitor.socket.sendall(piece)
        except OSError:
            pass
    thread = threading.Thread(target=send, daemon=True)
    visitor.socket.settimeout(30)
    thread.start()
    visitor.answer(b'POST').must_be(413)
    thread.join()


@check(CGI)
def body_asked_for(test):
    """Expect: 100-continue is answered with 100; or at once with 404, 403, 405
    or 413"""
    visitor = serve(test, echo=ECHO)
    message = request('/cgi/echo', 'Content-Length: 5',
                      'Expect: 100-continue', method='POST')
    visitor.send(message)
    visitor.head(message).must_be(100)
    visitor.send(b'hello')
    visitor.answer(b'POST').must_be(200, b'hello')
    (test.scripts / 'plain').write_text('')
    for path, method, length, status in (
            ('/cgi/none', 'POST', 5, 404), ('/cgi/plain', 'POST', 5, 403),
            ('/cgi/echo', 'TRACE', 5, 405),
            ('/cgi/echo', 'POST', MOST + 1, 413)):
        other = another(test)
        other.send(request(path, f'Content-Length: {length}',
                           'Expect: 100-continue', method=method))
        other.answer(b'POST').must_be(status)
        other.ended()


@check(CGI)
def body_for_nobody(test):
    """a body for a script that does not exist is skipped, and the connection
    stays open"""
    visitor = serve(test, echo=ECHO)
    for field, body in (('Content-Length: 5', b'hello'),
                        ('Transfer-Encoding: chunked', chunked(b'hello'))):
        visitor.ask(request('/cgi/none', field, method='POST',
                            body=body)).must_be(404)
        visitor.stays()


@check(CGI)
def body_lost(test):
    """answers with 503 if there is no memory to keep a body, and does not run
    the script without it"""
    test.need_injector()
    visitor = serve(test, echo=ECHO)
    test.attached()
    visitor.stays()
    first = test.faults.get('calls', 'malloc') + 1
    test.faults.fail('malloc', errno.ENOMEM, first)
    visitor.send(request('/cgi/echo', 'Content-Length: 5', method='POST'))
    if not wait_until(lambda: test.faults.get('injected', 'malloc')):
        raise Skip('the injector does not reach malloc in this program')
    visitor.send(b'hello')
    visitor.answer(b'POST').must_be(503)
    visitor.ask(request('/cgi/echo', 'Content-Length: 5', method='POST',
                        body=b'again')).must_be(200, b'again')


@check(CGI)
def body_malformed(test):
    """a malformed chunk gets a 400, and the script is not started"""
    visitor = serve(test, mark=SHELL + 'touch started; echo Status: 204; echo')
    visitor.send(request('/cgi/mark', 'Transfer-Encoding: chunked',
                         method='POST', body=b'3\r\nabcX'))
    visitor.answer(b'POST').must_be(400)
    visitor.ended()
    another(test).stays()
    if (test.scripts / 'started').exists():
        raise Failure('no script started for half a body', 'one was started')


@check(CGI)
def body_malformed_leaves_nothing(test):
    """the file of a malformed body is closed at once, even if the client stays
    connected"""
    visitor = serve(test, echo=ECHO)
    visitor.send(request('/cgi/echo', 'Transfer-Encoding: chunked',
                         method='POST', body=b'3\r\nabc\r\n'))
    wait_until(lambda: uploads(test.running))
    equal('files of the body', len(uploads(test.running)), 1)
    visitor.send(b'ZZ\r\n')
    visitor.answer(b'POST').must_be(400)
    if not wait_until(lambda: not uploads(test.running), 1):
        raise Failure('the file of the body closed after the 400', 'it is open',
                      'close the file when the body is rejected')


@check(CGI)
def body_of_a_get(test):
    """the body of a GET reaches the script, too"""
    visitor = serve(test, echo=ECHO)
    visitor.ask(request('/cgi/echo', 'Content-Length: 2', body=b'hi')
                + request('/hello.txt')).must_be(200, b'hi')
    visitor.answer().must_be(200, FILE)


def uploads(server):
    """The names of the server's open files that hold bodies."""
    return [name for name in map(server.file_of, server.descriptors())
            if re.search(r'/ladder-\w{6}( \(deleted\))?$', name)]


def without_names(server):
    """Returns, for each of these files, whether it has been unlinked."""
    return [name.endswith(' (deleted)') for name in uploads(server)]


@check(CGI)
def body_leaves_nothing(test):
    """the file of a body has no name, and is closed when it is no longer
    needed"""
    visitor = serve(test, echo=ECHO)
    visitor.stays()
    before = len(test.running.descriptors())
    for end in ('whole', 'part'):
        other = another(test)
        other.send(request('/cgi/echo', 'Content-Length: 4', method='POST',
                           body=b'bo'))
        wait_until(lambda: without_names(test.running) == [True])
        equal('the file of the body, without a name',
              without_names(test.running), [True])
        if end == 'whole':
            other.send(b'dy')
            other.answer(b'POST').must_be(200, b'body')
        other.socket.close()
        if not wait_until(lambda: len(test.running.descriptors()) <= before):
            raise Failure(f'{before} descriptors, as before the upload',
                          str(len(test.running.descriptors())))
