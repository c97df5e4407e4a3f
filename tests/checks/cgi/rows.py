"""A check for each errno with which fork, pipe, execve and waitpid may fail:
produced by the kernel where possible, otherwise injected."""

import errno
import os

from checks.cgi.scripts import (CGI, HELLO, another, at_rest, children, serve,
                                told)
from harness import CHECKS, FOREVER, Check, Failure, wait_until


def meets(test, call, name, status, calls=1):
    """Demands a status and a line, and that the server keep running."""
    reply = another(test).get('/cgi/hello').must_be(status)
    if status == 503:
        reply.must_have('Retry-After', '1')
    told(test, f'{call}: {name}: ')
    another(test).stays()
    if status == 503 and calls > 1:
        another(test).get('/cgi/hello').must_be(status)
        lines = [line for line in test.running.lines
                 if line.startswith(f'{call}: {name}: ')]
        if len(lines) != 1:
            raise Failure(f'one line about a shortage of {call}',
                          f'{len(lines)} lines', 'report it once, and again '
                          'only after a script has been started')


def recovers(test):
    another(test).get('/cgi/hello').must_be(200, b'hello\n')
    at_rest(test, 'after that')


def injected(call, name, status):
    """Returns the check of a call that fails before the script is started."""
    def run(test):
        test.need_injector()
        serve(test, hello=HELLO)
        test.attached()
        first = test.faults.get('calls', call) + 1
        test.faults.fail(call, getattr(errno, name), first, FOREVER)
        meets(test, call, name, status, calls=2)
        test.faults.relent(call)
        recovers(test)
    return run


def execve_injected(name):
    def run(test):
        test.need_injector()
        serve(test, hello=HELLO)
        test.attached()
        test.faults.fail('execve', getattr(errno, name))
        meets(test, 'execve', name, 500)
        recovers(test)
    return run


def interpreted(name, line, prepare=None):
    """Returns the check of an error that the kernel itself reports, because of
    the script's first line."""
    def run(test):
        serve(test, hello=HELLO)
        path = test.scripts / 'hello'
        path.write_bytes(line.replace(b'HERE', bytes(test.scripts)))
        if prepare:
            prepare(test.scripts)
        meets(test, 'execve', name, 500)
        path.write_text(HELLO)
        recovers(test)
    return run


def busy(test):
    """A program that is open for writing cannot be executed."""
    serve(test, hello=HELLO)
    with open(test.scripts / 'hello', 'ab'):
        meets(test, 'execve', 'ETXTBSY', 500)
    recovers(test)


def no_descriptor(test):
    """The limit leaves one descriptor for the input, and none for a pipe."""
    visitor = serve(test, hello=HELLO)
    visitor.stays()
    visitor.get('/cgi/hello').must_be(200)
    at_rest(test, 'after the first script')
    used = max(test.running.descriptors_at_rest())
    limit = test.running.limit_descriptors(used + 2)
    visitor.get('/cgi/hello').must_be(503).must_have('Retry-After', '1')
    told(test, 'pipe: EMFILE: ')
    test.running.limit_descriptors(limit)
    recovers(test)


def interrupted(test):
    test.need_injector()
    serve(test, hello=HELLO)
    test.attached()
    test.faults.fail('waitpid', errno.EINTR, 1, 3)
    for _ in range(3):
        another(test).get('/cgi/hello').must_be(200, b'hello\n')
    at_rest(test, 'although waitpid was interrupted')
    if any(line.startswith('waitpid') for line in test.running.lines):
        raise Failure('no line about EINTR', test.outcome(test.running))


def not_ours(test):
    """Something else has waited for the child, which no longer exists."""
    test.need_injector()
    serve(test, hello=HELLO)
    test.attached()
    test.faults.fail('waitpid', errno.ECHILD, 1, FOREVER)
    for _ in range(70):
        another(test).get('/cgi/hello').must_be(
            200, b'hello\n',
            'a script whose status cannot be collected no longer counts')
    told(test, 'waitpid: ECHILD: ')
    test.faults.relent('waitpid')
    for pid, _ in children(test.running):
        wait_until(lambda pid=pid: not os.path.exists(f'/proc/{pid}'), 0.05)
    another(test).get('/cgi/hello').must_be(200)


def private(folder):
    """An interpreter that is not executable."""
    (folder / 'interpreter').write_bytes(b'')
    (folder / 'interpreter').chmod(0o644)


def looping(folder):
    os.symlink('interpreter', folder / 'interpreter')


ROWS = [
    ('pipe', 'EMFILE', 'kernel', no_descriptor),
    ('pipe', 'ENFILE', 'injector', injected('pipe', 'ENFILE', 503)),
    ('fork', 'EAGAIN', 'injector', injected('fork', 'EAGAIN', 503)),
    ('fork', 'ENOMEM', 'injector', injected('fork', 'ENOMEM', 503)),
    ('fork', 'ENOSYS', 'injector', injected('fork', 'ENOSYS', 500)),
    ('execve', 'E2BIG', 'injector', execve_injected('E2BIG')),
    ('execve', 'EACCES', 'kernel',
     interpreted('EACCES', b'#!HERE/interpreter\n', private)),
    ('execve', 'ELOOP', 'kernel',
     interpreted('ELOOP', b'#!HERE/interpreter\n', looping)),
    ('execve', 'ENOENT', 'kernel', interpreted('ENOENT', b'#!HERE/none\n')),
    ('execve', 'ENOEXEC', 'kernel', interpreted('ENOEXEC', b'echo hello\n')),
    ('execve', 'ENOMEM', 'injector', execve_injected('ENOMEM')),
    ('execve', 'ENOTDIR', 'kernel',
     interpreted('ENOTDIR', b'#!HERE/hello/interpreter\n')),
    ('execve', 'ETXTBSY', 'kernel', busy),
    ('waitpid', 'ECHILD', 'injector', not_ours),
    ('waitpid', 'EINTR', 'injector', interrupted),
]
CHECKS.extend(Check(CGI, f'{call}_{name}', function,
                    f'{call} fails with {name}, and the server keeps running',
                    origin, False)
              for call, name, origin, function in ROWS)
