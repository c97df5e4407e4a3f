"""The file of -s: a certificate chain and its key."""

import signal

from harness import Failure, check
from harness.web import HELLO
from .servers import (NAMES, TLS, certificate, client, folder, openssl, owned,
                      serve, told, visitor)


@check(TLS)
def chain_sent(test):
    """sends the file's whole chain, so that a client that knows only the root
    trusts it"""
    place = folder(test)
    for name in 'root', 'middle', 'leaf':
        openssl('req', '-newkey', 'ec', '-pkeyopt',
                'ec_paramgen_curve:prime256v1', '-nodes', '-subj',
                f'/CN={"localhost" if name == "leaf" else name}', '-keyout',
                place / f'{name}.key', '-out', place / f'{name}.csr')
        extensions = place / f'{name}.ext'
        extensions.write_text(NAMES if name == 'leaf' else
                              'basicConstraints=critical,CA:TRUE\n'
                              'keyUsage=keyCertSign')
        signer = {'root': None, 'middle': 'root', 'leaf': 'middle'}[name]
        how = (['-CA', place / f'{signer}.pem', '-CAkey',
                place / f'{signer}.key', '-CAcreateserial'] if signer else
               ['-signkey', place / f'{name}.key'])
        openssl('x509', '-req', '-in', place / f'{name}.csr', *how, '-days',
                '30', '-extfile', extensions, '-out', place / f'{name}.pem')
    chain = place / 'chain.pem'
    chain.write_bytes(b''.join((place / name).read_bytes() for name in (
        'leaf.pem', 'middle.pem', 'leaf.key')))
    test.trusted = place / 'root.pem'
    serve(test, pem=owned(chain))
    visitor(test).get().must_be(200, HELLO)


def rejected(test, pem, pattern):
    """Demands that the server exit with status 1 and say why."""
    child, status = test.run('-d', str(test.site()), '-s', str(pem), '0')
    lines = [line for line in child.lines if str(pem) in line]
    if status != 1 or len(lines) != 1 or pattern not in lines[0]:
        raise Failure(f'status 1, and one line with "{pattern}" and {pem}',
                      f'it {test.outcome(child)}')


@check(TLS)
def key_readable_refused(test):
    """refuses a key that other users can read or write"""
    pem = certificate(test)
    for mode in 0o644, 0o640, 0o604, 0o602:
        pem.chmod(mode)
        rejected(test, pem, f'mode {mode:03o}')


@check(TLS)
def bad_files_refused(test):
    """refuses a file that is missing, empty or cut off, or that has no key, no
    certificate, or the key of another certificate"""
    place, good, other = folder(test), certificate(test), certificate(test)
    key, _, rest = good.read_text().partition('-----BEGIN CERT')
    body = '-----BEGIN CERT' + rest
    rejected(test, place / 'missing.pem', 'open: ')
    for name, text in (('empty', ''), ('keyless', body), ('key-only', key),
                       ('torn', body[:300]),
                       ('crossed', other.read_text().partition(
                           '-----BEGIN CERT')[0] + body)):
        path = place / f'{name}.pem'
        path.write_text(text)
        rejected(test, owned(path), 'SSL_CTX_use_')


@check(TLS)
def passphrase_not_asked(test):
    """refuses a key with a passphrase, and does not ask for it"""
    rejected(test, certificate(test, '-passout', 'pass:secret'),
             'SSL_CTX_use_PrivateKey_file: ')


def presented(secure):
    return secure.session.getpeercert(True)


@check(TLS)
def reload_on_hangup(test):
    """after SIGHUP new connections get the new certificate, and open ones
    continue"""
    server, second = serve(test), certificate(test)
    test.trusted = folder(test) / 'first.pem'
    test.trusted.write_bytes(test.pem.read_bytes())
    before = visitor(test)
    before.get().must_be(200, HELLO)
    old = presented(before.socket)
    test.pem.write_bytes(second.read_bytes())
    if presented(client(test)) != old:
        raise Failure('the old certificate until SIGHUP', 'the new one')
    server.signal(signal.SIGHUP)
    before.get().must_be(200, HELLO)  # so the signal has been handled
    test.trusted = second
    if presented(client(test)) == old:
        raise Failure('the new certificate after SIGHUP', 'the old one')
    before.stays()


@check(TLS)
def bad_reload_keeps_the_old(test):
    """on SIGHUP a bad file is reported, and the old certificate stays"""
    server = serve(test)
    good = folder(test) / 'good.pem'
    good.write_bytes(test.pem.read_bytes())
    test.trusted = good
    for text, mode in ('nonsense\n', 0o600), (good.read_text(), 0o644):
        before = len(server.lines)
        test.pem.write_text(text)
        test.pem.chmod(mode)
        server.signal(signal.SIGHUP)
        told(test, str(test.pem), before)
        visitor(test).get().must_be(200, HELLO)


@check(TLS)
def hangup_without_tls(test):
    """with neither -s nor -l, SIGHUP ends the program, as in 08"""
    child = test.server(root=test.site())
    child.signal(signal.SIGHUP)
    if child.wait_exit() != -signal.SIGHUP:
        raise Failure('an end by SIGHUP', f'it {test.outcome(child)}')
