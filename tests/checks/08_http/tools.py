"""The checks of 08 that use common programs: curl, wget, ab, and Python's
http.client."""

import http.client
import os
import re
import shutil
import subprocess
import tempfile

from .folders import need_index, need_listing
from .ranges import ranged, whole
from harness import Failure, Skip, check, data, difference, shown
from harness.web import DATA, HELLO, USUAL, WEB

MOST = 1 << 20  # the most bytes to read of a body, which may be endless


def use(*words, patience=60):
    """Runs a tool. Returns its output; skips the check if the tool is
    missing."""
    if not shutil.which(words[0]):
        raise Skip(f'{words[0]} is not installed')
    environment = {name: value for name, value in os.environ.items()
                   if not name.lower().endswith('_proxy')}
    limit = 1 << 15  # of any file, standard output too, in blocks of 512 bytes
    with tempfile.TemporaryFile() as output:
        try:
            done = subprocess.run(
                ['sh', '-c', f'ulimit -f {limit}; exec "$@"', 'sh', *words],
                env=dict(environment, LC_ALL='C.UTF-8'),
                stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.PIPE, timeout=patience)
        except subprocess.TimeoutExpired:
            raise Failure(
                f'`{" ".join(words)}` exits',
                f'it is still running after {patience} seconds') from None
        output.seek(0)
        done.stdout = output.read()
    if done.returncode != 0:
        raise Failure(f'`{" ".join(words)}` succeeds',
                      f'status {done.returncode}: '
                      f'{(done.stderr or done.stdout).decode()[-300:]}')
    return done.stdout


def at(test):
    """The address of a new server with the usual files."""
    test.root = test.site()
    server = test.server(root=test.root)
    return f'http://127.0.0.1:{server.port}'


def curl(*words):
    return use('curl', '-sS', '--max-time', '20', *words)


def same(what, got, expected):
    if got != expected:
        raise Failure(f'{what}: {len(expected)} bytes',
                      difference(expected, got))


@check(WEB)
def curl_several(test):
    """curl gets several files over one connection"""
    here = at(test)
    out = str(test.site({}) / '#1')
    test.need_persistence(test.children[-1])
    printed = curl('-o', out, here + '/{hello.txt,data.bin,page.html}', '-w',
                   '%{http_code} %{num_connects}\n')
    same('what curl says', printed, b'200 1\n200 0\n200 0\n')
    for name in ('hello.txt', 'data.bin', 'page.html'):
        with open(out.replace('#1', name), 'rb') as file:
            same(name, file.read(), USUAL[name])


@check(WEB)
def curl_ranges(test):
    """curl gets parts of a file, and resumes a download"""
    visitor = ranged(test)
    for value in ('bytes=-5', 'bytes=9000-'):
        if whole(test, visitor.get('/data.bin', f'Range: {value}')):
            raise Skip('it ignores some ranges')
    here = at(test) + '/data.bin'
    for part, expected in (('0-99', DATA[:100]), ('-5', DATA[-5:]),
                           ('9000-', DATA[9000:])):
        same(f'curl -r {part}', curl('-r', part, here), expected)
    path = test.site({'part': DATA[:1234]}) / 'part'
    curl('-C', '-', '-o', str(path), here)
    same('curl -C -', path.read_bytes(), DATA)


@check(WEB)
def curl_versions(test):
    """curl gets a file over HTTP/1.0, over 1.1, and when it offers HTTP/2; it
    also gets a head alone"""
    here = at(test) + '/data.bin'
    for option in ('--http1.0', '--http1.1', '--http2'):
        same(f'curl {option}', curl(option, here), DATA)
    if b' 200 ' not in curl('-I', here).splitlines()[0]:
        raise Failure('200 for curl -I', curl('-I', here).decode())


@check(WEB, open=False)
def curl_uploads(test):
    """rejects curl's upload of 3 MB, even in chunks; keeps the connection,
    unless curl waited for 100 and did not send its body"""
    here = at(test) + '/hello.txt'
    path = test.site({'upload': data(3 << 20)}) / 'upload'
    for fields in (['Expect: 100-continue'], ['Expect:'],
                   ['Transfer-Encoding: chunked']):
        words = [word for field in fields for word in ('-H', field)]
        printed = curl(*words, '-o', '/dev/null', '-T', str(path), here, '-w',
                       '%{http_code} %{size_upload} %{num_connects}\n',
                       '--next', '-sS', '-o', '/dev/null', here, '-w',
                       '%{http_code} %{num_connects}\n')
        if not re.fullmatch(rb'405 (0 1\n200 1|[1-9]\d* 1\n200 0)\n',
                            printed):
            raise Failure('405, then 200 on the same connection, or on a new '
                          'one if no body was sent', shown(printed))


@check(WEB)
def curl_follows(test):
    """curl -L follows a redirect to the folder's page"""
    if test.any:
        need_index(test)
        if test.visitor().get('/sub').status not in (301, 302, 307, 308):
            raise Skip('it does not redirect to a folder')
    same('curl -L', curl('-L', at(test) + '/sub?a=b'), USUAL['sub/index.html'])


@check(WEB)
def curl_conditional(test):
    """curl -z gets a file only if it is newer"""
    here = at(test) + '/hello.txt'
    os.utime(test.root / 'hello.txt', (1e9, 1e9))
    path = test.site({}) / 'copy'
    curl('-R', '-o', str(path), here)
    if test.any and path.stat().st_mtime > 1.1e9:
        raise Skip('it sends no Last-Modified')
    if path.stat().st_mtime != 1e9:
        raise Failure('the file\'s time, 1000000000, from Last-Modified',
                      path.stat().st_mtime)
    printed = curl('-z', str(path), '-o', str(path), '-w', '%{http_code}', here)
    same('what curl says', printed, b'304')


@check(WEB)
def wget_mirrors(test):
    """wget -r finds every file through the listings"""
    files = {'hello.txt': HELLO, 'data.bin': DATA, 'empty.txt': b'',
             'a b.txt': b'space', '100%.txt': b'percent',
             'folder/deeper/\xfc.txt': b'umlaut', 'folder/&amp;.txt': b'and',
             'folder/e\'f".txt': b'quotes', 'folder/ha#sh;x': b'hash',
             'folder/plus+': b'plus', 'folder/<b>': b'markup'}
    server = test.server(root=test.site(files))
    need_listing(test, server, '/')
    out = test.site({})
    use('wget', '-q', '-r', '-np', '-nH', '--no-proxy', '--tries=2',
        '--timeout=10', '--restrict-file-names=nocontrol', '-P', str(out),
        f'http://127.0.0.1:{server.port}/')
    for name, content in files.items():
        if not (out / name).is_file():
            there = sorted(str(path.relative_to(out)) for path in
                           out.rglob('*') if path.is_file())
            raise Failure(f'the file {name} in the mirror',
                          '; '.join(there) or 'no file')
        same(name, (out / name).read_bytes(), content)


@check(WEB)
def ab_hurries(test):
    """ab sends 20000 requests over 800 connections, and none fails"""
    test.need_descriptors(1000)
    if test.any:
        raise Skip('a server may choose how many clients it accepts')
    printed = use('ab', '-q', '-k', '-c', '800', '-n', '20000',
                  at(test) + '/hello.txt').decode()
    numbers = dict(re.findall(r'^([\w -]+):\s+(\d+)', printed, re.M))
    kept = numbers.get('Keep-Alive requests', '0')
    if (numbers.get('Complete requests') != '20000'
            or numbers.get('Failed requests') != '0'
            or 'Non-2xx responses' in numbers
            or kept != '20000'):
        raise Failure('20000 requests, none failed, each connection kept',
                      '; '.join(f'{name} {number}' for name, number
                                in numbers.items()))


@check(WEB)
def http_client_persists(test):
    """Python's http.client sends many requests on one connection"""
    port = int(at(test).rpartition(':')[2])
    test.need_persistence(test.children[-1])
    client = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
    test.closing.append(client)
    for number in range(100):
        name = ('hello.txt', 'data.bin', 'empty.txt')[number % 3]
        client.request('HEAD' if number % 5 == 0 else 'GET', '/' + name)
        response = client.getresponse()
        same(name, response.read(MOST), USUAL[name] if number % 5 else b'')
        if response.status != 200 or client.sock is None:
            raise Failure('200, on a connection that stays open',
                          f'status {response.status}')


@check(WEB, open=False)
def http_client_uploads(test):
    """rejects a chunked upload by Python's http.client, and keeps the
    connection"""
    port = int(at(test).rpartition(':')[2])
    client = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
    test.closing.append(client)
    for method in ('POST', 'PUT', 'PATCH'):
        client.request(method, '/hello.txt', encode_chunked=True,
                       body=iter([b'one', data(100000), b'two']),
                       headers={'Transfer-Encoding': 'chunked'})
        response = client.getresponse()
        response.read(MOST)
        client.request('GET', '/hello.txt')
        if response.status != 405 or client.getresponse().read(MOST) != HELLO:
            raise Failure('405, then the file', f'status {response.status}')
