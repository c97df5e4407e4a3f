"""The checks of 01-socket, and of the command line that every program has.

To add one, start from `prints_descriptor`, a short one; see "Add a check" in
tests/README.md."""

import os
import re
import signal
import socket

from harness import (ADDRESSED, READY, SERVERS, Failure, Skip, check, free_port,
                     near_hint, refuses, shown, wait_until)


@check(SERVERS + ' 06', open=False)
def usage_help(test):
    """-h prints the usage to standard output and exits with status 0"""
    asks = ('-h asks for the usage: print it to standard output, then exit '
            'with status 0')
    child, status = test.run('-h', hint=asks)
    stage = test.stage[:2]
    program = 'client' if stage == '06' else 'server'
    usage = child.output.decode(errors='replace')
    if status != 0 or not usage.startswith(f'usage: {program}'):
        raise Failure(f'"usage: {program} ..." on standard output, status 0',
                      f'{shown(child.output)}; it {test.outcome(child)}', asks)
    hint = 'the usage names each option and argument, and has a line about it'
    for option, stages in (('[-a ADDRESS]', ADDRESSED), ('[PORT]', ADDRESSED),
                           ('[-t SECONDS]', '05 06 07 08'),
                           ('HOST PORT', '06'), ('[-d DIRECTORY]', '08'),
                           ('[-l LOGFILE]', '08')):
        if stage not in stages:
            continue
        if option not in usage:
            raise Failure(f'{option} in the usage', usage, hint)
        name = option.strip('[]').split()[-1 if option == 'HOST PORT' else 0]
        if not re.search(rf'^\s+{name}\b', usage, re.MULTILINE):
            raise Failure(f'a line about {name} in the usage', usage, hint)


@check(SERVERS + ' 06', open=False)
def option_refused(test):
    """rejects an unknown option or an extra argument with status 2"""
    refuses(test, '-Z')
    if test.stage == '06':
        refuses(test)
        refuses(test, 'localhost')
        refuses(test, 'localhost', '80', '80')
    else:
        refuses(test, *(['1'] if test.stage == '01' else ['0', '0']))


@check(SERVERS + ' 06', open=False, after='closed_streams')
def usage_not_written(test):
    """-h exits with status 1 if the usage cannot be written"""
    if not os.path.exists('/dev/full'):
        raise Skip('this system has no /dev/full')
    with open('/dev/full', 'w') as full:
        child = test.start('-h', stdout=full)
    if child.wait_exit() != 1:
        raise Failure('exit status 1 for `-h >/dev/full`',
                      f'it {test.outcome(child)}',
                      'handle_error has printed the line, but returned: if '
                      'the action is STOP, it must exit with EXIT_FAILURE'
                      if child.errors.startswith(b'write: ') else
                      'fputs only fills a buffer: look at the result of '
                      'fflush, too. If either fails, call handle_error, which '
                      'prints a line and exits')


@check('01', open=False)
def prints_descriptor(test):
    """prints "socket: descriptor 3" and exits with status 0"""
    child, status = test.run()
    if status != 0 or 'socket: descriptor 3' not in child.lines:
        raise Failure('the line "socket: descriptor 3" on standard error, '
                      'status 0', f'it {test.outcome(child)}',
                      hint_about_descriptor(test, child, status))


def hint_about_descriptor(test, child, status):
    if child.output:
        return 'print to standard error (stderr)'
    if 'socket: descriptor 3' in child.lines and status != 0:
        return 'return EXIT_SUCCESS from main'
    return near_hint(child, 'socket: descriptor 3') or (
        'print what socket() returned: it is 3, because 0, 1 and 2 are '
        'standard input, output and error')


@check(SERVERS, open=False)
def stream_socket(test):
    """calls socket(AF_INET, SOCK_STREAM, 0): TCP over IPv4"""
    child = test.start(*([] if test.stage == '01' else ['0']))
    test.attached()
    faults = test.faults
    wait_until(lambda: faults.get('calls', 'socket') or not child.running())
    if not faults.get('calls', 'socket'):
        raise Failure(f'{test.said(child)} calls socket()',
                      f'it does not; it {test.outcome(child)}',
                      'does it accept 0 as its PORT argument?'
                      if b'usage: ' in child.errors else '')
    kind = faults.get('type') & 0xff
    if (faults.get('family') != socket.AF_INET or kind != socket.SOCK_STREAM
            or faults.get('protocol') not in (0, socket.IPPROTO_TCP)):
        raise Failure('socket(AF_INET, SOCK_STREAM, 0)', 'socket('
                      f'{faults.get("family")}, {faults.get("type")}, '
                      f'{faults.get("protocol")})', 'SOCK_STREAM is '
                      f'{int(socket.SOCK_STREAM)}: TCP; AF_INET is '
                      f'{int(socket.AF_INET)}: IPv4')


CLOSED = {'<&-': (0,), '2>&-': (2,), '<&- >&-': (0, 1), '>&- 2>&-': (1, 2),
          '<&- >&- 2>&-': (0, 1, 2)}


@check(SERVERS, open=False, after='stream_socket')
def closed_streams(test):
    """no socket or pipe gets the number of a closed standard stream"""
    if not os.path.exists('/proc/self/fd'):
        raise Skip('this system has no /proc')
    for closed, numbers in CLOSED.items():
        arguments = [] if test.stage == '01' else [str(free_port())]
        child = test.start_closed(closed, *arguments)

        def listens():
            return test.stage in READY and any(
                child.file_of(number).startswith('socket:')
                for number in range(10))
        wait_until(lambda: listens() or not child.running())
        status = child.wait_exit(0.05)
        taken = [f'{number} is {child.file_of(number)}' for number in numbers
                 if child.file_of(number).startswith(('socket:', 'pipe:'))]
        if taken or status == -signal.SIGPIPE:
            raise Failure(f'with {closed} nothing but /dev/null on '
                          'descriptor ' + ' and '.join(map(str, numbers)),
                          '; '.join(taken) or 'SIGPIPE: it wrote its message '
                          'to a socket', 'call open_standard_streams before '
                          'socket: a new descriptor gets the lowest free '
                          'number, so open /dev/null first for each standard '
                          'stream that is closed')
        if (status if test.stage not in READY else status is not None):
            raise Failure(f'with {closed}, which closes standard streams, '
                          'the same as without: ' + ('it runs until a signal '
                                                     'ends it' if test.stage in
                                                     READY else
                                                     'exit status 0'),
                          f'it {test.outcome(child)}', 'open returns the '
                          'descriptor, or -1 if it fails')
