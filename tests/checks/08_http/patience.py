"""The checks of 08 that are about slow clients, and many clients."""

import errno
import random
import select
import socket
import sys
import threading
import time

from .kept import need_pipelining
from harness import (FOREVER, Failure, Skip, check, data, dropped, flood,
                     guarded, in_time, reset, wait_until)
from harness.web import HELLO, WEB, Visitor, request


def until_ended(visitor, began, send=None, every=0.1):
    """Waits for the end of a connection, sending from time to time. Demands
    that the end come after one second or slightly more."""
    visitor.socket.settimeout(every)
    while time.monotonic() - began < 6:
        try:
            if send is not None:
                visitor.socket.sendall(send)
            if not visitor.socket.recv(65536):
                break
        except (socket.timeout, TimeoutError):
            continue
        except OSError:
            break
    took = time.monotonic() - began
    if not 0.9 < took < 4:
        raise Failure('the end of the connection after 1 second (-t 1)',
                      f'after {took:.1f} s' if took < 6 else 'no end in 6 s')


@check(WEB, open=False)
def slow_head(test):
    """with -t 1 a head must end within a second, counted from its first byte,
    however often a byte arrives"""
    server = test.server('-t', '1', root=test.site())
    visitors = [test.visitor(server=server) for _ in range(2)]
    began = time.monotonic()
    pieces = (b'x', b'X: y\r\n')
    for visitor in visitors:
        visitor.send(b'GET /hello.txt HTTP/1.1\r\nX: ' + b'\r\n' * (
            visitor is visitors[1]))
    thread = threading.Thread(target=trickle, args=(
        visitors[1], pieces[1], time.monotonic() + 3), daemon=True)
    thread.start()
    until_ended(visitors[0], began, pieces[0])
    until_ended(visitors[1], began)
    thread.join()
    test.visitor(server=server).stays()


def trickle(visitor, piece, end):
    """Sends a piece every tenth of a second."""
    try:
        while time.monotonic() < end:
            visitor.socket.sendall(piece)
            time.sleep(0.1)
    except OSError:
        pass


@check(WEB, open=False)
def slow_second_head(test):
    """with -t 1 the next head on a connection also has 1 second"""
    visitor, last = test.visitor('-t', '1'), time.monotonic()
    visitor.stays()
    time.sleep(0.5)
    began = in_time(last)
    visitor.send(b'GET /hello')
    until_ended(visitor, began, b'x')


@check(WEB, open=False)
def trickling_empty_lines(test):
    """with -t 1 empty lines from time to time do not keep a connection open,
    in whatever pieces they arrive"""
    server = test.server('-t', '1', root=test.site())
    for bits in ([b'\r\n'], [b'\n'], [b'\r', b'\n']):
        visitor = test.visitor(server=server)
        began = time.monotonic()
        visitor.stays()
        for bit in bits * 40:
            try:
                visitor.socket.sendall(bit)
            except OSError:
                break
            if select.select([visitor.socket], [], [], 0.1)[0]:
                break
        if not 0.9 < time.monotonic() - began < 4:
            raise Failure('the end of the connection after 1 second (-t 1)',
                          f'{time.monotonic() - began:.1f} s')


@check(WEB, open=False)
def trickling_body(test):
    """with -t 1 a body that trickles in does not keep a connection open: a byte
    every 0.7 or 0.2 seconds, or a chunk of one byte every 0.4 seconds"""
    server = test.server('-t', '1', root=test.site())
    for field, bit, every in (('Content-Length: 100000', b'x', 0.7),
                              ('Content-Length: 100000', b'x', 0.2),
                              ('Transfer-Encoding: chunked',
                               b'1\r\nx\r\n', 0.4)):
        visitor = test.visitor(server=server)
        visitor.send(request('/hello.txt', field, method='POST'))
        began = time.monotonic()
        while time.monotonic() - began < 8:
            try:
                visitor.socket.sendall(bit)
            except OSError:
                break
            if select.select([visitor.socket], [], [], every)[0]:
                break
        else:
            raise Failure('the end of the connection',
                          'it is still open after 8 s',
                          'give a body more time only once it has grown by '
                          'half or by 1 KB, not after each byte')
    test.visitor(server=server).stays()


@check(WEB, open=False)
def idle_after_a_response(test):
    """with -t 1 closes an idle connection a second after its response"""
    visitor = test.visitor('-t', '1')
    began = time.monotonic()
    visitor.stays()
    until_ended(visitor, began)


@check(WEB, open=False)
def body_that_stops(test):
    """with -t 1 drops a client whose body stops, but not one whose body is
    slow"""
    server = test.server('-t', '1', root=test.site())
    stopped, slow = test.visitor(server=server), test.visitor(server=server)
    began = last = time.monotonic()
    for visitor in (stopped, slow):
        visitor.send(request('/hello.txt', 'Content-Length: 9', body=b'hel'))
    for byte in b'lo bye':
        time.sleep(0.3)
        last = in_time(last)
        slow.send(bytes([byte]))
    slow.answer().must_be(200, HELLO)
    dropped(test, server, stopped.socket, began)
    stopped.ended()


@check(WEB, open=False)
def reader_that_stops(test):
    """with -t 1 drops a client that stops reading, but not one that reads
    slowly"""
    content = data(24 << 20)
    server = test.server('-t', '1', root=test.site({'large': content}))
    stopped, slow = test.visitor(server=server), test.visitor(server=server)
    for visitor in (stopped, slow):
        visitor.send(request('/large'))
    began = last = time.monotonic()
    for _ in range(8):
        time.sleep(0.25)
        last = in_time(last)
        slow.buffer += test.receive(slow.socket, 1 << 20)
    dropped(test, server, stopped.socket, began)
    in_time(last)
    slow.answer(request('/large')).must_be(200, content)


@check(WEB, open=False)
def slow_reader_stays(test):
    """with -t 1 keeps a client that reads slowly, even if the system does not
    report unacknowledged bytes; every byte sent then counts as moved"""
    test.need_injector()
    content = data(24 << 20)
    server = test.server('-t', '1', root=test.site({'large': content}))
    test.attached()
    test.faults.fail('ioctl', errno.ENOTTY, last=FOREVER)
    slow = test.visitor(server=server)
    slow.send(request('/large'))
    last = time.monotonic()
    for _ in range(8):
        time.sleep(0.25)
        last = in_time(last)
        slow.buffer += test.receive(slow.socket, 1 << 20)
    slow.answer(request('/large')).must_be(200, content)


@check(WEB, open=False)
def response_in_the_buffer(test):
    """with -t 2, after a socket has taken a response of 600 KB at once, drops a
    client that reads nothing for two seconds, but not one that reads slowly"""
    if not sys.platform.startswith('linux'):
        raise Skip('this system does not report what has arrived')
    content = data(600000)
    server = test.server('-t', '2', root=test.site({'large': content}))
    for _ in range(2):
        clients = [test.connect(server, receive_buffer=16384)
                   for _ in range(2)]
        slow, stopped = map(Visitor, clients)
        began = time.monotonic()
        for visitor in (slow, stopped):
            visitor.send(request('/large'))
        lines = [f'dropped 127.0.0.1:{client.getsockname()[1]}: no byte moved '
                 'for 2 seconds' for client in clients]
        last, pause = began, 0
        while last < began + 3.2:
            slow.buffer += test.receive(slow.socket, 14000)
            time.sleep(0.1)
            pause = max(pause, time.monotonic() - last)
            last = time.monotonic()
        slow.answer(request('/large')).must_be(200, content)
        if lines[1] in server.lines and lines[0] not in server.lines:
            return
    if pause > 1:
        raise Skip('this machine is too busy to read at a steady pace')
    if lines[0] in server.lines:
        raise Failure('no such line: the client keeps reading', lines[0],
                      'a byte that the peer has acknowledged counts as moved')
    raise Failure(f'the line "{lines[1]}" after 2 seconds, or slightly more',
                  'no such line after 3.2 s', 'the kernel does not report when '
                  'bytes were acknowledged, so ask repeatedly how many were')


@check(WEB, open=False)
def refused_and_silent(test):
    """with -t 1 drops a client that stays connected after a rejected request"""
    server = test.server('-t', '1', root=test.site())
    before = len(server.descriptors())
    visitor = test.visitor(server=server)
    visitor.ask(b'nonsense\r\n\r\n').must_be(400)
    visitor.ended()
    trickler = test.visitor(server=server)
    trickler.ask(b'nonsense\r\n\r\n').must_be(400)
    thread = threading.Thread(target=trickle, args=(
        trickler, b'x', time.monotonic() + 5), daemon=True)
    thread.start()
    if not wait_until(lambda: len(server.descriptors()) <= before, 4.5):
        raise Failure('no socket of a rejected client open after 4 s',
                      f'{len(server.descriptors()) - before} still open',
                      'read what still arrives, but only for a limited time')


@check(WEB)
def requests_without_reading(test):
    """stops reading from a client that does not read its responses: memory is
    bounded, and no other client waits"""
    test.measured = True
    server = test.server(root=test.site())
    test.need_persistence(server)
    other = test.visitor(server=server)
    other.stays()
    before = server.memory()
    for _ in range(4):
        client = test.connect(server)
        taken = flood(client, 64 << 20, request('/data.bin') * 1000)
        if taken >= 64 << 20 and not test.any:  # others may discard the rest
            raise Failure('it stops reading from a client that does not read',
                          '64 MB of requests were taken', 'while a response '
                          'cannot be sent, do not receive')
        other.stays()
    most = 4000 if test.any else 300
    if server.memory() - before > 4 * most:
        raise Failure(f'at most {most} KB of memory for each client',
                      f'{server.memory() - before} KB for 4')


@check(WEB)
def files_without_reading(test):
    """files of 64 MB for 20 clients that do not read take little memory"""
    test.measured = True
    root = test.site()
    with open(root / 'large', 'wb') as file:
        file.truncate(64 << 20)
    server = test.server(root=root)
    test.visitor(server=server).stays()
    before = server.memory()
    visitors = [test.visitor(server=server) for _ in range(20)]
    for visitor in visitors:
        visitor.send(request('/large'))
    for visitor in visitors:
        test.receive(visitor.socket, 100000)
    most = 4000 if test.any else 300
    if server.memory() - before > 20 * most:
        raise Failure(f'at most {most} KB of memory for each client',
                      f'{server.memory() - before} KB for 20', 'read no more '
                      'of a file than can be sent')


@check(WEB, open=False)
def bodies_forgotten(test):
    """a request body of 64 MB takes no memory"""
    test.measured = True
    server = test.server(root=test.site())
    visitor = test.visitor(server=server)
    visitor.stays()
    before, block = server.memory(), data(1 << 20)
    piece = b'100000\r\n' + block + b'\r\n'
    visitor.send(request('/hello.txt', f'Content-Length: {64 << 20}'))
    for _ in range(64):
        visitor.send(block)
    visitor.answer().must_be(200, HELLO)
    visitor.send(request('/hello.txt', 'Transfer-Encoding: chunked'))
    for _ in range(64):
        visitor.send(piece)
    visitor.ask(b'0\r\n\r\n').must_be(200, HELLO)
    if server.memory() - before > 1000:
        raise Failure('at most 1000 KB more memory',
                      f'{server.memory() - before} KB')


@check(WEB)
def web_storm(test):
    """50 clients send random requests and leave at random: every byte is
    right"""
    files = {f'{size}.bin': data(size, size % 250) for size in (
        0, 1, 100, 5000, 65536, 300000)}
    server = test.server(root=test.site({'hello.txt': HELLO, **files}))
    test.need_persistence(server)
    need_pipelining(test)
    end, complaints = time.monotonic() + 1, []

    def live(number):
        chance = random.Random(number * 100003 + 15441)
        while time.monotonic() < end and not complaints:
            connection = socket.create_connection((server.host, server.port),
                                                  10)
            with test.secured(connection) as connection:
                web_life(Visitor(connection), files, chance)

    def watched(number):
        try:
            guarded(live, number, complaints)
        except Failure as failure:
            complaints.append(f'{failure.got} instead of {failure.expected}')
    threads = [threading.Thread(target=watched, args=(number,), daemon=True)
               for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(15)
    if complaints:
        raise Failure('the files that were asked for', complaints[0])
    test.alive(server, 'the storm')
    test.visitor(server=server).get('/1.bin').must_be(200, files['1.bin'])


def web_life(visitor, files, chance):
    """Sends several requests at a time, and may leave at any moment."""
    for _ in range(chance.randrange(1, 4)):
        names = chance.choices(sorted(files), k=chance.randrange(1, 8))
        visitor.send(b''.join(request('/' + name) for name in names))
        for name in names:
            if chance.random() < 0.05:
                if chance.random() < 0.5:
                    reset(visitor.socket)
                return
            visitor.answer(request('/' + name)).must_be(200, files[name])


@check(WEB, open=False)
def download_given_up(test):
    """a download that a browser cancels causes at most one line on standard
    error, even if more requests follow on the same connection"""
    root = test.site({'middle': data(500000)})
    with open(root / 'large', 'wb') as file:
        file.truncate(64 << 20)
    server = test.server(root=root)
    descriptors, most = len(server.descriptors()), len(server.lines)
    for target in ('/large', '/middle'):
        for give_up in (reset, socket.socket.close):
            visitor = test.visitor(server=server)
            visitor.send(request(target) * 3)
            test.receive(visitor.socket, 70000)
            give_up(visitor.socket)
            wait_until(lambda: len(server.descriptors()) <= descriptors)
            most += 1
            if len(server.lines) > most:
                raise Failure('one line at most', server.lines[1:])
    test.visitor(server=server).get('/middle').must_be(200, data(500000))
