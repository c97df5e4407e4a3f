"""Prints the measurements."""

import json
import statistics
import textwrap

from benchmark.measuring import find_ratios, screen


def show_waits(samples):
    """Returns the median waits: the medians and the 99th percentiles."""
    return '/'.join(f'{statistics.median(waits):.1f}'
                    for waits in zip(*filter(None, samples)))


class Table:
    """The table of a bench, with a column for each server."""

    def __init__(self, bench):
        self.bench = bench
        self.widths = [10, 20] if bench.SPREAD else [9, 15]

    def line(self, label, cells):
        first, other = self.widths
        print((f'{label:24}{cells[0]:>{first}}'
               + ''.join(f'{cell:>{other}}' for cell in cells[1:])).rstrip())

    def cell(self, samples, yardsticks, digits):
        """Returns the median, the median of the ratios to the yardstick, and
        the spread of these."""
        good = [sample for sample in samples if sample is not None]
        if not good:
            return ''
        figure = f'{statistics.median(good):,.{digits}f}'
        ratios = find_ratios(samples, yardsticks)
        if not ratios:
            return figure
        ratio = statistics.median(ratios)
        figure += f' {ratio:5.{2 if ratio >= 0.1 else 3}f}'
        if self.bench.SPREAD and len(ratios) > 1:
            low, _, high = statistics.quantiles(ratios, n=4)
            figure += f' +-{(high - low) / 2 / ratio:.0%}'
        return figure

    def section(self, heading, table, digits, compared=True):
        table = {row: samples for row, samples in table.items() if samples}
        if table:
            print(f'\n{heading}')
        names = self.bench.servers
        for row, samples in table.items():
            yardsticks = samples.get(self.bench.YARDSTICK, [])
            self.line('  ' + row.label, [
                self.cell(samples.get(name, []), yardsticks if compared and
                          name != self.bench.YARDSTICK else [], digits)
                for name in names])

    def speeds(self):
        bench = self.bench
        for section in dict.fromkeys(row.section for row in bench.speeds):
            self.section(section, {row: samples for row, samples
                                   in bench.speeds.items()
                                   if row.section == section}, 0)
        self.section(bench.COST, bench.costs, 1)
        if any(any(filter(None, samples)) for table in bench.waits.values()
               for samples in table.values()):
            print('\nmilliseconds within which half / 99 of 100 answers came')
            for row, samples in bench.waits.items():
                self.line('  ' + row.label, [show_waits(samples[name])
                                             for name in bench.servers])

    def calls(self):
        for row, counts in self.bench.calls.items():
            if not counts:
                continue
            print(f'\n{row.section}: {row.label}')
            for name, calls in counts.items():
                often = sorted((calls or {}).items(),
                               key=lambda item: -item[1])[:self.bench.CALLS]
                cells = [f'{call} {count:.2f}' for call, count in often]
                print(f'  {name:14}' + '  '.join(cells[:4]))
                if cells[4:]:
                    print(16 * ' ' + '  '.join(cells[4:]))

    def show(self):
        bench = self.bench
        screen.progress('')
        self.line('', list(bench.servers))
        self.speeds()
        for section in dict.fromkeys(row.section for row in bench.singles):
            self.section(section, {row: figures for row, figures
                                   in bench.singles.items()
                                   if row.section == section}, 1, False)
        self.calls()
        print()
        self.notes()

    def notes(self):
        bench = self.bench
        notes = bench.troubles + bench.notes
        if bench.disturbed():
            notes.append(f'Others took {bench.others / bench.passed:.0%} of a '
                         'core meanwhile: the figures scatter.')
        for line in notes:
            print(textwrap.fill(str(line), 79, subsequent_indent='    '))
        print(bench.machine.describe())
        if bench.YARDSTICK in bench.servers:
            print(f'What matters are the ratios to {bench.YARDSTICK}: figures '
                  'change with the machine.')


def show_goals(bench):
    goals = list(bench.goals())
    if goals:
        print('\nThe goals')
    for what, figure, words, goal, side in goals:
        if figure is None:
            print(f'  unknown  {what}: not measured')
            continue
        reached = figure >= goal if side == 'at least' else figure <= goal
        print(f'  {"reached" if reached else "MISSED "}  {what}: '
              f'{words.format(figure)}, {side} {goal:,}')


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
