"""Checks of several stages, for rare mistakes: in handling an errno that has
no row, limits, and long shortages. They run after the others, so that `make
learn` shows the likelier mistakes first.

To add one, start from `unlisted_stops`, a short one; see "Add a check" in
tests/README.md."""

import errno
import os
import re
import select
import signal
import socket
import time

from checks.storm.page import Page
from harness import (ADDRESSED, ECHO, FOREVER, MANY, SERVERS, TALKING, Failure,
                     Skip, arrived, check, data, difference, echoing, flood,
                     injected, start_client, stopped_plainly, succeeded, told,
                     wait_until)


@check(SERVERS, open=False)
def unlisted_stops(test):
    """if socket, bind or listen fails with an errno that has no row, reports it
    and exits"""
    calls = {'01': 1, '02': 2}.get(test.stage, 3)
    for call in ('socket', 'bind', 'listen')[:calls]:
        stopped_plainly(test, call, errno.EXDEV,
                        [] if test.stage == '01' else ['0'])
        test.faults.relent(call)


@check(ADDRESSED, open=False)
def largest_numbers(test):
    """accepts the port 65535, and -t 86400"""
    child = test.start('65535')
    child.wait_for(lambda: child.lines)
    if any('usage' in line for line in child.lines):
        raise Failure('port 65535, or a report that it is in use',
                      f'it {test.outcome(child)}', '65535 is a port, too')
    if test.stage >= '05':
        test.server('-t', '86400')
        if test.stage in MANY:
            test.served(test.children[-1], test.connect(test.children[-1]))


@check(MANY, open=False)
def helper_fails(test):
    """reports a failed set-up call (pipe, sigaction, getrlimit and so on), and
    exits with status 1"""
    test.need_injector()
    options = [['0'], ['-l', '/dev/null', '0']][test.stage == '08']
    for number in range(1, 20):
        test.faults.fail('helper', errno.ENOBUFS, number
                         + test.faults.get('calls', 'helper'))
        before = test.faults.get('injected', 'helper')
        child = test.start(*options)
        child.wait_for(lambda: child.lines)
        if test.faults.get('injected', 'helper') == before:
            break  # it makes no more such calls
        line = rf'\w+: {os.strerror(errno.ENOBUFS)}'
        if child.wait_exit() != 1 or not re.fullmatch(line, child.lines[0]):
            raise Failure(f'the line "CALL: {os.strerror(errno.ENOBUFS)}" and '
                          'status 1', f'it {test.outcome(child)}',
                          f'look at what each call returns (call no. {number} '
                          'fails)')
    if number < 4:
        raise Failure('set-up calls', f'{number - 1}')


@check('05 06 07 08', open=False)
def default_limit(test):
    """gives up on a silent peer after 60 seconds (06: 10) if there is no -t"""
    test.need_injector()
    if test.stage == '06':
        start_client(test, test.peer(echoing).port)
        test.attached()
        injected_limit(test, 'setsockopt', 'low', 10001)
        injected_limit(test, 'setsockopt', 'high', 10001)
        return
    server = test.server()
    test.attached()
    test.served(server, test.connect(server))
    if test.stage == '05':
        injected_limit(test, 'setsockopt', 'low', 60001)
    else:
        injected_limit(test, 'select', 'ended', 60)


def injected_limit(test, call, field, limit):
    """Demands that the time limit noted by the injector have this value."""
    if not wait_until(lambda: test.faults.get(field, call) == limit):
        option = {'low': 'SO_RCVTIMEO', 'high': 'SO_SNDTIMEO'}.get(
            field, "select's timeout")
        seconds, noted = limit // 1000 or limit, test.faults.get(field, call)
        if limit > 1000:  # milliseconds plus 1, so that 0 means no call
            noted = (noted - 1) / 1000 if noted > 1 else 0
        raise Failure(f'{seconds} seconds', f'{option} is {noted:g} seconds'
                      if noted else f'{option} sets no limit', 'without -t '
                      f'the limit is {seconds} seconds: start with that'
                      if test.faults.get(field, call) else
                      f'{option} is not set: set it to the value of -t')


@check('04 05 06 07 08', open=False)
def tenth_of_a_second(test):
    """during a shortage tries again every tenth of a second"""
    test.need_injector()
    for call in {'04': ['accept'], '05': ['accept', 'send'], '06': ['send']
                 }.get(test.stage, ['accept', 'send', 'select']):
        test.faults.relent('send')
        test.faults.fail(call, errno.ENOMEM, last=FOREVER)
        if test.stage == '06':
            start_client(test, test.peer(echoing).port)
        else:
            if call == 'select':
                test.faults.relent(call)
            server = test.server()
            client = test.connect(server)
            if call == 'select':
                test.faults.fail(call, errno.ENOMEM, last=FOREVER)
            if test.stage != '04':
                client.sendall(test.question(b'x'))
        test.attached()
        injected(test, call)
        for _ in range(8):
            calls = test.faults.get('calls', call)
            time.sleep(0.65)
            calls = test.faults.get('calls', call) - calls
            if calls > 4:
                break  # others may keep this machine busy
        else:
            listed = (f'{call}: {os.strerror(errno.ENOMEM)}'
                      not in test.children[-1].lines)
            raise Failure(f'six calls to {call} in 0.65 seconds, in a shortage '
                          '(ENOMEM)', calls, 'sleep for a tenth of a second '
                          'between the calls' if listed else 'is there a row '
                          f'for ENOMEM below {call} in the table, with WAIT?')
        test.faults.relent(call)
        test.children[-1].end()


@check('04 05 07 08', open=False, after='accept_EFAULT')
def stops_in_a_shortage(test):
    """a failure of accept whose action is STOP is reported, and ends the
    program, even in a shortage"""
    test.need_injector()
    test.faults.fail('accept', errno.ENOMEM, last=FOREVER)
    server = test.server()
    test.attached()
    test.connect(server)
    injected(test, 'accept')
    test.faults.fail('accept', errno.EFAULT, last=FOREVER)
    if server.wait_exit() != 1:
        raise Failure('exit status 1 when accept fails with EFAULT, after '
                      'ENOMEM', f'it {test.outcome(server)}', 'in a shortage '
                      'too, handle_retry calls handle_error for every failure '
                      'that is not a WAIT. Is there a row for EFAULT below '
                      'accept, with STOP?')
    told(test, server, 'accept', 'EFAULT')


@check(ECHO, open=False, after='shortage_ends')
def shortages_apart(test):
    """with -t 1 keeps a client through two shortages of 0.6 s each, between
    which send takes some bytes"""
    test.need_injector()
    for _ in range(4):
        if two_shortages(test):
            return
        test.restart()
    raise Skip('this machine is too busy')


def two_shortages(test):
    """Returns whether both shortages were shorter than a second."""
    server = test.server('-t', '1')
    test.attached()
    client = test.connect(server)
    message, some = data(2000), False
    test.faults.set('most', 1000, 'send')
    test.faults.fail('send', errno.ENOBUFS, last=FOREVER)
    test.faults.fail('ioctl', errno.ENOTTY, last=FOREVER)  # no TIOCOUTQ
    client.sendall(message)
    for _ in range(2):
        began = time.monotonic()
        time.sleep(0.6)
        some = some or wait_until(lambda: one_send(test, client))
        if time.monotonic() - began > 0.95:
            return False
    test.faults.relent('send')
    got = test.receive(client, len(message), hint='a shortage ends when send '
                       'takes bytes: count the waits of the next one from 0')
    if not some or got != message:
        raise Failure('the bytes in order', difference(message, got),
                      'after a partial send continue from the first byte '
                      'that was not taken')
    told(test, server, 'send', 'ENOBUFS', 2)
    return True


@check('05 06', open=False, after='shortage_ends')
def shortage_without_limit(test):
    """with -t 0 waits until a shortage in send has ended"""
    test.need_injector()
    test.faults.fail('send', errno.ENOBUFS, last=3)
    hint = '0 seconds mean no limit, during a shortage too'
    if test.stage == '06':
        child = start_client(test, test.peer(echoing).port, '-t', '0')
        test.attached()
        succeeded(test, child, hint=hint)
    else:
        client = test.connect(test.server('-t', '0'))
        test.attached()
        test.echo(client, b'after all\n', hint)


def one_send(test, client):
    """Lets one call to send succeed. Returns whether its bytes arrived."""
    test.faults.set('first', test.faults.get('calls', 'send') + 2, 'send')
    return select.select([client], [], [], 0.2)[0]


@check(MANY, open=False, after='ends_in_good_order')
def ends_although_blocked(test):
    """exits on SIGTERM with status 0 even if its parent has blocked that
    signal"""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        server = test.server()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    server.signal(signal.SIGTERM)
    if server.wait_exit() != 0:
        raise Failure('exit status 0 on SIGTERM', f'it {test.outcome(server)}',
                      'a signal may be blocked when a program starts: unblock '
                      'it with sigprocmask')


@check(MANY, open=False)
def select_unlisted(test):
    """if select fails with an errno that has no row, reports it and exits"""
    stopped_plainly(test, 'select', errno.EXDEV)


@check(MANY, open=False)
def select_shortages_apart(test):
    """reports each shortage of select, even one a second after the last"""
    test.need_injector()
    server = test.server()
    test.attached()
    client = test.connect(server)
    for number in 1, 2:
        if number == 2:
            time.sleep(1.5)  # sooner, it might count as the same shortage
        test.served(server, client)
        test.faults.fail('select', errno.ENOMEM, last=FOREVER)
        client.sendall(test.question())
        told(test, server, 'select', 'ENOMEM', number)
        test.faults.relent('select')
        test.answered(client, *[] if test.stage == '08' else [test.question()])


@check(MANY, open=False)
def idle_takes_nothing(test):
    """an idle client takes no memory beyond its row in a table"""
    test.need_injector()
    server = test.server()
    test.attached()
    test.served(server, test.connect(server))
    wait_until(lambda: server.state() == 'S')
    before = Page(test.faults).get('blocks')
    for _ in range(20):
        test.served(server, test.connect(server))
    wait_until(lambda: server.state() == 'S')
    blocks = Page(test.faults).get('blocks') - before
    if blocks > 10:
        raise Failure('no memory for 20 idle clients', f'{blocks} blocks',
                      'free what a client no longer needs')


@check(TALKING, open=False)
def client_unlisted(test):
    """if recv or send fails with an errno that has no row, reports it and ends
    only that connection"""
    test.need_injector()
    server = test.server()
    test.attached()
    for call in 'recv', 'send':
        test.faults.fail(call, errno.EXDEV,
                         test.faults.get('calls', call) + 1)
        client = test.connect(server)
        test.say(client, test.question(b'lost\n'))
        injected(test, call)
        test.ended(client, f'{call} has failed: close this client')
        peer = '%s:%d' % client.getsockname()
        line = f'{call}: {os.strerror(errno.EXDEV)}' + (
            f' ({peer})' if test.stage in MANY else '')
        if not server.wait_for(lambda: line in server.lines):
            raise Failure(f'the line "{line}"', f'it {test.outcome(server)}',
                          'name the peer in parentheses after the message'
                          if line.partition(' (')[0] in server.lines else
                          f'the heading row of {call} is for any other errno')
        client = test.connect(server)
        test.served(server, client, 'an error on one client\'s socket ends '
                    'that client\'s connection, never the server')
        client.close()


@check(ECHO, open=False)
def half_close_before_the_echo(test):
    """a client that shuts down its sending half while most of the echo is still
    unsent gets all of it"""
    test.need_injector()
    server = test.server()
    test.attached()
    client = test.connect(server)
    test.served(server, client)
    server.signal(signal.SIGSTOP)  # so that everything is there at once
    wait_until(lambda: server.state() == 'T')
    test.faults.set('most', 1000, 'send')
    test.say(client, data(50000))
    client.shutdown(socket.SHUT_WR)
    wait_until(lambda: arrived(client))
    server.signal(signal.SIGCONT)
    got = test.receive(client, 50000, hint='the end of what a client sends is '
                                           'not the end of what it receives')
    if got != data(50000):
        raise Failure('the echo', difference(data(50000), got))
    test.ended(client)


@check(MANY, open=False)
def fcntl_fails_at_the_start(test):
    """reports that fcntl failed at the start, and exits with status 1"""
    test.need_injector()
    line = f'fcntl: {os.strerror(errno.ENOBUFS)}'
    for number in range(1, 20):
        before = test.faults.get('injected', 'fcntl')
        test.faults.fail('fcntl', errno.ENOBUFS,
                         test.faults.get('calls', 'fcntl') + number)
        child = test.start('0')
        child.wait_for(lambda: child.lines)
        if test.faults.get('injected', 'fcntl') == before:
            break  # it makes no more such calls
        if child.wait_exit() != 1 or line not in child.lines:
            raise Failure(f'the line "{line}" and status 1',
                          f'it {test.outcome(child)}',
                          f'look at what fcntl no. {number} returns')
    if number < 2:
        raise Failure('calls to fcntl', 'none', 'neither the listener nor the '
                      'pipe may block')


@check('07', open=False)
def malloc_fails(test):
    """reports that there is no memory for what a client does not read, and
    drops that client alone"""
    test.need_injector()
    server = test.server()
    test.attached()
    other = test.connect(server)
    test.served(server, other)
    test.faults.fail('malloc', errno.ENOMEM,
                     test.faults.get('calls', 'malloc') + 1, FOREVER)
    client = test.connect(server)
    flood(client)
    line = f'malloc: {os.strerror(errno.ENOMEM)} (%s:%d)' % client.getsockname()
    if not server.wait_for(lambda: line in server.lines):
        if not test.faults.get('injected', 'malloc'):
            raise Skip('no call to malloc can be made to fail: the program '
                       'makes none, or a sanitizer has its own malloc')
        raise Failure(f'the line "{line}"', test.outcome(server),
                      'look at what malloc returns')
    test.served(server, other)


@check(SERVERS, open=False)
def closed_streams_not_opened(test):
    """reports that /dev/null cannot be opened in place of a closed stream"""
    test.need_injector()
    test.faults.fail('open', errno.EMFILE,
                     test.faults.get('calls', 'open') + 1, FOREVER)
    child = test.start_closed('<&-', *[] if test.stage == '01' else ['0'])
    line = f'open: {os.strerror(errno.EMFILE)}'
    if child.wait_exit() != 1 or line not in child.lines:
        raise Failure(f'the line "{line}" and status 1',
                      f'it {test.outcome(child)}',
                      'open can fail, too: look at what it returns')
