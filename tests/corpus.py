"""The check that replays tests/fuzz/corpus, and what tests/fuzz/run shares with
it: how the programs are built that read what clients send, and how it is told
what they have found."""

import collections
import os
import re
import shlex
import shutil
import subprocess

from harness import CHECKS, ROOT, TESTS, Check, Failure, Skip

FUZZ = TESTS / 'fuzz'
CORPUS = FUZZ / 'corpus'
SERVER = ROOT / '08-http'
SANITIZERS = '-fsanitize=address,undefined', '-fno-sanitize-recover=all'
FLAGS = '-std=c99', '-g', '-O1', '-fno-omit-frame-pointer', f'-I{SERVER}'
PATIENCE = 30  # seconds, for all files; they take less than one
REASON = re.compile(r'^untrue: (.*)|^SUMMARY: (.*)|(runtime error: .*)',
                    re.MULTILINE)

Finding = collections.namedtuple('Finding', 'path untrue output')


def compiler():
    return shlex.split(os.environ.get('CC') or 'cc')


def build(program, command, *files):
    """Compiles the harness, and all of the server but its main. Returns what
    the compiler has to say if that fails, else None."""
    server = [path for path in sorted(SERVER.glob('*.c'))
              if path.name not in ('server.c', 'stub.c')]
    done = subprocess.run(
        [*command, *FLAGS, '-o', program, FUZZ / 'fuzz.c', *files, *server],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    return done.stdout if done.returncode != 0 else None


def build_replay(program):
    """Builds what replays files, with sanitizers if there are some. Returns
    None, or what the compiler complains of."""
    return (build(program, [*compiler(), *SANITIZERS], FUZZ / 'replay.c')
            and build(program, compiler(), FUZZ / 'replay.c'))


def replay(program, paths):
    """Has the files checked. Returns what was found, or None."""
    try:
        done = subprocess.run(
            [program, *paths], cwd=ROOT, timeout=PATIENCE,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE)
    except subprocess.TimeoutExpired as late:
        return Finding(last_line(late.stdout), 'it is read in no time',
                       f'it is not in {PATIENCE} seconds')
    if done.returncode == 0:
        return None
    errors = done.stderr.decode(errors='replace')
    return Finding(last_line(done.stdout), reason(errors), errors)


def last_line(output):
    """Of what replay has printed: the file that it was reading."""
    lines = (output or b'').decode().splitlines()
    return lines[-1] if lines else ''


def reason(errors):
    """What a program says that has ended over an input, in a line."""
    found = REASON.search(errors)
    return next(filter(None, found.groups())) if found else errors.strip()


def escaped(path, columns=70, most=24):
    """The bytes of a file for a person to read: a line for each of theirs, the
    long ones cut, and not too many."""
    with open(path, 'rb') as file:
        lines = file.read().splitlines(keepends=True)
    shown = [f'{line[:columns]!r}' + (
        f' and {len(line) - columns} bytes more' if len(line) > columns else '')
        for line in lines[:most]]
    return shown + ([f'and {len(lines) - most} lines more']
                    if len(lines) > most else [])


def replay_corpus(test):
    if not shutil.which(compiler()[0]):
        raise Skip('it needs a C compiler')
    program = os.path.join(test.directory, 'replay')
    complaint = build_replay(program)
    if complaint:
        raise Failure('tests/fuzz compiles with the server', complaint)
    found = replay(program, sorted(CORPUS.iterdir()))
    if found:
        path = os.path.relpath(found.path, ROOT)
        raise Failure(found.untrue, f'another outcome of {path}: '
                      + ' '.join(escaped(found.path)),
                      f'tests/fuzz/run {path} tells more')


def register():
    """Adds the check: of our own program, for it is about what that is made
    of."""
    CHECKS.append(Check(
        '08', 'fuzz_corpus', replay_corpus, 'whatever clients have sent is '
        'understood as it has to be, in whatever pieces it comes, and no byte '
        'is read or written where there is none', '', False))
