"""The web server, beside nginx, lighttpd, h2o and a bare select()."""

import contextlib
import re
import socket
import statistics
import subprocess
import time

from benchmark.measuring import (ANSWER_CALLS, FAILED, LARGE, Bench, Goal,
                                 Row)
from benchmark.programs import PATIENCE, Measured, Trouble
from harness.stages import ROOT

SETTLED = 3    # seconds after which a file is no longer new
AB = ['ab', '-q', '-k', '-c', '800', '-n', '100000']
KEPT = 'requests a second, kept connections'
ONCE = 'requests a second, a connection each'
IDLE = 'requests a second, others idle'
REST = 'KB of memory at rest'
CLIENT = 'bytes of private memory per kept connection, after a request'


class WebBench(Bench):
    """The web server."""

    OURS, SECONDS, MEMORY = '08-http', 0.6, 'Private_Dirty'
    MOST = {}
    PEERS = {
        'nginx': ['nginx', '-c', '{configuration}', '-e', 'stderr'],
        'lighttpd': ['lighttpd', '-D', '-f', '{configuration}'],
        'h2o': ['h2o', '-m', 'worker', '-c', '{configuration}']}
    SPEED_ROWS = [
        Row(KEPT, '200 bytes, 64 clients', 'get', 64, 200),
        Row(KEPT, '200 bytes, 900 clients', 'get', 900, 200),
        Row(KEPT, '4 KB, 64 clients', 'get', 64, 4096),
        Row(KEPT, '4 KB, 900 clients', 'get', 900, 4096),
        Row(KEPT, '64 KB, 64 clients', 'get', 64, 65536),
        Row(KEPT, '64 KB, 900 clients', 'get', 900, 65536),
        Row(KEPT, '1,000 files of 4 KB', 'zipf', 64, 4096),
        Row(ONCE, '200 bytes, 64 at once', 'once', 64, 200),
        Row(LARGE, '10 MB, 8 clients', 'get', 8, 10000000),
    ]
    IDLE_ROWS = [Row(IDLE, f'200 bytes, 64 clients, {idle} idle', 'get', 64,
                     200, idle) for idle in (0, 100, 300, 600, 900)]
    SPEED_ROWS += IDLE_ROWS
    SINGLE_ROWS = [
        Row(REST, 'Pss', None, 0, 200),
        Row(REST, 'Rss', None, 0, 200),
        Row(CLIENT, '900 clients', 'get', 900, 200),
        Row(FAILED, ' '.join(['ab', *AB[2:]]), None, 800, 200),
    ]
    CALLS_ROWS = [
        Row(ANSWER_CALLS, '200 bytes, 64 clients', 'get', 64, 200),
        Row(ANSWER_CALLS, '64 KB, 64 clients', 'get', 64, 65536),
        Row(ANSWER_CALLS, '200 bytes, 64 at once', 'once', 64, 200),
    ]
    @staticmethod
    def sources():
        return {'08-http': [str(path) for path
                            in sorted(ROOT.glob('08-http/*.c'))
                            if path.name != 'stub.c'],
                'select': ['tests/benchmark/select.c']}

    def find_servers(self):
        ours = {'08-http': [str(self.machine.directory / '08-http'),
                            '-d', str(self.machine.files), '0'],
                'select': [str(self.machine.directory / 'select'), '{port}',
                           '{response}']}
        for size in {row.bytes for row in self.SPEED_ROWS}:
            self.machine.write_file(size)
        self.machine.write_files(1000, 4096)
        return {**ours, **self.find_others(self.PEERS)}

    def able(self, row):
        """Leaves select out where several files or a new connection for each
        request are needed."""
        return [name for name in super().able(row)
                if name != 'select' or row.mode == 'get'
                or row.section == REST]

    def measure_single(self, row, name):
        if row.section == CLIENT:
            return 1024 * self.measure_memory(row, name)
        with self.serve(name, row) as server:
            if row.section == FAILED:
                return self.count_failures(server)
            server.rest()
            return server.memory(row.label)

    def count_failures(self, server):
        """Returns how many of ab's requests failed."""
        url = f'http://127.0.0.1:{server.port}/200.html'
        output = self.machine.directory / 'ab'
        with open(output, 'wb') as file, \
                Measured([*AB, url], self.machine.load_core, stdout=file,
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
                        if speed and cost] for name in self.able(row)}
        return [f'{name} {statistics.median(part):.0%}'
                for name, part in parts.items()
                if part and statistics.median(part) < 0.9]

    def save_response(self, row):
        """Saves the response of our server, so that select can send the
        same."""
        with self.serve(self.OURS, row) as server, \
                socket.create_connection(('127.0.0.1', server.port),
                                         PATIENCE) as client:
            client.sendall(b'GET /%d.html HTTP/1.1\r\nHost: localhost\r\n\r\n'
                           % row.bytes)
            response = b''
            while len(response.partition(b'\r\n\r\n')[2]) < row.bytes:
                received = client.recv(row.bytes)
                if not received:
                    raise Trouble(server.name, f'no {row.bytes} bytes')
                response += received
        self.machine.response_of(row.bytes).write_bytes(response)

    def measure(self):
        # A server that caches files might not trust a new file yet.
        time.sleep(SETTLED)
        for row in {row.bytes: row for row in self.SPEED_ROWS}.values():
            self.save_response(row)
        super().measure()
        idle = {row.label: self.idle(row) for row in self.speeds}
        if self.disturbed() or not any(idle.values()):
            return
        self.notes.append(
            'Some servers had to wait for load, so their processor time says '
            'more than their speed (busy: ' + '; '.join(
                f'{label}: {", ".join(parts)}'
                for label, parts in idle.items() if parts) + ').')

    def goals(self):
        for row in self.speeds:
            if row.section in (ONCE, LARGE):
                yield Goal(row, ['nginx'], 1.0, True)
            elif row in self.IDLE_ROWS:
                yield Goal(row, ['select'], 1.1, False)
            else:
                yield Goal(row, self.PEERS, 1.0, True)
                if row.mode == 'get':
                    yield Goal(row, ['select'], 1.05, False)
