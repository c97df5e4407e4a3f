"""What is demanded of a program by many checks: its messages and its end."""

import errno
import os
import re
import signal
import time

from harness.failures import SIGPIPE_HINT, Failure
from harness.programs import wait_until

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


def stopped_plainly(test, call):
    """Demands the action STOP of a call that has no rows: setsockopt, say."""
    test.need_injector()
    test.faults.fail(call, errno.ENOBUFS)
    child = test.start('0')
    test.attached()
    status = child.wait_exit()
    line = f'{call}: {os.strerror(errno.ENOBUFS)}'
    if status != 1 or line not in child.lines:
        raise Failure(f'the line "{line}" and status 1',
                      f'it {test.outcome(child)}', f'{call} can fail, too: if '
                      f'it returns -1, call handle_error("{call}")')


def injected(test, call, times=1):
    """Demands that the program has made the call that was to fail."""
    count = wait_until(lambda: test.faults.get('injected', call) >= times)
    if not count:
        raise Failure(f'a call of {call}() (or its like)',
                      'the program never makes it',
                      f'this stage has to call {call}()')


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


def dropped(test, server, client, began, hint=''):
    line = f'dropped 127.0.0.1:{client.getsockname()[1]}: no byte moved for 1 second'
    if not server.wait_line(line, 8):
        raise Failure(f'the line "{line}s"', f'it {test.outcome(server)}', hint)
    took = time.monotonic() - began
    if not 0.9 < took < 4:
        raise Failure('a drop after 1 second (-t 1)', f'after {took:.1f} s')
