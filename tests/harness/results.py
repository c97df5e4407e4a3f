"""Reports the results of checks, to a person or to a program."""

import collections
import json
import os
import shlex
import sys
import time

from harness import todos
from harness.settings import MEMCHECK
from harness.stages import BEYOND, PROGRAMS
from harness.subjects import stub_of
from harness.words import Colours, explained, wrapped

INJECTED = 'injected'  # the note of a row whose error was injected
Result = collections.namedtuple('Result', 'check verdict failure round')


def origin(check):
    return f' ({check.origin})' if check.origin else ''


def described(check):
    """What the JSON document says about each check."""
    return {'stage': check.stage, 'name': check.name, 'origin': check.origin,
            'what': check.what}


def named(check):
    """The options of tests/check that run one check alone."""
    name, _, seed = check.name.partition('_')
    return ['--faults', seed] if name == 'faults' else ['-k', check.name]


def again(check, options):
    """The command that runs one check alone, after building its program again
    if the Makefile can."""
    stub = stub_of(options)
    ours = not (options.program or options.programs)
    name, _, seed = check.name.partition('_')
    prefix = 'MEMCHECK=1 ' * MEMCHECK
    if ((stub or ours) and options.seed is None and name != 'faults'
            and check.stage not in BEYOND):
        return (f'{prefix}make {"try" if stub else "check"}-{check.stage} '
                f'CHECK={check.name}')
    words = ['tests/check', check.stage, *named(check)]
    for name in ('program', 'programs', 'tls', 'seed'):
        if getattr(options, name) not in (None, ''):
            words += [f'--{name}', str(getattr(options, name))]
    program = (f'{stub.name}/stub' if stub
               else PROGRAMS[check.stage].program)
    return (f'make {program} && ' * bool(stub or ours) + prefix
            + ' '.join(map(shlex.quote, words)))


class JsonReport:
    """Prints the results as one JSON document at the end."""

    def __init__(self, options):
        self.options = options
        self.verdicts = collections.Counter()
        self.checks = []

    def show_progress(self, *_):
        """Standard output is reserved for the document."""

    hide_progress = show_progress

    def add(self, result):
        self.verdicts[result.verdict] += 1
        entry = {**described(result.check), 'round': result.round,
                 'verdict': result.verdict}
        failure = result.failure
        if result.verdict == 'failed':
            entry.update(expected=str(failure.expected), got=str(failure.got),
                         hint=str(failure.hint))
        elif result.verdict == 'skipped':
            entry.update(reason=str(failure))
        self.checks.append(entry)

    def close(self):
        totals = {verdict: self.verdicts[verdict]
                  for verdict in ('passed', 'failed', 'skipped')}
        options = self.options
        for warning in options.warnings:
            print(f'tests/check: {warning}', file=sys.stderr)
        print(json.dumps({'program': options.program or options.programs,
                          'seed': options.seed, 'rounds': options.repeat,
                          **totals, 'checks': self.checks}, indent=1))


class Report:
    """Prints the results, in the order of the checks."""

    def __init__(self, options):
        self.options = options
        self.colours = Colours(sys.stdout)
        self.progress = (sys.stdout.isatty()
                         and os.environ.get('TERM', 'dumb') != 'dumb')
        self.shown = ''  # of the progress
        self.verdicts = collections.Counter()
        self.stages = collections.defaultdict(collections.Counter)
        self.skips = collections.defaultdict(list)
        self.by_kernel = collections.defaultdict(dict)  # errnos, of each call
        self.began = time.monotonic()
        if options.seed is not None:
            print(f'seed {options.seed}: the order of the checks, and their '
                  'data')

    def show_progress(self, done, total):
        text = f'{done} of {total} checks'
        if (self.progress and text != self.shown
                and time.monotonic() - self.began > 1):
            self.hide_progress()
            print(text, end='', flush=True)
            self.shown = text

    def hide_progress(self):
        """Clears the line, in a way that every terminal understands."""
        if self.shown:
            print('\r' + ' ' * len(self.shown), end='\r', flush=True)
            self.shown = ''

    def title(self, result):
        check, rounds = result.check, self.options.repeat
        return f'{check.stage} {check.name}{origin(check)}' + (
            f', round {result.round} of {rounds}' if rounds > 1 else '')

    def add(self, result):
        check, verdict = result.check, result.verdict
        self.verdicts[verdict] += 1
        self.stages[check.stage][verdict] += 1
        source = check.origin
        if (verdict, result.failure) == ('passed', INJECTED):
            source = 'injector'
        if source:
            self.stages[check.stage][source] += verdict == 'passed'
        if source == 'kernel' and verdict == 'passed':
            call, _, name = check.name.partition('_')
            self.by_kernel[call].setdefault(name)
        if verdict == 'skipped':
            self.skips[check.stage, str(result.failure)].append(check.name)
        if verdict == 'failed':
            self.explain(result)
        elif self.options.verbose:
            self.hide_progress()
            print('ok ' if verdict == 'passed' else verdict, self.title(result))

    def explain(self, result):
        self.hide_progress()
        check, failure, colours = result.check, result.failure, self.colours
        print(f'{colours.red}FAIL{colours.off}  {colours.bold}'
              f'{self.title(result)}{colours.off}:')
        print(explained(check.what, failure.expected, failure.got,
                        failure.hint))
        print(f'  again:    {again(check, self.options)}')
        stub = stub_of(self.options)
        if stub and stub.stub.exists():
            self.show_todo(stub, check)

    def show_todo(self, stub, check):
        """Shows the stub's TODO that names a failed check, or else the place
        of the first TODO left."""
        source = stub.stub.read_text(errors='replace')
        left = todos.find(source)
        about = todos.about(left, check.name)
        for todo in (about or left)[:1]:
            print(f'  {"place:" if about else "next:":10}{stub.place}:'
                  f'{todo.line}{"" if about else ", the first TODO left"}')
            if self.options.first:  # otherwise many may fail
                print(wrapped(' ' * 12, f'TODO {todo.number}: {todo.text}'))
                meant = todos.code_meant(todo, source)
                if meant:
                    print(wrapped(' ' * 12, meant))

    def list_rows(self):
        """Prints the rows of errors.tsv whose errors the kernel itself
        reported."""
        count = sum(map(len, self.by_kernel.values()))
        print(f'{count} errors that the kernel itself reported:')
        for call, names in self.by_kernel.items():
            print(wrapped(f'  {call}: ', ' '.join(names)))

    def close(self):
        for stage, counts in sorted(self.stages.items()):
            title = PROGRAMS[stage].title
            rows = counts['kernel'] + counts['injector']
            print(f'{title:14}{counts["passed"]:4} passed' + (
                f' (errno rows: {counts["kernel"]} by the kernel, '
                f'{counts["injector"]} injected)' if rows else ''))
        if len(self.stages) > 1 and self.by_kernel:
            self.list_rows()
        for (stage, reason), names in sorted(self.skips.items()):
            print(f'{stage}: skipped {", ".join(names[:4])}'
                  + (f' and {len(names) - 4} more' if len(names) > 4 else '')
                  + f': {reason}')
        for warning in self.options.warnings:
            print(f'{self.colours.bold}note:{self.colours.off} {warning}')
        skipped = self.verdicts['skipped']
        print(f'{self.verdicts["passed"]} passed, '
              f'{self.verdicts["failed"]} failed'
              + (f', {skipped} skipped' if skipped else ''))
