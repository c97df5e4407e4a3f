"""The checks of the servers, 01 to 05: what they print, what they refuse, and
what they do for their clients."""

import errno
import os
import re
import signal
import socket
import struct
import threading
import time

from harness import (FOREVER, SIGPIPE_HINT, Failure, Skip, check, data,
                     difference, free_port, reset, shown, wait_until)
from rows import flood, idles, told, vanish

SERVERS = '01 02 03 04 05 07 08'
ADDRESSED = '02 03 04 05 07 08'  # those with -a ADDRESS and PORT
READY = '03 04 05 07 08'         # those that say when they are ready
ECHO = '05 07'
TALKING = '05 07 08'


# ---------------------------------------------------------- the command line

@check(SERVERS + ' 06', open=False)
def usage_help(test):
    """-h prints the usage to standard output and ends with status 0"""
    child, status = test.run('-h')
    program = 'client' if test.stage == '06' else 'server'
    usage = child.output.decode(errors='replace')
    if status != 0 or not usage.startswith(f'usage: {program}'):
        raise Failure(f'"usage: {program} ..." on standard output, status 0',
                      f'{usage[:80]!r}; it {test.outcome(child)}',
                      'asked for help, print it to stdout and exit with 0')
    for option, stages in (('[-a ADDRESS]', ADDRESSED), ('[PORT]', ADDRESSED),
                           ('[-t SECONDS]', '05 06 07 08'),
                           ('HOST PORT', '06'), ('[-d DIRECTORY]', '08'),
                           ('[-l LOGFILE]', '08')):
        if test.stage in stages and option not in usage:
            raise Failure(f'{option} in the usage', usage)


STRTOL_HINT = ('look at the whole argument: strtol stops at the first '
               'character it does not know, atoi cannot fail; keep the result '
               'in a long')


def refuses(test, *arguments, hint=''):
    child = test.start(*arguments)
    status = child.wait_exit()
    if status != 2 or child.output or b'usage: ' not in child.errors:
        raise Failure(
            f'{test.said(child)} is refused: usage on standard error, status 2',
            f'it {test.outcome(child)}', hint)


@check(SERVERS + ' 06', open=False)
def option_refused(test):
    """an unknown option or one argument too many is refused with status 2"""
    refuses(test, '-Z')
    if test.stage == '06':
        refuses(test)
        refuses(test, 'localhost')
        refuses(test, 'localhost', '80', '80')
    else:
        refuses(test, *(['1'] if test.stage == '01' else ['0', '0']))


@check(ADDRESSED, open=False)
def port_refused(test):
    """what is not a number from 0 to 65535 is no port: status 2"""
    for port in ('80x', '-1', '65536', '', ' 80', '+80', '0x50', '1e3',
                 '99999999999999999999', '4294967376'):
        refuses(test, port, hint=STRTOL_HINT)


@check(ADDRESSED, open=False)
def address_refused(test):
    """what is not an address in numbers, dotted IPv4 (from 08 on IPv6, too),
    is refused with status 2"""
    for address in ('localhost', '127.1', '1.2.3.4.5', '256.0.0.1', '',
                    '[::1]' if test.stage == '08' else '::1', '127.0.0.1 ',
                    '0x7f.0.0.1'):
        refuses(test, '-a', address, '0', hint='inet_pton returns 1 for an '
                'address, and for nothing else')
    refuses(test, '-a', hint='in getopt\'s string -a has an argument: "a:"')


@check('05 06 07 08', open=False)
def seconds_refused(test):
    """what is not a number from 0 to 86400 is no time: status 2"""
    rest = ('localhost', '80') if test.stage == '06' else ('0',)
    for seconds in ('x', '', '-1', '1.5', '86401', '5s', ' 5'):
        refuses(test, '-t', seconds, *rest, hint=STRTOL_HINT)


# ---------------------------------------------------------- 01 and 02

@check('01', open=False)
def prints_descriptor(test):
    """prints "socket: descriptor 3" and ends with status 0"""
    child, status = test.run()
    if status != 0 or child.lines != ['socket: descriptor 3']:
        raise Failure('the line "socket: descriptor 3" on standard error, '
                      'status 0', f'it {test.outcome(child)}', 'print what '
                      'socket() returned: 0, 1 and 2 are taken, so it is 3')


@check(SERVERS, open=False)
def stream_socket(test):
    """asks for socket(AF_INET, SOCK_STREAM, 0): TCP over IPv4"""
    child = test.start(*([] if test.stage == '01' else ['0']))
    test.attached()
    faults = test.faults
    wait_until(lambda: faults.get('calls', 'socket') or not child.running())
    if not faults.get('calls', 'socket'):
        raise Failure(f'{test.said(child)} calls socket()',
                      f'it does not; it {test.outcome(child)}',
                      '' if test.stage == '01' else
                      'first it has to take a port: 0 is one')
    kind = faults.get('type') & 0xff
    if (faults.get('family') != socket.AF_INET or kind != socket.SOCK_STREAM
            or faults.get('protocol') not in (0, socket.IPPROTO_TCP)):
        raise Failure('socket(AF_INET, SOCK_STREAM, 0)', 'socket('
                      f'{faults.get("family")}, {faults.get("type")}, '
                      f'{faults.get("protocol")})')


def start_on_free_port(test):
    """Starts the server on a port of ours; anew, if another was quicker."""
    for _ in range(5):
        port = free_port()
        child = test.start(str(port))
        child.wait_for(lambda: child.lines)
        if not child.wait_line('bind: EADDRINUSE', 0):
            break
    return child, port


@check('02', open=False)
def prints_address(test):
    """prints "bound to 127.0.0.1:PORT", the port as given, and ends"""
    child, port = start_on_free_port(test)
    status = child.wait_exit()
    if status != 0 or child.lines != [f'bound to 127.0.0.1:{port}']:
        raise Failure(f'the line "bound to 127.0.0.1:{port}", status 0',
                      f'it {test.outcome(child)}',
                      'bind, then announce the address' if not child.lines else
                      'end main with EXIT_SUCCESS' if status != 0 else
                      'in the address all is in network byte order: htons for '
                      'the port, htonl(INADDR_LOOPBACK); ntohs to print it')


@check(READY, open=False)
def listening_line(test):
    """prints "listening on 127.0.0.1:PORT", the port as given"""
    child, port = start_on_free_port(test)
    if not child.wait_line('listening on '):
        raise Failure('a line "listening on 127.0.0.1:PORT"',
                      f'it {test.outcome(child)}', 'print it to standard '
                      'error, which nothing holds back, once listen() has '
                      'succeeded')
    if child.lines[0] != f'listening on 127.0.0.1:{port}' or child.output:
        raise Failure(f'the line "listening on 127.0.0.1:{port}" on standard '
                      'error', f'{bytes(child.output[:80])!r} on standard '
                      f'output; it {test.outcome(child)}',
                      'what a program tells goes to stderr; sin_port is in '
                      'network byte order: htons to fill it in, ntohs to print')


@check(ADDRESSED, open=False)
def network_byte_order(test):
    """binds the very port and address that were asked for"""
    port = free_port()
    child = test.start('-a', '127.0.0.2', str(port))
    test.attached()
    wait_until(lambda: test.faults.get('calls', 'bind') or not child.running())
    bound = (test.faults.get('bound_address') & 0xffffffff,
             test.faults.get('bound_port'))
    if bound != (0x7f000002, port):
        address = socket.inet_ntoa(struct.pack('!I', bound[0]))
        raise Failure(f'bind to 127.0.0.2:{port}', f'{address}:{bound[1]}; it '
                      f'{test.outcome(child)}', 'htons for the port; inet_pton '
                      'gives the address in network byte order already')


@check(ADDRESSED, open=False)
def default_port(test):
    """without arguments it binds 127.0.0.1:15441, not every interface"""
    test.need_injector()
    test.faults.fail('bind', errno.EADDRINUSE)
    child = test.start()
    test.attached()
    wait_until(lambda: test.faults.get('calls', 'bind') or not child.running())
    bound = (test.faults.get('bound_address') & 0xffffffff,
             test.faults.get('bound_port'))
    if bound != (0x7f000001, 15441):
        address = socket.inet_ntoa(struct.pack('!I', bound[0]))
        raise Failure('bind to 127.0.0.1:15441', f'{address}:{bound[1]}',
                      'in the address all is in network byte order: '
                      'htonl(INADDR_LOOPBACK), htons(15441)')


@check(ADDRESSED, open=False)
def port_zero(test):
    """port 0 takes a free port and tells which (getsockname)"""
    child = test.start('0')
    match = child.wait_line(r'(?:bound to|listening on) 127\.0\.0\.1:(\d+)$')
    if not match or not 1 <= int(match[1]) <= 65535:
        raise Failure('the port that the kernel chose',
                      f'it {test.outcome(child)}',
                      'ask the socket with getsockname after bind')
    if test.stage != '02':
        socket.create_connection(('127.0.0.1', int(match[1])), 5).close()


@check(ADDRESSED, open=False)
def address_option(test):
    """-a ADDRESS binds that address"""
    child = test.start('-a', '127.0.0.2', '0')
    if not child.wait_line(r'(?:bound to|listening on) 127\.0\.0\.2:\d+$'):
        raise Failure('a line with 127.0.0.2:PORT', f'it {test.outcome(child)}')


# ---------------------------------------------------------- from 03

@check(READY, open=False)
def ready_not_before(test):
    """"listening on" is printed after listen() has succeeded, not before"""
    test.need_injector()
    test.faults.set('stop', 1, 'listen')
    child = test.start('0')
    test.attached()
    if not wait_until(lambda: not child.running() or child.state() == 'T'):
        raise Failure('a call of listen()', f'it {test.outcome(child)}')
    early = list(child.lines)
    child.signal(signal.SIGCONT)
    if early:
        raise Failure('no line before listen() has returned', early[0],
                      'people and tests connect as soon as they read it')
    if not child.wait_line('listening on '):
        raise Failure('a line "listening on ..."', f'it {test.outcome(child)}')


@check('03')
def connection_established(test):
    """connections are established though nobody accepts them, and stay open"""
    server = test.server()
    clients = [test.connect(server) for _ in range(5)]
    for client in clients:
        client.sendall(b'anybody there?')
        client.settimeout(0.05)
        try:
            got = client.recv(1)
        except (socket.timeout, TimeoutError):
            continue
        except OSError as error:
            got = error
        raise Failure('an open connection on which nobody answers', repr(got),
                      'listen, and then only wait: pause()')
    test.alive(server, 'five connections')
    if test.faults.get('calls', 'accept'):
        raise Failure('no call of accept() yet: that is the next step',
                      f'{test.faults.get("calls", "accept")} of them')


@check('03 04 05', open=False)
def signals_end_it(test):
    """SIGINT and SIGTERM keep their default action: they end the program"""
    for number in (signal.SIGINT, signal.SIGTERM):
        server = test.server()
        server.signal(number)
        status = server.wait_exit()
        if status != -number:
            raise Failure(f'an end by {number.name}',
                          f'it {test.outcome(server)}')


@check(READY)
def waits_quietly(test):
    """while nothing happens it uses no processor time"""
    server = test.server()
    spins = server.spins()
    test.alive(server, 'nothing at all')
    if spins:
        raise Failure('no processor time while nobody connects', 'it spins',
                      'let a blocking call wait: pause, accept, select; a loop '
                      'that asks again and again spins')


@check(ADDRESSED, open=False)
def standard_output_empty(test):
    """standard output carries data only, so here nothing"""
    master, slave = os.openpty()  # a terminal: nothing stays in a buffer
    try:
        child = test.start('0', stdout=slave)
        ready = child.wait_line(r'(?:bound to|listening on) (\S+):(\d+)$')
        if ready and test.stage != '02':
            address = ready[1], int(ready[2])
            with socket.create_connection(address, 5) as client:
                client.shutdown(socket.SHUT_WR)
                client.settimeout(0.1 if test.stage == '03' else 1)
                try:
                    client.recv(1)  # it is served, if anybody is
                except OSError:
                    pass
            child.signal(signal.SIGTERM)
        child.wait_exit()
        os.set_blocking(master, False)
        try:
            output = os.read(master, 1000)
        except OSError:
            output = b''
    finally:
        os.close(slave)
        os.close(master)
    if output:
        raise Failure('nothing on standard output', shown(output),
                      'what a program tells goes to stderr')


# ---------------------------------------------------------- from 04

@check('04 05', open=False)
def accepted_line(test):
    """prints "accepted ADDRESS:PORT" for each client, its own and not ours"""
    server = test.server()
    for _ in range(3):
        client = test.connect(server)
        address, port = client.getsockname()
        line = f'accepted {address}:{port}'
        if not server.wait_line(line.replace('.', r'\.') + '$'):
            told = any(other.startswith('accepted') for other in server.lines)
            raise Failure(f'the line "{line}"', f'it {test.outcome(server)}',
                          'accept fills in the address if its length is set '
                          'before each call; ntohs for the port' if told else
                          'take the next client with accept, announce it, '
                          'close it or serve it until it ends; and so on')
        client.close()
    if test.faults.get('too_short', 'accept'):
        raise Failure('the address\'s length is set before each call of accept',
                      'it was less than an address is long',
                      'socklen_t length = sizeof *address, in the loop')


@check('04')
def closes_at_once(test):
    """each client's connection is closed, and the next one's taken"""
    server = test.server()
    for _ in range(20):
        client = test.connect(server)
        test.ended(client, 'close the socket that accept returned')
        client.close()
    test.alive(server, '20 clients')


# ---------------------------------------------------------- 05

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


def converse(client, message, failures, end=True):
    """Sends in one thread what the caller receives; both at once. Then ends
    the client's half, or leaves it open for more."""
    def write():
        try:
            client.sendall(message)
            if end:
                client.shutdown(socket.SHUT_WR)
        except OSError as error:
            failures.append(error)
    thread = threading.Thread(target=write, daemon=True)
    thread.start()
    return thread


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


# ---------------------------------------------------------- from 04, what lasts

@check('04 05 07 08')
def descriptors_closed(test):
    """after its clients have gone it has as many descriptors as before"""
    server = test.server()
    first = test.connect(server)
    test.served(server, first)
    first.close()
    before = wait_until(lambda: server.descriptors()) or []
    for _ in range(30):
        client = test.connect(server)
        test.served(server, client)
        client.close()
    if not wait_until(lambda: len(server.descriptors()) <= len(before), 5):
        raise Failure(f'{len(before)} open descriptors after 30 clients',
                      f'{len(server.descriptors())}',
                      'every way out of serving a client leads past close()')


@check('04 05 07 08')
def restart_at_once(test):
    """it can be restarted on its port at once after serving clients"""
    server = test.server()
    clients = [test.connect(server) for _ in range(3)]
    test.served(server, clients[0])
    port = server.port
    server.signal(signal.SIGKILL)  # the kernel closes its side first
    server.wait_exit()
    for client in clients:
        try:
            client.recv(100)
        except OSError:
            pass
        client.close()
    again = test.server(port=port, hint='connections that ended linger in '
                        'TIME_WAIT: set SO_REUSEADDR before bind')
    test.served(again, test.connect(again))


@check('04 05 07 08')
def client_gone_before_accept(test):
    """a client that has left or reset before it is accepted harms nobody"""
    server = test.server()
    server.signal(signal.SIGSTOP)
    wait_until(lambda: server.state() == 'T')
    for leave in (reset, socket.socket.close, reset):
        leave(test.connect(server))
    client = test.connect(server)
    server.signal(signal.SIGCONT)
    test.served(server, client, 'a client that is gone costs only itself')
    test.alive(server, 'clients that left early')
