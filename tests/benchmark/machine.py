"""The machine on which we measure."""

import os
import pathlib
import platform
import re
import subprocess
import sys

from harness.compiling import build
from harness.programs import raise_limit
from harness.stages import ROOT

CIRCLE, STRIDE = 65521, 7919  # what load makes files of


class Machine:
    """The machine: a folder of programs, a core for load, one for a server."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.chmod(0o755)  # some workers run as another user
        self.files = self.directory / 'files'
        self.files.mkdir()
        cores = sorted(os.sched_getaffinity(0))
        self.load_core = self.server_core = None
        if len(cores) > 1:
            twins = siblings(cores[0])
            self.load_core = cores[0]
            self.server_core = next((core for core in cores[1:]
                                     if core not in twins), cores[1])
        raise_limit()

    def build(self, name, *sources):
        """Compiles a program, always with the same flags."""
        complaint = build(self.directory / name, '-O2',
                          *(ROOT / source for source in sources))
        if complaint:
            sys.exit(f'{complaint}\ntests/bench: cannot compile '
                     + ' '.join(sources))

    def write_file(self, size):
        """Writes a file for web servers, with the content that load
        expects."""
        with open(self.files / f'{size}.html', 'wb') as file:
            subprocess.run([str(self.directory / 'load'), 'file', str(size)],
                           stdout=file, check=True)

    def response_of(self, size):
        """Returns the path of the saved response with a file of that size."""
        return self.directory / f'{size}.response'

    def write_files(self, count, size):
        """Writes this many different files, with the contents that load
        expects."""
        circle = subprocess.run(
            [str(self.directory / 'load'), 'file', str(CIRCLE)],
            stdout=subprocess.PIPE, check=True).stdout
        for number in range(count):
            start = number * STRIDE % CIRCLE
            content = (circle + circle)[start:start + size]
            (self.files / f'{size}-{number}.html').write_bytes(content)

    def describe(self):
        with open('/proc/cpuinfo') as file:
            model = re.search(r'^model name\s*: (.*)$', file.read(), re.M)
        release = platform.release().partition('-')[0]
        where = (f'server on {self.server_core}, load on {self.load_core}'
                 if self.server_core is not None else
                 'server and load share a core, so the figures say little')
        return (f'Linux {release}, {os.cpu_count()} cores'
                f'{" of " + model[1] if model else ""}: {where}.')


def siblings(core):
    """Returns the logical cores on the same physical core, which share its
    speed."""
    try:
        with open(f'/sys/devices/system/cpu/cpu{core}/topology/'
                  'thread_siblings_list') as file:
            spans = [span.partition('-') for span in file.read().split(',')]
    except OSError:
        return set()
    return {number for first, _, last in spans
            for number in range(int(first), int(last or first) + 1)}


def busy_time():
    """Returns how many seconds all cores together have been busy so far."""
    with open('/proc/stat') as file:
        times = [int(word) for word in file.readline().split()[1:]]
    return (sum(times) - times[3] - times[4]) / os.sysconf('SC_CLK_TCK')
