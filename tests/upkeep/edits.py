"""Programs with one bug each, made from ours by edits: for prove-messages,
prove-checks and prove-tls."""

import concurrent.futures
import os
import pathlib
import tempfile
import threading

from harness import TASKS, build
from harness.faults import shared_injector

FLAGS = ['-O1', '-g', '-w', '-std=c99']
OBJECTS = tempfile.TemporaryDirectory()  # removed at exit
COMPILING = threading.Lock()


class Unproved(Exception):
    """The reason why a proof has failed."""


def edited(text, edits):
    """Returns a source with these edits made: pairs of old and new text."""
    for old, new in edits:
        if old not in text:
            raise Unproved(f'our program no longer has:\n{old}')
        text = text.replace(old, new)
    return text


def object_of(source):
    """Compiles a source that is not edited, once. Returns the object."""
    name = f'{source.parent.name}-{source.stem}.o'
    target = pathlib.Path(OBJECTS.name, name)
    with COMPILING:
        if not target.exists():
            complaint = build(target, *FLAGS, '-c', source)
            if complaint:
                raise Unproved(complaint)
    return target


def build_wrong(stage, edits, folder, file=''):
    """Builds a stage with these edits in the named file, by default the file
    that the stub stands in for. Returns where the program is."""
    answer = TASKS[stage].answer()
    changed = answer.with_name(file or answer.name)
    source = folder / changed.name
    source.write_text(edited(changed.read_text(), edits))
    others = [object_of(path) for path in answer.parent.glob('*.c')
              if path.name not in ('stub.c', changed.name)]
    if (answer.parent / 'www').exists():  # what 08 serves by default
        (folder / 'www').symlink_to(answer.parent / 'www')
    complaint = build(folder / 'wrong', *FLAGS, '-I', answer.parent, source,
                      *others)
    if complaint:
        raise Unproved(complaint)
    return folder / 'wrong'


def prove_all(bugs, prove):
    """Calls prove for each bug, several at a time. Yields the bug, what is
    reported about it, and whether the report names it. A busy machine can hide
    a race, or make an earlier check fail, so a bug that is not named gets two
    more tries at the end, on its own."""
    unproved = []
    with shared_injector():
        # Checks spend most of their time waiting.
        with concurrent.futures.ThreadPoolExecutor(4 * os.cpu_count()) as pool:
            for bug, (text, named) in zip(bugs, pool.map(prove, bugs)):
                if named:
                    yield bug, text, named
                else:
                    unproved.append(bug)
        for bug in unproved:
            text, named = prove(bug)
            if not named:
                text, named = prove(bug)
            yield bug, text, named
