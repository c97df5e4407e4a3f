"""How sessions end: with the alert close_notify."""

import signal
import socket
import ssl

from harness import Failure, check, data
from harness.web import HELLO, request
from .servers import TLS, client, serve, told, visitor


def ends_with_an_alert(guest):
    """Demands close_notify and then the end of the stream."""
    secure = guest.socket
    while True:
        try:
            piece = secure.session.read(65536)
            if not piece:
                break
            raise Failure('close_notify', f'more: {piece[:60]!r}')
        except ssl.SSLWantReadError:
            secure.fill()
        except ssl.SSLZeroReturnError:
            break
        except ssl.SSLEOFError:
            raise Failure('close_notify before the end of the stream',
                          'the end alone', 'SSL_shutdown comes before '
                          'shutdown') from None
    if secure.plain.recv(1):
        raise Failure('the end of the stream after close_notify', 'more')


@check(TLS)
def told_of_the_end(test):
    """sends close_notify and the end of the stream after the last response, so
    that a client knows that nothing was cut off"""
    content = data(1 << 20)
    serve(test, files={'large': content, 'hello.txt': HELLO})
    for target, body in ('/hello.txt', HELLO), ('/large', content):
        guest = visitor(test)
        guest.get(target, 'Connection: close').must_be(200, body)
        ends_with_an_alert(guest)
    guest = visitor(test)
    guest.ask(b'nonsense\r\n\r\n').must_be(400)
    ends_with_an_alert(guest)


@check(TLS)
def answers_the_alert(test):
    """answers a client's close_notify with close_notify and the end of the
    stream, even if the client's stream has not ended, and prints no line"""
    server = serve(test)
    guest = visitor(test)
    guest.stays()
    before = len(server.lines)
    guest.socket.say_end()
    ends_with_an_alert(guest)
    visitor(test).stays()
    if server.wait_for(lambda: len(server.lines) > before, 0.3):
        raise Failure('no line', server.lines[before:])


@check(TLS)
def ends_without_an_alert(test):
    """if a client closes without close_notify, closes and prints no line;
    requests sent before that are answered"""
    server = serve(test)
    before = len(server.lines)
    guest = visitor(test)
    guest.send(request())
    guest.socket.plain.shutdown(socket.SHUT_WR)
    guest.answer().must_be(200, HELLO)
    guest.ended()
    if server.wait_for(lambda: len(server.lines) > before, 0.3):
        raise Failure('no line', server.lines[before:])


@check(TLS)
def sigterm_says_so(test):
    """on SIGTERM idle clients get close_notify, and the exit status is 0"""
    server = serve(test)
    guests = [visitor(test) for _ in range(3)]
    for guest in guests:
        guest.stays()
    server.signal(signal.SIGTERM)
    if server.wait_exit() != 0:
        raise Failure('status 0', f'it {test.outcome(server)}')
    for guest in guests:
        ends_with_an_alert(guest)


@check(TLS)
def tampered_record(test):
    """a record that was altered on the way ends only its own connection, with
    an alert"""
    server = serve(test)
    guest, other = visitor(test), visitor(test)
    secure = guest.socket
    secure.session.write(request())
    record = bytearray(secure.outgoing.read())
    record[-1] ^= 1
    before = len(server.lines)
    secure.plain.sendall(record)
    try:
        if secure.recv(1):
            raise Failure('an alert', 'an answer')
    except ssl.SSLError as error:
        if 'BAD_RECORD_MAC' not in str(error):
            raise Failure('the alert bad_record_mac', str(error)) from None
    told(test, 'SSL_read: ', before)
    other.stays()
    client(test)
