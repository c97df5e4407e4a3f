"""The web server, beside nginx and lighttpd."""

import contextlib
import re
import shutil
import statistics
import subprocess
import time

from benchmark.measuring import (ANSWER_CALLS, FAILED, LARGE, Bench, Row,
                                 find_ratios)
from benchmark.programs import PATIENCE, Trouble
from harness.programs import Program
from harness.stages import ROOT

SETTLED = 3    # seconds, after which a file is no longer a new one
AB = ['ab', '-q', '-k', '-c', '800', '-n', '100000']
KEPT = 'requests a second, on connections that are kept'
ONCE = 'requests a second, on a new connection each'
REST = 'KB of memory at rest'
CLIENT = 'bytes of private memory a kept connection, after a request'


class WebBench(Bench):
    """The web server."""

    YARDSTICK, SECONDS, MEMORY = 'nginx', 0.6, 'Private_Dirty'
    SPREAD, CALLS = True, 8  # what is shown
    MOST = {}
    NGINX = ['nginx', '-c', '{configuration}', '-e', 'stderr']
    LIGHTTPD = ['lighttpd', '-D', '-f', '{configuration}']
    SPEED_ROWS = [
        Row(KEPT, '200 bytes, 64 clients', 'get', 64, 200, 1.75),
        Row(KEPT, '200 bytes, 900 clients', 'get', 900, 200, 1.75),
        Row(KEPT, '4 KB, 64 clients', 'get', 64, 4096, 1.75),
        Row(KEPT, '4 KB, 900 clients', 'get', 900, 4096, 1.75),
        Row(ONCE, '200 bytes, 64 at once', 'once', 64, 200, 1.0),
        Row(LARGE, '10 MB, 8 clients', 'get', 8, 10000000, 1.5),
    ]
    SINGLE_ROWS = [
        Row(REST, 'Pss', None, 0, 0),
        Row(REST, 'Rss', None, 0, 0),
        Row(CLIENT, '900 clients', 'get', 900, 200),
        Row(FAILED, ' '.join(['ab', *AB[2:]]), None, 800, 200),
    ]
    CALLS_ROWS = [
        Row(ANSWER_CALLS, '200 bytes, 64 clients', 'get', 64, 200),
        Row(ANSWER_CALLS, '200 bytes, 64 at once', 'once', 64, 200),
    ]
    COST = "microseconds of the server's core, for a request or a megabyte"

    @staticmethod
    def sources():
        return {'08-http': [str(path) for path
                            in sorted(ROOT.glob('08-http/*.c'))
                            if path.name != 'stub.c']}

    def find_servers(self):
        ours = {'08-http': [str(self.machine.directory / '08-http'),
                            '-d', str(self.machine.files), '0']}
        others = self.find_others({'lighttpd': self.LIGHTTPD})
        for size in {row.bytes for row in self.SPEED_ROWS}:
            self.machine.write_file(size)
        if shutil.which('nginx'):
            return {'nginx': self.NGINX, **ours, **others}
        self.notes.append('nginx is not installed: left out.')
        return {**ours, **others}

    def measure_single(self, row, name):
        if row.section == CLIENT:
            return 1024 * self.measure_memory(row, name)
        with self.serve(name) as server:
            if row.section == FAILED:
                return self.count_failures(server)
            server.rest()
            return server.memory(row.label)

    def count_failures(self, server):
        """Returns how many of ab's requests failed."""
        url = f'http://127.0.0.1:{server.port}/200.html'
        output = self.machine.directory / 'ab'
        with open(output, 'wb') as file, \
                Program([*AB, url], self.machine.load_core, stdout=file,
                        stderr=file) as ab:
            with contextlib.suppress(subprocess.TimeoutExpired):
                ab.process.wait(PATIENCE)
            said = output.read_text(errors='replace')
            complete = re.search(r'Complete requests: +(\d+)', said)
            if ab.process.poll() != 0 or not complete:
                raise Trouble(server.name, f'{AB[0]}: '
                              + ' '.join(said.split())[-200:])
        failed = re.findall(r'(?:Failed requests|Non-2xx responses): +(\d+)',
                            said)
        return sum(map(int, failed)) + int(AB[-1]) - int(complete[1])

    def idle(self, row):
        """Returns the servers that used less than 9/10 of their core."""
        parts = {name: [speed * cost / 1e6 for speed, cost
                        in zip(self.speeds[row][name], self.costs[row][name])
                        if speed and cost] for name in self.servers}
        return [f'{name} {statistics.median(part):.0%}'
                for name, part in parts.items()
                if part and statistics.median(part) < 0.9]

    def ratio(self, samples):
        ratios = find_ratios(samples['08-http'],
                             samples.get(self.YARDSTICK, []))
        return statistics.median(ratios) if ratios else None

    def measure(self):
        # A server that caches files may not trust a new one yet.
        time.sleep(SETTLED)
        super().measure()
        idle = {row.label: self.idle(row) for row in self.speeds}
        if self.disturbed() or not any(idle.values()):
            return
        self.notes.append(
            'Here load was slower than a server, whose core\'s time says more '
            'than its speed (busy: ' + '; '.join(
                f'{label}: {", ".join(parts)}'
                for label, parts in idle.items() if parts) + ').')

    def goals(self):
        """Returns the goals: what, the figure or None, its format, the goal,
        and whether that is a minimum or a maximum."""
        for row in self.speeds:
            yield (row.label, self.ratio(self.speeds[row]),
                   '{:.3f} x the speed of nginx', row.goal, 'at least')
            if self.ratio(self.costs[row]) and self.idle(row):
                yield (row.label, self.ratio(self.costs[row]),
                       "{:.3f} x nginx's time of the core",
                       round(1 / row.goal, 2), 'at most')
            waits = [wait[1] for wait in self.waits[row]['08-http'] if wait]
            if waits and row.clients == 900:
                yield (row.label, statistics.median(waits),
                       '{:.1f} ms for 99 of 100', 15, 'at most')
        most = {REST: ('{:,.0f} KB at rest', 2048),
                CLIENT: ('{:,.0f} bytes each', 512),
                FAILED: ('{:,.0f} requests failed', 0)}
        for row, figures in self.singles.items():
            if figures:
                yield (row.label, figures['08-http'][0], *most[row.section],
                       'at most')
