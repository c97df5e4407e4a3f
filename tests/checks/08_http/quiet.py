"""The checks of 08 that are about quiet connections beside busy ones: while
more than eight sockets are ready at a time, the quiet ones are left out of the
sets, but never for long."""

import signal
import time

from harness import PATIENCE, Failure, check, settings, wait_until
from harness.web import WEB, request

QUIET, BUSY = 30, 12  # how many clients
LONG = request('/', 'Content-Length: 60000', body=b'x' * 60000)


def clients_of(test, server):
    """Connects clients that are served once, and lets them become quiet."""
    clients = [test.connect(server) for _ in range(QUIET + BUSY)]
    for client in clients:
        test.served(server, client)
    time.sleep(0.2)  # quiet: no progress for a tenth of a second
    return clients[:QUIET], clients[QUIET:]


def say_together(test, server, clients, message):
    """Lets clients send while the server is stopped, so that all of them are
    ready in the same turn."""
    server.signal(signal.SIGSTOP)
    wait_until(lambda: server.state() == 'T')
    for client in clients:
        test.say(client, message)
    server.signal(signal.SIGCONT)


@check(WEB, open=False)
def quiet_left_out(test):
    """while many clients are busy, select does not look at the quiet ones in
    every turn"""
    test.need_injector()
    server = test.server('-t', '0')
    test.attached()
    quiet, busy = clients_of(test, server)
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:  # on a busy machine a turn may take 10 ms
        test.faults.set('too_short', 0, 'select')
        say_together(test, server, busy, test.question()[:4])  # a short turn
        for client in busy:
            test.say(client, test.question()[4:])
        for client in busy:
            test.answered(client)
        fewest = test.faults.get('too_short', 'select') - 1
        if 0 <= fewest < len(quiet):
            return
    raise Failure(f'a call of select with fewer than {len(quiet)} sockets in '
                  f'its sets, since {len(quiet)} are quiet and more than eight '
                  'are ready', f'at least {fewest} in each call', 'after a '
                  'turn in which more than eight were ready, leave out those '
                  'that have made no progress for a tenth of a second')


@check(WEB, open=False)
def quiet_after_busy(test):
    """a quiet client is answered at once when the busy ones have fallen
    silent"""
    server = test.server('-t', '0')
    quiet, busy = clients_of(test, server)
    for client in quiet[:5]:
        say_together(test, server, busy, test.question())
        for other in busy:
            test.answered(other)
        test.say(client, test.question())
        test.answered(client, hint='while quiet sockets are left out of the '
                      'sets, select must not wait: it would not see their '
                      'bytes')


@check(WEB, open=False)
def quiet_while_busy(test):
    """quiet clients are answered while the others keep the server busy"""
    test.need_injector()
    hint = ('however busy the others are, let select look at all sockets every '
            '10 ms')
    for _ in range(4):  # a busy machine may delay this process
        server = test.server('-t', '0')
        test.attached()
        quiet, busy = clients_of(test, server)
        test.faults.set('most', 1, 'recv')  # so each body takes many turns
        begin = test.faults.get('calls', 'recv')

        def calls(since=begin):
            return test.faults.get('calls', 'recv') - since

        for client in busy:
            test.say(client, LONG)
        wait_until(lambda: calls() > BUSY * len(LONG) / 10)
        # Over TLS each turn receives a whole record, so there are few turns.
        for client in quiet[:1 if settings.TLS else 20]:
            test.say(client, test.question())
            test.answered(client, hint=hint)
        if calls() < BUSY * len(LONG) / 2:
            return
        test.faults.set('most', 0, 'recv')
    raise Failure('responses to quiet clients while the others are busy',
                  'some only after the busy ones fell silent', hint)
