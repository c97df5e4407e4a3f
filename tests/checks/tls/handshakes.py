"""The handshake: what is negotiated, and what is refused."""

import random
import ssl

from harness import Failure, check
from harness.web import HELLO, Visitor, request
from .servers import TLS, begun, client, context, refused, serve, visitor

WEAK = ('AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-SHA',
        'ECDHE-ECDSA-AES256-SHA384')
STRONG = ('ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384',
          'ECDHE-ECDSA-CHACHA20-POLY1305')
OLD = ssl.TLSVersion.TLSv1_2


def agreed(what, got, expected):
    if got != expected:
        raise Failure(f'{what}: {expected}', str(got))


@check(TLS)
def versions(test):
    """negotiates TLS 1.3, or 1.2 with a client that does not support 1.3"""
    serve(test)
    for most, name in (ssl.TLSVersion.TLSv1_3, 'TLSv1.3'), (OLD, 'TLSv1.2'):
        guest = visitor(test, context(test, maximum_version=most))
        agreed('the version', guest.socket.session.version(), name)
        guest.get().must_be(200, HELLO)


@check(TLS)
def old_versions_refused(test):
    """refuses TLS 1.1, and reports it"""
    serve(test)
    made = context(test, minimum_version=ssl.TLSVersion.TLSv1,
                   maximum_version=ssl.TLSVersion.TLSv1_1)
    made.set_ciphers('ALL:@SECLEVEL=0')
    refused(test, made, 'TLS 1.1')
    visitor(test).stays()


@check(TLS)
def ciphers_strong(test):
    """accepts every cipher of TLS 1.2 that authenticates and has forward
    secrecy, and refuses the others"""
    serve(test)
    for name in STRONG:
        made = context(test, maximum_version=OLD)
        made.set_ciphers(name)
        agreed('the cipher', client(test, made).session.cipher()[0], name)
    for name in WEAK:
        made = context(test, maximum_version=OLD)
        made.set_ciphers(f'{name}:@SECLEVEL=0')
        refused(test, made, name)
    visitor(test).stays()


@check(TLS)
def protocol_selected(test):
    """selects http/1.1 from the protocols that a client offers; refuses a
    client that offers only others"""
    serve(test)
    agreed('without a list no protocol', client(
        test).session.selected_alpn_protocol(), None)
    made = context(test)
    made.set_alpn_protocols(['h2', 'http/1.1'])
    agreed('the protocol', client(test, made).session.selected_alpn_protocol(),
           'http/1.1')
    made = context(test)
    made.set_alpn_protocols(['h2'])
    refused(test, made, 'h2 alone')


@check(TLS)
def resumed_by_ticket(test):
    """resumes a session by its ticket, in TLS 1.2 and 1.3, even twice"""
    serve(test)
    for most in OLD, ssl.TLSVersion.TLSv1_3:
        made = context(test, maximum_version=most)
        first = visitor(test, made)
        first.get().must_be(200, HELLO)
        session = first.socket.session.session
        first.socket.close()
        for _ in range(2):
            secure = begun(test, made)
            secure.session.session = session
            Visitor(secure).get().must_be(200, HELLO)
            if not secure.session.session_reused:
                raise Failure(f'{secure.session.version()}: a session that is '
                              'resumed', 'a new one')


@check(TLS)
def plain_http_told(test):
    """answers a client that speaks HTTP without TLS with a 400 that names
    https, whatever its method, and does not reset the connection"""
    server = serve(test)
    for message in (request(), request(method='DELETE'), b'\r\n' + request(),
                    b'brew\n', request(method='POST', body=b'x' * (8 << 20))):
        guest = Visitor(test.connect(server))
        guest.socket.sendall(message)
        reply = guest.answer().must_be(400)
        if b'https://' not in reply.body:
            raise Failure('a page that names https://', str(reply))
        guest.ended()
    visitor(test).stays()


@check(TLS)
def garbage_refused(test):
    """random bytes get no file, and harm no other client"""
    server = serve(test)
    other = visitor(test)
    chance = random.Random(15441)
    for size in (1, 5, 100, 5000, 70000) * 3:
        stranger = test.connect(server)
        first = bytes([chance.choice((0, 20, 21, 22, 23, 128, 255))])
        try:
            stranger.sendall(first + chance.randbytes(size))
            stranger.shutdown(1)
            answer = test.until_end(stranger)
        except OSError:
            answer = b''
        if len(answer) > 100:
            raise Failure('an alert at most', repr(answer[:60]))
        other.stays()
    test.alive(server, 'garbage')


@check(TLS)
def handshakes_broken_off(test):
    """clients that disconnect during the handshake leave no descriptor
    behind"""
    server = serve(test)
    visitor(test).stays()
    before = len(server.descriptors())
    hello = begun(test)
    try:
        hello.session.do_handshake()
    except ssl.SSLWantReadError:
        pass
    greeting = hello.outgoing.read()
    for size in (1, 4, 5, 6, 50, len(greeting) - 1, len(greeting)) * 5:
        stranger = test.connect(server)
        stranger.sendall(greeting[:size])
        stranger.close()
    hello.plain.close()
    visitor(test).stays()
    test.closing[-1].close()
    if not server.wait_for(lambda: len(server.descriptors()) <= before):
        raise Failure(f'{before} descriptors', f'{len(server.descriptors())}')
