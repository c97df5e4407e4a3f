"""Slow clients, and many clients."""

import ssl
import time

from harness import MEMCHECK, Failure, check, dropped
from .servers import TLS, begun, context, serve, visitor


def greeting(test):
    """The first bytes of a handshake."""
    secure = begun(test)
    try:
        secure.session.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return secure.outgoing.read()


@check(TLS)
def slow_handshake(test):
    """with -t 1 limits a handshake to a second, however often a byte arrives"""
    server = serve(test, '-t', '1')
    hello = greeting(test)
    silent, slow = test.connect(server), test.connect(server)
    began = time.monotonic()
    silent.sendall(hello)
    slow.settimeout(0.05)
    for at in range(200):  # in ten seconds
        try:
            slow.sendall(hello[at:at + 1])
            if not slow.recv(1):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    took = time.monotonic() - began
    if not 0.9 < took < (9 if MEMCHECK else 2.9):
        raise Failure('the end of the connection after 1 second (-t 1)',
                      f'{took:.1f} s')
    silent.recv(65536)
    dropped(test, server, silent, began)
    visitor(test).stays()


@check(TLS)
def silent_script_over_tls(test):
    """a script that is silent for -t seconds is killed; the client gets a 504,
    and the connection stays open"""
    scripts = test.site({})
    (scripts / 'silent').write_text('#!/bin/sh\nexec sleep 600\n')
    (scripts / 'silent').chmod(0o755)
    serve(test, '-t', '1', '-c', str(scripts))
    guest = visitor(test)
    began = time.monotonic()
    guest.get('/cgi/silent').must_be(504)
    took = time.monotonic() - began
    if not 0.9 < took < 4:
        raise Failure('a 504 after 1 second (-t 1)', f'after {took:.1f} s')
    guest.stays()


@check(TLS)
def records_without_bytes(test):
    """with -t 1, records of one byte each do not keep a connection open"""
    serve(test, '-t', '1')
    guest = visitor(test)
    guest.stays()
    began = time.monotonic()
    for byte in b'GET /hello.txt HTTP/1.1\r\nX: ' + b'x' * 40:
        try:
            guest.socket.sendall(bytes([byte]))
            guest.socket.plain.settimeout(0.1)
            if not guest.socket.recv(1):
                break
        except TimeoutError:
            continue
        except OSError:
            break
    took = time.monotonic() - began
    if not 0.9 < took < 3:
        raise Failure('the end of the connection after 1 second',
                      f'{took:.1f} s')


@check(TLS)
def nobody_waits(test):
    """serves other clients at once while handshakes are incomplete"""
    server = serve(test)
    hello = greeting(test)
    strangers = [test.connect(server) for _ in range(50)]
    for number, stranger in enumerate(strangers):
        stranger.sendall(hello[:1 + number * len(hello) // 50])
    guest = visitor(test)
    for _ in range(20):
        guest.stays()


@check(TLS)
def many_sessions(test):
    """serves 300 clients at once, with both versions"""
    serve(test)
    made = [context(test), context(test)]
    made[1].maximum_version = ssl.TLSVersion.TLSv1_2
    guests = [visitor(test, made[number % 2]) for number in range(300)]
    for guest in guests + guests[::-1]:
        guest.stays()
