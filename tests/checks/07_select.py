"""The checks of 07-select: many clients at once, none of which waits for
another.

To add one, start from `all_at_once`, a short one; see "Add a check" in
tests/README.md."""

import random
import re
import select
import signal
import socket
import sys
import threading
import time

from harness import (MANY, Failure, Skip, Stream, arrived, check, counted,
                     data, difference, dropped, flood, guarded, in_time, reset,
                     settings, wait_until)


@check(MANY)
def all_at_once(test):
    """serves a client while others are connected and silent"""
    server = test.server()
    test.need_persistence(server)
    silent = [test.connect(server) for _ in range(5)]
    talker = test.connect(server)
    for _ in range(3):
        test.served(server, talker, 'select reports which sockets are '
                    'ready: serve those, and wait nowhere else')
    for client in silent:
        test.served(server, client)


@check('07', open=False)
def bits_shared(test):
    """while one client's echo is sent in small pieces, another client is
    served"""
    test.need_injector()
    server = test.server()
    test.attached()
    patient, other = test.connect(server), test.connect(server)
    test.served(server, patient)
    test.served(server, other)
    test.faults.set('most', 1, 'send')
    test.faults.set('stop', test.faults.get('calls', 'send') + 1000, 'send')
    server.signal(signal.SIGSTOP)  # so that select finds both of them ready
    wait_until(lambda: server.state() == 'T')
    message = data(2000)
    patient.sendall(message)
    other.sendall(b'?')
    wait_until(lambda: arrived(patient) and arrived(other))
    server.signal(signal.SIGCONT)
    wait_until(lambda: test.faults.get('calls', 'send') >= 999
               and server.state() == 'T')
    test.receive(other, 1, 'the echo of a byte, which came while the 1000 '
                 'bytes of another client were being sent', 'after a short '
                 'send go back to select: keep the rest, and send it when the '
                 'socket is writable')
    test.faults.set('most', 0, 'send')
    server.signal(signal.SIGCONT)
    got = test.receive(patient, len(message))
    if got != message:
        raise Failure('the bytes in order', difference(message, got))


@check('07')
def reader_awaited_by_nobody(test):
    """a client that does not read makes no other client wait"""
    server = test.server()
    greedy = test.connect(server)
    sent = flood(greedy)
    others = [test.connect(server) for _ in range(3)]
    for client in others:
        test.echo(client, data(50000), 'O_NONBLOCK on every socket: keep what '
                  'could not be sent, and serve the others')
    greedy.shutdown(socket.SHUT_WR)
    Stream(greedy, sent, data(65536)).finish('keep what send did not take, and '
                                             'send it next')
    test.ended(greedy)


@check('07')
def not_read_while_it_does_not_read(test):
    """does not keep receiving from a client that does not read: memory is
    bounded"""
    server = test.server()
    before = server.memory()
    clients = [test.connect(server) for _ in range(4)]
    for client in clients:
        flood(client, 64 << 20)
    grown = server.memory() - before
    most = 16000 if test.any else 300
    if grown > 4 * most + 500:  # 500 KB for a buffer that all share
        raise Failure(f'at most {most} KB of memory for each client',
                      f'{grown} KB for 4 clients', 'while the echo cannot be '
                      'sent, do not receive from that client')


def readable(client):
    return select.select([client], [], [], 0)[0]


@check('07', after='all_at_once')
def last_is_served(test):
    """serves the last of many clients while the others always have data"""
    test.need_injector()
    server = test.server()
    test.attached()
    busy = [test.connect(server) for _ in range(3)]
    last = test.connect(server)
    for client in (*busy, last):
        test.served(server, client)
    test.faults.set('most', 1, 'recv')  # so each has data for a long time
    server.signal(signal.SIGSTOP)
    wait_until(lambda: server.state() == 'T')
    for client in busy:
        client.sendall(data(30000))
    test.say(last, b'x')
    test.faults.set('stop', test.faults.get('calls', 'select') + 5000, 'select')
    turns = test.faults.get('calls', 'select') + 4999
    wait_until(lambda: all(map(arrived, (*busy, last))))
    if not test.any:  # others may be edge-triggered
        test.faults.set('stop', test.faults.get('calls', 'recv') + 20000,
                        'recv')
    server.signal(signal.SIGCONT)
    wait_until(lambda: readable(last) or server.state() == 'T', 60)
    if not readable(last):
        one = test.faults.get('calls', 'select') > turns
        raise Failure('the last client is served while the others are',
                      'not yet, after ' + ('5000 calls to select' if one else
                                           '20000 calls to recv'),
                      'handle every ready descriptor after each call to '
                      'select, not just the first one' if one else 'receive '
                      'once from each ready client, then serve the next')
    server.signal(signal.SIGCONT)
    test.answered(last, b'x')


def switches(child):
    """How often the program has gone to sleep so far."""
    with open(f'/proc/{child.pid}/status') as file:
        return int(re.search(r'\nvoluntary_ctxt_switches:\s+(\d+)',
                             file.read())[1])


def asleep(child):
    """Returns whether the program has slept for a while."""
    before = switches(child)
    time.sleep(0.05)
    return child.state() == 'S' and switches(child) == before


@check(MANY, open=False)
def no_tick(test):
    """does not wake up while nothing is due"""
    server = test.server('-t', '30')
    before = len(server.descriptors())
    passing = test.connect(server)
    test.served(server, passing)
    passing.close()
    wait_until(lambda: len(server.descriptors()) <= before)
    for clients in (0, 1):
        if clients:
            test.served(server, test.connect(server))
        wait_until(lambda: asleep(server))
        before = switches(server)
        time.sleep(0.4)
        if switches(server) != before:
            raise Failure('no wake-up in 0.4 s with '
                          f'{counted(clients, "idle client")}',
                          f'{switches(server) - before}', 'select\'s timeout '
                          'is the time until the first time limit ends, NULL '
                          'if there is none')


@check(MANY, open=False, after='talker_stays')
def silent_client(test):
    """with -t 1 drops a silent client after a second"""
    server = test.server('-t', '1')
    began = time.monotonic()
    client = test.connect(server)
    dropped(test, server, client, began)
    test.ended(client, 'close the socket of a client that is dropped')


@check(MANY, open=False)
def dropped_in_time(test):
    """with -t 2 drops a silent client after two seconds, not later, with only
    a few calls to select"""
    test.need_injector()
    server = test.server('-t', '2')
    test.attached()
    for _ in range(3):
        client = test.connect(server)
        test.served(server, client)
        began, other = time.monotonic(), test.connect(server)
        time.sleep(0.3)
        test.served(server, other)
        wait_until(lambda: server.state() == 'S')
        calls = test.faults.get('calls', 'select')
        test.ended(client)
        took = time.monotonic() - began
        calls = test.faults.get('calls', 'select') - calls
        other.close()
        if took < 2.4 and calls < 4:  # one of them to print a message
            return  # one success is enough: this machine may be busy
    raise Failure('the end of the connection after 2 seconds',
                  f'after {took:.1f} s and {calls} calls to select',
                  'select\'s timeout is the time until the first time limit '
                  'ends')


@check(MANY, open=False)
def client_never_reads(test):
    """with -t 1 drops a client that never reads, and no other"""
    server = test.server('-t', '1')
    client = test.connect(server)
    flood(client, block=test.plenty())
    began = time.monotonic() - 0.3
    other, last = test.connect(server), time.monotonic()
    for _ in range(30):
        last = in_time(last)
        test.served(server, other)
        if server.wait_line('dropped ', 0.3):
            break
    dropped(test, server, client, min(began, time.monotonic() - 1))
    in_time(last)
    test.served(server, other)


ACKNOWLEDGED_HINT = ('a byte that the peer has acknowledged counts as moved: '
                     'see SIOCOUTQ in tcp(7)')


def reads_slowly(test, server, client, seconds):
    """Reads for a few seconds. Demands that the client not be dropped."""
    end, last = time.monotonic() + seconds, time.monotonic()
    while time.monotonic() < end:
        last = in_time(last)
        test.receive(client, 16384, hint=ACKNOWLEDGED_HINT)
        time.sleep(0.1)
        if any(line.startswith('dropped') for line in server.lines):
            in_time(last)
            raise Failure('no line "dropped ...": the client keeps reading',
                          server.lines[-1], ACKNOWLEDGED_HINT)


@check('07', open=False)
def acknowledged(test):
    """with -t 2 keeps a client that reads slowly, whether it has sent much at
    once or a little at a time, and even if select does not report its socket
    as writable for more than two seconds"""
    if not sys.platform.startswith('linux'):
        raise Skip('this system does not report what has arrived')
    server = test.server('-t', '2')
    # The kernel reopens a closed receive window only when a sixteenth of it is
    # free, which takes too long if the window has megabytes.
    client = test.connect(server, receive_buffer=16384)
    flood(client, block=test.plenty())
    reads_slowly(test, server, client, 5)
    client.close()
    client = test.connect(server, receive_buffer=16384)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for _ in range(800):  # each costs the server one recv and one send
        test.say(client, bytes(1000))
        time.sleep(0.0005)
    reads_slowly(test, server, client, 3.5)


@check('07', open=False)
def acknowledged_in_time(test):
    """with -t 2 drops a silent client after two seconds; an acknowledgement
    soon after the last send does not double this time"""
    server = test.server('-t', '2')
    for _ in range(3):
        client = test.connect(server)
        test.echo(client, data(100000))
        client.settimeout(10)
        began = time.monotonic()
        test.ended(client)
        took = time.monotonic() - began
        if took < 3:
            return  # one success is enough: this machine may be busy
    raise Failure('the end of the connection after 2 seconds, or slightly more',
                  f'after {took:.1f} s', 'the kernel reports how many bytes '
                  'are unacknowledged, but not when that changed: ask it '
                  'several times within the limit')


def slow_share(test, server, client):
    """Sends and receives for half a second as a client. Returns the share of
    that time spent waiting for answers that took longer than 30 ms."""
    began, slow = time.monotonic(), 0
    while time.monotonic() < began + 0.5:
        asked = time.monotonic()
        test.served(server, client)
        took = time.monotonic() - asked
        slow += took if took > 0.03 else 0
        time.sleep(0.01)
    return slow / (time.monotonic() - began)


@check(MANY, open=False)
def shortage_shared(test):
    """while accept fails for lack of descriptors, clients are served at
    once"""
    server = test.server()
    client = test.connect(server)
    test.served(server, client)
    limit = server.limit_descriptors(max(server.descriptors()) + 1)
    waiting = [test.connect(server) for _ in range(3)]
    server.wait_line('accept: EMFILE')
    slow = [slow_share(test, server, client)]
    while slow[-1] > 0.2 and len(slow) < 12:  # the machine may be busy
        slow.append(slow_share(test, server, client))
    if slow[-1] > 0.2:
        raise Failure('every answer at once',
                      f'{slow[-1]:.0%} of the time was spent waiting longer '
                      'than 30 ms for an answer',
                      'do not sleep during a shortage: leave the listener '
                      'out of the set until it is time to try again')
    server.limit_descriptors(limit)
    for other in waiting:
        test.served(server, other)


@check(MANY, open=False)
def out_of_descriptors(test):
    """with few descriptors, clients wait, and are served as others leave"""
    server = test.server()
    server.limit_descriptors(max(server.descriptors()) + 9)
    clients = [test.connect(server) for _ in range(40)]
    for number, client in enumerate(clients):
        client.sendall(test.question(b'client %02d\n' % number))
    for number, client in enumerate(clients):
        test.answered(client, b'client %02d\n' % number)
        client.close()
    test.alive(server, '40 clients')


@check('07')
def storm(test):
    """100 clients send random messages and leave at random: every byte is
    right"""
    weather(test, clients=100, seconds=1.5, seed=settings.SEED)


def weather(test, clients, seconds, seed):
    """Runs clients in threads; each sends, checks its echo, and closes or
    resets its connection."""
    test.need_descriptors(2 * clients)
    server = test.server()
    end = time.monotonic() + seconds
    complaints = []

    def live(number):
        chance = random.Random(seed * 100003 + number)
        while time.monotonic() < end and not complaints:
            client = socket.create_connection((server.host, server.port), 10)
            with client:
                one_life(client, chance, complaints)
    threads = [threading.Thread(target=guarded, args=(live, number, complaints),
                                daemon=True) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds + 15)
    if complaints:
        raise Failure('the echo of what was sent', complaints[0])
    test.alive(server, 'the storm')
    test.echo(test.connect(server), b'calm')


def one_life(client, chance, complaints):
    for _ in range(chance.randrange(1, 6)):
        message = data(chance.randrange(1, 32768), chance.randrange(251))
        client.sendall(message)
        if chance.random() < 0.2:
            if chance.random() < 0.5:
                reset(client)
            return
        got = bytearray()
        while len(got) < len(message):
            piece = client.recv(65536)
            if not piece:
                break
            got += piece
        if bytes(got) != message:
            complaints.append(difference(message, bytes(got)))
            return
