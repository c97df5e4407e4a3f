"""One check for every row of tests/errors.tsv and every stage that makes the
call: CALL_ERRNO. Where the kernel can be brought to refuse, it does; the rest
is injected by tests/faults.c."""

import csv
import errno
import os
import re
import signal
import socket
import subprocess
import threading
import time

from harness import (CHECKS, FOREVER, NOBODY, SIGPIPE_HINT, TESTS, Check,
                     Failure, Skip, arrived, data, end_half, free_port, reset,
                     reset_for_sure, wait_until)

CALLS = {
    '01': 'socket', '02': 'socket bind', '03': 'socket bind listen',
    '04': 'socket bind listen accept',
    '05': 'socket bind listen accept recv send',
    '06': 'socket connect recv send',
    '07': 'socket bind listen accept recv send select',
    '08': 'socket bind listen accept recv send select',
}

KERNEL = {}  # (call, errno, stages) made by the kernel: the function that does

with open(TESTS / 'errors.tsv', newline='') as file:
    ROWS = list(csv.DictReader(file, delimiter='\t'))


def remedy_of(row, stage):
    """The remedy that the table of this stage has for a row. What may wait
    for select does so from 07 on: that is an ordinary thing."""
    remedy, _, other = row['client' if stage == '06' else 'server'].partition(
        ', or ')
    return 'RETRY' if other and stage >= '07' else remedy


def kernel(call, name, stages):
    """Makes a function the check of a row, in which the kernel refuses."""
    def register(function):
        for stage in stages.split():
            KERNEL[call, name, stage] = function
        return function
    return register


def names(name):
    """What a message may call an errno: by any name of the same number."""
    number = getattr(errno, name)
    same = [other for other in dir(errno)
            if getattr(errno, other) == number and other.isupper()]
    return '(' + '|'.join(sorted(same)) + ')'


def told(test, child, call, name, times=1, hint=''):
    """Demands the line 'CALL: ERRNO...' on standard error, so many times."""
    if test.any:
        return
    pattern = rf'{call}: {names(name)}\b'
    child.wait_line(pattern)
    lines = [line for line in child.lines if re.match(pattern, line)]
    if len(lines) != times:
        if child.process.poll() == -signal.SIGPIPE:
            hint = SIGPIPE_HINT
        elif any(line.startswith(f'{call}: {os.strerror(getattr(errno, name))}')
                 for line in child.lines):
            hint = f'is there a row for {name} in {call}\'s table?'
        raise Failure(
            f'{times} line{"" if times == 1 else "s"} "{call}: {name}: ..." on '
            'standard error',
            f'{len(lines) or "no such line"}; it {test.outcome(child)}',
            hint or f'look at {call}\'s return value, read errno before any '
            'other call, and report it, but only once until it succeeds')


def not_told(test, child, call):
    """Demands that an ordinary failure is not worth a line."""
    lines = [line for line in child.lines if line.startswith(call + ':')]
    if lines and not test.any:
        raise Failure(f'no line about {call}: its remedy is RETRY', lines[0],
                      'an ordinary failure: call again and say nothing')


def stopped(test, child, call, name):
    """Demands the remedy STOP: one line and status 1."""
    status = child.wait_exit()
    if status is None:
        raise Failure(f'exit status 1 when {call} fails with {name}',
                      f'the program {test.outcome(child)}',
                      f'{call} returned -1: nothing sensible is left to do, '
                      'say why and exit with status 1')
    told(test, child, call, name)
    if status != 1:
        raise Failure(f'exit status 1 when {call} fails with {name}',
                      f'the program {test.outcome(child)}',
                      'call exit(EXIT_FAILURE) after the message')


def injected(test, call, times=1):
    """Demands that the program has made the call that was to fail."""
    count = wait_until(lambda: test.faults.get('injected', call) >= times)
    if not count:
        raise Failure(f'a call of {call}() (or its like)',
                      'the program never makes it',
                      f'this stage has to call {call}()')


# ---------------------------------------------------------------- injected

def make_row_check(stage, row):
    call, name = row['call'], row['errno']
    remedy, number = remedy_of(row, stage), getattr(errno, name, None)

    def inject(test):
        if number is None:
            raise Skip(f'{name} is not an errno of this system')
        test.need_injector()
        test.faults.fail(call, number)
        if remedy == 'WAIT':
            test.faults.fail(call, number, last=FOREVER)
        if stage == '06':
            CLIENT[remedy](test, call, name)
        elif call in ('recv', 'send'):
            CONNECTION[remedy](test, call, name)
        else:
            LISTENER[remedy](test, call, name)

    function = KERNEL.get((call, name, stage), inject)
    by_kernel = function is not inject
    what = f'{call} fails with {name}: {remedy}'
    return Check(stage, f'{call}_{name}', function, what,
                 'kernel' if by_kernel else 'injector',
                 by_kernel and call in ('recv', 'send'))


def stop_server(test, call, name):
    child = attached(test, test.start(*([] if test.stage == '01' else ['0'])))
    if call == 'accept':
        knock(child)
    stopped(test, child, call, name)


def knock(child):
    """Connects, if that is possible, to a server that may be ending."""
    ready = child.wait_line(r'listening on (\S+):(\d+)$')
    with socket.socket() as client:
        client.settimeout(1)
        client.connect_ex((ready[1], int(ready[2])) if ready else ('', 0))


def attached(test, child):
    test.attached()
    return child


def retry_accept(test, call, name):
    server = attached(test, test.server())
    knock(server)
    injected(test, call)
    hint = f'the remedy of {name} is RETRY: call {call} again'
    time.sleep(0.02)  # for a program that is going to exit
    test.alive(server, f'{call} has failed with {name}', hint)
    client = test.connect(server)
    test.served(server, client, hint)
    not_told(test, server, call)


def wait_accept(test, call, name):
    server = attached(test, test.server())
    client = test.connect(server)
    injected(test, call)
    idles(test, server, call, name)
    test.faults.relent(call)
    test.served(server, client, f'{name} passes: keep trying, lose nobody')
    told(test, server, call, name)


def idles(test, server, call, name, again=True):
    """Demands that a shortage is waited out, without using the processor, and
    that the call is made again meanwhile."""
    test.alive(server, f'{call} has failed with {name}',
               f'{name} may pass: wait a tenth of a second, call again')
    calls = test.faults.get('calls', call)
    spins = server.spins(0.35)
    test.alive(server, f'{call} has failed with {name}',
               f'{name} may pass: wait a tenth of a second, call again')
    calls = test.faults.get('calls', call) - calls
    if spins or calls > 20:
        raise Failure(f'a wait of a tenth of a second before each new {call}',
                      f'{calls} calls in 0.35 s{", it spins" * spins}',
                      f'{name} will not pass at once: sleep between the tries '
                      '(nanosleep), do not spin')
    if calls == 0 and again:
        raise Failure(f'another {call} every tenth of a second',
                      'none in 0.35 s', 'call again while the shortage lasts')


LISTENER = {'STOP': stop_server, 'RETRY': retry_accept, 'WAIT': wait_accept}


def drop_client(test, call, name):
    server = attached(test, test.server())
    client = test.connect(server)
    client.sendall(test.question(b'lost'))
    injected(test, call)
    try:
        if client.recv(16):
            raise Failure(f'no answer: {call} has failed with {name}',
                          'an answer', 'close this client')
    except ConnectionResetError:
        pass
    except OSError:
        raise Failure('the client is closed, for it is lost',
                      f'it stays open after {call} has failed with {name}',
                      'close its socket, take the next client') from None
    test.alive(server, f'{call} has failed with {name}',
               'an error on one client\'s socket costs that client, never the '
               'server')
    told(test, server, call, name)
    test.served(server, test.connect(server),
                'serve the other clients as if nothing had happened')


def retry_connection(test, call, name):
    server = attached(test, test.server())
    client = test.connect(server)
    test.served(server, client, f'after {name} call {call} again at once')
    injected(test, call)
    not_told(test, server, call)


def wait_send(test, call, name):
    server = attached(test, test.server())
    client = test.connect(server)
    client.sendall(test.question(b'patience'))
    injected(test, call)
    idles(test, server, call, name)
    test.faults.relent(call)
    test.answered(client, b'patience', f'{name} passes: send it again later')
    told(test, server, call, name)


CONNECTION = {'DROP': drop_client, 'RETRY': retry_connection,
              'WAIT': wait_send}


# ---------------------------------------------------------------- the client

def echoing(connection):
    while True:
        piece = connection.recv(65536)
        if not piece:
            return
        connection.sendall(piece)


def feed(test, child, message):
    """Gives the client its whole input."""
    def write():
        try:
            child.process.stdin.write(message)
            child.process.stdin.close()
        except OSError:
            pass
    threading.Thread(target=write, daemon=True).start()


def start_client(test, port, *options, host='127.0.0.1', message=b'hello\n',
                 stdout=subprocess.PIPE):
    """Starts the client; it gets the message as its input, unless None."""
    if test.any:
        child = test.start(stdin=subprocess.PIPE, stdout=stdout, host=host,
                           port=port)
    else:
        child = test.start(*options, host, str(port), stdin=subprocess.PIPE,
                           stdout=stdout)
    if message is not None:
        feed(test, child, message)
    return child


def succeeded(test, child, message=b'hello\n', hint=''):
    """Demands exit status 0 and the whole echo on standard output."""
    status = child.wait_exit()
    if status is None:
        raise Failure('the client ends', f'it {test.outcome(child)}', hint)
    if bytes(child.output) != message:
        raise Failure('the echo on standard output, and nothing else',
                      f'{len(child.output)} of {len(message)} bytes; it '
                      f'{test.outcome(child)}', hint)
    if status != 0:
        raise Failure('exit status 0: every byte came back',
                      f'it {test.outcome(child)}', hint)


def stop_client(test, call, name):
    peer = test.peer(echoing)
    test.faults.resolve('127.0.0.1', '127.0.0.1')
    child = attached(test, start_client(test, peer.port, host='localhost'))
    stopped(test, child, call, name)
    if call == 'connect' and test.faults.get('calls', call) != 1:
        raise Failure(f'no further attempt after {name}',
                      f'{test.faults.get("calls", call)} calls of connect',
                      'this remedy is STOP, not NEXT')


def next_address(test, call, name):
    peer = test.peer(echoing)
    test.faults.resolve('127.0.0.2', '127.0.0.1')
    child = attached(test, start_client(test, peer.port, host='localhost'))
    succeeded(test, child, hint=f'after {name} close the socket and try the '
              'next address (ai_next) on a new one')
    injected(test, call)
    told(test, child, call, name)
    if not test.any and not any(f'(127.0.0.2:{peer.port})' in line
                                for line in child.lines):
        raise Failure(f'the address that failed: (127.0.0.2:{peer.port})',
                      '; '.join(child.lines), 'put it into the message')


def retry_client(test, call, name):
    peer = test.peer(echoing)
    child = attached(test, start_client(test, peer.port))
    succeeded(test, child, hint=f'after {name} call {call} again')
    injected(test, call)
    not_told(test, child, call)


def wait_client(test, call, name):
    peer = test.peer(echoing)
    child = attached(test, start_client(test, peer.port))
    injected(test, call)
    idles(test, child, call, name)
    test.faults.relent(call)
    succeeded(test, child, hint=f'{name} passes: send it again later')
    told(test, child, call, name)


CLIENT = {'STOP': stop_client, 'NEXT': next_address, 'RETRY': retry_client,
          'WAIT': wait_client}


# ---------------------------------------------------------------- the kernel

@kernel('socket', 'EMFILE', '01 02 03 04 05 07 08')
def socket_without_descriptors(test):
    """A server for many clients may open other things before its socket."""
    test.need_injector()
    arguments = {'01': [], '08': ['-l', '/dev/null', '0']}.get(test.stage,
                                                               ['0'])
    for limit in range(9, 2, -1) if test.stage >= '07' else (3,):
        test.faults.set('descriptors', limit)
        child = attached(test, test.start(*arguments))
        child.wait_for(lambda: child.lines)
        if not child.wait_line('listening on ', 0):
            break
    stopped(test, child, 'socket', 'EMFILE')


@kernel('socket', 'EMFILE', '06')
def client_without_descriptors(test):
    test.need_injector()
    test.faults.set('descriptors', 3)
    peer = test.peer(echoing)
    stopped(test, attached(test, start_client(test, peer.port)), 'socket',
            'EMFILE')


@kernel('bind', 'EACCES', '02 03 04 05 07 08')
def reserved_port(test):
    with open('/proc/sys/net/ipv4/ip_unprivileged_port_start') as file:
        if int(file.read()) < 2:
            raise Skip('on this system ports below 1024 are not reserved')
    test.need_injector()
    test.faults.set('user', NOBODY if os.geteuid() == 0 else 0)
    stopped(test, attached(test, test.start('1')), 'bind', 'EACCES')


@kernel('bind', 'EADDRINUSE', '02 03 04 05 07 08')
def port_taken(test):
    with socket.create_server(('127.0.0.1', 0)) as other:
        port = other.getsockname()[1]
        stopped(test, test.start(str(port)), 'bind', 'EADDRINUSE')


@kernel('bind', 'EADDRNOTAVAIL', '02 03 04 05 07 08')
def foreign_address(test):
    stopped(test, test.start('-a', '192.0.2.1', '0'), 'bind', 'EADDRNOTAVAIL')


@kernel('listen', 'EADDRINUSE', '04 05 07 08')
def listened_to(test):
    """Two sockets with SO_REUSEADDR are bound; the other listens first."""
    test.need_injector()
    test.faults.set('stop', 1, 'listen')
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(('127.0.0.1', 0))
        child = attached(test, test.start(str(other.getsockname()[1])))
        if not wait_until(lambda: child.state() == 'T' or not child.running()):
            raise Failure('a call of listen()', test.outcome(child))
        other.listen()
        child.signal(signal.SIGCONT)
        stopped(test, child, 'listen', 'EADDRINUSE')


@kernel('accept', 'EMFILE', '04 05 07 08')
def out_of_descriptors(test):
    server = test.server()
    used = max(server.descriptors()) + 1
    for shortage in (1, 2):
        limit = server.limit_descriptors(used)
        test.connect(server).close()  # accept may have its descriptor already
        clients = [test.connect(server) for _ in range(3)]
        if test.faults.get('attached'):  # 08 needs descriptors for files, and
            idles(test, server, 'accept', 'EMFILE',  # may know without a try
                  again=test.stage < '08')
        told(test, server, 'accept', 'EMFILE', shortage, 'a line for each '
             'shortage: the next one is told of again')
        test.alive(server, 'accept has failed with EMFILE',
                   'EMFILE passes when a descriptor is freed: wait, call again')
        server.limit_descriptors(limit)
        for client in clients:
            test.served(server, client, 'clients wait in the queue while there '
                        'is no descriptor, and are served afterwards')
            client.close()
        if not wait_until(lambda: max(server.descriptors()) < used):
            raise Failure('every client\'s descriptor closed',
                          f'{server.descriptors()} are open')


@kernel('recv', 'EAGAIN', '05')
@kernel('recv', 'EWOULDBLOCK', '05')
def silent_too_long(test):
    if test.any:
        raise Skip('-t is an option of ours')
    server = test.server('-t', '1')
    began = time.monotonic()
    client = test.connect(server)
    test.ended(client, 'SO_RCVTIMEO makes recv fail with EAGAIN after -t '
               'seconds: drop the client')
    if time.monotonic() - began < 0.9:
        raise Failure('the client is dropped after 1 second of silence (-t 1)',
                      f'after {time.monotonic() - began:.2f} s')
    told(test, server, 'recv', 'EAGAIN')
    test.echo(test.connect(server), b'the next one')


@kernel('send', 'EAGAIN', '05')
@kernel('send', 'EWOULDBLOCK', '05')
def never_reading(test):
    if test.any:
        raise Skip('-t is an option of ours')
    server = test.server('-t', '1')
    client = test.connect(server)
    next_client = test.connect(server)
    flood(client)
    told(test, server, 'send', 'EAGAIN', hint='a client that does not read '
         'makes send wait: SO_SNDTIMEO limits that')
    test.alive(server, 'a client that does not read')
    test.echo(next_client, b'the next one', 'SO_SNDTIMEO makes send fail with '
              'EAGAIN after -t seconds: drop the client')


def flood(client, most=1 << 28, block=data(65536)):
    """Sends without reading until nothing more is taken. Returns how much."""
    client.setblocking(False)
    sent, quiet = 0, time.monotonic() + 0.3
    while time.monotonic() < quiet and sent < most:
        try:
            at = sent % len(block)
            sent += client.send(block[at:])
            quiet = time.monotonic() + 0.3
        except BlockingIOError:
            time.sleep(0.005)
        except OSError:
            break
    client.settimeout(15)
    return sent


@kernel('recv', 'ECONNRESET', '05 07 08')
def reset_while_received(test):
    server = test.server()
    client = test.connect(server)
    test.served(server, client)
    reset(client)
    told(test, server, 'recv', 'ECONNRESET')
    test.served(server, test.connect(server), 'a reset costs that client, '
                'never the server')
    test.alive(server, 'a client\'s reset')


def vanish(test, server, half_close):
    """While the server is stopped a client sends and resets. When it goes on,
    recv still finds the data, and send fails."""
    client = test.connect(server)
    test.served(server, client)
    server.signal(signal.SIGSTOP)
    wait_until(lambda: server.state() == 'T')
    client.sendall(test.question(b'gone'))
    wait_until(lambda: arrived(client))
    if half_close:
        end_half(client)
    reset_for_sure(client)
    server.signal(signal.SIGCONT)


def gone_before_send(test, name, half_close):
    server = test.server()
    vanish(test, server, half_close)
    told(test, server, 'send', name)
    test.served(server, test.connect(server),
                'a client that goes away costs only itself')
    test.alive(server, f'send has failed with {name}', SIGPIPE_HINT)


@kernel('send', 'ECONNRESET', '05 07 08')
def reset_before_send(test):
    gone_before_send(test, 'ECONNRESET', False)


@kernel('send', 'EPIPE', '05 07 08')
def closed_before_send(test):
    gone_before_send(test, 'EPIPE', True)


def until_interrupted(test, child, call):
    """Stops and continues the program until the call has failed with EINTR;
    without the injector to tell, three times."""
    def interrupted():
        return (test.faults.get('failed', call) > 0
                and test.faults.get('last_error', call) == errno.EINTR)
    for _ in range(3):
        child.stop_and_continue()
    if wait_until(lambda: test.faults.get('attached'), 0.1):
        wait_until(lambda: interrupted() or child.stop_and_continue())


@kernel('recv', 'EINTR', '05')
def interrupted_recv(test):
    server = test.server()
    client = test.connect(server)
    test.echo(client, b'before')
    until_interrupted(test, server, 'recv')
    test.echo(client, b'after', 'recv with SO_RCVTIMEO fails with EINTR after '
              'SIGSTOP and SIGCONT even without a handler: call it again')
    not_told(test, server, 'recv')


@kernel('send', 'EINTR', '05')
def interrupted_send(test):
    server = test.server()
    client = test.connect(server)
    sent = flood(client)
    until_interrupted(test, server, 'send')
    test.alive(server, 'SIGSTOP and SIGCONT')
    client.shutdown(socket.SHUT_WR)
    got = bytearray()
    while len(got) < sent:
        got += test.receive(client, min(sent - len(got), 1 << 20),
                            hint='after EINTR call send again')
    if bytes(got) != data(65536) * (sent // 65536) + data(65536)[:sent % 65536]:
        raise Failure('every byte once and in order', 'other bytes',
                      'after EINTR nothing was sent: send the same bytes again')
    test.ended(client)
    not_told(test, server, 'send')


# ------------------------------------------- the kernel, against the client

@kernel('connect', 'ECONNREFUSED', '06')
def nobody_listens(test):
    stopped(test, start_client(test, free_port()), 'connect', 'ECONNREFUSED')


@kernel('connect', 'ENETUNREACH', '06')
def broadcast(test):
    """Linux has no route for a connection to the loopback's broadcast."""
    stopped(test, start_client(test, 80, host='127.255.255.255'), 'connect',
            'ENETUNREACH')


def full_listener(test):
    """A listener whose queue is full: new connections get no answer."""
    listener = socket.socket()
    test.closing.append(listener)
    listener.bind(('127.0.0.1', 0))
    listener.listen(0)
    for _ in range(2):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
        test.closing.append(filler)
    return listener


@kernel('connect', 'EINPROGRESS', '06')
def silent_address(test):
    port = full_listener(test).getsockname()[1]
    began = time.monotonic()
    child = start_client(test, port, '-t', '1')
    stopped(test, child, 'connect', 'EINPROGRESS')
    if time.monotonic() - began < 0.9:
        raise Failure('the client waits for 1 second (-t 1)',
                      f'{time.monotonic() - began:.2f} s')


@kernel('connect', 'EINTR', '06')
def interrupted_connect(test):
    """Stopped while it waits for an answer, continued when there is room."""
    test.need_injector()
    listener = full_listener(test)
    port = listener.getsockname()[1]
    child = attached(test, start_client(test, port))
    if not wait_until(lambda: test.faults.get('calls', 'connect') == 1):
        raise Failure('a call of connect()', test.outcome(child))
    wait_until(lambda: child.state() == 'S')
    child.signal(signal.SIGSTOP)
    wait_until(lambda: child.state() == 'T')
    listener.settimeout(5)
    for _ in range(2):
        listener.accept()[0].close()
    threading.Thread(target=serve_from, args=(listener,), daemon=True).start()
    child.signal(signal.SIGCONT)
    succeeded(test, child, hint='after EINTR the attempt goes on in the '
              'kernel: close that socket and connect a new one')
    not_told(test, child, 'connect')
    if test.faults.get('last_error', 'connect') != errno.EINTR:
        raise Failure('connect fails with EINTR', 'it did not')


def serve_from(listener):
    """Serves clients of a listener, those too that have left already."""
    try:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=serve_one, args=(connection,),
                             daemon=True).start()
    except OSError:
        pass


def serve_one(connection):
    try:
        with connection:
            echoing(connection)
    except OSError:
        pass


@kernel('recv', 'EAGAIN', '06')
@kernel('recv', 'EWOULDBLOCK', '06')
def silent_server(test):
    peer = test.peer(lambda connection: time.sleep(5))
    began = time.monotonic()
    child = start_client(test, peer.port, '-t', '1')
    stopped(test, child, 'recv', 'EAGAIN')
    if time.monotonic() - began < 0.9:
        raise Failure('the client waits for 1 second (-t 1)',
                      f'{time.monotonic() - began:.2f} s')


@kernel('recv', 'ECONNRESET', '06')
def server_resets(test):
    def handler(connection):
        connection.recv(1)
        reset(connection)
    peer = test.peer(handler)
    stopped(test, start_client(test, peer.port), 'recv', 'ECONNRESET')


def server_gone_before_send(test, name, half_close):
    gone = threading.Event()

    def handler(connection):
        connection.sendall(connection.recv(100))
        wait_until(lambda: arrived(connection))
        if half_close:
            end_half(connection)
        reset_for_sure(connection)
        gone.set()
    peer = test.peer(handler)
    child = start_client(test, peer.port, message=None)
    child.process.stdin.write(b'one\n')
    child.process.stdin.flush()
    child.wait_for(lambda: bytes(child.output) == b'one\n')
    gone.wait(5)
    feed(test, child, b'two\n')
    stopped(test, child, 'send', name)


@kernel('send', 'ECONNRESET', '06')
def server_reset_before_send(test):
    server_gone_before_send(test, 'ECONNRESET', False)


@kernel('send', 'EPIPE', '06')
def server_closed_before_send(test):
    server_gone_before_send(test, 'EPIPE', True)


@kernel('recv', 'EINTR', '06')
def client_interrupted(test):
    go_on = threading.Event()

    def handler(connection):
        message = connection.recv(100)
        go_on.wait(10)
        connection.sendall(message)
        echoing(connection)
    peer = test.peer(handler)
    child = start_client(test, peer.port)
    wait_until(lambda: peer.accepted and child.state() == 'S')
    until_interrupted(test, child, 'recv')
    go_on.set()
    succeeded(test, child, hint='after EINTR call recv again')
    not_told(test, child, 'recv')


def register():
    """Adds the rows' checks, after those of what the programs are for."""
    for stage, calls in CALLS.items():
        for row in ROWS:
            if row['call'] in calls.split():
                CHECKS.append(make_row_check(stage, row))
