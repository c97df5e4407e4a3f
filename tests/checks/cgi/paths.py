"""Which script a path leads to, if any."""

import os
import socket

from checks.cgi.scripts import (CGI, ENVIRONMENT, HELLO, SHELL, SLEEP, another,
                                at_rest, equal, folder, pids, runs, serve,
                                told, variables)
from harness import Failure, Skip, check
from harness.web import HELLO as FILE
from harness.web import Visitor, request


@check(CGI)
def not_there(test):
    """answers with 404 for a script that is missing or hidden, for a folder or
    a link, and for a path that leads above the scripts"""
    visitor = serve(test, hello=HELLO, **{'.hidden': HELLO, 'a.b': HELLO})
    (test.scripts / 'sub' / '.git').mkdir(parents=True)
    os.link(test.scripts / 'hello', test.scripts / 'sub' / '.git' / 'hello')
    os.symlink('hello', test.scripts / 'link')
    os.symlink('sub', test.scripts / 'way')
    os.link(test.scripts / 'hello', test.scripts / 'sub' / 'hello')
    os.mkfifo(test.scripts / 'fifo')
    outside = test.scripts.with_name(test.scripts.name + '-outside')
    os.link(test.scripts / 'hello', outside)
    for path in ('none', '.hidden', 'sub', 'sub/', 'sub/none', '', '/hello',
                 'sub//hello', 'sub/.git/hello', 'sub/../hello', '..',
                 'sub/%2e%2e/hello', f'../{outside.name}', 'hello/..',
                 f'%2e%2e%2f{outside.name}', 'hello/../../x', './hello',
                 'link', 'way/hello', 'fifo', 'x' * 300, '%ff'):
        visitor.get(f'/cgi/{path}').must_be(404)
        visitor.stays()
    for path in ('hello', 'a.b', 'sub/hello', 'hello/...', 'hello/.x'):
        visitor.get(f'/cgi/{path}').must_be(200, b'hello\n')
    outside.unlink()


@check(CGI)
def not_executable(test):
    """a file that is not executable gives a 403, and its text is not shown"""
    visitor = serve(test, secret=SHELL + 'password=x\n')
    (test.scripts / 'secret').chmod(0o644)
    if b'password' in visitor.get('/cgi/secret').must_be(403).body:
        raise Failure('no source of a script', 'its text')
    visitor.stays()


@check(CGI)
def no_interpreter(test):
    """a script that cannot be executed gives a 500, with the reason on standard
    error; its process does not run the server's exit handlers"""
    visitor = serve(test, '-t', '0', lost='#!/nonexistent/interpreter\n',
                    sleep=SLEEP)
    sleeper = another(test)
    sleeper.send(request('/cgi/sleep'))
    others = pids(test, 2)
    visitor.get('/cgi/lost').must_be(500)
    told(test, r'execve: ENOENT: .* \(/.*/lost\)')
    visitor.stays()
    equal('whether other scripts still run', all(map(runs, others)), True,
          'end the child with _exit')
    sleeper.socket.close()
    at_rest(test, 'after a failed execve')


@check(CGI)
def not_without_the_option(test):
    """without -c nothing is run: /cgi/ is a directory of the document root"""
    root = test.site({'hello.txt': FILE, 'cgi/x.txt': b'a file',
                      'cgi/run': b'#!/bin/sh\n'})
    (root / 'cgi' / 'run').chmod(0o755)
    server = test.server(root=root)
    visitor = Visitor(test.connect(server))
    visitor.get('/cgi/x.txt').must_be(200, b'a file')
    visitor.get('/cgi/run').must_be(200, b'#!/bin/sh\n')
    visitor.get('/cgi/run', method='POST').must_be(405)


@check(CGI)
def not_as_a_file(test):
    """with -c a file in the cgi folder of the document root is not shown,
    however its path is spelled"""
    visitor = serve(test, hello=HELLO)
    (test.root / 'cgi').mkdir()
    (test.root / 'cgi' / 'source').write_text('secret')
    for path in ('/cgi/source', '//cgi/source', '/./cgi/source', '/cgi//source',
                 '/sub/../cgi/source', '/%63gi/source', '/cgi/./source',
                 '/cgi', '/cgi/', '/cgi/x/../source'):
        visitor.get(path).must_be(404)
    visitor.get('/cgiother').must_be(404)
    visitor.get('/%63gi/hello').must_be(200, b'hello\n')


@check(CGI)
def one_for_all(test):
    """-c may name one program, which then answers for all of /cgi"""
    program = folder(test, env=ENVIRONMENT) / 'env'
    server = test.server('-c', str(program), root=test.site())
    visitor = Visitor(test.connect(server))
    for path, info in (('/cgi', None), ('/cgi/', '/'), ('/cgi/a/b', '/a/b'),
                       ('/cgi/.x', '/.x')):
        got = variables(visitor.get(path))
        equal('SCRIPT_NAME', got['SCRIPT_NAME'], '/cgi')
        equal('PATH_INFO', got.get('PATH_INFO'), info)
    visitor.get('/cgi/a/../b').must_be(404)
    visitor.get('/cgix').must_be(404)


@check(CGI)
def option_relative(test):
    """-c may be relative: the script still runs in its own directory"""
    place = folder(test, here=SHELL + 'echo Content-Type: a/b; echo; pwd')
    server = test.server('-c', os.path.relpath(place), root=test.site())
    Visitor(test.connect(server)).get('/cgi/here').must_be(
        200, os.path.realpath(place).encode() + b'\n')


@check(CGI)
def option_wrong(test):
    """-c with a name that does not exist is an error: status 1"""
    child, status = test.run('-c', '/nonexistent/scripts', '0')
    if status != 1 or not any('/nonexistent/scripts' in line
                              for line in child.lines):
        raise Failure('a message, and status 1', f'it {test.outcome(child)}')
    child, status = test.run('-c')
    equal('the status without an argument', status, 2)
    child, status = test.run('-h')
    equal('-c SCRIPTS in the usage', b'[-c SCRIPTS]' in child.output, True)


@check(CGI)
def other_families(test):
    """the script gets the addresses of an IPv6 connection, too"""
    place = folder(test, env=ENVIRONMENT)
    try:
        socket.create_server(('::1', 0), family=socket.AF_INET6).close()
    except OSError:
        raise Skip('this system has no IPv6') from None
    server = test.server('-c', str(place), '-a', '::1', root=test.site())
    got = variables(Visitor(test.connect(server)).get('/cgi/env', host=''))
    equal('REMOTE_ADDR', got['REMOTE_ADDR'], '::1')
    equal('SERVER_NAME', got['SERVER_NAME'], '[::1]',
          'RFC 3875, 4.1.14: an IPv6 address is in brackets')
    equal('SERVER_PORT', got['SERVER_PORT'], str(server.port))
