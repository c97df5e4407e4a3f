"""The checks of 04-datagram as a client: messages that are lost, late or from
a stranger."""

import socket
import struct
import subprocess
import time

from checks.exercises.datagram_tools import (
    LONGEST, STAGE, Asked, free_port, said, start_server)
from harness import (PATIENCE, Failure, check, data, feed, shown, told,
                     wait_until)

NUMBER_HINT = ('an answer has the same bytes as the request, its number '
               'included: skip any other message, and keep waiting')
AGAIN_HINT = ('limit how long recvfrom may wait (SO_RCVTIMEO), then send the '
              'same request again')
EARLY_HINT = ('it asks again too early: -t is in seconds, and so is tv_sec')
LIMIT = 4  # a request is sent once, then at most three more times


@check(STAGE)
def client_line(test):
    """with -c sends a line, numbered 1, and prints the answer"""
    server = Asked(test)
    server.start(b'hello\n')
    server.answer(server.request(1, b'hello'))
    server.succeeded(b'hello\n')


@check(STAGE)
def client_lines(test):
    """numbers the lines, and sends each only after the previous one has been
    answered"""
    server = Asked(test)
    server.start(b'one\ntwo\n\nthree\n')
    for number, line in enumerate((b'one', b'two', b'', b'three'), 1):
        request = server.request(number, line, 'an empty line is a message, '
                                 'too' if number == 3 else '')
        server.nothing(0.1, 'while the previous one has no answer', 'wait for '
                       'the answer to a line before sending the next',
                       EARLY_HINT)
        server.answer(request)
    server.succeeded(b'one\ntwo\n\nthree\n')


@check(STAGE)
def client_types(test):
    """prints the answer to a line before the next line is typed"""
    server = Asked(test)
    child = server.start(None)
    for number in range(1, 4):
        child.process.stdin.write(b'line %d\n' % number)
        child.process.stdin.flush()
        server.answer(server.request(number, b'line %d' % number, 'read a '
                                     'line at a time: fread waits for more'))
        wanted = b''.join(b'line %d\n' % line for line in range(1, number + 1))
        if not child.wait_for(lambda: bytes(child.output) == wanted):
            raise Failure(f'{shown(wanted)} on standard output before more is '
                          'typed', shown(bytes(child.output)),
                          'call fflush(stdout) after each line')
    child.process.stdin.close()
    server.succeeded(b'line 1\nline 2\nline 3\n')


@check(STAGE)
def last_line(test):
    """sends a last line without a newline, too"""
    server = Asked(test)
    server.start(b'one\ntwo')
    server.serve(b'one', b'two')
    server.succeeded(b'one\ntwo\n')


@check(STAGE)
def no_lines(test):
    """sends nothing, and exits with status 0, if the input is empty"""
    server = Asked(test)
    server.start(b'')
    server.succeeded(b'')
    server.nothing(0.1, 'for an empty input')


@check(STAGE)
def any_line(test):
    """a line may contain any bytes, including NUL"""
    line = b'a\0b\0' + bytes(set(range(256)) - {10})
    server = Asked(test)
    server.start(line + b'\n\0\n')
    server.serve(line, b'\0')
    server.succeeded(line + b'\n\0\n', 'count bytes: fgets, strlen and printf '
                     'stop at a NUL')


@check(STAGE)
def longest_line(test):
    """a line of 65,503 bytes, the most that fit with its number, is sent"""
    line = data(LONGEST - 4).replace(b'\n', b'-')
    server = Asked(test)
    server.start(line + b'\nshort\n')
    server.serve(line, b'short')
    server.succeeded(line + b'\nshort\n')


@check(STAGE)
def line_too_long(test):
    """a line of 65,504 bytes or more fails with EMSGSIZE, and is not sent"""
    for size in LONGEST - 3, 65532, 65536, 200000:
        server = Asked(test)
        server.start(b'one\n' + b'-' * size + b'\ntwo\n')
        server.serve(b'one')
        server.nothing(0.1, f'for a line of {size} bytes', 'send the whole '
                       'line or nothing: sendto fails with EMSGSIZE')
        server.failed(b'one\n', hint='sendto fails with EMSGSIZE: asking '
                      'again would not help')
        told(test, server.child, 'sendto', 'EMSGSIZE')


@check(STAGE)
def asks_again(test):
    """with -t 2 asks again after 2 seconds without an answer"""
    server = Asked(test)
    began = time.monotonic()
    child = server.start(b'hello\nmore\n', seconds=2)
    server.request(1, b'hello')
    request = server.request(1, b'hello', AGAIN_HINT, 2 + PATIENCE)
    took = time.monotonic() - began
    if took < 1.9:
        raise Failure('the request again after 2 seconds (-t 2)',
                      f'after {took:.2f} s', 'tv_sec is in seconds')
    line = f'no answer yet from 127.0.0.1:{server.port}'
    if not test.any and not child.wait_for(lambda: line in child.lines, 1):
        raise Failure(f'the line "{line}" before it asks again',
                      '; '.join(child.lines) or 'no line at all')
    server.answer(request)
    server.answer(server.request(2, b'more'))
    server.succeeded(b'hello\nmore\n')


@check(STAGE)
def gives_up(test):
    """gives up after sending a request 4 times: status 1"""
    server = Asked(test)
    began = time.monotonic()
    child = server.start(b'lost\nnever sent\n', seconds=1)
    for _ in range(LIMIT):
        server.request(1, b'lost', AGAIN_HINT, 1 + PATIENCE)
    server.nothing(1.7, 'after the fourth', 'send a request once, then again '
                   'at most 3 times; then give up')
    server.failed(hint='after the fourth request wait once more, then exit '
                  'with status 1')
    if time.monotonic() - began < 3.9:
        raise Failure('a wait of 1 second after each of 4 requests (-t 1)',
                      f'{time.monotonic() - began:.1f} s in all', 'wait for '
                      'an answer to the last request, too')
    address = f'127.0.0.1:{server.port}'
    lines = [f'no answer yet from {address}'] * 3
    lines.append(f'no answer from {address}')
    told_so = [line for line in child.lines if line.startswith('no answer')]
    if not test.any and told_so != lines:
        raise Failure('; '.join(lines), '; '.join(told_so) or 'no such line')


@check(STAGE, open=False)
def default_limit(test):
    """without -t asks again after 1 second"""
    server = Asked(test)
    began = time.monotonic()
    child = server.child = test.start('-c', str(server.port),
                                      stdin=subprocess.PIPE)
    feed(test, child, b'hello\n')
    server.request(1, b'hello')
    server.answer(server.request(1, b'hello', 'without -t the limit is 1 '
                                 'second', 1 + PATIENCE))
    if time.monotonic() - began < 0.9:
        raise Failure('the request again after 1 second',
                      f'after {time.monotonic() - began:.2f} s')
    server.succeeded(b'hello\n')


@check(STAGE)
def some_answered(test):
    """prints the answers received before a line that gets none"""
    server = Asked(test)
    server.start(b'one\ntwo\nlost\n', seconds=1)
    for number, line in (1, b'one'), (2, b'two'):
        server.answer(server.request(number, line))
    server.request(3, b'lost')
    server.failed(b'one\ntwo\n', 4 + PATIENCE)


@check(STAGE)
def answered_at_last(test):
    """accepts an answer to the fourth request, and counts from 1 again for the
    next line"""
    server = Asked(test)
    server.start(b'one\ntwo\n', seconds=1)
    for number, line in (1, b'one'), (2, b'two'):
        for _ in range(LIMIT if number == 1 else 2):
            request = server.request(number, line, 'each line is sent up to '
                                     '4 times', 1 + PATIENCE)
        server.answer(request)
    server.succeeded(b'one\ntwo\n')


def needs_another(server, number, line, what, hint):
    """Demands that the client ask again, which shows that it is still
    waiting; then answers."""
    got = server.take(1 + PATIENCE)
    if got != struct.pack('!I', number) + line:
        raise Failure(f'request {number} again, since {what} does not '
                      'answer it', (said(got) if got is not None else 'none')
                      + f'; the client {server.test.outcome(server.child)}',
                      hint)
    server.answer(got)


@check(STAGE)
def answer_twice(test):
    """does not mistake a second answer to a line for the answer to the next"""
    server = Asked(test)
    server.start(b'same\nsame\n', seconds=1)
    first = server.request(1, b'same')
    server.answer(first)
    server.answer(first)
    server.request(2, b'same', NUMBER_HINT)
    server.answer(first)
    needs_another(server, 2, b'same', 'a second answer to line 1', NUMBER_HINT)
    server.succeeded(b'same\nsame\n', NUMBER_HINT)


@check(STAGE)
def answers_late(test):
    """accepts a late answer to its request, and prints the answers in order"""
    server = Asked(test)
    server.start(b'one\ntwo\nthree\n', seconds=1)
    first = server.request(1, b'one')
    server.request(1, b'one', AGAIN_HINT, 1 + PATIENCE)
    server.answer(first)  # the answer to the first of two equal requests
    second = server.request(2, b'two',
                            'asking again does not change the number: an '
                            'answer to any copy counts')
    for message in first, second, second, first:
        server.answer(message)
    third = server.request(3, b'three', NUMBER_HINT)
    for message in second, first, third:
        server.answer(message)
    server.succeeded(b'one\ntwo\nthree\n', NUMBER_HINT)


@check(STAGE)
def damaged_answers(test):
    """does not mistake a message with other bytes for the answer"""
    server = Asked(test)
    server.start(b'hello\n', seconds=1)
    request = server.request(1, b'hello')
    for message in (b'', request[:4], request[:-1], request + b'!',
                    request[4:], request[:-1] + b'O', b'\0\0\0\2' + request[4:],
                    request[3::-1] + request[4:], request + b'\0' * 65000):
        server.answer(message)
    needs_another(server, 1, b'hello', 'a message with other bytes',
                  'an answer has the same bytes as the request, no fewer and '
                  'no more')
    server.succeeded(b'hello\n')


@check(STAGE)
def strangers(test):
    """does not mistake a message from another socket for the answer"""
    server = Asked(test)
    server.start(b'hello\n', seconds=1)
    request = server.request(1, b'hello')
    for address in ('127.0.0.1', 0), ('127.0.0.2', server.port):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(address)
            stranger.sendto(request, server.client)
    needs_another(server, 1, b'hello', 'what a stranger sends',
                  "connect the client's socket: then the kernel drops "
                  "messages from any other sender")
    server.succeeded(b'hello\n')


@check(STAGE)
def junk_buys_no_time(test):
    """other messages do not extend the wait"""
    server = Asked(test)
    server.start(b'hello\n', seconds=1)
    server.request(1, b'hello')
    began, got = time.monotonic(), None
    while got is None and time.monotonic() - began < 1 + PATIENCE:
        server.answer(b'junk')
        got = server.take(0.3)
    if got is None:
        raise Failure('the request again after 1 second (-t 1)',
                      f'none in {1 + PATIENCE} s, while other messages arrived',
                      'a skipped message must not restart the wait: let '
                      'recvfrom wait for the time that is left')
    server.answer(got)
    server.succeeded(b'hello\n')


@check(STAGE)
def refused_at_once(test):
    """ends at once if no socket is bound to the port: status 1"""
    server = Asked(test)
    server.port = free_port()
    began = time.monotonic()
    server.start(b'hello\n')
    hint = ('on a connected socket the ICMP error makes the next call fail '
            'with ECONNREFUSED: exit then, not after -t seconds')
    server.failed(hint=hint)
    if time.monotonic() - began > PATIENCE:
        raise Failure('an exit at once', 'it waits', hint)
    told(test, server.child, 'recvfrom', 'ECONNREFUSED')


@check(STAGE)
def server_ends(test):
    """ends at once if the server ends between two lines: status 1"""
    server = Asked(test)
    child = server.start(None)
    child.process.stdin.write(b'one\n')
    child.process.stdin.flush()
    server.serve(b'one')
    child.wait_for(lambda: child.output)
    server.socket.close()
    feed(test, child, b'two\nthree\n')
    server.failed(b'one\n', hint='ECONNREFUSED: the server has gone')
    told(test, child, 'recvfrom', 'ECONNREFUSED')


@check(STAGE, open=False)
def server_address(test):
    """with -c -a ADDRESS asks the server at that address"""
    server = Asked(test, '127.0.0.2')
    server.start(b'hello\n', '-a', '127.0.0.2')
    server.serve(b'hello')
    server.succeeded(b'hello\n')


@check(STAGE)
def client_idle(test):
    """uses no processor time while it waits for an answer, or for a line"""
    server = Asked(test)
    child = server.start(b'hello\n')
    request = server.request(1, b'hello')
    if child.spins():
        raise Failure('no processor time while it waits for an answer',
                      'it spins', 'let recvfrom wait, for as long as '
                      'SO_RCVTIMEO says')
    server.answer(request)
    server.succeeded(b'hello\n')
    child = server.start(None)
    if child.spins():
        raise Failure('no processor time while nothing is typed', 'it spins')


@check(STAGE)
def stopped_meanwhile(test):
    """loses nothing if Ctrl-Z and fg interrupt its wait"""
    server = Asked(test)
    child = server.start(b'one\ntwo\n')
    for number, line in (1, b'one'), (2, b'two'):
        request = server.request(number, line)
        wait_until(lambda: child.state() == 'S')
        for _ in range(2):
            child.stop_and_continue()
        server.nothing(0.1, 'before its time', 'after EINTR keep waiting',
                       EARLY_HINT)
        server.answer(request)
    server.succeeded(b'one\ntwo\n', 'after SIGSTOP and SIGCONT recvfrom with '
                     'a time limit fails with EINTR: call it again')


@check(STAGE)
def asks_itself(test):
    """the program's client and server work together: 200 lines"""
    server = start_server(test)
    message = b''.join(b'line %d\n' % number for number in range(200))
    asked = Asked(test)
    asked.port = server.port
    asked.start(message)
    asked.succeeded(message)
