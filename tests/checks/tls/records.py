"""Records: the pieces into which TLS cuts a stream."""

import errno
import socket
import time

from harness import FOREVER, Failure, check, data, wait_until
from harness.secure import SecureSocket
from harness.web import HELLO, Visitor, request
from .servers import LONGEST, TLS, client, context, serve, visitor


def sealed(secure, *pieces):
    """Returns records, one for each piece."""
    for piece in pieces:
        secure.session.write(piece)
    return secure.outgoing.read()


def narrow(test):
    """A visitor with a small receive buffer."""
    plain = socket.socket()
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    plain.settimeout(10)
    test.closing.append(plain)
    plain.connect((test.running.host, test.running.port))
    return Visitor(SecureSocket(plain, context(test)), longest=LONGEST)


@check(TLS)
def bytes_one_by_one(test):
    """a record may arrive in pieces, even a byte at a time"""
    serve(test)
    guest = visitor(test)
    for cut in 1, 3, 5, 20:
        record = sealed(guest.socket, request())
        for at in range(0, len(record), cut):
            guest.socket.plain.sendall(record[at:at + cut])
        guest.answer().must_be(200, HELLO)


@check(TLS)
def record_for_each_byte(test):
    """a request may arrive in as many records as it has bytes, all at once"""
    serve(test)
    guest = visitor(test)
    message = request()
    for _ in range(3):
        guest.socket.plain.sendall(sealed(guest.socket, *(
            message[at:at + 1] for at in range(len(message)))))
        guest.answer().must_be(200, HELLO)


@check(TLS)
def unseen_by_select(test):
    """answers everything that arrives in one segment (several records, and
    more requests than are read at a time), even if select no longer reports
    it"""
    serve(test)
    guest = visitor(test)
    guest.socket.plain.sendall(sealed(guest.socket, *[request()] * 7))
    for _ in range(7):
        guest.answer().must_be(200, HELLO)
    many = request('/hello.txt', 'X: ' + 'x' * 7000) * 20
    guest.feed(many)
    for _ in range(20):
        guest.answer().must_be(200, HELLO)


@check(TLS)
def half_a_record_sleeps(test):
    """uses no processor time while it waits for the rest of a record"""
    server = serve(test)
    guest = visitor(test)
    record = sealed(guest.socket, request(), request())
    guest.socket.plain.sendall(record[:-30])
    guest.answer().must_be(200, HELLO)
    if server.spins():
        raise Failure('no processor time while only half a record has arrived',
                      'it spins', 'wait with select until more has arrived')
    guest.socket.plain.sendall(record[-30:])
    guest.answer().must_be(200, HELLO)


@check(TLS)
def slow_reader(test):
    """a slow reader with a small buffer gets every byte of a large file: a
    record that was begun is completed"""
    content = data(3 << 20)
    serve(test, files={'large': content, 'hello.txt': HELLO})
    guest = narrow(test)
    guest.send(request('/large') + request())
    for _ in range(60):
        guest.buffer += guest.socket.recv(5000)
        time.sleep(0.01)
    visitor(test).stays()
    guest.answer(request('/large')).must_be(200, content)
    guest.answer().must_be(200, HELLO)


@check(TLS)
def record_begun_and_read_short(test):
    """completes a record that was begun, even if reading that part of the file
    again returns fewer bytes"""
    test.need_injector()
    content = data(3 << 20)
    serve(test, files={'large': content})
    guest = visitor(test)
    test.attached()
    test.faults.fail('send', errno.EAGAIN,
                     test.faults.get('calls', 'send') + 5, FOREVER)
    guest.send(request('/large'))
    wait_until(lambda: test.faults.get('injected', 'send'))
    test.faults.set('most', 1000, 'read')
    before = test.faults.get('calls', 'read')
    wait_until(lambda: test.faults.get('calls', 'read') > before + 1)
    test.faults.relent('send')
    guest.answer(request('/large')).must_be(
        200, content, 'after a failed SSL_write, pass at least as many bytes')


@check(TLS)
def files_of_every_length(test):
    """sends every byte of a file, even of one about as long as a record"""
    files = {str(size): data(size) for size in (
        0, 1, 4096, 4097, 16000, 16383, 16384, 16385, 32768, 262144, 300000)}
    serve(test, files=files)
    guest = visitor(test)
    for name, content in files.items():
        guest.get(f'/{name}').must_be(200, content)
    guest.send(b''.join(request(f'/{name}') for name in files))
    for content in files.values():
        guest.answer().must_be(200, content)


@check(TLS)
def uploads_over_tls(test):
    """receives a body of 3 MB, passes it to a script, and sets HTTPS=on"""
    scripts = test.site({})
    for name, line in ('echo', 'exec cat'), ('secure', 'echo "$HTTPS"'):
        (scripts / name).write_text('#!/bin/sh\necho Content-Type: text/plain;'
                                    f' echo\n{line}\n')
        (scripts / name).chmod(0o755)
    serve(test, '-c', str(scripts))
    guest, body = visitor(test), data(3 << 20)
    guest.feed(request('/cgi/echo', f'Content-Length: {len(body)}',
                       method='POST', body=body))
    guest.answer().must_be(200, body)
    guest.get('/cgi/secure').must_be(200, b'on\n')


@check(TLS)
def requests_meanwhile_over_tls(test):
    """a request that arrives while a script runs is answered afterwards, even
    if the script writes no body and half a record follows the request"""
    scripts = test.site({})
    (scripts / 'slow').write_text('#!/bin/sh\necho Content-Type: text/plain; '
                                  'echo; sleep 0.5\n')
    (scripts / 'slow').chmod(0o755)
    serve(test, '-c', str(scripts))
    guest = visitor(test)
    guest.get('/cgi/slow', method='HEAD').must_be(200, b'')
    record = sealed(guest.socket, request())
    next_record = sealed(guest.socket, request())
    guest.socket.plain.sendall(record + next_record[:3])
    guest.answer().must_be(200, HELLO)
    guest.socket.plain.sendall(next_record[3:])
    guest.answer().must_be(200, HELLO)


@check(TLS)
def errors_are_ones_own(test):
    """an error of one client does not affect another whose record is half
    received or half sent"""
    content = data(4 << 20)
    server = serve(test, files={'large': content, 'hello.txt': HELLO})
    guest, other = visitor(test), visitor(test)

    def offend():
        stranger = test.connect(server)
        stranger.sendall(b'\x16\x03\x01\x00\x05nonsense')
        test.until_end(stranger)
    for _ in range(3):
        offend()
        record = sealed(guest.socket, request())
        guest.socket.plain.sendall(record[:20])
        other.stays()
        guest.socket.plain.sendall(record[20:])
        guest.answer().must_be(200, HELLO)
    guest.send(request('/large'))
    for _ in range(20):
        offend()
        guest.buffer += guest.socket.recv(30000)
    guest.answer(request('/large')).must_be(200, content)


def sanitized(test):
    """Returns whether the program has a sanitizer, which makes blocks of memory
    larger and frees them later."""
    with open(test.words[0], 'rb') as file:
        return b'__asan_init' in file.read()


@check(TLS)
def idle_sessions_are_small(test):
    """an idle session takes at most 18 KB: no buffers are kept"""
    test.measured = True
    server = serve(test)
    for _ in range(20):
        visitor(test).stays()
    before = server.memory()
    for _ in range(200):
        visitor(test).stays()
    each = (server.memory() - before) / 200
    most = 36 if sanitized(test) else 18
    if each > most:
        raise Failure(f'at most {most} KB of memory for each', f'{each:.1f} KB')


@check(TLS)
def sessions_are_freed(test):
    """1000 connections do not make memory grow"""
    test.measured = True
    server = serve(test)
    made = context(test)
    sizes = []
    for _ in range(4):
        for _ in range(250):
            secure = client(test, made)
            Visitor(secure).stays()
            secure.close()
            test.closing[-2:] = []
        wait_until(lambda: len(server.descriptors()) < 12)
        sizes.append(server.memory())
    if sizes[-1] > sizes[0] + (4000 if sanitized(test) else 400):
        raise Failure('no more memory than after 250', f'{sizes} KB')
