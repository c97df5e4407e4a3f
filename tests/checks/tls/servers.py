"""Shared by the checks of 08-http/tls: certificates, servers that use them,
and clients that speak TLS."""

import os
import pathlib
import shutil
import socket
import ssl
import subprocess
import tempfile

from harness import Failure, Skip
from harness.secure import SecureSocket
from harness.settings import NOBODY
from harness.web import Visitor

TLS = 'tls'
LONGEST = 16 << 20  # bytes of a body
NAMES = 'subjectAltName=DNS:localhost,IP:127.0.0.1'


def openssl(*words, **options):
    if not shutil.which('openssl'):
        raise Skip('openssl is not installed')
    return subprocess.run(['openssl', *map(str, words)], check=True,
                          capture_output=True, **options)


def folder(test):
    """A new folder for certificates, which the server may enter, too."""
    place = pathlib.Path(tempfile.mkdtemp(dir=test.directory))
    place.chmod(0o755)
    return place


def certificate(test, *options):
    """Makes a certificate and its key, in one file."""
    path = folder(test) / 'localhost.pem'
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt',
            'ec_paramgen_curve:prime256v1', '-subj', '/CN=localhost', '-addext',
            NAMES, '-keyout', path, '-out', path, *(options or ['-nodes']))
    return owned(path)


def owned(path):
    """The file, readable only by the server, which may run as another
    user."""
    path.chmod(0o600)
    if os.getuid() == 0:
        os.chown(path, NOBODY, NOBODY)
    return path


def context(test, **settings):
    """A client's settings: it trusts the server's certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(test.trusted)
    for name, value in settings.items():
        setattr(made, name, value)
    return made


def serve(test, *options, pem=None, files=None):
    """Starts the server with TLS and this certificate, or a new one. Stores the
    server as test.running."""
    test.pem = pem or certificate(test)
    test.trusted = getattr(test, 'trusted', test.pem)
    test.root = test.site(files) if files else test.site()
    test.running = test.server('-s', str(test.pem), *options, root=test.root)
    return test.running


def client(test, made=None):
    """A client whose handshake is complete."""
    secure = begun(test, made)
    secure.shake_hands()
    if secure.dead:
        raise Failure('a handshake', 'the end of the stream; the server '
                      + test.outcome(test.running))
    return secure


def begun(test, made=None):
    """A client that has not sent its handshake yet."""
    secure = SecureSocket(test.connect(test.running), made or context(test))
    test.closing.append(secure)
    return secure


def visitor(test, made=None):
    return Visitor(client(test, made), longest=LONGEST)


def refused(test, made, what):
    """Demands that a handshake fail, and that the server report why."""
    before = len(test.running.lines)
    secure = begun(test, made)
    try:
        secure.shake_hands()
        dead = secure.dead or not secure.recv(1)  # TLS 1.3: the client is first
    except socket.timeout:
        dead = False
    except ssl.SSLError:
        dead = True
    if not dead:
        raise Failure(f'no handshake with {what}',
                      f'{secure.session.version()}, {secure.session.cipher()}')
    told(test, r'SSL_accept: ', before)


def told(test, pattern, before=0):
    """Demands one more line on standard error."""
    server = test.running
    if not server.wait_for(lambda: any(
            pattern in line for line in server.lines[before:])):
        raise Failure(f'a line "{pattern}..." on standard error',
                      '; '.join(server.lines[before:]) or 'none')
