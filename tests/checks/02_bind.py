"""The checks of 02-bind: a port, an address, and how they are printed.

To add one, start from `address_option`, a short one; see "Add a check" in
tests/README.md."""

import errno
import os
import signal
import socket
import struct

from harness import (ADDRESSED, Failure, bytes_hint, check, failed_hint,
                     free_port, near_hint, refuses, shown, start_on_free_port,
                     stopped_plainly, strtol_hint, wait_until)


@check(ADDRESSED, open=False, after='option_refused')
def port_refused(test):
    """exits with status 2 if PORT is not a number from 0 to 65535"""
    for port in ('80x', '-1', '65536', '', ' 80', '+80', '0x50', '1e3',
                 '99999999999999999999', '4294967376'):
        refuses(test, port, hint=strtol_hint(port))


@check(ADDRESSED, open=False, after='port_refused')
def address_refused(test):
    """rejects an ADDRESS that is not numeric (IPv4; in 08 also IPv6) with
    status 2"""
    for address in ('localhost', '127.1', '1.2.3.4.5', '256.0.0.1', '',
                    '[::1]' if test.stage == '08' else '::1', '127.0.0.1 ',
                    '0x7f.0.0.1'):
        refuses(test, '-a', address, '0', hint='inet_pton returns 1 for a '
                'valid address, and 0 otherwise')
    refuses(test, '-a', hint='-a takes an argument: write "a:" in the string '
            'for getopt')


@check('02', open=False, after='stream_socket')
def prints_address(test):
    """prints "bound to 127.0.0.1:PORT" with the port given, and exits"""
    child, port = start_on_free_port(test)
    status = child.wait_exit()
    line = f'bound to 127.0.0.1:{port}'
    if status != 0 or line not in child.lines:
        raise Failure(f'the line "{line}", status 0',
                      f'it {test.outcome(child)}',
                      'return EXIT_SUCCESS from main'
                      if line in child.lines else failed_hint(child)
                      or near_hint(child, line) or (
                          bytes_hint(child, port) if 'bound to' in
                          '\n'.join(child.lines) else
                          'call bind, then print the address'))


@check(ADDRESSED, open=False)
def network_byte_order(test):
    """binds to the port and address that it was given"""
    port = free_port()
    child = test.start('-a', '127.0.0.2', str(port))
    test.attached()
    wait_until(lambda: test.faults.get('calls', 'bind') or not child.running())
    bound = (test.faults.get('bound_address') & 0xffffffff,
             test.faults.get('bound_port'))
    if bound != (0x7f000002, port):
        address = socket.inet_ntoa(struct.pack('!I', bound[0]))
        raise Failure(f'bind to 127.0.0.2:{port}', f'{address}:{bound[1]}; it '
                      f'{test.outcome(child)}', 'optarg is the address that -a '
                      'names: inet_pton stores it, and before bind it must be '
                      'in sin_addr'
                      if bound == (0x7f000001, port) else 'htons for the port; '
                      'inet_pton already stores network byte order')


@check(ADDRESSED, open=False)
def default_port(test):
    """without arguments binds to 127.0.0.1:15441, not to every interface"""
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
                      'bind needs address and port in network byte order: '
                      'sin_addr is inet_addr("127.0.0.1") or '
                      'htonl(INADDR_LOOPBACK); htons converts 15441, once')


def ready_line(test):
    """The beginning of the last line that the stage prints before it waits."""
    return 'bound to' if test.stage == '02' else 'listening on'


@check(ADDRESSED, open=False)
def port_zero(test):
    """with PORT 0 binds to any free port and prints it (getsockname)"""
    child = test.start('0')
    match = child.wait_line(ready_line(test) + r' 127\.0\.0\.1:(\d+)$')
    if not match or not 1 <= int(match[1]) <= 65535:
        raise Failure('a line with the port that the kernel chose',
                      f'it {test.outcome(child)}',
                      'call getsockname after bind: it stores the port')
    if test.stage != '02':
        child.host, child.port = '127.0.0.1', int(match[1])
        test.connect(child)


@check(ADDRESSED, open=False, after='port_zero')
def getsockname_fails(test):
    """reports that getsockname failed, and exits with status 1"""
    stopped_plainly(test, 'getsockname')


@check(ADDRESSED, open=False)
def address_option(test):
    """-a ADDRESS binds to that address"""
    child = test.start('-a', '127.0.0.2', '0')
    if not child.wait_line(ready_line(test) + r' 127\.0\.0\.2:\d+$'):
        raise Failure('a line with 127.0.0.2:PORT', f'it {test.outcome(child)}')


@check(ADDRESSED + ' 06', open=False, after='address_option')
def options_together(test):
    """takes one option after another"""
    option = ('-t', '1') if test.stage == '06' else ('-a', '127.0.0.1')
    child, status = test.run(*option, '-h')
    if status != 0 or not child.output.startswith(b'usage: '):
        raise Failure(f'{test.said(child)} prints the usage to standard '
                      'output, and exits with status 0',
                      f'it {test.outcome(child)}', 'getopt returns one option '
                      'per call: call it in a loop, until it returns -1')


@check(ADDRESSED, open=False, after='waits_quietly')
def standard_output_empty(test):
    """prints nothing to standard output, which is for data"""
    master, slave = os.openpty()  # a terminal: stdio flushes every line
    try:
        child = test.start('0', stdout=slave)
        ready = child.wait_line(ready_line(test) + r' (\S+):(\d+)$')
        if ready and test.stage != '02':
            address = ready[1], int(ready[2])
            with socket.create_connection(address, 5) as client:
                client.shutdown(socket.SHUT_WR)
                client.settimeout(0.1 if test.stage == '03' else 1)
                try:
                    client.recv(1)  # until served; 03 only times out
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
                      'print messages to standard error (stderr)')
