"""The check that replays tests/fuzzing/corpus, the recorded inputs of 08."""

import os
import shutil
import tempfile

from fuzzing.build import CORPUS, build_replay, escaped, replay
from harness import CHECKS, ROOT, Check, Failure, Skip, compiler


def replay_corpus(test):
    if not shutil.which(compiler()[0]):
        raise Skip('it needs a C compiler')
    folder = tempfile.mkdtemp(dir=test.directory)  # other checks run as well
    program = os.path.join(folder, 'replay')
    complaint = build_replay(program)
    if complaint:
        raise Failure('tests/fuzzing compiles with the server', complaint)
    found = replay(program, sorted(CORPUS.iterdir()))
    if found:
        path = os.path.relpath(found.path, ROOT)
        raise Failure(found.untrue, f'another outcome of {path}: '
                      + ' '.join(escaped(found.path)),
                      f'tests/fuzzing/run {path} tells more')


def register():
    """Adds the check, for our own program only, because it compiles that
    program's sources."""
    CHECKS.append(Check(
        '08', 'fuzz_corpus', replay_corpus,
        'the recorded requests are parsed correctly, in whatever pieces they '
        'arrive, and nothing is read or written out of bounds', '', False))
