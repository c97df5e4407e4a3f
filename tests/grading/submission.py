"""One submission: its programs, and the results of their checks."""

import contextlib
import itertools
import json
import os
import pathlib
import shlex
import shutil
import signal
import tempfile
import time

from grading import guard, handin
from harness.compiling import compiler
from harness.stages import ROOT, TASKS, TESTS

FLAGS = '-std=c99 -O2 -g -Wall -Wextra -Wpedantic -fmax-errors=20'.split()
BUILD_TIME = 20    # seconds for one program
END_TIME = 15      # seconds for the checks to end by themselves
JOBS = 10          # checks at the same time: each takes up to 25 MB of memory
FEW, MORE_TIME = 20, 30  # most failures to check again; seconds needed
MOST_TEXT = 700    # characters of a message that are shown


class CannotGrade(Exception):
    """The reason why the grading itself has failed."""


class Result:
    """The result of a stage."""

    def __init__(self, number, most):
        self.number, self.most = number, most
        self.title = TASKS[number].title
        self.problem = 'it has not been checked'  # why there are no points
        self.details = ''  # what the compiler said
        self.checks = []

    @property
    def score(self):
        cents = sum(check['cents'] for check in self.checks
                    if check['verdict'] == 'passed')
        return number(cents / 100)


def number(value):
    """Returns a number in its shortest form: 10, not 10.0."""
    return int(value) if value == int(value) else round(value, 2)


class Grading:
    """One submission: its files, programs and results. Its folder has our
    layout, and holds copies of the checks and of the programs."""

    def __init__(self, options, points, results, wanted):
        self.options, self.points, self.results = options, points, results
        self.wanted = wanted  # the signals that ask us to stop
        self.end = time.monotonic() + options.time
        self.notes = []
        self.work = pathlib.Path(tempfile.mkdtemp(
            prefix='ladder-grade-', dir=os.environ.get('TMPDIR', '/var/tmp')))
        self.work.chmod(0o755)
        self.guard = guard.Guard(self.work, lambda: bool(wanted))
        for name in ('tests', 'copy', 'scratch', 'checks'):
            (self.work / name).mkdir(mode=0o755)
        for name in ('check', 'errors.tsv'):
            shutil.copy(TESTS / name, self.work / 'tests')
        unwanted = shutil.ignore_patterns('__pycache__', 'corpus')
        for name in ('checks', 'harness', 'fuzzing'):
            shutil.copytree(TESTS / name, self.work / 'tests' / name,
                            ignore=unwanted)

    def left(self):
        if self.wanted:
            raise CannotGrade(f'received {signal.Signals(self.wanted[0]).name}')
        return self.end - time.monotonic()

    def run(self):
        self.guard.prepare()
        self.try_compiler()
        for result in self.results.values():
            self.left()
            self.make(result)
        self.check([result for result in self.results.values()
                    if not result.problem])

    def try_compiler(self):
        """Ends the grading if the compiler does not work here at all."""
        folder = self.work / 'copy' / 'trial'
        folder.mkdir()
        (folder / 'trial.c').write_text('int main(void) { return 0; }\n')
        said = self.compile(folder, ['trial.c'], self.work / 'trial')
        if said:
            raise CannotGrade('the compiler does not work in '
                              f'{self.work.parent} (TMPDIR): {said}')

    def make(self, result):
        """Copies and builds a stage's program."""
        stage = TASKS[result.number]
        folder = self.work / 'copy' / result.title
        target = self.work / stage.program
        target.parent.mkdir(parents=True, exist_ok=True)
        pages = ROOT / stage.name / 'www'
        if pages.is_dir():  # what 08 serves by default
            shutil.copytree(pages, target.parent / 'www')
        single = len(self.results) == 1
        try:
            handin.copy_stage(self.options.folder, stage.name, folder, single)
            sources = handin.sources(folder, target.name)
            result.details = self.compile(folder, sources, target)
            result.problem = result.details and 'it does not build'
        except handin.Refused as reason:
            result.problem = str(reason)

    def compile(self, folder, sources, target):
        """Builds a program. Returns what went wrong, or ''."""
        scratch = self.work / 'scratch' / folder.name
        scratch.mkdir()
        self.guard.give(scratch)
        command = [*self.guard.starter('-r', folder, '-w', scratch),
                   *self.guard.as_user(), '--',
                   *compiler(), *FLAGS, '-o',
                   scratch / 'program', *(f'./{name}' for name in sources)]
        with tempfile.TemporaryFile() as output:
            status = self.guard.run(command, min(BUILD_TIME, self.left()),
                                    folder, output, scratch=scratch)
            output.seek(0)
            said = output.read(20000).decode(errors='replace')
        if status is None:
            return f'the compiler was killed after {BUILD_TIME} seconds'
        if status != 0:
            return said or f'the compiler exited with status {status}'
        return handin.take_program(scratch / 'program', target)

    def check(self, built):
        """Runs the checks of everything that was built, together."""
        if not built:
            return
        jobs = self.options.jobs or JOBS
        entries = self.run_checks([result.number for result in built],
                                  jobs=jobs)
        for result in built:
            self.give_points(result, [entry for entry in entries
                                      if entry['stage'] == result.number])
        failed = {(entry['stage'], entry['name']): entry for entry in entries
                  if entry['verdict'] == 'failed'}
        if 0 < len(failed) <= FEW and self.left() > MORE_TIME:
            self.check_again(failed)

    def check_again(self, failed):
        """Repeats checks that may have failed because the machine was slow."""
        for entry in self.run_checks(*zip(*failed), jobs=2):
            key = entry['stage'], entry['name']
            if key in failed and entry['verdict'] == 'passed':
                failed[key]['verdict'] = 'passed'
                self.notes.append(f'{" ".join(key)} passed when it was checked '
                                  'again.')

    def run_checks(self, stages, names=(), jobs=1):
        """Returns the results, as tests/check reports them."""
        seconds = max(1, int(self.left()))
        command = self.check_command(stages, names, jobs, seconds)
        with tempfile.TemporaryFile() as document, \
                tempfile.TemporaryFile() as errors:
            self.guard.run(command, seconds + END_TIME, self.work, document,
                           errors, scratch=self.work / 'checks', trusted=True)
            self.guard.end_all()
            document.seek(0)
            errors.seek(0)
            try:
                return json.load(document)['checks']
            except ValueError:
                self.left()
                said = errors.read().decode(errors='replace')
        raise CannotGrade('the checks broke off: ' + said[-MOST_TEXT:])

    def check_command(self, stages, names, jobs, seconds):
        checks = self.work / 'checks'
        self.guard.give(checks)
        folders = [word for stage in stages for word in (
            '-r', self.work / TASKS[stage].name)]
        starter = self.guard.starter(*folders, '-w', checks,
                                     *self.guard.unnamed_files(), '--')
        owner = self.guard.user
        return [self.guard.python(), self.work / 'tests' / 'check',
                *sorted(set(stages)), '--json', '--programs', '.', '--time',
                seconds, '--jobs', jobs, '--starter', shlex.join(starter),
                *(word for name in names for word in ('-k', name)),
                *(['--owner', owner] if owner is not None else [])]

    def give_points(self, result, entries):
        worth = self.points.worth(result.number,
                                  [entry['name'] for entry in entries])
        for entry, (cents, visibility) in zip(entries, worth):
            entry.update(cents=cents, visibility=visibility)
        result.checks = entries
        result.problem = '' if entries else 'there are no checks for it'

    def close(self):
        self.guard.close()
        remove(self.work)


def remove(folder):
    """Removes a folder, even if folders in it are unreadable, or nested so
    deeply that no path can name them all."""
    folders = [os.fspath(folder)]  # moves nested folders up, one at a time
    count = itertools.count()
    while folders:
        place = folders.pop()
        with contextlib.suppress(OSError):
            os.chmod(place, 0o700)
            for entry in list(os.scandir(place)):
                if entry.is_dir(follow_symlinks=False):
                    os.chmod(entry.path, 0o700)
                    above = os.path.join(folder, f'.remove-{next(count)}')
                    os.rename(entry.path, above)
                    folders.append(above)
                else:
                    os.unlink(entry.path)
            if place != os.fspath(folder):
                os.rmdir(place)
    with contextlib.suppress(OSError):
        os.rmdir(folder)
