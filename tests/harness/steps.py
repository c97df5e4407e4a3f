"""The steps from one stage to the next: patches in NN-*/steps. Each has a
heading and a text, and turns one program into the next."""

import collections
import re

from harness.stages import ROOT

BEFORE = {'07': '05-recv-send/server.c', '08': '07-select/server.c'}
HUNK = re.compile(r'@@ -(\d+)(?:,(\d+))? \+\d+(?:,\d+)? @@')

Step = collections.namedtuple('Step', 'number heading text diff program')


class Unfit(Exception):
    """A patch does not fit its program."""


def folder_of(stage):
    return next(ROOT.glob(f'{stage}-*')) / 'steps'


def program_of(stage):
    """The source that the last step leads to."""
    return folder_of(stage).parent / 'server.c'


def other_sources(stage):
    """The other sources that each step is compiled with: 08 has several, and
    its steps change only one of them."""
    return sorted(path for path in folder_of(stage).parent.glob('*.c')
                  if path.name not in ('server.c', 'stub.c'))


def patch(lines, diff):
    """Returns the lines after applying the hunks of a unified diff."""
    changed, place = [], 0
    for line in diff[2:]:  # after the names of the two files
        hunk = HUNK.match(line)
        if hunk:
            begin = int(hunk[1]) - (hunk[2] != '0')
            changed += lines[place:begin]
            place = begin
        elif line[0] == '+':
            changed.append(line[1:])
        else:
            if lines[place:place + 1] != [line[1:]]:
                raise Unfit(f'line {place + 1} is not "{line[1:]}"')
            changed += lines[place:place + 1] if line[0] == ' ' else []
            place += 1
    return changed + lines[place:]


def read(stage):
    """The steps of a stage, from the program before it to its own."""
    lines = (ROOT / BEFORE[stage]).read_text().splitlines()
    steps = []
    for number, path in enumerate(sorted(folder_of(stage).glob('*.patch')), 1):
        text, _, diff = path.read_text().partition('\n--- ')
        heading, _, text = text.partition('\n')
        diff = ('--- ' + diff).splitlines()
        try:
            lines = patch(lines, diff)
        except Unfit as reason:
            raise Unfit(f'{path.relative_to(ROOT)} does not fit: {reason}')
        steps.append(Step(number, heading, text.strip(), diff,
                          '\n'.join(lines) + '\n'))
    return steps
