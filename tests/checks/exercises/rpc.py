"""The checks of 06-rpc: a client that asks again when its server vanishes.

To add one, start from `answers`, a short one; see "Add a check" in
tests/README.md."""

import threading
import time

from harness import (Failure, check, echoing, end_half, free_port,
                     reset_for_sure, shown, start_client, succeeded,
                     wait_until)
from harness.rpc import (
    LineServer, answer_to, answered_all, answering, end_input, gave_up,
    run_client, type_line)

LINE = 4096
AGAIN_HINT = ('the server vanished before the whole answer had arrived: '
              'discard the part that did, close the socket, connect a new one, '
              'send the request again')
ONCE_HINT = ('a request that has its answer is never sent again: make a new '
             'connection only when there is a next request')
WAITS = 0.1, 0.2, 0.4
WAIT_HINT = ('a server that restarts needs time: wait before each try, longer '
             'each time')


# ----------------------------------------------------- requests and answers

@check('06-rpc')
def answers(test):
    """sends each line as a request, and prints the line that answers it"""
    server = LineServer(test, answering)
    lines = [b'one\n', b'two\n', b'three\n']
    child = run_client(test, server, b''.join(lines))
    answered_all(test, child, lines,
                 'each line is one request, even if read() has returned '
                 'several; print the line that comes back, not the request')
    if server.lines() != lines:
        raise Failure('the requests ' + shown(b''.join(lines)),
                      shown(b''.join(server.lines())), 'a request is a line '
                      'of the input with its newline')


@check('06-rpc')
def as_they_come(test):
    """prints the answer to a line before the next line is typed"""
    server = LineServer(test, answering)
    child = run_client(test, server, None)
    lines = [b'line %d\n' % number for number in range(3)]
    for number, line in enumerate(lines, 1):
        type_line(child, line)
        expected = b''.join(map(answer_to, lines[:number]))
        if not child.wait_for(lambda: len(child.output) >= len(expected), 5):
            raise Failure(f'the answer to {shown(line)} before more is typed',
                          f'{shown(child.output)} so far; it '
                          f'{test.outcome(child)}', 'send a line as soon as '
                          'read() has returned it, and write its answer at '
                          'once: write(), or fflush()')
    end_input(test, child)
    answered_all(test, child, lines)


@check('06-rpc')
def one_at_a_time(test):
    """sends a request only after the previous one has been answered"""
    early = []

    def play(talk):
        while talk.request():
            talk.connection.settimeout(0.2)
            try:
                early.append(talk.rest or talk.connection.recv(1))
            except OSError:
                pass
            talk.connection.settimeout(10)
            talk.send(b'so\n')
    server = LineServer(test, play)
    child = run_client(test, server, b'one\ntwo\nthree\n')
    answered_all(test, child, [b''] * 3, answer=lambda _: b'so\n')
    if any(early):
        raise Failure('one request, then nothing until it has its answer',
                      f'{shown(early[0])} after it',
                      'the input may hold more than one line: send the first, '
                      'and keep the rest')


@check('06-rpc')
def one_connection(test):
    """sends all requests on one connection while it lasts"""
    server = LineServer(test, answering)
    lines = [b'%d\n' % number for number in range(50)]
    answered_all(test, run_client(test, server, b''.join(lines)), lines)
    if len(server.times) != 1:
        raise Failure('one connection for 50 requests',
                      f'{len(server.times)} connections', 'keep the connection '
                      'for the next request')


@check('06-rpc')
def empty_input(test):
    """exits with status 0, and does not connect, if there is no request"""
    server = LineServer(test, answering)
    answered_all(test, run_client(test, server, b''), [])
    if server.times:
        raise Failure('no connection without a request', 'a connection',
                      'connect when there is a request to send')


@check('06-rpc')
def no_final_newline(test):
    """a last line without a newline is a request; it is sent with a newline"""
    server = LineServer(test, answering)
    child = run_client(test, server, b'one\ntwo')
    answered_all(test, child, [b'one\n', b'two\n'], 'the end of the input ends '
                 'a line, too; the server waits for a newline')


@check('06-rpc')
def nul_bytes(test):
    """lines may be empty, and may contain any bytes, including NUL"""
    server = LineServer(test, answering)
    lines = [b'a\0b\n', b'\n', b'\0\n', b'\r\n', b'\xff' * 9 + b'\n', b'\n']
    answered_all(test, run_client(test, server, b''.join(lines)), lines,
                 'count bytes with what read and recv return: fgets, strlen '
                 'and printf stop at a NUL')


@check('06-rpc')
def longest_lines(test):
    """lines of 4096 bytes, with their newline, are sent and received"""
    server = LineServer(test, echo_lines)
    lines = [b'x' * (length - 1) + b'\n' for length in (LINE, 1, LINE - 1,
                                                        LINE, 2)]
    answered_all(test, run_client(test, server, b''.join(lines)), lines,
                 'a buffer for a line needs room for 4096 bytes',
                 answer=lambda line: line)


def echo_lines(talk):
    line = talk.request()
    while line:
        talk.send(line)
        line = talk.request()


@check('06-rpc')
def split_answer(test):
    """an answer may arrive in pieces; it is printed when it is complete"""
    printed = []

    def play(talk):
        for _ in range(3):
            talk.request()
            for byte in b'slow answer\n':
                talk.send(bytes([byte]))
                time.sleep(0.01)
                if byte != 10:
                    printed.append(len(child.output) % 12)
    server = LineServer(test, play)
    child = run_client(test, server, None)
    type_line(child, b'1\n2\n3\n')
    end_input(test, child)
    answered_all(test, child, [b''] * 3, 'recv returns what has arrived: '
                 'call it until there is a newline',
                 answer=lambda _: b'slow answer\n')
    if any(printed):
        raise Failure('no part of an answer before it is complete',
                      'a part of it', 'if the server vanished now, half a '
                      'line would have been printed')


@check('06-rpc')
def request_too_long(test):
    """exits with status 1 on an input line longer than 4096 bytes, after
    printing the answers to the lines before it"""
    for line in (b'y' * LINE + b'\n', b'y' * (LINE + 1), b'y' * 100000):
        server = LineServer(test, answering)
        child = run_client(test, server, b'first\n' + line + b'last\n')
        gave_up(test, child, answer_to(b'first\n'))
        if server.lines() != [b'first\n']:
            raise Failure('no part of a line that is too long is sent',
                          shown(b''.join(server.lines()[1:])))
        demand_line(test, child, 'request: longer than 4096 bytes')


@check('06-rpc')
def answer_too_long(test):
    """exits with status 1, at once, if an answer has more than 4096 bytes"""
    def play(talk):
        talk.request()
        talk.send(b'y' * LINE + b'\n')
        talk.request()
    server = LineServer(test, play)
    child = run_client(test, server, b'one\ntwo\n')
    gave_up(test, child)
    if len(server.requests) != 1:
        raise Failure('the request is sent once: an answer that is too '
                      'long is an answer, too',
                      f'{len(server.requests)} times')
    demand_line(test, child, 'answer: longer than 4096 bytes')


def demand_line(test, child, line):
    if not test.any and line not in child.lines:
        raise Failure(f'the line "{line}"', f'it {test.outcome(child)}')


# ------------------------------------------------- the server has vanished

@check('06-rpc')
def refused_at_first(test):
    """asks again if nothing listens yet"""
    for _ in range(3):  # a peer on a busy machine may listen too late
        port = free_port()
        child = start_client(test, port, message=b'hello\n')
        child.wait_for(lambda: child.lines, 0.2)
        test.peer(echoing, port=port)
        if child.wait_exit() == 0:
            break
    succeeded(test, child, hint='the server may come back: if every connect '
              'fails, wait, and try all addresses again')


@check('06-rpc')
def closed_unread(test):
    """asks again if the server closes before it has read the request"""
    vanishing(test, lambda talk: None)
    vanishing(test, lambda talk: reset_for_sure(talk.connection))


@check('06-rpc')
def closed_after_request(test):
    """asks again if the server closes or resets the connection after the
    request"""
    vanishing(test, lambda talk: talk.request())

    def play(talk):
        talk.request()
        reset_for_sure(talk.connection)
    vanishing(test, play)


@check('06-rpc')
def closed_within_answer(test):
    """asks again if the server closes or resets the connection in the middle
    of its answer, and prints no part of that answer"""
    def half(talk):
        talk.send(answer_to(talk.request())[:-2])

    def half_and_reset(talk):
        half(talk)
        reset_for_sure(talk.connection)
    vanishing(test, half)
    vanishing(test, half_and_reset)


def vanishing(test, play):
    """Has the server vanish one to three times for each of three requests."""
    def once(talk):  # answers one request, and then vanishes
        line = talk.request()
        if line:
            talk.send(answer_to(line))
            play(talk)
    server = LineServer(test, play, once, play, play, once, play, play, once,
                        answering)
    lines = [b'first\n', b'second\n', b'third\n']
    child = run_client(test, server, b''.join(lines))
    answered_all(test, child, lines, AGAIN_HINT)


@check('06-rpc')
def closed_after_answer(test):
    """sends no request twice if the server closes after each answer"""
    for leave in end_half, reset_for_sure:
        ended = []

        def play(talk):
            line = talk.request()
            talk.send(answer_to(line))
            child.wait_for(lambda: answer_to(line) in child.output, 5)
            leave(talk.connection)
            ended.append(line)
        server = LineServer(test, play)
        lines = [b'%d\n' % number for number in range(4)]
        child = run_client(test, server, None)
        for number, line in enumerate(lines, 1):
            type_line(child, line)
            wait_until(lambda: len(ended) == number, 6)
        end_input(test, child)
        answered_all(test, child, lines, ONCE_HINT)
        if server.lines() != lines:
            raise Failure('each request once: ' + shown(b''.join(lines)),
                          shown(b''.join(server.lines())), ONCE_HINT)


@check('06-rpc')
def quiet_end_is_no_try(test):
    """a connection that has ended since the last answer does not count as a
    try"""
    closed = threading.Event()

    def first(talk):
        talk.send(answer_to(talk.request()))
        end_half(talk.connection)
        talk.connection.close()
        closed.set()
    server = LineServer(test, first, *[lambda talk: None] * 3, answering)
    child = run_client(test, server, None)
    type_line(child, b'one\n')
    child.wait_for(lambda: len(child.output) == 8, 5)
    closed.wait(5)
    type_line(child, b'two\n')
    end_input(test, child)
    answered_all(test, child, [b'one\n', b'two\n'], 'before each request, '
                 'check whether the connection has ended (poll with a timeout '
                 'of 0), so that all four tries use new connections')


@check('06-rpc')
def gives_up(test):
    """exits with status 1 after four tries, and sends nothing more"""
    began = time.monotonic()
    server, child = give_up(test)
    took = time.monotonic() - began
    wait_until(lambda: len(server.requests) > 4)
    asked = server.lines()[1:]
    if asked != [b'two\n'] * 4:
        raise Failure('the request "two\\n" four times, and no other',
                      shown(b''.join(asked)), 'the first try and three more; '
                      'then exit with status 1')
    if took < sum(WAITS):
        raise Failure('four tries, with waits of 0.1, 0.2 and 0.4 seconds '
                      'between them', f'all in {took:.2f} s', WAIT_HINT)
    demand_line(test, child, 'no answer: the server has vanished four times')
    for tenths in (1, 2, 4):
        demand_line(test, child, f'asking again in 0.{tenths} seconds')


@check('06-rpc')
def waits_grow(test):
    """waits longer before each try: 0.1, 0.2 and 0.4 seconds"""
    for _ in range(3):  # a busy machine may delay what the server sees
        server, _ = give_up(test)
        wait_until(lambda: len(server.times) == 4)
        gaps = [later - earlier for earlier, later
                in zip(server.times, server.times[1:])]
        if len(gaps) == 3 and all(gap > 0.95 * wait for gap, wait
                                  in zip(gaps, WAITS)):
            return
    raise Failure('waits of 0.1, 0.2 and 0.4 seconds between four tries',
                  ', '.join(f'{gap:.2f}' for gap in gaps) + ' seconds',
                  WAIT_HINT)


def give_up(test):
    """Has the server answer one request, and vanish after each of the others.
    """
    def first(talk):
        talk.send(answer_to(talk.request()))
        talk.request()
    server = LineServer(test, first, lambda talk: talk.request())
    child = run_client(test, server, b'one\ntwo\nthree\n')
    gave_up(test, child, answer_to(b'one\n'), 'a request is tried at most four '
            'times')
    return server, child
