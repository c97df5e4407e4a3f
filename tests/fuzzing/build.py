"""Builds the programs that read what clients send, runs those that replay
files, and reports what they find: for tests/fuzzing/run and for the check of
the corpus."""

import collections
import os
import pathlib
import re
import subprocess

from harness import STAGES, TESTS, build, compiler

FUZZING = TESTS / 'fuzzing'
CORPUS = FUZZING / 'corpus'
SERVER = STAGES['08'].folder
SANITIZERS = '-fsanitize=address,undefined', '-fno-sanitize-recover=all'
FLAGS = '-std=c99', '-g', '-O2', '-fno-omit-frame-pointer', f'-I{SERVER}'
READER = 'demand', 'heads', 'bodies'  # all targets use it
TARGETS = {'pure': 'parsers', 'answers': 'answers', 'clients': 'clients'}
PARSERS = 'request.c', 'body.c', 'text.c'
MODIFIED = 784111777  # Sun, 06 Nov 1994 08:49:37 GMT
SITE = {'index.html': 13, 'a': 13, 'e': 0, 'b': 20800, 'c': 1300000,
        's/index.html': 26, 's/b': 10400, 'l/<&">.html': 13, 'l/%41 b': 13000,
        'l/n': 0}  # the size of each file, in bytes
PATIENCE = 30  # seconds for all files; normally they take less than one
REASON = re.compile(r'^failed: (.*)|^SUMMARY: (.*)|(runtime error: .*)',
                    re.MULTILINE)

Finding = collections.namedtuple('Finding', 'path untrue output')


def build_reader(program, command, *words, pure=False):
    """Compiles the targets, and all of the server except its main; if pure,
    only its parsers. Returns the compiler's messages if that fails, else
    None."""
    server = sorted(SERVER.glob('*.c'))
    readers = TARGETS.values()
    if pure:
        server = [path for path in server if path.name in PARSERS]
        readers = ['parsers']
    return build(program, *FLAGS, *words,
                 *(FUZZING / f'{name}.c' for name in (*READER, *readers)),
                 *(path for path in server
                   if path.name not in ('server.c', 'stub.c')),
                 command=command)


def build_target(program, command, name):
    """Builds a target for libFuzzer. Returns None, or the compiler's
    messages."""
    return build_reader(program, command, f'-DTARGET=check_{TARGETS[name]}',
                        FUZZING / 'target.c', pure=name == 'pure')


def build_replay(program):
    """Builds the program that replays files, with sanitizers if available.
    Returns None, or the compiler's messages."""
    source = FUZZING / 'replay.c'
    return (build_reader(program, [*compiler(), *SANITIZERS], source)
            and build_reader(program, compiler(), source))


def make_site(directory):
    """Makes the folder that the targets serve: files that are kept in memory
    and files that are not, and folders with and without an index.html."""
    site = pathlib.Path(directory, 'site')
    for name, size in SITE.items():
        path = site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'0123456789\r\nH' * (size // 13))
        os.utime(path, (MODIFIED, MODIFIED))
    (site / 'l' / 'm').mkdir()
    os.utime(site / 'l' / 'm', (MODIFIED, MODIFIED))


def replay(program, paths):
    """Checks the files. Returns what was found, or None."""
    make_site(os.path.dirname(program))
    try:
        done = subprocess.run(
            [program, *paths], cwd=os.path.dirname(program), timeout=PATIENCE,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
    except subprocess.TimeoutExpired as late:
        return Finding(last_line(late.stdout), 'it is read at once',
                       f'it has not been read in {PATIENCE} seconds')
    if done.returncode == 0:
        return None
    errors = done.stderr.decode(errors='replace')
    return Finding(last_line(done.stdout), reason(errors), errors)


def last_line(output):
    """Returns the file that replay was reading, from its output."""
    lines = (output or b'').decode().splitlines()
    return lines[-1] if lines else ''


def reason(errors):
    """Returns, in one line, why a program failed on an input."""
    found = REASON.search(errors)
    return next(filter(None, found.groups())) if found else errors.strip()


def escaped(path, columns=70, most=24):
    """Returns the lines of a file with unprintable bytes escaped. Cuts long
    lines and long files."""
    with open(path, 'rb') as file:
        lines = file.read().splitlines(keepends=True)
    shown = [f'{line[:columns]!r}' + (
        f' and {len(line) - columns} bytes more' if len(line) > columns else '')
        for line in lines[:most]]
    return shown + ([f'and {len(lines) - most} lines more']
                    if len(lines) > most else [])
