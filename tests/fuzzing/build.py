"""How the programs are built that read what clients send, and how it is told
what they have found: for tests/fuzzing/run and for the check of the corpus."""

import collections
import re
import subprocess

from harness import BEYOND, ROOT, STAGES, TESTS, build, compiler

FUZZING = TESTS / 'fuzzing'
SERVER = STAGES['08'].folder
CGI = (ROOT / BEYOND['cgi']).parent
SANITIZERS = '-fsanitize=address,undefined', '-fno-sanitize-recover=all'
FLAGS = '-std=c99', '-g', '-O1', '-fno-omit-frame-pointer', f'-I{SERVER}', \
    f'-I{CGI}'
PATIENCE = 30  # seconds, for all files; they take less than one
REASON = re.compile(r'^untrue: (.*)|^SUMMARY: (.*)|(runtime error: .*)',
                    re.MULTILINE)

# What is read: by which sources, and from which inputs, by their names.
Target = collections.namedtuple('Target', 'reader sources corpus')
TARGETS = {
    '08': Target(FUZZING / 'fuzz.c', [
        path for path in sorted(SERVER.glob('*.c'))
        if path.name not in ('server.c', 'stub.c')], FUZZING / 'corpus'),
    'cgi': Target(FUZZING / 'head.c', [CGI / 'head.c', SERVER / 'text.c'],
                  FUZZING / 'heads'),
}
CORPUS = TARGETS['08'].corpus

Finding = collections.namedtuple('Finding', 'path untrue output')


def build_reader(program, command, *files, target=TARGETS['08']):
    """Compiles a target. Returns what the compiler has to say if that fails,
    else None."""
    return build(program, *FLAGS, target.reader, *files, *target.sources,
                 command=command)


def build_replay(program, target=TARGETS['08']):
    """Builds what replays files, with sanitizers if there are some. Returns
    None, or what the compiler complains of."""
    source = FUZZING / 'replay.c'
    return (build_reader(program, [*compiler(), *SANITIZERS], source,
                         target=target)
            and build_reader(program, compiler(), source, target=target))


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
