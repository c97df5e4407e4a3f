"""Applications in Python: WSGI in a script, and in a worker that keeps
running."""

import contextlib
import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time

from checks.cgi.scripts import (CGI, PYTHON, another, at_rest, equal, folder,
                                serve, told)
from harness import (BEYOND, PATIENCE, Failure, Program, check, data,
                     wait_until)
from harness.web import request

WORKER = BEYOND['cgi'].folder / 'worker.py'
APPLICATION = '''
import os, time
count = 0
def application(environ, start):
    global count
    count += 1
    path = environ.get('PATH_INFO', '')
    body = environ['wsgi.input'].read(int(environ.get('CONTENT_LENGTH') or 0))
    if path == '/error':
        raise ValueError('an error of the application')
    if path == '/hang':
        open('hangs', 'w').close()
        time.sleep(600)
    if path == '/large':
        body = open('data', 'rb').read()
    if path == '/env':
        body = '\\n'.join('%s=%s' % item for item in environ.items()
                         if isinstance(item[1], str)).encode('latin-1')
    start('200 Fine', [('Content-Type', 'text/plain'), ('X-Count', str(count)),
                       ('X-Pid', str(os.getpid()))])
    return [b'you wrote: ', body]
'''
VALIDATED = '''
from wsgiref.validate import validator
import app
application = validator(app.application)
'''
SCRIPT = PYTHON + '''from wsgiref.handlers import CGIHandler
from {} import application
CGIHandler().run(application)
'''


def write(test, **modules):
    for name, text in modules.items():
        (test.scripts / f'{name}.py').write_text(text)


@contextlib.contextmanager
def working(test, module='app', count=1, name='fast', python=sys.executable):
    """A running worker, with its socket in the folder of the scripts."""
    environment = {key: value for key, value in os.environ.items()
                   if not key.startswith('HTTP_')}
    with Program([python, str(WORKER), name, f'{module}:application',
                  str(count)], cwd=test.scripts,
                 stderr=subprocess.DEVNULL, env={
                      **environment, 'SECRET': 'x',
                      'PYTHONDONTWRITEBYTECODE': '1'}) as worker:
        if not wait_until(lambda: (test.scripts / name).exists() and ready(
                test.scripts / name), 3 * PATIENCE):
            raise Failure('a worker that listens', 'it does not')
        yield worker


def ready(path):
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def begin(test, *options):
    visitor = serve(test, *options, slow=SCRIPT.format('app'),
                    checked=SCRIPT.format('checked'))
    write(test, app=APPLICATION, checked=VALIDATED)
    return visitor


@check(CGI)
def wsgi_by_a_script(test):
    """a script of four lines runs a WSGI application with CGIHandler"""
    visitor = begin(test)
    for method, body in (('GET', b''), ('POST', b'something')):
        reply = visitor.ask(request('/cgi/slow/path', f'Content-Length: '
                                    f'{len(body)}', method=method, body=body))
        reply.must_be(200, b'you wrote: ' + body).must_have('X-Count', '1')
        equal('the reason', reply.reason, 'Fine')
    at_rest(test, 'after it')


@check(CGI)
def wsgi_validated(test):
    """wsgiref.validate finds no error, in a script or in a worker"""
    visitor = begin(test)
    with working(test, 'checked'):
        for name in ('checked', 'fast'):
            for method in ('GET', 'POST', 'HEAD'):
                visitor.get(f'/cgi/{name}/a%20b?c=d', 'X-Y: z', method=method
                            ).must_be(200, None if method != 'HEAD' else b'')
                visitor.stays()


@check(CGI)
def worker_keeps_the_application(test):
    """a worker keeps the application loaded, so that its counter continues;
    request bodies reach it, and large responses come back"""
    visitor = begin(test)
    content = data(3 << 20)
    (test.scripts / 'data').write_bytes(content)
    with working(test):
        for count in range(1, 6):
            reply = visitor.ask(request('/cgi/fast', 'Content-Length: 3',
                                        method='POST', body=b'%03d' % count))
            reply.must_be(200, b'you wrote: %03d' % count)
            reply.must_have('X-Count', str(count))
        visitor.get('/cgi/fast/large').must_be(200, b'you wrote: ' + content)
        before = len(test.running.descriptors_at_rest())
        for _ in range(200):
            visitor.get('/cgi/fast').must_be(200)
        equal('descriptors after 200 requests',
              len(test.running.descriptors_at_rest()), before)
    at_rest(test, 'because a worker is not a child')


@check(CGI)
def worker_sees_the_request(test):
    """a worker's application sees the variables of the request, and none of
    the worker's own"""
    visitor = begin(test)
    with working(test):
        lines = visitor.get('/cgi/fast/env?a=b', 'X-Y: z', 'Proxy: evil'
                            ).must_be(200).body.decode().splitlines()
        for line in ('SCRIPT_NAME=/cgi/fast', 'PATH_INFO=/env', 'HTTP_X_Y=z',
                     'QUERY_STRING=a=b', 'REQUEST_METHOD=GET'):
            if not any(line in other for other in lines):
                raise Failure(line, '; '.join(lines))
        for name in ('SECRET=', 'HTTP_PROXY='):
            equal(f'whether {name} is there',
                  any(line.startswith(name) for line in lines), False)


@check(CGI)
def workers_share(test):
    """several workers share a socket: four requests at once take as long as
    one"""
    visitor = begin(test, '-t', '20')
    write(test, app=APPLICATION.replace('time.sleep(600)', 'time.sleep(2)'))
    with working(test, count=4):
        others = [another(test) for _ in range(4)]
        began = time.monotonic()
        for other in others:
            other.send(request('/cgi/fast/hang'))
        numbers = {other.answer().must_be(200)['X-Pid'] for other in others}
        if len(numbers) != 4 or time.monotonic() - began > 6:
            raise Failure('four workers, at the same time',
                          f'{len(numbers)} in {time.monotonic() - began:.1f} s')
        visitor.stays()


def from_a_worker(test):
    """Returns the answer of a worker, or None if its status is not 200."""
    reply = another(test).get('/cgi/fast')
    return reply if reply.status == 200 else None


@check(CGI)
def worker_hangs(test):
    """a worker that hangs causes a 504 after -t seconds; if it is killed, a new
    one replaces it without the server's help"""
    begin(test, '-t', '1')
    with working(test) as first:
        visitor = another(test)  # -t counts from its connection
        pid = int(visitor.get('/cgi/fast').must_be(200)['X-Pid'])
        visitor.get('/cgi/fast/hang').must_be(504)
        told(test, r'script: .* \(/.*/fast\)')
        visitor.stays()
        os.kill(pid, signal.SIGKILL)
        reply = wait_until(lambda: from_a_worker(test))  # it may start slowly
        if not reply:
            raise Failure('the answer of a new worker', 'none')
        equal('whether it is another worker', int(reply['X-Pid']) != pid, True)
        first.end(signal.SIGTERM)
    with working(test):
        another(test).get('/cgi/fast').must_be(200, b'you wrote: ')


def kill_later(pid, mark):
    """Kills a process as soon as a file exists."""
    if wait_until(mark.exists):
        os.kill(pid, signal.SIGKILL)


@check(CGI)
def worker_gone(test):
    """answers with 503 if nothing listens on the socket, and with 500 if a
    worker crashes during a request"""
    visitor = begin(test)
    with working(test) as worker:
        worker.signal(signal.SIGKILL)  # worker.py and its workers
        worker.wait_exit()
        wait_until(lambda: not ready(test.scripts / 'fast'))
        visitor.get('/cgi/fast').must_be(503).must_have('Retry-After', '1')
        told(test, 'connect: ECONNREFUSED: ')
    with working(test):
        pid = int(visitor.get('/cgi/fast').must_be(200)['X-Pid'])
        threading.Thread(target=kill_later, args=(
            pid, test.scripts / 'hangs'), daemon=True).start()
        visitor.get('/cgi/fast/hang').must_be(500)
        visitor.get('/cgi/fast').must_be(200)


@check(CGI)
def worker_with_a_queue(test):
    """answers with 503 at once if a worker's queue is full: no client waits"""
    visitor = begin(test, '-t', '20')
    listener = socket.socket(socket.AF_UNIX)
    test.closing.append(listener)
    listener.bind(str(test.scripts / 'full'))
    listener.listen(0)
    for _ in range(5):
        filler = socket.socket(socket.AF_UNIX)
        test.closing.append(filler)
        filler.setblocking(False)
        filler.connect_ex(str(test.scripts / 'full'))
    visitor.get('/cgi/full').must_be(503, hint='connect must not block')
    told(test, 'connect: EAGAIN: ')
    visitor.stays()


@check(CGI)
def worker_takes_a_part(test):
    """answers with 500 if one call cannot send all variables to a worker, and
    reports that they are too long"""
    test.need_injector()
    visitor = begin(test)
    with working(test):
        test.attached()
        visitor.get('/cgi/fast').must_be(200)
        test.faults.set('most', 5000, 'send')
        visitor.get('/cgi/fast', 'X: ' + 'x' * 9000).must_be(500)
        told(test, 'sendmsg: ' + os.strerror(errno.EMSGSIZE))
        visitor.get('/cgi/fast').must_be(200)


@check(CGI)
def worker_has_errors(test):
    """an error in the application gives a 500; a client that leaves early
    does not harm a worker"""
    visitor = begin(test)
    (test.scripts / 'data').write_bytes(data(3 << 20))
    with working(test):
        for _ in range(2):
            visitor.get('/cgi/fast/error').must_be(500)
            other = another(test)
            other.send(request('/cgi/fast/large'))
            other.more('some of it')
            other.socket.close()
            visitor.get('/cgi/fast').must_be(200, b'you wrote: ')


@check(CGI)
def worker_for_all(test):
    """one worker may answer for all of /cgi"""
    test.scripts = folder(test)
    write(test, app=APPLICATION)
    with working(test, name='all'):
        server = test.server('-c', str(test.scripts / 'all'), root=test.site())
        test.running = server
        reply = another(test).get('/cgi/env').must_be(200)
        equal('SCRIPT_NAME=/cgi', b'SCRIPT_NAME=/cgi\n' in reply.body, True)
