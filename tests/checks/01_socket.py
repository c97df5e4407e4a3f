"""The checks of 01-socket, and of the command line that every program has.

To add one, start from `prints_descriptor`, a short one; see "Add a check" in
tests/README.md."""

import os
import re
import socket

from harness import ADDRESSED, SERVERS, Failure, check, refuses, wait_until


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
        if test.stage not in stages:
            continue
        if option not in usage:
            raise Failure(f'{option} in the usage', usage)
        name = option.strip('[]').split()[-1 if option == 'HOST PORT' else 0]
        if not re.search(rf'^\s+{name}\b', usage, re.MULTILINE):
            raise Failure(f'a line about {name} in the usage', usage)


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


@check('01 03 04 05 07', open=False, after='stream_socket')
def closed_streams(test):
    """standard input or output closed at its start is no number for a socket"""
    arguments = [] if test.stage == '01' else ['0']
    child = test.start_without('<&- >&-', *arguments)
    hint = ('the kernel gives out the lowest free number: open /dev/null for '
            'each of 0, 1 and 2 that is closed, before the first socket')
    if test.stage == '01':
        child.wait_exit()
        if child.lines != ['socket: descriptor 3']:
            raise Failure('the line "socket: descriptor 3", with standard '
                          'input and output closed',
                          f'it {test.outcome(child)}', hint)
        return
    if not child.wait_line('listening on '):
        raise Failure('a line "listening on ...", with standard input and '
                      'output closed', f'it {test.outcome(child)}', hint)
    files = {number: os.readlink(f'/proc/{child.pid}/fd/{number}')
             for number in child.descriptors() if number < 3}
    if any(re.match('(socket|pipe):', files.get(number, ''))
           for number in (0, 1)):
        raise Failure('no socket or pipe with the number 0 or 1',
                      f'{files}', hint)
