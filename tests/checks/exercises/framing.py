"""The checks of 05-framing: messages preceded by their length.

To add one, start from `reverses`, a short one; see "Add a check" in
tests/README.md."""

import socket
import struct
import time

from harness import (Failure, Skip, check, converse, counted, data, share,
                     shown, told)
from harness.framing import CLOSE_HINT, MOST, framed

SPLIT_HINT = ('recv returns what has arrived so far: a length, too, may '
              'arrive in pieces. Call recv in a loop until all bytes have '
              'arrived')
LIMIT_HINT = ('-t limits the time without a byte, not the time for a whole '
              'message')
EXACT_HINT = ('one recv may return more than one message: receive the 4 '
              'bytes of the length, then exactly as many bytes as it says')


@check('05-framing')
def reverses(test):
    """answers a message with its bytes in reverse order, framed the same way"""
    client = test.connect(test.server())
    client.sendall(framed(b'abc'))
    test.answered(client, b'abc')
    client.sendall(framed(b'hello, world\n'))
    test.answered(client, b'hello, world\n', 'a connection carries any number '
                  'of messages: after each answer receive the next message, '
                  'until the stream ends')


@check('05-framing')
def answers_at_once(test):
    """answers as soon as a message is complete, without waiting for more"""
    server = test.server()
    for message in (b'x', b'no newline', b'0123456789' * 500):
        client = test.connect(server)
        client.sendall(framed(message))
        test.answered(client, message,
                      'receive exactly as many bytes as the length says, then '
                      'answer: the client may be waiting for the answer before '
                      'it sends more')
        client.close()


@check('05-framing')
def empty_message(test):
    """the answer to a message of 0 bytes is the length 0"""
    client = test.connect(test.server())
    for message in (b'', b'after it', b''):
        client.sendall(framed(message))
        test.answered(client, message,
                      'a message of 0 bytes does not end the stream: answer '
                      'it, and do not call recv for 0 bytes, which returns 0')


@check('05-framing')
def every_byte(test):
    """messages may contain all 256 byte values, including NUL"""
    client = test.connect(test.server())
    for message in (b'a\0b\0\0c', bytes(range(256)) * 3, b'\0', b'\xff\n\0'):
        client.sendall(framed(message))
        test.answered(client, message)


@check('05-framing')
def awkward_lengths(test):
    """messages of every critical length, up to 65536 bytes, are answered"""
    client = test.connect(test.server())
    for size in (1, 2, 3, 4, 5, 127, 128, 255, 256, 257, 4095, 4096, 4097,
                 32768, 65280, 65535, MOST):
        failures, message = [], data(size, size)
        sender = converse(client, framed(message), failures, end=False)
        test.answered(client, message, f'a length of {size} is '
                      f'{shown(struct.pack("!I", size))}, and it is unsigned; '
                      'the buffer needs room for 65536 bytes')
        sender.join(5)


@check('05-framing')
def several_at_once(test):
    """messages that arrive together are all answered, in order"""
    client = test.connect(test.server())
    messages = [b'one', b'', b'three', data(300), b'5']
    client.sendall(b''.join(map(framed, messages)))
    for message in messages:
        test.answered(client, message, EXACT_HINT)


@check('05-framing')
def split_anywhere(test):
    """a message may be split anywhere, even inside its length"""
    server = test.server()
    stream = framed(b'split') + framed(b'anywhere')
    for place in (*range(1, len(stream)), 0):
        client = test.connect(server)
        pieces = ([stream[:place], stream[place:]] if place else
                  [bytes([byte]) for byte in stream])
        for piece in pieces:
            client.sendall(piece)
            time.sleep(0.005)  # so that it arrives alone
        test.answered(client, b'split', SPLIT_HINT)
        test.answered(client, b'anywhere', EXACT_HINT)
        client.close()


@check('05-framing', open=False)
def partial_receive(test):
    """a message is received whole even if recv returns only a few bytes at a
    time"""
    test.need_injector()
    server = test.server()
    test.attached()
    client = test.connect(server)
    for most in (1, 3, 100):
        test.faults.set('most', most, 'recv')
        for message in (b'four', data(2000, most)):
            client.sendall(framed(message))
            test.answered(client, message, SPLIT_HINT)


@check('05-framing', open=False)
def partial_send(test):
    """an answer is sent whole even if send takes only a few bytes at a time"""
    test.need_injector()
    server = test.server()
    test.attached()
    client = test.connect(server)
    for most, size in ((1, 500), (7, 5000), (1000, MOST)):
        test.faults.set('most', most, 'send')
        message, failures = data(size, most), []
        sender = converse(client, framed(message), failures, end=False)
        test.answered(client, message, 'send may take only some of the bytes: '
                      'send the rest, in a loop')
        sender.join(5)


@check('05-framing')
def long_talk(test):
    """500 messages of all lengths on one connection are answered"""
    client = test.connect(test.server())
    source, failures = data(2 * MOST), []
    messages = [source[number:][:number * number * 7 % (MOST + 1)]
                for number in range(500)]
    sender = converse(client, b''.join(map(framed, messages)), failures)
    for message in messages:
        test.answered(client, message)
    sender.join(5)
    test.ended(client)


@check('05-framing')
def half_close(test):
    """a client that shuts down its sending half still gets every answer, then
    the end of the stream"""
    client = test.connect(test.server())
    messages = [data(50000, number) for number in range(4)] + [b'the last']
    sender = converse(client, b''.join(map(framed, messages)), [])
    for message in messages:
        test.answered(client, message,
                      "recv() == 0: only the client's half has ended; answer "
                      "all that has arrived, then close")
    sender.join(5)
    test.ended(client, 'recv() == 0 between two messages is the end: close the '
               'socket')


@check('05-framing')
def ends_inside(test):
    """if a client's stream ends inside a message, closes without answering that
    message"""
    server = test.server()
    for stream in (b'\0', b'\0\0\0', b'\0\0\0\5', b'\0\0\0\5four'):
        client = test.connect(server)
        client.sendall(framed(b'whole') + stream)
        client.shutdown(socket.SHUT_WR)
        test.answered(client, b'whole')
        test.ended(client,
                   'recv() == 0 inside a message: the message is incomplete, '
                   'so do not answer it; close the socket')
    test.served(server, test.connect(server))


@check('05-framing', open=False)
def ends_inside_line(test):
    """if a client's stream ends inside a message, prints "recv: the stream ends
    inside a message"; if it ends after one, prints nothing"""
    server = test.server()
    line = 'recv: the stream ends inside a message'
    for stream, times in ((b'', 0), (framed(b'whole'), 0), (b'\0\0', 1),
                          (b'\0\0\0\5', 2), (b'\0\0\0\5four', 3)):
        client = test.connect(server)
        client.sendall(stream)
        client.shutdown(socket.SHUT_WR)
        test.until_end(client)
        server.wait_for(lambda: server.lines.count(line) >= times)
        if server.lines.count(line) != times:
            raise Failure(f'{counted(times, "line")} "{line}" after '
                          f'{counted(times, "client")} ended inside a message',
                          f'{server.lines.count(line)}; it '
                          f'{test.outcome(server)}')


@check('05-framing')
def too_long(test):
    """a length above 65536 is answered with the message "too long" at once,
    followed by the end of the stream"""
    server = test.server()
    for length in (MOST + 1, 1 << 24, (1 << 31) - 1, 1 << 31, (1 << 32) - 1):
        client = test.connect(server)
        client.sendall(struct.pack('!I', length))
        test.refused(client)
        client.close()
    test.served(server, test.connect(server), 'a message that is too long ends '
                'its connection; then serve the next client')


@check('05-framing')
def too_long_in_turn(test):
    """messages before one that is too long are answered; those after it are
    not"""
    client = test.connect(test.server())
    client.sendall(framed(b'first') + struct.pack('!I', MOST + 1)
                   + framed(b'never') * 3)
    test.answered(client, b'first')
    test.refused(client)


@check('05-framing')
def too_long_unread(test):
    """after a length that is too large, receives and discards what the client
    still sends, until the client ends"""
    server = test.server()
    client = test.connect(server)
    test.say(client, struct.pack('!I', 1 << 31) + data(1000))
    test.refused(client)
    client.settimeout(15)
    for size in (1, 1000, 8 << 20, 1, 1):  # after a reset a second send fails
        test.say(client, data(size), CLOSE_HINT)
        time.sleep(0.05)
    client.shutdown(socket.SHUT_WR)
    test.ended(client)
    test.served(server, test.connect(server))


@check('05-framing', open=False)
def too_long_line(test):
    """prints "too long: a message of N bytes" for a message that is too
    long"""
    server = test.server()
    client = test.connect(server)
    client.sendall(b'\xff\xff\xff\xfe')
    test.refused(client)
    line = 'too long: a message of 4294967294 bytes'
    if not server.wait_line(line + '$'):
        raise Failure(f'the line "{line}"', f'it {test.outcome(server)}',
                      'the length is unsigned')


@check('05-framing', open=False)
def silent_inside(test):
    """with -t 1 drops a client that is silent inside a length, inside a
    message, or after a length that is too large"""
    server = test.server('-t', '1')
    for number, stream in enumerate((b'\0\0', b'\0\0\0\5fo'), 1):
        client = test.connect(server)
        client.sendall(stream)
        began = time.monotonic()
        test.ended(client, 'SO_RCVTIMEO makes recv fail with EAGAIN after -t '
                   'seconds, inside a message, too: close the client')
        if time.monotonic() - began < 0.9:
            raise Failure('the client is dropped after 1 second of silence '
                          '(-t 1)', f'after {time.monotonic() - began:.2f} s')
        told(test, server, 'recv', 'EAGAIN', number)
    client = test.connect(server)
    client.sendall(b'\xff\xff\xff\xff')
    test.refused(client)
    test.served(server, test.connect(server), 'a client that stays after its '
                'message was too long is dropped after -t seconds')


@check('05-framing', open=False)
def slow_but_not_silent(test):
    """with -t 1 keeps a client whose message takes 3 seconds to arrive"""
    client = test.connect(test.server('-t', '1'))
    before = time.monotonic()
    for byte in framed(b'slowly'):
        if time.monotonic() - before > 0.8:
            raise Skip('this machine is too busy to send a byte in time')
        test.say(client, bytes([byte]), LIMIT_HINT)
        before = time.monotonic()
        time.sleep(0.3)
    test.answered(client, b'slowly', LIMIT_HINT)


share('05-framing', 'usage_help waits_quietly quiet_with_a_client '
      'no_line_a_message ends_with_the_client client_resets sigpipe '
      'talker_stays zero_is_never shortage_ends limits_refused '
      'many_in_turn waiting_clients never_reads_once')
