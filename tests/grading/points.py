"""What each check is worth, according to points.tsv: for each stage, the row
(all) holds its points, which the checks share in proportion to the weights in
the other rows. NAME* matches all names that begin with NAME; the longest match
applies. Points are counted in cents, so that they add up."""

import csv
import json
import math
import pathlib
import shutil
import subprocess
import sys

from harness.stages import STAGES, TASKS, TESTS

ALL = '(all)'
TABLE = pathlib.Path(__file__).with_name('points.tsv')
COLUMNS = ['stage', 'check', 'weight', 'visibility']
VISIBILITIES = ('visible', 'hidden', 'after_due_date', 'after_published')


class WrongPoints(Exception):
    """The reason why points.tsv is invalid."""


class Points:
    """The file, parsed and checked."""

    def __init__(self, path):
        self.path = path
        self.rows = {}  # {stage: {name: (weight, visibility)}}
        with open(path, newline='') as file:
            reader = csv.DictReader(file, delimiter='\t')
            if reader.fieldnames != COLUMNS:
                self.complain(1, f'the columns are not {", ".join(COLUMNS)}')
            for row in reader:
                self.add(reader.line_num, row)
        self.stages = [stage for stage in sorted(self.rows) if stage in TASKS]
        for stage, rows in self.rows.items():
            if ALL not in rows:
                self.complain(f'{stage} has no row {ALL}')

    def complain(self, *reason):
        raise WrongPoints(': '.join(map(str, (self.path.name, *reason))))

    def add(self, line, row):
        stage, name = row['stage'], row['check']
        visibility = row['visibility'] or 'visible'
        rows = self.rows.setdefault(stage, {})
        try:
            weight = float(row['weight'])
        except (TypeError, ValueError):
            weight = -1
        if stage[:2] not in STAGES or not name:
            self.complain(line, 'a row needs a stage, from 01 to 08, and a '
                          'check')
        if name in rows:
            self.complain(line, f'{stage} {name} occurs twice')
        if weight < 0 or not math.isfinite(weight):
            self.complain(line, f'the weight "{row["weight"]}" is not a number')
        if visibility not in VISIBILITIES:
            self.complain(line, f'visibility "{visibility}" is none of '
                          + ', '.join(VISIBILITIES))
        rows[name] = weight, visibility

    def of_stage(self, stage):
        """Returns the points of a stage."""
        if stage not in self.rows:
            self.complain(f'it has no rows for {stage}')
        weight, _ = self.rows[stage][ALL]
        return int(weight) if weight == int(weight) else weight

    def row_for(self, stage, check):
        """Returns the name in the row that gives a check its weight."""
        fitting = [name for name in self.rows[stage] if name == check
                   or name.endswith('*') and check.startswith(name[:-1])]
        if not fitting:
            self.complain(f'no row fits the check {stage} {check}')
        return max(fitting, key=lambda name: (name == check, len(name)))

    def worth(self, stage, checks):
        """Returns the cents and the visibility of each check. The cents add up
        to those of the stage, so some checks are worth one cent more than
        others."""
        rows = [self.rows[stage][self.row_for(stage, check)]
                for check in checks]
        total = sum(weight for weight, _ in rows)
        cents = round(100 * self.of_stage(stage))
        given, so_far, result = 0, 0, []
        for weight, visibility in rows:
            so_far += weight
            until = round(cents * so_far / total) if total else 0
            result.append((until - given, visibility))
            given = until
        return result

    def print_all(self):
        """Prints what each check is worth. Returns 1 if a row matches no
        check."""
        used = set()
        for stage in self.stages:
            names = checks_of(stage)
            print(f'{stage}  {self.of_stage(stage)} points for {len(names)} '
                  'checks')
            for name, (cents, visibility) in zip(names, self.worth(stage,
                                                                   names)):
                used.add((stage, self.row_for(stage, name)))
                print(f'{stage} {name:36}{cents / 100:6.2f}  {visibility}')
        idle = [f'{stage} {name}' for stage in self.stages
                for name in self.rows[stage]
                if name not in (ALL, '*') and (stage, name) not in used]
        for row in idle:
            print(f'{self.path.name}: no check is called {row}')
        return 1 if idle else 0


def checks_of(stage):
    """Returns the names of the checks of a stage's program."""
    done = subprocess.run(
        [sys.executable, TESTS / 'check', stage, '--list', '--json',
         '--program', shutil.which('true')], stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True)
    return [check['name'] for check in json.loads(done.stdout or '[]')]
