"""Shared by the checks of 08-http/cgi: scripts, and a server that runs
them."""

import os
import pathlib
import sys

from harness import PATIENCE, Failure, shown, wait_until
from harness.web import Visitor

CGI = 'cgi'
LONGEST = 16 << 20  # bytes of a body
SHELL = '#!/bin/sh\n'
# Waits until the check creates a file named go, or removes this script.
WAIT = 'until [ -e go ] || [ ! -e "$0" ]; do sleep 0.1; done\n'
PYTHON = f'#!{sys.executable}\n'
PLAIN = SHELL + 'echo Content-Type: text/plain; echo; '
ENVIRONMENT = PLAIN + 'env\n'
ECHO = PLAIN + 'exec cat\n'
HELLO = PLAIN + 'echo hello\n'
SLEEP = SHELL + 'echo $$ >>pids; sleep 600 & echo $! >>pids; wait\n'


def folder(test, **scripts):
    """A new folder with these scripts."""
    place = test.site({})
    for name, text in scripts.items():
        path = place / name
        path.write_text(text)
        path.chmod(0o755)
    place.chmod(0o777)  # the scripts write here, perhaps as another user
    return place


def serve(test, *options, hint='', **scripts):
    """Starts the server with these scripts. Returns a visitor, and stores the
    folder as test.scripts and the server as test.running."""
    test.scripts = folder(test, **scripts)
    test.root = test.site()
    test.running = test.server('-c', str(test.scripts), *options,
                               root=test.root, hint=hint)
    return another(test)


def another(test):
    """A further visitor of the server."""
    return Visitor(test.connect(test.running), longest=LONGEST)


def with_environment(test, **values):
    """Adds these variables to the environment of programs started later."""
    usual = test.environment()
    test.environment = lambda: {**usual, **values}


def variables(reply):
    """Returns the variables that the script `env` has printed."""
    reply.must_be(200)
    lines = reply.body.decode('latin-1').splitlines()
    return dict(line.split('=', 1) for line in lines if '=' in line)


def equal(what, got, expected, hint=''):
    if got != expected:
        raise Failure(f'{what}: {expected!r}', repr(got), hint)


def pids(test, count):
    """The IDs of the processes that the script SLEEP has started."""
    path = test.scripts / 'pids'

    def find():
        words = path.read_text().split() if path.exists() else []
        return [int(word) for word in words] if len(words) >= count else None
    found = wait_until(find, 3 * PATIENCE)  # many may start at once
    if not found:
        raise Failure('a script that runs', 'it has not been started')
    return found


def runs(pid):
    """Returns whether a process exists and is not a zombie."""
    try:
        with open(f'/proc/{pid}/stat') as file:
            return file.read().rpartition(')')[2].split()[0] not in 'ZX'
    except OSError:
        return False


def gone(numbers, why, patience=PATIENCE):
    """Demands that processes have ended."""
    if not wait_until(lambda: not any(map(runs, numbers)), patience):
        left = [pid for pid in numbers if runs(pid)]
        raise Failure(f'no process of the script: {why}', f'{len(left)} of '
                      f'{len(numbers)} still run', 'kill its process group')


def children(server):
    """The children of the server: (number, state)."""
    found = []
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:  # not with glob, which can fail with ESRCH
            stat = pathlib.Path('/proc', pid, 'stat').read_text()
        except OSError:
            continue
        state, parent = stat.rpartition(')')[2].split()[:2]
        if int(parent) == server.pid:
            found.append((int(pid), state))
    return found


def at_rest(test, why):
    """Demands that the server have no child left, not even a zombie."""
    if not wait_until(lambda: not children(test.running)):
        raise Failure(f'no child of the server is left {why}',
                      shown(repr(children(test.running)).encode()),
                      'on SIGCHLD call waitpid for each child that has ended')


def told(test, pattern, hint=''):
    """Demands a line on standard error."""
    if not test.running.wait_line(pattern):
        raise Failure(f'the line "{pattern}" on standard error',
                      f'it {test.outcome(test.running)}', hint)
