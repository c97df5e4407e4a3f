"""The variables that describe the request: RFC 3875, 4.1."""

import os

from checks.cgi.scripts import (CGI, ENVIRONMENT, PLAIN, SHELL, equal, folder,
                                serve, told, variables, with_environment)
from harness import Failure, check
from harness.web import Visitor, request


@check(CGI)
def variables_all(test):
    """a script gets the variables of RFC 3875, 4.1"""
    visitor = serve(test, env=ENVIRONMENT)
    got = variables(visitor.get('/cgi/env/more?a=b', host='ladder:80'))
    for name, value in (
            ('GATEWAY_INTERFACE', 'CGI/1.1'), ('PATH_INFO', '/more'),
            ('PATH_TRANSLATED', f'{os.path.realpath(test.root)}/more'),
            ('QUERY_STRING', 'a=b'), ('REMOTE_ADDR', '127.0.0.1'),
            ('REMOTE_HOST', '127.0.0.1'), ('REQUEST_METHOD', 'GET'),
            ('SCRIPT_NAME', '/cgi/env'), ('SERVER_NAME', 'ladder'),
            ('SERVER_PORT', str(test.running.port)),
            ('SERVER_PROTOCOL', 'HTTP/1.1'), ('HTTP_HOST', 'ladder:80'),
            ('SERVER_SOFTWARE', 'sockets-ladder')):
        equal(name, got.get(name), value)
    for name in ('AUTH_TYPE', 'CONTENT_LENGTH', 'CONTENT_TYPE', 'REMOTE_USER',
                 'REMOTE_IDENT'):
        equal(name, got.get(name), None, 'a variable without a value is unset')


@check(CGI)
def variables_no_others(test):
    """of the server's own variables, a script gets only PATH"""
    visitor = serve(test, env=PLAIN + 'exec /usr/bin/env\n')
    got = variables(visitor.get('/cgi/env'))
    equal('PATH', got.pop('PATH', None), os.environ.get('PATH'))
    equal('the variables', sorted(set(got) - {'PWD', 'SHLVL', '_', 'OLDPWD'}), [
        'GATEWAY_INTERFACE', 'HTTP_HOST', 'QUERY_STRING', 'REMOTE_ADDR',
        'REMOTE_HOST', 'REQUEST_METHOD', 'SCRIPT_NAME', 'SERVER_NAME',
        'SERVER_PORT', 'SERVER_PROTOCOL', 'SERVER_SOFTWARE'],
        'build a new environment')


@check(CGI)
def variables_of_any_length(test):
    """if the server's own PATH or HTTPS is too long, it is not passed on"""
    usual = os.environ.get('PATH', os.defpath)
    for length in 120000, 98300, 5000:
        with_environment(test, PATH=usual + ':' + 'x' * length,
                         HTTPS='y' * length)
        got = variables(serve(test, env=ENVIRONMENT).get('/cgi/env'))
        equal('PATH', got['PATH'][:80], '/usr/local/bin:/usr/bin:/bin')
        equal('HTTPS', got.get('HTTPS', 'on')[:80], 'on')


@check(CGI)
def path_decoded(test):
    """SCRIPT_NAME and PATH_INFO are decoded, QUERY_STRING is not"""
    visitor = serve(test, **{'a b': ENVIRONMENT})
    got = variables(visitor.get('/cgi/a%20b/%63%20%2b?%61=%20+?'))
    equal('SCRIPT_NAME', got['SCRIPT_NAME'], '/cgi/a b')
    equal('PATH_INFO', got['PATH_INFO'], '/c +')
    equal('QUERY_STRING', got['QUERY_STRING'], '%61=%20+?')


@check(CGI)
def path_of_a_script_in_a_folder(test):
    """a script may be in a folder; the rest of the path becomes PATH_INFO"""
    visitor = serve(test)
    (test.scripts / 'sub').mkdir()
    (test.scripts / 'sub' / 'env').write_text(ENVIRONMENT + 'pwd | sed '
                                              's/^/HERE=/')
    (test.scripts / 'sub' / 'env').chmod(0o755)
    for rest in ('', '/', '/a/b', '//a'):
        got = variables(visitor.get('/cgi/sub/env' + rest))
        equal('SCRIPT_NAME', got['SCRIPT_NAME'], '/cgi/sub/env')
        equal('PATH_INFO', got.get('PATH_INFO', ''), rest)
        equal('the directory', got['HERE'],
              os.path.realpath(test.scripts / 'sub'),
              'RFC 3875, 7.2: the directory of the script')


@check(CGI)
def fields_become_variables(test):
    """a field becomes HTTP_NAME; several with one name become a list"""
    visitor = serve(test, env=ENVIRONMENT)
    got = variables(visitor.get(
        '/cgi/env', 'X-One: 1', 'x-two:', 'X-List: a', 'Other: x', 'x-LIST: b',
        'Cookie: a=1', 'Cookie: b=2', 'Accept:   text/html  ',
        'X-Bytes: \xe4 "$(id)"'))
    for name, value in (('X_ONE', '1'), ('X_TWO', ''), ('X_LIST', 'a, b'),
                        ('COOKIE', 'a=1; b=2'), ('ACCEPT', 'text/html'),
                        ('X_BYTES', '\xe4 "$(id)"')):
        equal(f'HTTP_{name}', got.get(f'HTTP_{name}'), value)


@check(CGI)
def fields_left_out(test):
    """Proxy, Authorization, and names with an underscore set no variable"""
    visitor = serve(test, env=ENVIRONMENT)
    got = variables(visitor.get(
        '/cgi/env', 'Proxy: http://evil', 'pRoXy: http://evil',
        'Authorization: Basic eDp5', 'Proxy-Authorization: Basic eDp5',
        'X_Forged: 1', 'Content_Length: 7', 'Transfer_Encoding: chunked'))
    equal('the variables HTTP_*', sorted(name for name in got
                                         if name.startswith('HTTP_')),
          ['HTTP_HOST'], 'HTTP_PROXY would make programs use a proxy; Content_'
          'Length and Content-Length would be one variable')


@check(CGI)
def server_name(test):
    """SERVER_NAME is the host of the request, or our address"""
    visitor = serve(test, env=ENVIRONMENT)
    for host, name in (('example.org', 'example.org'),
                       ('example.org:8080', 'example.org'),
                       ('[::1]:8080', '[::1]'), ('', '127.0.0.1')):
        got = variables(visitor.get('/cgi/env', host=host))
        equal(f'SERVER_NAME for Host: {host}', got['SERVER_NAME'], name)
    got = variables(visitor.ask(request('/cgi/env', version='HTTP/1.0',
                                        host=None)))
    equal('SERVER_NAME', got['SERVER_NAME'], '127.0.0.1')
    equal('SERVER_PROTOCOL', got['SERVER_PROTOCOL'], 'HTTP/1.0')


@check(CGI)
def methods(test):
    """seven methods reach a script; TRACE gets a 405, unknown methods a 501"""
    visitor = serve(test, env=ENVIRONMENT)
    for method in ('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'):
        got = variables(visitor.get('/cgi/env', method=method))
        equal('REQUEST_METHOD', got['REQUEST_METHOD'], method)
    visitor.get('/cgi/env', method='HEAD').must_be(200, b'')
    reply = visitor.get('/cgi/env', method='TRACE').must_be(405)
    equal('Allow', sorted(reply.tokens('Allow')), [
        'delete', 'get', 'head', 'options', 'patch', 'post', 'put'])
    visitor.get('/cgi/env', method='BREW').must_be(501)
    visitor.get('*', method='OPTIONS').must_be(204)
    visitor.get('/hello.txt', method='POST').must_be(405)


@check(CGI)
def no_arguments(test):
    """a query does not become arguments of the script"""
    visitor = serve(test, count=PLAIN + 'echo $#\n')
    for query in ('?-s', '?a+b', '?', '?a=b'):
        visitor.get(f'/cgi/count{query}').must_be(
            200, b'0\n', 'a program could take a word of the query for an '
            'option')


@check(CGI)
def streams(test):
    """without a body, standard input ends at once; standard error is the
    server's"""
    visitor = serve(test, talk=SHELL + 'echo a line of the script >&2\n'
                    'echo Content-Type: text/plain; echo; wc -c\n')
    reply = visitor.get('/cgi/talk').must_be(200)
    equal('bytes on standard input', reply.body.strip(), b'0')
    told(test, 'a line of the script')


@check(CGI, open=False)
def streams_closed(test):
    """scripts have a standard input even if the server has none"""
    place = folder(test, read=PLAIN + 'cat && echo read\n')
    server = test.start_closed('<&-', '-c', str(place), '-d',
                               str(test.site()), '0')
    ready = server.wait_line(r'listening on (\S+):(\d+)$')
    if not ready:
        raise Failure('a server', f'it {test.outcome(server)}')
    server.host, server.port = ready[1], int(ready[2])
    Visitor(test.connect(server)).get('/cgi/read').must_be(
        200, b'read\n', 'if the file for the input gets descriptor 0, execve '
        'closes it: open the standard streams first')
