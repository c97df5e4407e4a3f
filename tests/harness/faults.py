"""Faults in the calls that a program makes: orders to harness/faults.c."""

import mmap
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile

from harness.compiling import build, compiler

KINDS = ('socket', 'bind', 'listen', 'accept', 'connect', 'recv', 'send',
         'select', 'setsockopt', 'getsockname', 'shutdown', 'malloc', 'open',
         'stat', 'read')
FIELDS = ('first', 'last', 'error', 'stop', 'most', 'calls', 'injected',
          'failed', 'last_error', 'too_short', 'inside', 'ended', 'again',
          'stale', 'low', 'high')
HEADER = ('attached', 'descriptors', 'user', 'family', 'type', 'protocol',
          'bound_port', 'bound_address')
ADDRESSES, PLANS, PLAN = 32, 128, 64  # offsets in struct control of faults.c
STORM = PLANS + PLAN * len(KINDS)      # what is there is for checks/storm
CONTROL = 16384                        # more than all of it needs
FOREVER = 2**31 - 1
SOURCE = pathlib.Path(__file__).with_name('faults.c')


class Faults:
    """The page shared with harness/faults.c: orders to it, counts from it."""

    def __init__(self, directory):
        handle, self.path = tempfile.mkstemp(dir=directory)
        os.ftruncate(handle, CONTROL)
        self.page = mmap.mmap(handle, CONTROL)
        os.close(handle)

    def _offset(self, name, call):
        if call is None:
            return 4 * HEADER.index(name)
        return PLANS + PLAN * KINDS.index(call) + 4 * FIELDS.index(name)

    def get(self, name, call=None):
        return struct.unpack_from('i', self.page, self._offset(name, call))[0]

    def set(self, name, value, call=None):
        struct.pack_into('i', self.page, self._offset(name, call), value)

    def fail(self, call, number, first=1, last=None):
        """Lets the first to the last of these calls fail with an errno."""
        self.set('error', number, call)
        self.set('last', first if last is None else last, call)
        self.set('first', first, call)

    def relent(self, call):
        self.set('last', 0, call)

    def resolve(self, *addresses):
        """Lets every host name stand for these addresses."""
        text = ' '.join(addresses).encode() + b'\0'
        self.page[ADDRESSES:ADDRESSES + len(text)] = text


def build_injector(directory):
    """Compiles faults.c. Returns the library's path, or None; and, if it cannot
    be used although it should, why not."""
    library = os.path.join(directory, 'faults.so')
    if not sys.platform.startswith('linux'):
        return None, ''
    if not shutil.which(compiler()[0]):
        return None, f'{compiler()[0]} is not installed'
    complaint = build(library, '-O1', '-w', '-shared', '-fPIC', SOURCE, '-ldl')
    if complaint:
        return None, f'{SOURCE.name} does not compile'
    if can_be_loaded(library):
        return library, ''
    reason = ('its path has a blank or a colon' if re.search(r'[\s:]', library)
              else 'the loader rejects it: is that folder mounted noexec?')
    return None, (f'it cannot be loaded from {os.path.dirname(directory)} '
                  f'({reason}). Name another folder: TMPDIR=/var/tmp '
                  'tests/check ...')


def can_be_loaded(library):
    """Whether a program can be started with the library in it."""
    faults = Faults(os.path.dirname(library))
    subprocess.run([sys.executable, '-S', '-E', '-c', ''],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL,
                   env={**os.environ, 'LD_PRELOAD': library,
                        'LADDER_FAULTS': faults.path})
    attached = faults.get('attached')
    faults.page.close()
    os.unlink(faults.path)
    return bool(attached)
