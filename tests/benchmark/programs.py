"""The programs of a measurement: servers, and the load for them."""

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import time

from harness.network import free_port
from harness.programs import Program

PATIENCE = 20  # seconds to wait at most
CONFIGURATIONS = {
    'nginx': """
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr;
events { worker_connections 4096; }
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    gzip on;
    types { text/html html; }
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {
        listen 127.0.0.1:{port};
        root {files};
    }
}
""", 'lighttpd': """
server.document-root = "{files}"
server.bind = "127.0.0.1"
server.port = {port}
server.max-fds = 4096
mimetype.assign = (".html" => "text/html")
""", 'h2o': """
num-threads: 1
hosts:
  default:
    listen:
      host: 127.0.0.1
      port: {port}
    paths:
      /:
        file.dir: {files}
"""}


class Trouble(Exception):
    """A measurement has failed: the program, and the reason."""

    def __init__(self, name, why):
        super().__init__(f'{name}: {why}')
        self.name = name


class Measured(Program):
    """A running program, with all processes that it starts, on one core."""

    def __init__(self, command, core, **streams):
        super().__init__(command, **streams)
        if core is not None:
            os.sched_setaffinity(self.pid, {core})

    def end(self):
        """Ends it: first by SIGTERM."""
        super().end(signal.SIGTERM)

    def members(self):
        """Returns its processes. It leads a session."""
        for entry in os.listdir('/proc'):
            with contextlib.suppress(ProcessLookupError):
                if (entry.isdigit()
                        and os.getsid(int(entry)) == self.process.pid):
                    yield int(entry)

    def processor(self):
        """Returns the seconds of processor time so far, to the nanosecond."""
        seconds = 0.0
        for process in self.members():
            with contextlib.suppress(OSError):
                seconds += time.clock_gettime((~process << 3) | 2)
        return seconds

    def memory(self, kind='Pss'):
        """Returns the memory in use, in KB. Pss counts shared pages once."""
        size = 0
        for process in self.members():
            with contextlib.suppress(OSError):
                with open(f'/proc/{process}/smaps_rollup') as file:
                    size += int(re.search(rf'{kind}:\s+(\d+)',
                                          file.read())[1])
        return size

    def rest(self):
        """Waits until it is idle."""
        used = None
        while used != self.processor():
            used = self.processor()
            time.sleep(0.1)


class Server(Measured):
    """A server that is ready, and its port."""

    def __init__(self, name, command, machine, row):
        self.name = name
        self.port = free_port()
        configuration = machine.directory / f'{name}.conf'
        places = {'{port}': self.port, '{files}': machine.files,
                  '{response}': machine.response_of(row.bytes),
                  '{directory}': machine.directory,
                  '{configuration}': configuration}
        configuration.write_text(fill(CONFIGURATIONS.get(name, ''), places))
        told = [fill(word, places) for word in command]
        self.log = machine.directory / f'{name}.log'
        with open(self.log, 'wb') as log:
            super().__init__(told, machine.server_core, stdout=log, stderr=log,
                             stdin=subprocess.DEVNULL)
        ready = self._said_where if told == command else self._answers
        end = time.monotonic() + PATIENCE
        while not ready():
            if time.monotonic() > end or self.process.poll() is not None:
                self.end()
                raise Trouble(name, 'does not listen; it said: '
                              + ' '.join(self._said().split())[-200:])
            time.sleep(0.005)

    def _said(self):
        return self.log.read_text(errors='replace')

    def _said_where(self):
        match = re.search(r'listening on .*127\.0\.0\.1:(\d+)\n', self._said())
        if match:
            self.port = int(match[1])
        return match is not None

    def _answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(('127.0.0.1', self.port)) == 0


class Load(Measured):
    """The load generator, connected to a server."""

    def __init__(self, server, row, seconds, machine):
        self.name, self.row = server.name, row
        self.trouble = None
        self.log = machine.directory / f'{server.name}-load.log'
        with open(self.log, 'wb') as log:
            super().__init__(
                [str(machine.directory / 'load'), '-s', '-i', str(row.idle),
                 row.mode, '127.0.0.1', str(server.port), str(row.clients),
                 str(row.bytes), str(seconds)], machine.load_core, text=True,
                stderr=log,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.result()

    def run(self):
        """Lets load work once. Returns the work done, and other figures."""
        if self.trouble is not None:
            raise self.trouble
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write('\n')
            self.process.stdin.flush()
        return self.result()

    def finish(self):
        """Makes load disconnect; the server must close its side, too."""
        try:
            self.process.stdin.close()
            if self.process.wait(PATIENCE) == 0:
                return
        except (BrokenPipeError, subprocess.TimeoutExpired):
            pass
        self._fail()

    def result(self):
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if ready else ''
        if not line:
            self._fail()
        return [float(figure) for figure in re.findall(r'\d+[.\d]*', line)]

    def _fail(self):
        if self.trouble is None:
            self.end()
            why = self.log.read_text().strip() or 'nothing for too long'
            self.trouble = Trouble(self.name, f'{self.row.label}: {why}')
        raise self.trouble


def fill(text, places):
    for place, filling in places.items():
        text = text.replace(place, str(filling))
    return text
