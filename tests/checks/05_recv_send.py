"""The checks of 05-recv-send: the echo, and what clients may do meanwhile.

To add one, start from `echo_line`, a short one; see "Add a check" in
tests/README.md."""

import errno
import os
import socket
import time

from harness import (ECHO, FOREVER, SIGPIPE_HINT, TALKING, Failure, Skip,
                     Stream, check, converse, counted, data, difference, flood,
                     idles, in_time, refuses, reset_for_sure, shown,
                     strtol_hint, told, vanish, wait_until)

REST_HINT = ('send may take only some of the bytes, and returns how many: send '
             'the rest, in a loop')


@check('05 06 07 08', open=False, after='address_refused')
def seconds_refused(test):
    """rejects SECONDS that are not a number from 0 to 86400 with status 2"""
    rest = ('localhost', '80') if test.stage == '06' else ('0',)
    for seconds in ('x', '', '-1', '1.5', '86401', '5s', ' 5'):
        refuses(test, '-t', seconds, *rest, hint=strtol_hint(seconds))


@check(ECHO)
def echo_line(test):
    """a line comes back unchanged"""
    server = test.server()
    client = test.connect(server)
    test.echo(client, b'hello, world\n')
    test.echo(client, b'and once more\n')


@check(ECHO)
def echo_without_newline(test):
    """bytes come back at once, without waiting for a newline"""
    client = test.connect(test.server())
    for piece in (b'no', b' newline', b' here'):
        test.echo(client, piece, 'send back what recv returned, at once: a '
                  'stream has no lines')


@check(ECHO)
def echo_one_byte(test):
    """a message of one byte comes back"""
    client = test.connect(test.server())
    for byte in (b'x', b'\n', b'\0', b'\xff'):
        test.echo(client, byte, 'a byte of value 0 is data: count with what '
                  'recv returned, not with strlen' if byte == b'\0' else
                  'recv() == 1 is data; only 0 is the end of the stream')


@check(ECHO)
def echo_nul(test):
    """NUL bytes come back, too"""
    client = test.connect(test.server())
    test.echo(client, b'a\0b\0\0c', 'count with what recv returned, not '
              'with strlen, which stops at the first NUL')


@check(ECHO)
def echo_every_byte(test):
    """all 256 byte values come back, and nothing else"""
    client = test.connect(test.server())
    test.echo(client, bytes(range(256)) * 3)
    client.shutdown(socket.SHUT_WR)
    test.ended(client)


@check(ECHO)
def echo_exact_lengths(test):
    """messages of every critical length come back whole"""
    client = test.connect(test.server())
    for size in (1, 2, 255, 256, 257, 1023, 1024, 1025, 4095, 4096, 4097, 8192,
                 16384, 16385):
        test.echo(client, data(size, size), 'a full buffer is not a '
                  'special case: no final NUL is needed, and no byte past its '
                  'end may be written')


@check(TALKING)
def quiet_with_a_client(test):
    """uses no processor time while its client is silent"""
    server = test.server()
    test.served(server, test.connect(server))
    if server.spins():
        raise Failure('no processor time while a client is silent', 'it spins',
                      'let recv or select wait. A socket is nearly always '
                      'writable: put it in the set for writing only while '
                      'bytes are left to send')


@check(TALKING)
def no_line_a_message(test):
    """does not print a line for each recv and send"""
    if test.any:
        raise Skip('any wording is allowed')
    server = test.server()
    client = test.connect(server)
    test.served(server, client)
    before = len(server.lines), len(server.output)
    for _ in range(20):
        test.served(server, client)
    new = server.lines[before[0]:]
    if len(new) > 10 or len(server.output) > before[1]:
        raise Failure('no line for each recv or send',
                      '; '.join(new[:3]) or shown(server.output),
                      'to see the calls, use strace -e trace=network')


@check(ECHO)
def slow_reader(test):
    """64 MB come back to a client that reads late and in small pieces"""
    server = test.server()
    client = test.connect(server)
    stream = Stream(client, 64 << 20).send()
    stream.sender.join(0.3)  # by now the server can neither send nor receive
    for step in range(200):
        stream.take(1 + step * 7 % 2000, REST_HINT)
    stream.finish(REST_HINT)
    test.ended(client)


@check(ECHO)
def half_close(test):
    """a client that shuts down its sending half still gets the whole echo"""
    server = test.server()
    client = test.connect(server)
    message = data(100000)
    client.sendall(message)
    client.shutdown(socket.SHUT_WR)
    got = test.receive(client, len(message),
                       hint='recv() == 0: only the client\'s half has ended; '
                       'send the rest of the echo, then close')
    if got != message:
        raise Failure('the bytes that were sent', difference(message, got),
                      REST_HINT)
    test.ended(client)
    server.end()
    reports = [line for line in server.lines if line.startswith('recv')]
    if reports and not test.any:
        raise Failure('no line about recv: nothing has failed', reports[0],
                      'recv() == 0 is the end of the stream, not an error: do '
                      'not call handle_error for it')


@check(TALKING)
def ends_with_the_client(test):
    """closes a client that ends without sending anything"""
    server = test.server()
    client = test.connect(server)
    client.shutdown(socket.SHUT_WR)
    if test.any:  # it may send something before it closes
        test.until_end(client)
    else:
        test.ended(client, 'recv() == 0 is the end of the stream: close the '
                   'socket')
    test.served(server, test.connect(server))


@check(ECHO, open=False)
def partial_send(test):
    """no bytes are lost when send takes only some of them"""
    test.need_injector()
    server = test.server()
    test.attached()
    client = test.connect(server)
    for most, size in ((1, 500), (7, 5000), (1000, 200000)):
        test.faults.set('most', most, 'send')
        message, failures = data(size, most), []
        sender = converse(client, message, failures, end=False)
        got = test.receive(client, size, f'the echo when send takes at most '
                           f'{counted(most)} at a time', REST_HINT)
        sender.join(5)
        if got != message:
            raise Failure('the bytes in order', difference(message, got),
                          'after a partial send continue from the first byte '
                          'that was not taken')


@check(ECHO, open=False)
def partial_receive(test):
    """bytes that arrive in small pieces come back unchanged"""
    test.need_injector()
    server = test.server()
    test.attached()
    client = test.connect(server)
    for most in (1, 3, 100):
        test.faults.set('most', most, 'recv')
        test.echo(client, data(2000, most), 'recv may return fewer bytes than '
                  'the client sent: send back as many as it returned, and '
                  'call it again')


@check(TALKING)
def client_resets(test):
    """a reset by one client, at any moment, harms no other client"""
    server = test.server()
    reset_for_sure(test.connect(server))
    client = test.connect(server)
    test.served(server, client)
    reset_for_sure(client)  # the server waits in recv, or in select
    client = test.connect(server)
    flood(client, block=test.plenty())
    reset_for_sure(client)  # the server has bytes left to send
    vanish(test, server, False)  # recv still finds bytes
    test.alive(server, 'resets')
    test.served(server, test.connect(server), 'a reset ends one connection: '
                'close that socket, serve the next client')
    test.alive(server, 'resets')


@check(TALKING)
def sigpipe(test):
    """keeps running when a client leaves before the answer"""
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
    """with -t 1 keeps a client that sends something in time"""
    server = test.server('-t', '1')
    client, last = test.connect(server), time.monotonic()
    for _ in range(6):
        time.sleep(0.25)
        last = in_time(last)
        test.served(server, client, '-t limits the time without a byte, '
                    'not the whole connection')


@check(ECHO, open=False)
def slow_reader_stays(test):
    """with -t 3 keeps a client that reads slowly"""
    client = test.connect(test.server('-t', '3'))
    stream = Stream(client, 24 << 20).send()
    for _ in range(18):
        time.sleep(0.2)
        stream.take(1 << 20, 'the client keeps reading: the limit is for the '
                    'time in which no byte moves')
    stream.finish(REST_HINT)


@check(TALKING, open=False)
def zero_is_never(test):
    """with -t 0 never drops a silent client"""
    server = test.server('-t', '0')
    client = test.connect(server)
    never = '0 seconds mean no limit' + (
        ': a struct timeval of zero means the same to SO_RCVTIMEO'
        if test.stage == '05' else ', so no client times out')
    test.served(server, client, never)
    time.sleep(1.2)
    test.served(server, client, never)


@check(TALKING, open=False)
def shortage_ends(test):
    """with -t 1 drops a client if send fails with ENOBUFS for a second"""
    test.need_injector()
    server = test.server('-t', '1')
    test.attached()
    test.faults.fail('send', errno.ENOBUFS, last=FOREVER)
    client = test.connect(server)
    client.sendall(test.question(b'in vain\n'))
    idles(test, server, 'send', 'ENOBUFS')
    try:
        if client.recv(10):
            raise Failure('no answer while send fails', 'an answer',
                          'the result of send was not checked')
    except ConnectionResetError:
        pass
    except OSError:
        raise Failure('the client is dropped after 1 second (-t 1)',
                      'it is not', 'count the waits of a shortage: together '
                      'they may last -t seconds') from None
    test.faults.relent('send')
    test.served(server, test.connect(server))
    told(test, server, 'send', 'ENOBUFS')


@check('05', open=False, after='zero_is_never')
def limits_refused(test):
    """closes a client for which no time limit can be set, and no other"""
    test.need_injector()
    server = test.server()
    test.attached()
    line = f'setsockopt: {os.strerror(errno.ENOBUFS)}'
    for number in (1, 2):
        test.faults.fail('setsockopt', errno.ENOBUFS, number
                         + test.faults.get('calls', 'setsockopt'))
        client = test.connect(server)
        if not wait_until(lambda: test.faults.get('injected', 'setsockopt')
                          >= number, 1):
            return  # it sets fewer limits
        test.ended(client, 'if setsockopt fails, report it and close the '
                   'client: check what setsockopt and set_timeouts return')
        if not server.wait_for(lambda: server.lines.count(line) == number):
            raise Failure(f'the line "{line}"', f'it {test.outcome(server)}',
                          'when setsockopt returns -1, print a line: '
                          'perror("setsockopt")')
        client = test.connect(server)
        test.served(server, client)
        client.close()


@check(ECHO)
def stop_and_continue(test):
    """Ctrl-Z and fg during a transfer lose no byte"""
    server = test.server()
    client = test.connect(server)
    stream = Stream(client, 32 << 20).send()
    hint = ('after SIGCONT recv and send may fail with EINTR (RETRY: call them '
            'again), or send may have taken only some of the bytes')
    for _ in range(8):
        stream.take(2 << 20, hint)
        server.stop_and_continue()
    stream.finish(hint)


@check(TALKING)
def many_in_turn(test):
    """serves 200 clients, one after another"""
    server = test.server()
    for _ in range(200):
        client = test.connect(server)
        test.served(server, client)
        client.close()
    test.alive(server, '200 clients')


@check(TALKING)
def waiting_clients(test):
    """serves clients that connect while another is served"""
    server = test.server()
    clients = [test.connect(server) for _ in range(3 if test.any else 8)]
    for number, client in enumerate(clients):
        client.sendall(test.question(b'client %d\n' % number))
    for number, client in enumerate(clients):
        test.answered(client, b'client %d\n' % number)
        client.close()


@check('05', open=False, after='slow_reader_stays')
def never_reads_once(test):
    """with -t 3 a client that never reads is dropped after 3 seconds, not 6"""
    server = test.server('-t', '3')
    client = test.connect(server)
    flood(client, block=test.plenty())
    began = time.monotonic() - 0.3  # flood returns 0.3 s after its last byte
    line = server.wait_line('send: EAGAIN', 8)
    took = time.monotonic() - began
    if line is None or not 1.5 < took < 5.5:
        raise Failure('the line "send: EAGAIN: ..." after 3 seconds',
                      f'after {took:.1f} s: it {test.outcome(server)}',
                      'send fails with EAGAIN when SO_SNDTIMEO expires: note '
                      'when the last byte was sent; give up after -t seconds: '
                      'report it (handle_retry), and close the socket'
                      if not line else
                      'a tenth of a second is 100000 in tv_usec, and one that '
                      'passes without a byte is not the end: count them'
                      if took < 3 else
                      'a send that is cut short by SO_SNDTIMEO returns how '
                      'many bytes it took: set a short limit, and note when '
                      'the last byte was sent')


@check('05', open=False, after='never_reads_once')
def eagain_at_once(test):
    """drops the client if send fails with EAGAIN without having waited"""
    test.need_injector()
    server = test.server()
    client = test.connect(server)
    test.faults.fail('send', errno.EAGAIN)
    client.sendall(b'at once\n')
    hint = ('this EAGAIN comes at once: no time limit has expired, so it is an '
            'error. Measure how long send takes, with clock_gettime')
    test.ended(client, hint)
    told(test, server, 'send', 'EAGAIN', hint=hint)


@check('05', open=False, after='never_reads_once')
def reads_at_last(test):
    """with -t 0 never drops a client that does not read"""
    stream = Stream(test.connect(test.server('-t', '0')), 24 << 20).send()
    time.sleep(1.2)
    stream.finish('0 seconds mean no limit: a struct timeval of zero means '
                  'the same to SO_SNDTIMEO')
