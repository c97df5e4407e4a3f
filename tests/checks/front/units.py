"""The units for systemd."""

import pathlib
import shutil
import subprocess
import tempfile

from harness import Failure, Skip, check
from harness.stages import ROOT
from .proxies import FOLDER, FRONT

UNITS = 'ladder.socket', 'ladder.service', 'ladder-server.service'
INSTALLED = '/usr/local/lib/ladder/server'


@check(FRONT)
def units_verified(test):
    """systemd-analyze finds no fault in the units"""
    if not shutil.which('systemd-analyze'):
        raise Skip('systemd-analyze is not installed')
    place = pathlib.Path(tempfile.mkdtemp(dir=test.directory))
    for name in UNITS:
        text = (FOLDER / name).read_text()
        (place / name).write_text(text.replace(
            INSTALLED, str(ROOT / '08-http/server')))
    done = subprocess.run(['systemd-analyze', 'verify', *map(
        str, sorted(place.iterdir()))], stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, timeout=60)
    if done.returncode != 0 or str(place).encode() in done.stdout:
        raise Failure('no fault', done.stdout.decode(errors='replace'))
