"""Prints the measurements."""

import json
import statistics
import textwrap

from benchmark.measuring import find_ratio, screen


NOISE = 0.1  # a ratio with a larger spread is unreliable


def show_waits(samples):
    """Returns the median wait and the 99th percentile, each as the median of
    the samples."""
    return '/'.join(f'{statistics.median(waits):.1f}'
                    for waits in zip(*filter(None, samples)))


class Table:
    """The printed table: in each row, a line for each server."""

    def __init__(self, bench):
        self.bench = bench

    def cell(self, samples, ours, digits):
        """The median of the samples, the median of their ratios to ours, and
        the spread of these ratios."""
        good = [sample for sample in samples if sample is not None]
        if not good:
            return ''
        figure = f'{statistics.median(good):8,.{digits}f}'
        ratio, spread = find_ratio(samples, ours)
        if ratio is None:
            return figure
        mark = '~' if spread > NOISE else ''
        return f'{figure} {ratio:5.2f} +-{spread:.0%}{mark}'

    def row(self, row):
        bench = self.bench
        print(f'  {row.label}')
        for name in bench.able(row):
            cells = []
            for table, digits in (bench.speeds, 0), (bench.costs, 1):
                ours = (table[row].get(bench.OURS, [])
                        if name != bench.OURS else [])
                cells.append(self.cell(table[row].get(name, []), ours, digits))
            waits = show_waits(bench.waits[row].get(name, []))
            if any(cells):
                print(f'    {name:13}{cells[0]:22}{cells[1]:21}'
                      f'{waits:>9}'.rstrip())

    def speeds(self):
        bench = self.bench
        for section in dict.fromkeys(row.section for row in bench.speeds):
            print(f'\n{section}{" " * (42 - len(section))}us each'
                  + ' ' * 12 + 'ms for 50/99%')
            for row in bench.speeds:
                if row.section == section:
                    self.row(row)

    def singles(self):
        bench = self.bench
        for section in dict.fromkeys(row.section for row in bench.singles):
            print(f'\n{section}')
            for row, figures in bench.singles.items():
                if row.section == section:
                    print(textwrap.fill(f'{row.label}: ' + ', '.join(
                        f'{name} {round(sample[0], 1) + 0.0:,.1f}'
                        for name, sample in figures.items()
                        if sample[0] is not None), 79,
                        initial_indent='  ', subsequent_indent='    '))

    def calls(self):
        for row, counts in self.bench.calls.items():
            if not counts:
                continue
            print(f'\n{row.section}: {row.label}')
            for name, calls in counts.items():
                often = sorted((calls or {}).items(),
                               key=lambda item: -item[1])[:8]
                cells = [f'{call} {count:.2f}' for call, count in often]
                print(f'  {name:14}' + '  '.join(cells[:4]))
                if cells[4:]:
                    print(16 * ' ' + '  '.join(cells[4:]))

    def show(self):
        screen.progress('')
        self.speeds()
        self.singles()
        self.calls()
        print()
        self.notes()

    def noisy(self):
        """The rows in which a ratio varies too much."""
        bench = self.bench
        return [row.label for row in bench.speeds
                if any(find_ratio(samples, table[row].get(bench.OURS, []))[1]
                       > NOISE for table in (bench.speeds, bench.costs)
                       for samples in table[row].values())]

    def notes(self):
        bench = self.bench
        notes = bench.troubles + bench.notes
        if bench.speeds:
            notes.append('Beside a figure: its ratio to the figure of '
                         f'{bench.OURS}, and the spread of this ratio.')
        if self.noisy():
            notes.append(f'Noise (~: a spread of more than {NOISE:.0%}): '
                         + '; '.join(self.noisy()) + '.')
        if bench.disturbed():
            notes.append('Other programs used '
                         f'{bench.others / bench.passed:.0%} of a core '
                         'meanwhile, so the figures are less reliable.')
        for line in notes:
            print(textwrap.fill(str(line), 79, subsequent_indent='    '))
        print(bench.machine.describe())


def judge(bench, goal):
    """Returns the verdict on a goal, our ratio to the best of its servers, and
    the name of that server."""
    table = bench.speeds if goal.least else bench.costs
    found = [(*find_ratio(table[goal.row].get(bench.OURS, []),
                          table[goal.row].get(name, [])), name)
             for name in goal.servers if name in table[goal.row]]
    found = [entry for entry in found if entry[0] is not None]
    if not found:
        return 'unknown', None, ''
    ratio, spread, name = (min if goal.least else max)(found)
    lack = goal.ratio - ratio if goal.least else ratio - goal.ratio
    word = ('reached' if lack <= 0 else
            'unclear' if lack <= spread * ratio else 'MISSED')
    return word, ratio, name


def show_goals(bench):
    """Prints which goals are reached. Returns whether any goal is missed
    by more than the spread of its ratio."""
    missed = False
    print('\nThe goals: ratios of ' + bench.OURS)
    for goal in bench.goals():
        word, ratio, name = judge(bench, goal)
        missed |= word == 'MISSED'
        print(f'  {word:8} {goal.row.label}, '
              f'{"speed" if goal.least else "processor time"}: '
              + (f'{ratio:.2f} of {name}, ' if ratio is not None else '')
              + f'at {"least" if goal.least else "most"} {goal.ratio}')
    return missed


def save(benches, path):
    """Writes all samples as JSON."""
    samples = {}
    for bench in benches:
        tables = {'speed': bench.speeds, 'cost': bench.costs,
                  'waits': bench.waits, 'memory': bench.singles,
                  'calls': bench.calls}
        for name, table in tables.items():
            samples.setdefault(name, {}).update(
                (f'{row.section}: {row.label}', figures)
                for row, figures in table.items())
    with open(path, 'w') as file:
        json.dump(samples, file, indent=1)
