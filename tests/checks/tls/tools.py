"""Common programs as clients."""

import errno
import os
import re
import shutil
import subprocess
import tempfile

from harness import Failure, Skip, check, wait_until
from harness.programs import Child
from harness.web import request
from .servers import TLS, openssl, serve, visitor


def run(*words, **options):
    """Runs a tool, or skips the check if it is not installed. Returns what it
    prints."""
    if not shutil.which(words[0]):
        raise Skip(f'{words[0]} is not installed')
    done = subprocess.run([str(word) for word in words], timeout=60,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          **options)
    return done.stdout.decode(errors='replace')


def s_client(test, *parts, version):
    """Starts openssl s_client. For each part, waits until the awaited output
    has appeared, then types the input. Returns the child, still running."""
    openssl('version')
    command = ['openssl', 's_client', '-connect',
               f'127.0.0.1:{test.running.port}', '-CAfile', str(test.trusted),
               version]
    child = Child(command, dict(os.environ), subprocess.PIPE,
                  stderr=subprocess.STDOUT)
    test.children.append(child)
    for awaited, part in parts:
        shows(child, awaited)
        type_in(child, part)
    return child


def shows(child, awaited):
    """Waits until the child has printed these bytes."""
    if not child.wait_for(lambda: awaited in child.output):
        raise Failure(f'{awaited} from openssl s_client',
                      child.output.decode(errors='replace')[-400:])


def type_in(child, part):
    child.process.stdin.write(part)
    child.process.stdin.flush()


@check(TLS)
def no_renegotiation(test):
    """refuses to renegotiate in TLS 1.2"""
    serve(test)
    s_client(test, (b'\n---\n', b'R\n'), (b'no renegotiation', b''),
             version='-tls1_2')
    visitor(test).stays()


@check(TLS)
def key_update(test):
    """changes its keys when the client asks for it (TLS 1.3)"""
    serve(test)
    s_client(test, (b'\n---\n', b'K\n'), (b'KEYUPDATE', request()),
             (b'hello, world', b''), version='-tls1_3')


@check(TLS)
def key_update_meanwhile(test):
    """answers a KeyUpdate while a script runs; if the socket is full, waits for
    room in it, not for output of the script"""
    test.need_injector()
    scripts = test.site({})
    scripts.chmod(0o777)
    (scripts / 'slow').write_text(
        '#!/bin/sh\necho Content-Type: text/plain; echo\n'
        'until [ -e end ] || [ ! -e "$0" ]; do sleep 0.1; done; echo done\n')
    (scripts / 'slow').chmod(0o755)
    serve(test, '-c', str(scripts))
    test.attached()
    child = s_client(test, (b'\n---\n', request('/cgi/slow')),
                     version='-tls1_3')
    shows(child, b'200 OK')
    before = test.faults.get('calls', 'send')
    test.faults.fail('send', errno.EAGAIN, before + 1)
    for count in 1, 2:  # OpenSSL answers the first when it reads the second
        type_in(child, b'K\n')
        child.wait_for(lambda: child.output.count(b'KEYUPDATE') == count)
    if not wait_until(lambda: test.faults.get('calls', 'send') > before + 1):
        raise Failure('a second send after EAGAIN, while the script runs',
                      'none', 'SSL_read may have to write: wait for room')
    (scripts / 'end').touch()
    shows(child, b'done')


@check(TLS)
def curl_verifies(test):
    """curl gets a file, and verifies the certificate"""
    server = serve(test)
    said = run('curl', '-sS', '--noproxy', '*', '--cacert', test.trusted,
               '--resolve', f'localhost:{server.port}:127.0.0.1',
               f'https://localhost:{server.port}/hello.txt')
    if said != 'hello, world\n':
        raise Failure('hello, world', said)


@check(TLS)
def ab_over_tls(test):
    """ab sends 2000 requests on 100 kept connections, and none fails"""
    server = serve(test)
    said = run('ab', '-q', '-k', '-c', '100', '-n', '2000',
               f'https://127.0.0.1:{server.port}/hello.txt')
    if not re.search(r'Failed requests: +0\n', said) or 'Non-2xx' in said:
        raise Failure('2000 requests, none failed', said[-600:])


@check(TLS)
def browser_over_tls(test):
    """chromium gets a page and its script over TLS"""
    server = serve(test, files={
        'page.html': b'<body><script src="script.js"></script></body>',
        'script.js': b'document.body.textContent = "both " + "came";'})
    home = tempfile.mkdtemp(dir=test.directory)
    said = run('chromium', '--headless', '--no-sandbox', '--disable-gpu',
               '--disable-background-networking', '--ignore-certificate-errors',
               f'--user-data-dir={home}', '--dump-dom',
               f'https://127.0.0.1:{server.port}/page.html',
               env={**os.environ, 'HOME': home, 'XDG_CONFIG_HOME': home,
                    'XDG_CACHE_HOME': home})
    if 'both came' not in said:
        raise Failure('a page that says "both came"', said[-900:])


@check(TLS)
def sslscan_content(test):
    """sslscan finds TLS 1.2 and 1.3, and neither renegotiation, compression,
    Heartbleed nor a weak cipher"""
    server = serve(test)
    said = re.sub('\x1b.*?m', '', run('sslscan', '--no-colour',
                                      f'127.0.0.1:{server.port}'))
    for line in ('TLSv1.0   disabled', 'TLSv1.1   disabled',
                 'TLSv1.2   enabled', 'TLSv1.3   enabled'):
        if line not in said:
            raise Failure(line, said[:900])
    ciphers = re.findall(r'^(?:Accepted|Preferred)\s.*bits\s+(\S+)', said,
                         re.M)
    weak = [name for name in ciphers if not re.search(
        '^TLS_(AES|CHACHA)|^ECDHE-.*(GCM|CHACHA20)', name)]
    if weak or not ciphers or re.search('is vulnerable|vulnerable to', re.sub(
            'not vulnerable', '', said)):
        raise Failure('ciphers that authenticate, with forward secrecy', said)
