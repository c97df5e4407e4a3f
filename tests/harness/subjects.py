"""The programs under test: whether they exist, and are newer than their
sources."""

import os
import pathlib
import shlex
import shutil

from harness.stages import PROGRAMS, ROOT, STAGES


class Unusable(Exception):
    """The reason why a program cannot be checked."""


def stub_of(options):
    """Returns the stage whose stub in this tree is checked, or None."""
    if options.program is None or len(options.stages) != 1:
        return None
    stage = PROGRAMS[options.stages[0]]
    stub = stage.stub.with_suffix('')
    words = shlex.split(options.program)
    return stage if (len(words) == 1 and stub.exists()
                     and os.path.realpath(words[0]) == os.path.realpath(stub)
                     ) else None


def examine(options, stages):
    """Rejects a program that cannot be run. Returns warnings about programs
    that are older than their sources."""
    if options.program:
        words = shlex.split(options.program) or ['']
        paths = [examine_program(words[0])]
    else:
        root = pathlib.Path(options.programs or ROOT)
        paths = [root / PROGRAMS[stage].program for stage in stages]
        missing = [stage for stage, path in zip(stages, paths)
                   if not path.exists()]
        if missing:
            program = PROGRAMS[missing[0]].program
            rest = f' (and {len(missing) - 1} more)' * (len(missing) > 1)
            if options.programs:
                raise Unusable(f'{root / program}{rest} is not built: build it '
                               'first')
            # make alone builds only the ladder.
            target = '' if missing[0] in STAGES else f' {program}'
            raise Unusable(f'{program}{rest} is not built: run make{target} '
                           'first')
    return [warning for path in paths for warning in stale(path)]


def examine_program(word):
    """Rejects a word that does not name a program. Returns its path, or None
    if PATH finds it."""
    path = pathlib.Path(word)
    if path.suffix in ('.c', '.h', '.o') and path.exists():
        built = path.with_suffix('')
        raise Unusable(f'{word} is not a program but a source file' + (
            f'. Build it ({builder(built)}), then check {built}'
            if path.suffix == '.c' else ''))
    if path.is_dir():
        raise Unusable(f'{word or "(nothing)"} is a folder: name the program '
                       'in it')
    if '/' in word and not path.exists():
        source = path.with_name(path.name + '.c')
        raise Unusable(f'no such program: {word}' + (
            f' (build it: {builder(path)})' if source.exists() else ''))
    if '/' in word and not os.access(path, os.X_OK):
        raise Unusable(f'{word} is not executable: chmod +x {word}')
    if not shutil.which(word) or '/' not in word and path.exists():
        raise Unusable(f'no such program: {word or "(nothing)"} (for one in '
                       'this folder, write ./name)')
    return path if '/' in word else None


def builder(path):
    """Returns the command that builds a program."""
    path = pathlib.Path(os.path.abspath(path))
    if ROOT in path.parents and path.with_name(path.name + '.c').exists():
        return f'make {path.relative_to(ROOT)}'
    return f'cc -o {path.name} {path.name}.c'


def stale(path):
    """Yields a warning if a program is older than a source beside it."""
    if path is None or not path.exists():
        return
    newer = [source for source in sources(path)
             if source.stat().st_mtime_ns > path.stat().st_mtime_ns]
    if newer:
        shown = [os.path.relpath(name) for name in (path, newer[0])]
        yield (f'{shown[0]} is older than {shown[1]}. To build it again: '
               f'{builder(path)}')


def sources(path):
    """Returns the sources that a program is probably built from."""
    source = path.with_name(path.name + '.c')
    if not source.exists():
        return []
    if path.resolve().parent.name != STAGES['08'].name:
        return [source]
    other = 'request.c' if path.name == 'stub' else 'stub.c'
    return [name for name in path.parent.glob('*.[ch]') if name.name != other]
