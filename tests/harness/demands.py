"""What many checks demand of a program: its messages, and how it exits."""

import difflib
import errno
import os
import re
import select
import signal
import statistics
import time

from harness.failures import SIGPIPE_HINT, Failure, Skip, counted, difference
from harness.programs import wait_until

STRTOL_HINT = ('look at the whole argument: strtol stops at the first '
               'character that is not a digit, and atoi reports no error; keep '
               'the result in a long')
OVERFLOW_HINT = ('the number does not fit in an int, so atoi or an int '
                 'variable loses a part of it. strtol returns LONG_MAX at '
                 'most: keep its result in a long, and compare that with the '
                 'limit')
LIMIT_HINT = ('this exceeds the largest number allowed: compare what strtol '
              'returns with the limit')
STRTOL_SKIPS_HINT = ('strtol skips blanks and accepts a sign: look at the '
                     'first character, too')


def strtol_hint(text):
    """A hint about text that was accepted as a number."""
    if not text:
        return 'an empty argument is not a number: strtol returns 0 for it'
    if text.isdigit() and len(text) > 9:
        return OVERFLOW_HINT
    if text.isdigit():
        return LIMIT_HINT
    return STRTOL_SKIPS_HINT if text[0] in ' +-' else STRTOL_HINT


ORDER_HINT = ('inet_addr returns network byte order already; INADDR_LOOPBACK '
              'needs htonl')


def bytes_hint(child, port):
    """A hint about a wrong address that was printed."""
    match = re.search(r' (\S+):(\d+)$', '\n'.join(child.lines))
    swapped = (port & 255) << 8 | port >> 8
    if match and int(match[2]) == swapped:
        return ('the two bytes of the port are swapped: sin_port is in network '
                'byte order, so use htons once, to fill it in (not also where '
                'the argument is stored), and ntohs to print it')
    if match and match[1] == '1.0.0.127':
        return f'the bytes of the address are swapped: {ORDER_HINT}'
    if match and match[1] == '0.0.0.0':
        return ('0.0.0.0 means every interface: without -a the address is '
                'inet_addr("127.0.0.1") or htonl(INADDR_LOOPBACK). Call bind() '
                'before getsockname(), whose length is sizeof address')
    if match and int(match[2]) == 15441:
        return ('15441 is only the default port: before bind, set sin_port to '
                'the port that the argument names, with htons')
    if match and int(match[2]) != port:
        return ('bind got a port other than the argument: store the number '
                'that the argument stands for (does parse_number return it?) '
                'in sin_port, with htons')
    return (f'use htons for the port; {ORDER_HINT}; print the port with ntohs, '
            'after a colon')


def near_hint(child, wanted):
    """A hint if a line was printed that is nearly the expected one."""
    words = re.split(r'\d', wanted)[0]
    for line in child.lines:
        other = re.split(r'\d', line)[0]
        if other != words and difflib.SequenceMatcher(
                None, other.lower(), words.lower()).ratio() > 0.7:
            return ('the text of the line differs: it must begin exactly with '
                    f'"{words.strip()}"')
    return ''


BIND_HINTS = {
    'EAFNOSUPPORT': '. The second one points to the address, whose .sin_family '
                    'is AF_INET',
    'EINVAL': '. The second one points to the address, a struct sockaddr_in, '
              'and the third one is its size',
    'EFAULT': '. The second one points to the address',
    'EADDRNOTAVAIL': f': {ORDER_HINT}'}


def failed_hint(child):
    """A hint if the program reported that a call failed, though none should
    have."""
    for line in child.lines:
        match = re.match(r'(socket|bind|listen|getsockname|open): (.*)', line)
        if match and not match[2].startswith('descriptor'):
            more = [hint for name, hint in BIND_HINTS.items()
                    if match[1] == 'bind' and match[2].startswith(
                        (name, os.strerror(getattr(errno, name))))]
            return (f'{match[1]} failed, which should not happen here: check '
                    'its arguments' + ''.join(more))
    return ''


def refuses(test, *arguments, hint=''):
    """Demands that the program reject these arguments."""
    child = test.start(*arguments)
    status = child.wait_exit()
    if status != 2 or child.output or b'usage: ' not in child.errors:
        raise Failure(
            f'{test.said(child)} is rejected: the usage on standard error, '
            'exit status 2',
            f'it {test.outcome(child)}', hint)


def names(name):
    """Returns a pattern for all the names that an errno's number has."""
    number = getattr(errno, name)
    same = [other for other in dir(errno)
            if getattr(errno, other) == number and other.isupper()]
    return '(' + '|'.join(sorted(same)) + ')'


def told(test, child, call, name, times=1, hint=''):
    """Demands this many lines 'CALL: ERRNO...' on standard error."""
    if test.any:
        return
    pattern = rf'{call}: {names(name)}\b'

    def found():
        return [line for line in child.lines if re.match(pattern, line)]
    child.wait_for(lambda: len(found()) >= times)
    lines = found()
    if len(lines) != times:
        if child.process.poll() == -signal.SIGPIPE:
            hint = SIGPIPE_HINT
        else:
            hint = hint_about_line(child, call, name, lines, times) or hint
        raise Failure(
            f'{counted(times, "line")} "{call}: {name}: ..." on standard error',
            f'{len(lines) or "no such line"}; it {test.outcome(child)}', hint)


def hint_about_line(child, call, name, lines, times):
    """A hint about why the line about a failed call is missing or repeated."""
    text = os.strerror(getattr(errno, name))
    if len(lines) > times:
        return ('report a shortage once, when it begins, not at each try: '
                'remember from one try to the next that it has begun')
    if lines:
        return (f'{call} has succeeded in between, so this shortage is a new '
                'one: after a success set the count of waits to 0')
    if any(line.startswith(f'{call}: {text}') for line in child.lines):
        return f'is there a row for {name} below {call} in the table?'
    if any(re.match(f'{call}: (?!descriptor)', line) for line in child.lines):
        return ('another errno was reported: read errno right after the call, '
                'before any other call changes it')
    if child.process.poll() == 1:
        return ('it has exited without a line about this failure: '
                'handle_error prints the call, the name of the errno and its '
                'meaning')
    return (f'{call} returned -1, and the program did not report it: compare '
            f'the result of {call} with -1, then look errno up and print the '
            'line')


def not_told(test, child, call):
    """Demands that an ordinary failure print nothing."""
    lines = [line for line in child.lines if line.startswith(call + ':')]
    if lines and not test.any:
        listed = re.match(rf'{call}: E[A-Z]+:', lines[0])
        raise Failure(f'no line about {call}: the action is RETRY', lines[0],
                      'this failure is ordinary: call again, print nothing'
                      if listed else f'is there a row for it below {call} in '
                      'the table, with RETRY?')


def stopped(test, child, call, name):
    """Demands the action STOP: one line, and exit status 1."""
    status = child.wait_exit()
    if status is None:
        plain = f'{call}: {os.strerror(getattr(errno, name))}'
        raise Failure(
            f'exit status 1 when {call} fails with {name}',
            f'it {test.outcome(child)}',
            f'is there a row for {name} below {call} in the table, with STOP?'
            if any(line.startswith(plain) for line in child.lines) else
            f'{call} returned -1: report it, then exit with status 1'
            if test.faults.get('injected', call) or test.faults.get(
                'failed', call) else f'{call} has not returned -1 so far')
    told(test, child, call, name)
    if status != 1:
        raise Failure(f'exit status 1 when {call} fails with {name}',
                      f'it {test.outcome(child)}',
                      'call exit(EXIT_FAILURE) after the message')


def stopped_plainly(test, call, number=errno.ENOBUFS, arguments=('0',)):
    """Demands the action STOP after a call that has no rows, such as
    setsockopt, or no row for this errno."""
    test.need_injector()
    test.faults.fail(call, number, test.faults.get('calls', call) + 1)
    child = test.start(*arguments)
    test.attached()
    status = child.wait_exit()
    line = f'{call}: {os.strerror(number)}'
    if status != 1 or line not in child.lines:
        raise Failure(f'the line "{line}" and status 1',
                      f'it {test.outcome(child)}',
                      'this errno is in no row below the call, so '
                      'handle_error prints the call and strerror(errno)'
                      if status == 1 else f'{call} can fail, too: if it '
                      f'returns -1, call handle_error("{call}")')


def injected(test, call, times=1):
    """Demands that the program make the call that should fail."""
    count = wait_until(lambda: test.faults.get('injected', call) >= times)
    if not count:
        child = test.children[-1]
        raise Failure(f'a call to {call}(), or to a similar function',
                      f'there is none; it {test.outcome(child)}',
                      f'this stage calls {call}()')


def idles(test, server, call, name, again=True):
    """Demands that the program wait for the end of a shortage without using
    processor time, and try the call again."""
    hint = f'{name} is a shortage that may pass (WAIT): ' + (
        'leave the descriptor out of the sets for a tenth of a second, give '
        f'select that timeout, and then call {call} again'
        if test.stage in ('07', '08') and call != 'select' else
        f'sleep for a tenth of a second, then call {call} again')
    test.alive(server, f'{call} has failed with {name}', hint)
    before, began = test.faults.get('calls', call), time.monotonic()
    spins = server.spins(0.35)
    took = time.monotonic() - began  # more on a busy machine
    test.alive(server, f'{call} has failed with {name}', hint)
    calls = test.faults.get('calls', call) - before
    if spins or calls > 13 + 20 * took:
        told = any(line.startswith(f'{call}: ') for line in server.lines)
        raise Failure(f'a wait of a tenth of a second before each new {call}',
                      f'{calls} calls in {took:.2f} s{", it spins" * spins}',
                      f'{name} does not pass at once: ' + (
                          'leave the descriptor out of the sets for a tenth '
                          'of a second' if test.stage in ('07', '08')
                          and call != 'select' else
                          'sleep a tenth of a second between the tries' +
                          ' (nanosleep: tv_nsec counts billionths of a second)'
                          * (not test.any))
                      if told or test.any else
                      'nothing is printed, either: call handle_retry when '
                      f'{call} returns -1 (does the row of {name} say WAIT?)')
    if again and not wait_until(
            lambda: test.faults.get('calls', call) > before):
        raise Failure(f'another {call} every tenth of a second',
                      f'none in {time.monotonic() - began:.0f} s', hint)


def in_time(last):
    """Returns the current time. Skips the check if a client that was active at
    `last` has been quiet for so long that a server with -t 1 may drop it."""
    now = time.monotonic()
    if now - last > 0.9:
        raise Skip('this machine is too busy to keep a client alive')
    return now


def typical_delay(test, measure, most):
    """Measures delays, up to four times because others may keep this machine
    busy. Returns the first median that is small enough, or the last one."""
    for number in range(4):
        if number > 0:
            test.restart()
        middle = statistics.median(measure(test))
        if middle <= most:
            break
    return middle


def echo_hint(message, output):
    """A hint about a client's output that differs from the message."""
    if not output:
        return ('after sending each piece, receive the same number of bytes '
                'and write them to standard output')
    if output.startswith(message):
        return ('write as many bytes as recv has returned, and none of them '
                'twice')
    return ''


def succeeded(test, child, message=b'hello\n', hint=''):
    """Demands exit status 0, and the whole echo on standard output."""
    status, before = child.wait_exit(), 0
    while status is None and len(child.output) > before:
        before = len(child.output)  # it may be slow on a busy machine
        status = child.wait_exit()
    outcome = f'it {test.outcome(child)}'
    if status is None:
        raise Failure('the client exits when its input has ended and every '
                      'byte has come back', outcome, hint)
    if status not in (0, 1):
        raise Failure('exit status 0: every byte came back', outcome, hint)
    if bytes(child.output) != message:
        raise Failure('the echo on standard output, and nothing else',
                      f'{difference(message, bytes(child.output))}; {outcome}',
                      hint or echo_hint(message, bytes(child.output)))
    if status != 0:
        raise Failure('exit status 0: every byte came back', outcome, hint)


def dropped(test, server, client, began, hint='note when the last byte moved, '
            'for each client; select\'s timeout is the time until the first '
            'client is due'):
    """Demands that a silent client be dropped after one second."""
    port = client.getsockname()[1]
    line = f'dropped 127.0.0.1:{port}: no byte moved for 1 second'
    if not server.wait_line(line, 8):
        if select.select([client], [], [], 0)[0]:  # it may have been closed
            hint = 'when a client is dropped, print this line'
        raise Failure(f'the line "{line}"', f'it {test.outcome(server)}', hint)
    took = time.monotonic() - began
    if not 0.9 < took < 4:
        raise Failure('a drop after 1 second (-t 1)', f'after {took:.1f} s')
