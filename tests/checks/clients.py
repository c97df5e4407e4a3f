"""Shared by the checks of the client: a run with an echo server, and the
demand that the client report an error."""

import re

from harness import Failure, Skip, echoing, start_client, succeeded


def sent_and_echoed(test, message, handler=echoing, hint='', *options):
    peer = test.peer(handler)
    child = start_client(test, peer.port, *options, message=message)
    succeeded(test, child, message, hint)
    return child


def failed(test, child, why, pattern=None, hint=''):
    """Demands a message and status 1."""
    status = child.wait_exit()
    if status in (None, 0) or status != 1 and not test.any:
        raise Failure(f'exit status 1: {why}', f'it {test.outcome(child)}',
                      hint or 'status 0 means that every byte came back, and '
                      'no other byte did')
    if not test.any and not child.lines:
        raise Failure(f'a message: {why}', 'none on standard error',
                      'say on standard error what went wrong')
    if not test.any and pattern and not any(
            re.search(pattern, line) for line in child.lines):
        raise Failure(f'a line "{pattern}"', '; '.join(child.lines), hint)


def compares(test):
    """Skips a check that expects the client to compare the echo, if the client
    is not ours."""
    if test.any:
        raise Skip('a client that is not ours need not compare the echo')
