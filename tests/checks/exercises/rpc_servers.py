"""The checks of 06-rpc: answers that arrive late or twice, addresses, and
failing calls.

To add one, start from `two_answers_at_once`, a short one; see "Add a check" in
tests/README.md."""

import errno
import signal
import time

from checks.errors.actions import ACTIONS_OF, CLIENT, attached
from harness import (FOREVER, Failure, Skip, arrived, check, echoing, end_half,
                     free_port, idles, injected, reset_for_sure, share, shown,
                     start_client, succeeded, told, wait_until)
from harness.rpc import (
    LineServer, answer_to, answered_all, answering, end_input, gave_up,
    run_client, type_line)

STEP_HINT = ('bytes after the line that answers a request do not answer the '
             'next request: close the connection, and send the next request on '
             'a new one')
LATE_HINT = ('after -t seconds without a byte recv fails with EAGAIN: close '
             'the connection, and ask again on a new one; then the late answer '
             'cannot be mistaken for the answer to another request')


# --------------------------------------------------- late, or more than one

@check('06-rpc', open=False)
def late_answer(test):
    """with -t 1 asks again after a second of silence; ignores the late
    answer"""
    def late(talk):
        talk.request()
        time.sleep(1.5)
        talk.send(b'too late\n')
    server = LineServer(test, late, answering)
    child = run_client(test, server, None, '-t', '1')
    began = time.monotonic()
    type_line(child, b'one\n')
    child.wait_for(lambda: child.output, 8)
    time.sleep(0.5)  # the late answer has arrived by now
    type_line(child, b'two\n')
    end_input(test, child)
    answered_all(test, child, [b'one\n', b'two\n'], LATE_HINT)
    if not any(line.startswith(('recv: EAGAIN', 'recv: EWOULDBLOCK'))
               for line in child.lines):
        raise Failure('a line "recv: EAGAIN: ..."', f'it {test.outcome(child)}')
    gap = server.times[1] - began
    if gap < 1:
        raise Failure('a second try after 1 second of silence (-t 1)',
                      f'after {gap:.2f} s')


@check('06-rpc', open=False)
def never_answers(test):
    """with -t 1 gives up if four tries get no answer"""
    server = LineServer(test, lambda talk: talk.request() and time.sleep(9))
    child = run_client(test, server, b'anybody?\n', '-t', '1')
    gave_up(test, child, hint=LATE_HINT)
    if not wait_until(lambda: len(server.times) == 4):
        raise Failure('four tries', len(server.times), LATE_HINT)
    told(test, child, 'recv', 'EAGAIN', 4)


@check('06-rpc', open=False)
def slow_answer(test):
    """with -t 2 waits for an answer that takes 3 seconds, a byte at a time"""
    moments = []

    def slow(talk):
        for byte in answer_to(talk.request()):
            talk.send(bytes([byte]))
            moments.append(time.monotonic())
            time.sleep(0.35)
        answering(talk)
    server = LineServer(test, slow)
    child = run_client(test, server, b'wait\n', '-t', '2')
    answered_all(test, child, [b'wait\n'],
                 '-t limits the time without a byte, not the time for an '
                 'answer')
    if max(later - earlier for earlier, later
           in zip(moments, moments[1:])) > 1.5:
        raise Skip('this machine is too busy to send a byte in time')
    if len(server.times) != 1:
        raise Failure('one try', f'{len(server.times)} tries',
                      '-t limits the time without a byte, not the time for an '
                      'answer')


@check('06-rpc')
def two_answers_at_once(test):
    """a second line that arrives with an answer is not the answer to the next
    request"""
    for more in (b'again\n', b'again\nand again\n', b'half a li'):
        def play(talk):
            line = talk.request()
            if line:
                talk.send(answer_to(line) + more)
                talk.request()
        server = LineServer(test, play)
        lines = [b'one\n', b'two\n', b'three\n']
        child = run_client(test, server, b''.join(lines))
        answered_all(test, child, lines, STEP_HINT)
        if sorted(set(server.lines())) != sorted(server.lines()):
            raise Failure('each request once', shown(b''.join(server.lines())),
                          'the first line is the answer')


@check('06-rpc')
def two_answers(test):
    """a second line that arrives before the next request has been sent does
    not answer it"""
    out_of_step(test, b'once more\n')


@check('06-rpc')
def two_answers_and_half(test):
    """half a line that arrives before the next request has been sent is not
    part of the answer to it"""
    out_of_step(test, b'half a li')


def out_of_step(test, more):
    """Sends more after an answer has been printed, and then types the next
    line."""
    sent = []

    def play(talk):
        line = talk.request()
        while line:
            talk.send(answer_to(line))
            child.wait_for(lambda: answer_to(line) in child.output, 5)
            talk.send(more)
            wait_until(lambda: arrived(talk.connection))
            sent.append(line)
            line = talk.request()
    server = LineServer(test, play)
    child = run_client(test, server, None)
    lines = [b'one\n', b'two\n', b'three\n']
    for number, line in enumerate(lines, 1):
        type_line(child, line)
        wait_until(lambda: len(sent) == number)
    end_input(test, child)
    answered_all(test, child, lines, STEP_HINT)


# ------------------------------------------------------------ the addresses

@check('06-rpc', open=False)
def every_address(test):
    """each try goes through the addresses of the host, starting with the
    first"""
    test.need_injector()
    server = LineServer(test, lambda talk: talk.request(), answering)
    test.faults.resolve('127.0.0.3', '127.0.0.2', '127.0.0.1')
    child = run_client(test, server, b'hello\n', host='localhost')
    test.attached()
    answered_all(test, child, [b'hello\n'], 'after a failure try the next '
                 'address (ai_next) on a new socket')
    for host in ('127.0.0.3', '127.0.0.2'):
        count = sum(f'({host}:' in line for line in child.lines)
        if count != 2:
            raise Failure(f'two lines about {host}, which was tried twice',
                          f'{count}; it {test.outcome(child)}', 'each try '
                          'begins with the first address again')


@check('06-rpc', open=False)
def refused_everywhere(test):
    """exits with status 1 after four tries of all addresses"""
    test.need_injector()
    test.faults.resolve('127.0.0.2', '127.0.0.1')
    child = start_client(test, free_port(), host='localhost')
    test.attached()
    gave_up(test, child)
    calls = test.faults.get('calls', 'connect')
    if calls != 8:
        raise Failure('8 calls to connect: four tries of two addresses',
                      f'{calls}; it {test.outcome(child)}')
    told(test, child, 'connect', 'ECONNREFUSED', 8)


@check('06-rpc', open=False)
def sockets_closed(test):
    """closes the socket of every connection that it gives up"""
    test.need_injector()
    def fleeting(talk):
        talk.send(answer_to(talk.request()) + b'more\n')
        talk.request()
    server = LineServer(test, fleeting, lambda talk: None, fleeting,
                        lambda talk: talk.request(), fleeting)
    test.faults.set('descriptors', 3 + 2)
    lines = [b'%d\n' % number for number in range(12)]
    child = run_client(test, server, b''.join(lines))
    test.attached()
    answered_all(test, child, lines, 'close a connection that is lost, or of '
                 'no use, before you make the next one')


# ---------------------------------------------------------- calls that fail

@check('06-rpc', open=False)
def partial_calls(test):
    """requests and answers are sent and received whole even if send and recv
    move only a few bytes at a time"""
    test.need_injector()
    for call in ('send', 'recv'):
        server = LineServer(test, answering)
        test.faults.set('most', 3, call)
        lines = [b'a longer line\n', b'short\n', b'x' * 300 + b'\n']
        child = run_client(test, server, b''.join(lines))
        test.attached()
        answered_all(test, child, lines, f'{call} may move only some of the '
                     'bytes: move the rest, in a loop')
        test.faults.set('most', 0, call)


@check('06-rpc', open=False)
def closed_while_sent(test):
    """asks again if the server vanishes while the request is being sent"""
    test.need_injector()

    started = []

    def play(talk):
        talk.connection.recv(1)
        child = wait_until(lambda: started)[0]
        wait_until(lambda: child.state() == 'T')
        end_half(talk.connection)
        reset_for_sure(talk.connection)
        child.signal(signal.SIGCONT)
    server = LineServer(test, play, answering)
    test.faults.set('most', 1, 'send')
    test.faults.set('stop', 9, 'send')
    lines = [b'x' * 100 + b'\n']
    child = run_client(test, server, b''.join(lines))
    started.append(child)
    test.attached()
    answered_all(test, child, lines, 'send fails with EPIPE or ECONNRESET: '
                 'the action is DROP, so ask again on a new connection')


@check('06-rpc', open=False)
def shortage_lasts(test):
    """with -t 2 asks again if send fails with ENOBUFS for 2 seconds"""
    test.need_injector()
    server = LineServer(test, answering)
    test.faults.fail('send', errno.ENOBUFS, last=FOREVER)
    child = run_client(test, server, b'hello\n', '-t', '2')
    test.attached()
    idles(test, child, 'send', 'ENOBUFS')
    if not wait_until(lambda: len(server.times) > 1, 8):
        raise Failure('a second try, after a shortage of 2 seconds (-t 2)',
                      f'it {test.outcome(child)}', 'count the waits of a '
                      'shortage: together they may last -t seconds')
    test.faults.relent('send')
    answered_all(test, child, [b'hello\n'])


def drop(test, call, name):
    peer = test.peer(echoing)
    child = attached(test, start_client(test, peer.port))
    child.wait_exit(20)  # it waits between tries; the machine may be busy
    succeeded(test, child, hint=f'the action for {name} is DROP: close this '
              'connection, and send the request again on a new one')
    injected(test, call)
    told(test, child, call, name)
    if peer.accepted != 2:
        raise Failure('two connections: one is lost, one has the answer',
                      f'{peer.accepted}', 'no socket is used again after '
                      f'{call} has failed with {name}')


ACTIONS_OF['06-rpc'] = {**CLIENT, 'DROP': drop}
share('06-rpc', 'usage_help port_refused unknown_host service_name '
      'input_not_blocking closed_output closed_streams '
      'signal_ends_it waits_quietly setsockopt_fails')
