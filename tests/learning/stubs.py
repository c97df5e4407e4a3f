"""The stubs: what they contain, which of them have passed, and when one is
saved."""

import hashlib
import os
import time

from harness.stages import EXERCISES, ROOT, STAGES, TESTS
from learning.screen import screen

LADDER = [STAGES[number] for number in sorted(STAGES)]
PASSED = ROOT / '.learn'  # the stubs that have passed: digest and result
POLL = 0.5       # seconds from one look at the stubs to the next
PATIENCE = 2     # seconds for an editor to finish, or until progress is shown


class Trouble(Exception):
    """The reason why a stub cannot be checked, for the student to read."""


class Unable(Exception):
    """The reason why the command cannot be carried out."""


class Saved(Exception):
    """A stub was saved meanwhile, so the result is out of date."""


def there(stage):
    """Returns whether the student's stub, or the one to hand out, exists."""
    return stage.stub.exists() or stage.handed_out.exists()


def source(stage):
    """Returns the text of the student's stub."""
    try:
        return stage.stub.read_text(errors='replace')
    except FileNotFoundError:
        raise Trouble(f'{stage.place} is missing: make reset-{stage.number} '
                      'brings it back.') from None
    except OSError as error:
        raise Trouble(f'{stage.place} cannot be read: {error.strerror}'
                      ) from None


def state(stage):
    """Returns a digest of everything that decides whether the stub passes."""
    digest = hashlib.sha256()
    files = [TESTS / 'check', TESTS / 'errors.tsv',
             *TESTS.glob('checks/**/*.py'), *TESTS.glob('harness/*.*')]
    for path in [ROOT / '.flags', *sorted(files),
                 *sorted(stage.folder.glob('*.[ch]'))]:
        try:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
        except OSError:  # it is a folder, missing or unreadable
            content = '-'
        digest.update(f'{path.relative_to(ROOT)} {content}\n'.encode())
    return digest.hexdigest()


def as_handed_out(stage):
    """Returns the text of the stub as it was handed out."""
    try:
        return stage.handed_out.read_text()
    except OSError as error:
        raise Unable(f'{error.filename}: {error.strerror}: it comes with '
                     'the ladder; copy it from there.') from None


class Notes:
    """Remembers which stubs have passed, and with which contents."""

    def __init__(self):
        try:
            lines = PASSED.read_text().splitlines()
        except (OSError, UnicodeDecodeError):
            lines = []
        fields = [line.split(' ', 2) for line in lines]
        self.known = {number: (key, result) for number, key, result
                      in (field for field in fields if len(field) == 3)}

    def result(self, stage):
        """Returns the result of the stub if it has passed as it is now, or
        None."""
        key, result = self.known.get(stage.number, ('', ''))
        return result if key and key == state(stage) else None

    def add(self, stage, key, result):
        self.known[stage.number] = key, result
        new = PASSED.with_name('.learn.new')
        new.write_text(''.join(f'{number} {key} {result}\n' for
                               number, (key, result) in self.known.items()))
        os.replace(new, PASSED)


class Watch:
    """Notices when a stub is saved, if asked to."""

    def __init__(self, wanted):
        self.wanted = wanted
        self.seen = self.stamps()

    @staticmethod
    def stamps():
        """Returns, for each stub, a value that changes whenever it is saved;
        None if it is missing."""
        stamps = {}
        for stage in [*LADDER, *EXERCISES.values()]:
            try:
                status = stage.stub.stat()
                stamps[stage.stub] = (status.st_mtime_ns, status.st_size,
                                      status.st_ino)
            except OSError:
                stamps[stage.stub] = None
        return stamps

    def saved(self):
        return self.wanted and self.stamps() != self.seen

    def wait(self):
        while not self.saved():
            time.sleep(POLL)
        self.settle()

    def settle(self):
        """Waits until the files stop changing: an editor may remove a file and
        write it again, in pieces."""
        before, end = self.seen, time.monotonic() + PATIENCE
        while True:
            self.seen = self.stamps()
            time.sleep(POLL / 2)
            gone = any(before[path] and not self.seen[path] for path in before)
            if self.stamps() == self.seen and (
                    not gone or time.monotonic() > end):
                return


def keep(stage):
    """Copies the student's stub beside it, under a new name that no tool takes
    for a source. Returns the name."""
    content = stage.stub.read_bytes()
    number = 1
    while True:
        kept = stage.folder / f'stub.c.{number}'
        try:
            with open(kept, 'xb') as file:
                file.write(content)
            return f'{stage.name}/{kept.name}'
        except FileExistsError:
            number += 1


def reset(stage):
    """Restores a stub as it was handed out."""
    text, note = as_handed_out(stage), ''
    if stage.stub.exists():
        if source(stage) == text:
            screen.show(f'{stage.place} is as it was handed out.')
            return 0
        note = f'\nYours is kept as {keep(stage)}.'
    new = stage.folder / '.stub.new'
    new.write_text(text)
    os.replace(new, stage.stub)
    screen.show(f'{stage.place} is once more as it was handed out.{note}')
    return 0
