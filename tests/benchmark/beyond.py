"""Compares the servers built on 08 with others: TLS with nginx, a script with
lighttpd's mod_cgi, a WSGI application with gunicorn. The load comes from ab."""

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import time

from benchmark.measuring import Bench, Goal, Row
from benchmark.programs import (CONFIGURATIONS, PATIENCE, Measured, Server,
                                Trouble)
from benchmark.web import SETTLED
from harness.compiling import build
from harness.programs import wait_until
from harness.stages import BEYOND, ROOT

TLS = 'requests a second over TLS'
PROGRAMS = 'responses of programs a second'
CLIENTS = 8
COUNTS = {'tls': 2000, 'handshake': 200, 'cgi': 200, 'wsgi': 1500}  # a turn
APPLICATION = '''
def application(variables, start):
    start('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', '13')])
    return [b'hello, world\\n']
'''
SCRIPT = '''#include <stdio.h>
int main(void) {
    puts("Content-Type: text/plain\\nContent-Length: 13\\n\\nhello, world");
    return 0;
}
'''
CONFIGURATIONS['nginx-ssl'] = CONFIGURATIONS['nginx'].replace(
    '{port};', '{port} ssl;\n        ssl_certificate {directory}/key.pem;\n'
    '        ssl_certificate_key {directory}/key.pem;\n'
    '        ssl_protocols TLSv1.2 TLSv1.3;')
CONFIGURATIONS['lighttpd-cgi'] = '''
server.document-root = "{directory}"
server.bind = "127.0.0.1"
server.port = {port}
server.modules += ("mod_cgi")
$HTTP["url"] =~ "^/cgi/" {{ cgi.assign = ("" => "") }}
'''.replace('{{', '{').replace('}}', '}')


class Busy(Server):
    """A server whose processor time includes its finished processes."""

    def processor(self):
        ticks = 0
        for process in self.members():
            with contextlib.suppress(OSError), \
                    open(f'/proc/{process}/stat') as file:
                fields = file.read().rpartition(')')[2].split()
                ticks += int(fields[13]) + int(fields[14])
        return super().processor() + ticks / os.sysconf('SC_CLK_TCK')


def interpreter_of(script):
    """Returns the Python that an installed script names in its first line, so
    that both sides use the same. Without the script, returns this Python."""
    path = shutil.which(script)
    if path is None:
        return shlex.quote(sys.executable)
    with open(path) as file:
        return file.readline()[2:].strip()


class Load:
    """Runs of ab."""

    def __init__(self, server, row, core):
        scheme, name = (('https', f'{row.bytes}.html')
                        if row.mode in ('tls', 'handshake') else
                        ('http', {'cgi': 'cgi/hello', 'wsgi': 'cgi/fast'}[
                            row.mode]))
        self.row, self.core, self.server = row, core, server
        self.command = ['ab', '-q', *(['-k'] if row.mode != 'handshake'
                                      else []), '-c', str(CLIENTS),
                        '-n', str(COUNTS[row.mode]),
                        f'{scheme}://127.0.0.1:{server.port}/{name}']

    def run(self):
        """Returns the seconds that a run takes, and ab's percentiles."""
        with Measured(self.command, self.core, stdout=subprocess.PIPE,
                      stderr=subprocess.STDOUT, text=True) as ab:
            began = time.monotonic()
            said = ab.process.communicate(timeout=PATIENCE)[0]
            took = time.monotonic() - began
        if not re.search(r'Failed requests: +0\n', said) or 'Non-2xx' in said:
            raise Trouble(self.server.name, f'{self.row.label}: ab: '
                          + ' '.join(said.split())[-200:])
        return took, [float(re.search(rf' {part}% +(\d+)', said)[1])
                      for part in (50, 99)]

    def finish(self):
        pass


class BeyondBench(Bench):
    """TLS, scripts and workers."""

    OURS, SECONDS, MOST = 'ours', 0.6, {}
    SPEED_ROWS = [
        Row(TLS, '1 KB, kept connections', 'tls', CLIENTS, 1000),
        Row(TLS, '1 KB, a handshake each', 'handshake', CLIENTS, 1000),
        Row(PROGRAMS, 'a C program', 'cgi', CLIENTS, 0),
        Row(PROGRAMS, 'a WSGI application', 'wsgi', CLIENTS, 0)]
    SINGLE_ROWS = CALLS_ROWS = []
    PEERS = {'tls': 'nginx-ssl', 'handshake': 'nginx-ssl',
             'cgi': 'lighttpd-cgi', 'wsgi': 'gunicorn'}
    GOALS = {'tls': 0.8, 'handshake': 1.0, 'cgi': 1.0, 'wsgi': 0.5}

    @staticmethod
    def sources():
        return {}

    def find_servers(self):
        place = self.machine.directory
        self.machine.write_file(1000)
        (place / 'cgi').mkdir()
        (place / 'app.py').write_text(APPLICATION)
        (place / 'hello.c').write_text(SCRIPT)
        complaint = build(place / 'cgi' / 'hello', '-O2', place / 'hello.c')
        if complaint:
            sys.exit(complaint)
        for name in 'cgi', 'tls':
            if not (BEYOND[name].folder / 'server').exists():
                sys.exit(f'tests/bench: run make {name} first')
        subprocess.run(
            ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
             'ec_paramgen_curve:prime256v1', '-nodes', '-subj',
             '/CN=localhost', '-keyout', str(place / 'key.pem'), '-out',
             str(place / 'key.pem')], check=True, stderr=subprocess.DEVNULL)
        (place / 'key.pem').chmod(0o600)
        for peer in dict.fromkeys(self.PEERS.values()):
            if not shutil.which(peer.partition('-')[0]):
                self.notes.append(f'{peer.partition("-")[0]} is not installed: '
                                  'left out.')
        return {}

    def able(self, row):
        peer = self.PEERS[row.mode]
        return ['ours'] + [peer] * bool(shutil.which(peer.partition('-')[0]))

    def command(self, row, name):
        """The command of a server for a row."""
        tls, cgi = (shlex.quote(str(ROOT / BEYOND[stage].program))
                    for stage in ('tls', 'cgi'))
        worker = (interpreter_of('gunicorn') + ' '
                  + shlex.quote(str(BEYOND['cgi'].folder / 'worker.py')))
        enter = f'cd {shlex.quote(str(self.machine.directory))} && '
        return {
            'nginx-ssl': ['nginx', '-c', '{configuration}', '-e', 'stderr'],
            'lighttpd-cgi': ['lighttpd', '-D', '-f', '{configuration}'],
            'gunicorn': ['sh', '-c', enter + 'exec gunicorn -w 1 --log-level '
                         'error -b 127.0.0.1:{port} app:application'],
            'ours': ['sh', '-c', enter + {
                'cgi': f'exec {cgi} -c cgi {{port}}',
                'wsgi': f'{{ {worker} cgi/fast app:application & }}; '
                        f'exec {cgi} -c cgi {{port}}',
            }.get(row.mode, f'exec {tls} -d files -s key.pem {{port}}')],
        }[name]

    def connect(self, stack, row, name):
        server = stack.enter_context(Busy(name, self.command(row, name),
                                          self.machine, row))
        socket = self.machine.directory / 'cgi' / 'fast'
        if (name, row.mode) == ('ours', 'wsgi'):
            wait_until(socket.exists)
        return server, Load(server, row, self.machine.load_core)

    def measure_speed(self, server, load):
        before = server.processor()
        took, waits = load.run()
        count = COUNTS[load.row.mode]
        return count / took, 1e6 * (server.processor() - before) / count, waits

    def measure(self):
        time.sleep(SETTLED)
        super().measure()

    def disturbed(self):
        return False  # nobody has looked

    def goals(self):
        for row in self.speeds:
            yield Goal(row, [self.PEERS[row.mode]], self.GOALS[row.mode],
                       False)
