"""The checks of 05-recv-send: the echo, and what clients may do meanwhile.

To add one, start from `echo_line`, a short one; see "Add a check" in
tests/README.md."""

import errno
import os
import re
import signal
import socket
import time

from harness import (ECHO, FOREVER, SIGPIPE_HINT, STRTOL_HINT, TALKING,
                     Failure, Skip, check, converse, data, difference, flood,
                     idles, refuses, reset, told, vanish, wait_until)


@check('05 06 07 08', open=False, after='address_refused')
def seconds_refused(test):
    """what is not a number from 0 to 86400 is no time: status 2"""
    rest = ('localhost', '80') if test.stage == '06' else ('0',)
    for seconds in ('x', '', '-1', '1.5', '86401', '5s', ' 5'):
        refuses(test, '-t', seconds, *rest, hint=STRTOL_HINT)


@check(ECHO)
def echo_line(test):
    """a line comes back as it was sent"""
    server = test.server()
    client = test.connect(server)
    test.echo(client, b'hello, world\n')
    test.echo(client, b'and once more\n')


@check(ECHO)
def echo_one_byte(test):
    """a message of one byte comes back"""
    client = test.connect(test.server())
    for byte in (b'x', b'\n', b'\0', b'\xff'):
        test.echo(client, byte, 'recv() == 1 is data; only 0 is the end of the '
                  'stream')


@check(ECHO)
def echo_nul(test):
    """bytes are echoed, not strings: NULs come back too"""
    client = test.connect(test.server())
    test.echo(client, b'a\0b\0\0c', 'count with what recv returned, not with '
              'strlen, which stops at the first NUL')


@check(ECHO)
def echo_every_byte(test):
    """all 256 values of a byte come back, and nothing is added"""
    client = test.connect(test.server())
    test.echo(client, bytes(range(256)) * 3)
    client.shutdown(socket.SHUT_WR)
    test.ended(client, 'send exactly as many bytes as recv returned')


@check(ECHO)
def echo_exact_lengths(test):
    """messages of every awkward length come back whole"""
    client = test.connect(test.server())
    for size in (1, 2, 255, 256, 257, 1023, 1024, 1025, 4095, 4096, 4097, 8192,
                 16384, 16385):
        test.echo(client, data(size, size), 'a buffer that is full is not a '
                  'special case: no room for a final NUL is needed')


@check(TALKING)
def quiet_with_a_client(test):
    """while its client is silent it uses no processor time"""
    server = test.server()
    test.served(server, test.connect(server))
    if server.spins():
        raise Failure('no processor time while a client is silent', 'it spins',
                      'let recv or select wait. A socket is nearly always '
                      'ready to be sent to: watch for that only with bytes to '
                      'send')


@check(TALKING)
def no_line_a_message(test):
    """it is silent about single recv and send calls"""
    if test.any:
        raise Skip('any wording is allowed')
    server = test.server()
    client = test.connect(server)
    for _ in range(5):
        test.served(server, client)
    lines = [line for line in server.lines
             if not re.match('(listening on|accepted) ', line)]
    if lines or server.output:
        raise Failure('no line about data', lines or bytes(server.output))


@check(ECHO)
def slow_reader(test):
    """64 MB come back whole, though the client reads late and in bits"""
    server = test.server()
    client = test.connect(server)
    message, failures = data(64 << 20), []
    sender = converse(client, message, failures)
    sender.join(0.3)  # by now the server can neither send nor receive
    got = bytearray()
    for step in range(200):
        got += test.receive(client, 1 + step * 7 % 2000,
                            hint='send may take only part: send the rest again')
    got += test.receive(client, len(message) - len(got))
    sender.join(5)
    if failures or bytes(got) != message:
        raise Failure('64 MB as they were sent', f'{failures or ""} '
                      f'{difference(message, bytes(got))}',
                      'a short send is not an error: send the rest again')
    test.ended(client)


@check(ECHO)
def half_close(test):
    """a client that ends its half first and reads afterwards gets it all"""
    server = test.server()
    client = test.connect(server)
    message = data(100000)
    client.sendall(message)
    client.shutdown(socket.SHUT_WR)
    got = test.receive(client, len(message),
                       hint='recv() == 0 ends the client\'s half alone: what '
                       'was received before is still echoed, then close')
    if got != message:
        raise Failure('all that was sent', difference(message, got))
    test.ended(client, 'at the end of the client\'s stream close the socket')


@check(TALKING)
def ends_with_the_client(test):
    """a client that sends nothing and ends is let go"""
    server = test.server()
    client = test.connect(server)
    client.shutdown(socket.SHUT_WR)
    test.ended(client, 'recv() == 0 is the end of the stream: close')
    test.served(server, test.connect(server))


@check(ECHO, open=False)
def partial_send(test):
    """a send that takes only part of the bytes loses none"""
    test.need_injector()
    server = test.server()
    test.attached()
    client = test.connect(server)
    for most, size in ((1, 500), (7, 5000), (1000, 200000)):
        test.faults.set('most', most, 'send')
        message, failures = data(size, most), []
        sender = converse(client, message, failures, end=False)
        got = test.receive(client, size, f'the echo when send takes at most '
                           f'{most} bytes at a time', 'send returns how many '
                           'bytes it took: send the rest in a loop')
        sender.join(5)
        if got != message:
            raise Failure('the bytes in order', difference(message, got))


@check(ECHO, open=False)
def partial_receive(test):
    """bytes that arrive in small pieces come back as they came"""
    test.need_injector()
    server = test.server()
    test.attached()
    client = test.connect(server)
    for most in (1, 3, 100):
        test.faults.set('most', most, 'recv')
        test.echo(client, data(2000, most), 'never expect to recv what was '
                  'sent in one piece')


@check(TALKING)
def client_resets(test):
    """clients that reset, at any moment, cost only themselves"""
    server = test.server()
    for size in (0, 1, 1000, 300000):
        client = test.connect(server)
        message = (test.plenty() * 5)[:size]
        sender = converse(client, message, [], end=False)
        sender.join(0.02)
        reset(client)
    test.served(server, test.connect(server))
    test.alive(server, 'resets')


@check(TALKING)
def sigpipe(test):
    """a client that leaves before it is answered cannot kill the server"""
    server = test.server()
    for half_close in (True, False, True):
        vanish(test, server, half_close)
        wait_until(lambda: not server.running(), 0.05)
        test.alive(server, 'a client that left', SIGPIPE_HINT)
    client = test.connect(server)
    flood(client, 1 << 20, test.plenty())
    client.close()  # with unread data: a reset
    test.served(server, test.connect(server))
    test.alive(server, 'a client that left', SIGPIPE_HINT)


@check(TALKING, open=False)
def talker_stays(test):
    """with -t 1 a client that says something in time is never dropped"""
    server = test.server('-t', '1')
    client = test.connect(server)
    for _ in range(6):
        time.sleep(0.25)
        test.served(server, client, '-t is a silence, not a life time')


@check(ECHO, open=False)
def slow_reader_stays(test):
    """with -t 3 a client that reads slowly, but reads, is never dropped"""
    client = test.connect(test.server('-t', '3'))
    message, failures = data(24 << 20), []
    sender = converse(client, message, failures)
    got = bytearray()
    for _ in range(18):
        time.sleep(0.2)
        got += test.receive(client, 1 << 20, hint='SO_SNDTIMEO is about the '
                            'time in which no byte can be sent')
    got += test.receive(client, len(message) - len(got))
    sender.join(5)
    if failures or bytes(got) != message:
        raise Failure('all that was sent', difference(message, bytes(got)))


@check(TALKING, open=False)
def zero_is_never(test):
    """with -t 0 no silence is too long"""
    server = test.server('-t', '0')
    client = test.connect(server)
    test.served(server, client)
    time.sleep(1.2)
    test.served(server, client, 'a struct timeval of zero means no limit')


@check(TALKING, open=False)
def shortage_ends(test):
    """a send that finds no memory for longer than -t is given up"""
    test.need_injector()
    server = test.server('-t', '1')
    test.attached()
    test.faults.fail('send', errno.ENOBUFS, last=FOREVER)
    client = test.connect(server)
    client.sendall(test.question(b'in vain'))
    idles(test, server, 'send', 'ENOBUFS')
    try:
        if client.recv(10):
            raise Failure('no answer while send fails', 'an answer')
    except ConnectionResetError:
        pass
    except OSError:
        raise Failure('the client is given up after 1 second', 'it is not',
                      'a send waits no longer than -t') from None
    test.faults.relent('send')
    test.served(server, test.connect(server))
    told(test, server, 'send', 'ENOBUFS')


@check('05', open=False, after='shortage_ends')
def shortages_apart(test):
    """bytes that are sent end a shortage: the next one has all of -t again"""
    test.need_injector()
    server = test.server('-t', '1')
    test.attached()
    client = test.connect(server)
    test.faults.set('most', 5, 'send')
    test.faults.set('stop', 8, 'send')
    test.faults.fail('send', errno.ENOBUFS, last=6)  # 0.6 seconds, then bytes
    client.sendall(b'five, five')
    if not wait_until(lambda: server.state() == 'T' or not server.running()):
        raise Failure('another call of send() every tenth of a second, and one '
                      'for the rest', f'{test.faults.get("calls", "send")} '
                      'calls', 'a shortage may pass: send the rest again')
    test.faults.fail('send', errno.ENOBUFS, 8, 13)
    server.signal(signal.SIGCONT)
    test.answered(client, b'five, five', 'bytes that were sent end the '
                  'shortage: count its waits from 0 again')
    told(test, server, 'send', 'ENOBUFS', 2)


@check('05', open=False, after='zero_is_never')
def limits_refused(test):
    """a client for whom no time limit can be set is left, and nobody else"""
    test.need_injector()
    server = test.server()
    test.attached()
    line = f'setsockopt: {os.strerror(errno.ENOBUFS)}'
    for number in (1, 2):
        test.faults.fail('setsockopt', errno.ENOBUFS, number
                         + test.faults.get('calls', 'setsockopt'))
        client = test.connect(server)
        test.ended(client, 'setsockopt can fail, too: say so, close the client')
        if not server.wait_for(lambda: server.lines.count(line) == number):
            raise Failure(f'the line "{line}"', f'it {test.outcome(server)}',
                          'look at what setsockopt returns')
        client = test.connect(server)
        test.served(server, client)
        client.close()


@check(ECHO)
def stop_and_continue(test):
    """Ctrl-Z and fg in the middle of a transfer lose no byte"""
    server = test.server()
    client = test.connect(server)
    message, failures = data(32 << 20), []
    sender = converse(client, message, failures)
    got = bytearray()
    for _ in range(8):
        got += test.receive(client, 2 << 20)
        server.stop_and_continue()
    got += test.receive(client, len(message) - len(got),
                        hint='after SIGCONT recv and send may fail with EINTR, '
                        'or send may have taken only part')
    sender.join(5)
    if failures or bytes(got) != message:
        raise Failure('all that was sent', difference(message, bytes(got)))


@check(TALKING)
def many_in_turn(test):
    """200 clients one after the other are served"""
    server = test.server()
    for _ in range(200):
        client = test.connect(server)
        test.served(server, client)
        client.close()
    test.alive(server, '200 clients')


@check(TALKING)
def waiting_clients(test):
    """clients that connect while another is served are served as well"""
    server = test.server()
    clients = [test.connect(server) for _ in range(8)]
    for number, client in enumerate(clients):
        client.sendall(test.question(b'client %d' % number))
    for number, client in enumerate(clients):
        test.answered(client, b'client %d' % number)
        client.close()
