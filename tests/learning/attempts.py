"""Builds and checks stubs; stops when one is saved in the meantime."""

import collections
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from harness.compiling import compiler
from harness.programs import Program
from harness.stages import ROOT, TESTS
from harness.words import clean
from learning.screen import LINES, screen
from learning.stubs import (
    PATIENCE, POLL, Notes, Saved, Trouble, Unable, source, state)

Attempt = collections.namedtuple('Attempt', 'result failure warnings')
MOST = 1 << 26   # bytes of output from a compiler or the checks


class Runner:
    """Builds and checks stubs; raises Saved if one is saved meanwhile."""

    def __init__(self, watch):
        self.watch = watch

    def run(self, command, progress):
        """Runs a command to its end. Returns its status, output and errors."""
        with tempfile.TemporaryFile() as output, \
                tempfile.TemporaryFile() as errors:
            try:
                program = Program(
                    command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output,
                    stderr=errors, env={**os.environ, 'LC_ALL': 'C'},
                    start_new_session=False)
            except OSError as error:
                raise Unable(f'{command[0]}: {error.strerror}') from None
            try:
                self.attend(program, progress)
            except KeyboardInterrupt:
                program.wait_exit(PATIENCE)  # Ctrl-C has reached it, too
                raise
            finally:
                program.end(signal.SIGTERM, patience=None)
            return program.process.returncode, *(
                os.pread(file.fileno(), MOST, 0).decode(errors='replace')
                for file in (output, errors))

    def attend(self, program, progress):
        """Watches a program, and the stubs, until it exits."""
        begun = time.monotonic()
        while program.wait_exit(POLL / 4) is None:
            if self.watch.saved():
                raise Saved
            seconds = int(time.monotonic() - begun)
            screen.progress(progress + (f', {seconds} seconds so far'
                                        if seconds >= PATIENCE else ''))

    def prepare(self):
        """Checks that the tools exist, and brings .flags up to date."""
        for tool in ('make', compiler()[0]):
            if not shutil.which(tool):
                raise Unable(f'{tool} is not installed. On Debian: sudo '
                             'apt-get install gcc libc6-dev make')
        self.run(['make', '.flags'], '')

    def build(self, stage):
        """Builds a stub, even if it has not changed. Returns the compiler's
        warnings."""
        status, _, text = self.run(
            ['make', '-W', stage.place, f'{stage.name}/stub'],
            f'  {stage.title:14}compiling')
        found = diagnostics(text)
        if status == 0:
            return [block for kind, block in found if kind == 'warning']
        errors = [block for kind, block in found if kind.endswith('error')]
        first = errors[0] if errors else [
            line for line in clean(text).splitlines()
            if not line.startswith('make')]
        raise Trouble('\n'.join([
            f'{stage.place} does not compile. The first error:', '',
            *first[-LINES:], *others(len(errors) - 1, 'error')]))

    def check(self, stage):
        """Checks a stub, up to the first failure. Returns a summary and None,
        or None and the failure."""
        _, text, errors = self.run(
            [str(TESTS / 'check'), stage.number, '--program',
             f'{stage.name}/stub', '--first', '--json'],
            f'  {stage.title:14}checking')
        try:
            document = json.loads(text)
        except ValueError:
            raise Trouble('\n'.join([
                'The checks could not be run:', '',
                *errors.splitlines()[-LINES:]])) from None
        for check in document['checks']:
            if check['verdict'] == 'failed':
                return None, check
        skipped = document['skipped']
        if not document['passed']:
            raise Trouble('No check could be run here: see make try-'
                          f'{stage.number}')
        return f'{document["passed"]} checks passed' + (
            f', {skipped} skipped' if skipped else ''), None

    def attempt(self, stage):
        """Builds and checks a stub as it is now."""
        source(stage)  # raises Trouble if the stub is missing
        key = state(stage)
        warnings = self.build(stage)
        if state(stage) != key:
            raise Saved
        result, failure = self.check(stage)
        if state(stage) != key:
            raise Saved
        if result:
            Notes().add(stage, key, result)
        return Attempt(result, failure, warnings)


def diagnostics(text):
    """Yields the blocks of lines that a compiler or linker prints, each with
    its kind: error, fatal error, warning, or '' for anything else."""
    starts = re.compile(r'\S+:\d+(:\d+)?: ((fatal )?error|warning|)')
    blocks = []
    for line in clean(text.replace(f'{ROOT}/', '')).splitlines():
        found = starts.match(line)
        if found:
            missing = ' undefined reference ' in line
            blocks.append(('error' if missing else found[2], [line]))
        elif blocks and re.match(r' +\d* \|| {4}', line):  # the source, and ^
            blocks[-1][1].append(line)
    return [(kind, block[:LINES]) for kind, block in blocks]


def others(count, what):
    """Returns how many more there are, if any, in words."""
    return [f'({count} {what}{"s" if count > 1 else ""} more)'] * (count > 0)
