"""Measures servers, whatever they serve."""

import collections
import contextlib
import re
import shlex
import shutil
import statistics
import sys
import time

from benchmark.machine import busy_time
from benchmark.programs import Load, Server, Trouble
from harness.screen import Screen

screen = Screen(sys.stderr)  # shows what is being measured
TURN = 0.2     # seconds

# A measurement: its section and label in the table, and load's parameters.
Row = collections.namedtuple('Row', 'section label mode clients bytes idle',
                             defaults=(0,))
# A goal: a limit on the ratio of our figure to that of the best of the others,
# a minimum for speed and a maximum for processor time.
Goal = collections.namedtuple('Goal', 'row servers ratio least')
LARGE = 'megabytes a second'
FAILED = 'failed requests'
TRIP_CALLS = 'system calls a round trip'
ANSWER_CALLS = 'system calls a request'
TOOLS = {TRIP_CALLS: 'strace', ANSWER_CALLS: 'strace', FAILED: 'ab'}


class Bench:
    """Everything that is measured, and the samples: by row, then by server."""

    def __init__(self, machine, options):
        self.machine = machine
        self.options = options
        self.rounds = options.rounds
        self.turns = max(1, round((options.seconds or self.SECONDS) / TURN))
        self.troubles = []  # what went wrong
        self.notes = []     # other remarks
        self.speeds, self.costs, self.waits = {}, {}, {}
        self.singles, self.calls = {}, {}
        self.others = self.passed = 0.0  # seconds
        for name, sources in self.sources().items():
            machine.build(name, *sources)
        self.servers = self.find_servers()

    def find_others(self, others):
        """Returns the commands of the other servers that are installed."""
        if self.options.program:
            return {'program': shlex.split(self.options.program)}
        for name in others:
            if not shutil.which(name):
                self.notes.append(f'{name} is not installed: left out.')
        return {name: command for name, command in others.items()
                if shutil.which(name)}

    def attempt(self, action, *arguments):
        """Runs a measurement. A failure costs only one measurement: its result
        is None."""
        try:
            return action(*arguments)
        except Trouble as trouble:
            if str(trouble) not in map(str, self.troubles):
                self.troubles.append(trouble)
            return None

    def wanted(self, rows):
        text = (self.options.only or '').lower()
        return [row for row in rows
                if text in f'{row.section}: {row.label}'.lower()]

    def has_rows(self):
        return bool(self.wanted(self.SPEED_ROWS + self.SINGLE_ROWS
                                + self.CALLS_ROWS))

    def lacks_tool(self, row):
        """Returns whether a row needs a program that is not installed, and
        adds a note if so."""
        tool = TOOLS.get(row.section)
        if not tool or shutil.which(tool):
            return False
        note = f'{row.section}: left out, because {tool} is not installed.'
        if note not in self.notes:
            self.notes.append(note)
        return True

    def goals(self):
        """Returns the goals: see WebBench."""
        return ()

    def able(self, row):
        """Returns the servers that are measured with this many clients."""
        return [name for name in self.servers
                if row.clients <= self.MOST.get(name, row.clients)]

    def serve(self, name, row, *prefix):
        return Server(name, [*prefix, *self.servers[name]], self.machine, row)

    def measure(self):
        for number in range(self.rounds):
            for row in self.wanted(self.SPEED_ROWS):
                screen.progress(f'round {number + 1} of {self.rounds}: '
                                f'{row.label}')
                self.take_turns(row)
        for row in self.wanted(self.SINGLE_ROWS):
            screen.progress(f'{row.section}: {row.label}')
            self.singles[row] = {
                name: [self.attempt(self.measure_single, row, name)]
                for name in self.able(row)
                if self.MOST.get(name) != 1 and not self.lacks_tool(row)}
        for row in self.wanted(self.CALLS_ROWS):
            screen.progress(f'{row.section}: {row.label}')
            self.calls[row] = {
                name: self.attempt(self.count_calls, row, name)
                for name in self.able(row)
                if name not in self.MOST and not self.lacks_tool(row)}

    def disturbed(self):
        """Returns whether other programs used more than a tenth of a core."""
        return self.others > 0.1 * self.passed

    def take_turns(self, row):
        """Measures speed: one server works at a time, and all others wait."""
        names = self.able(row)
        with contextlib.ExitStack() as stack:
            pairs = {name: self.attempt(self.connect, stack, row, name)
                     for name in names}
            for turn in range(self.turns):
                for name in names if turn % 2 == 0 else reversed(names):
                    samples = (pairs[name] and self.attempt(
                        self.measure_speed, *pairs[name])) or (None,) * 3
                    for table, sample in zip(
                            (self.speeds, self.costs, self.waits), samples):
                        table.setdefault(row, {}).setdefault(
                            name, []).append(sample)
            for _, load in filter(None, pairs.values()):
                self.attempt(load.finish)

    def connect(self, stack, row, name):
        server = stack.enter_context(self.serve(name, row))
        load = stack.enter_context(Load(server, row, TURN, self.machine))
        return server, load

    def measure_speed(self, server, load):
        """Returns the work per second, the server's microseconds per piece of
        work, and the median and 99th percentile of the waits in
        milliseconds."""
        start, busy = time.monotonic(), busy_time()
        server_before, load_before = server.processor(), load.processor()
        figures = load.run()
        used = server.processor() - server_before
        self.passed += time.monotonic() - start
        self.others += (busy_time() - busy - used
                        - (load.processor() - load_before))
        moved = figures[1 if load.row.section == LARGE else 0]
        waits = [figure / 1000 for figure in figures[3::3]]
        return (moved / TURN, 1e6 * used / moved, waits) if moved else None

    def measure_memory(self, row, name):
        """Returns the memory that each client takes, in KB."""
        clients = min(row.clients, self.MOST.get(name, row.clients))
        row = row._replace(clients=clients)
        with self.serve(name, row) as server:
            server.rest()
            before = server.memory(self.MEMORY)
            with Load(server, row, TURN, self.machine) as load:
                if row.mode == 'bulk':
                    load.run()
                server.rest()
                used = server.memory(self.MEMORY) - before
                load.finish()
        return used / clients

    def count_calls(self, row, name):
        """Returns how often each system call is made in a round trip."""
        summary = self.machine.directory / 'calls'
        with self.serve(name, row, 'strace', '-f', '-c', '-o',
                        str(summary)) as server:
            with Load(server, row, 1, self.machine) as load:
                trips = load.run()[0]
                load.finish()
        found = re.findall(r'^ *\d\S* +\d\S* +\d+ +(\d+)(?: +\d+)? +(\w+)$',
                           summary.read_text(), re.M)
        return {call: int(count) / trips for count, call in found
                if call != 'total' and int(count) / trips >= 0.01}


def find_ratio(samples, others):
    """The median of the ratios of samples taken in the same turn, and half of
    their interquartile range as a fraction of that median."""
    ratios = [sample / other for sample, other in zip(samples, others)
              if sample and other]
    if not ratios:
        return None, 0
    ratio = statistics.median(ratios)
    if len(ratios) < 2:
        return ratio, 0
    low, _, high = statistics.quantiles(ratios, n=4)
    return ratio, (high - low) / 2 / ratio
