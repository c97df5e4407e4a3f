"""Injects faults into the calls of a program: gives the orders to
harness/faults.c."""

import atexit
import contextlib
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
         'stat', 'read', 'fcntl', 'pipe', 'fork', 'execve', 'waitpid',
         'ioctl', 'helper', 'readdir')
SAME = {'recvfrom': 'recv', 'sendto': 'send'}  # kinds, by other calls' names
FIELDS = ('first', 'last', 'error', 'stop', 'most', 'calls', 'injected',
          'failed', 'last_error', 'too_short', 'inside', 'ended', 'again',
          'stale', 'low', 'high')
HEADER = ('attached', 'descriptors', 'user', 'family', 'type', 'protocol',
          'bound_port', 'bound_address')
ADDRESSES, PLANS, PLAN = 32, 128, 64  # offsets in struct control of faults.c
STORM = PLANS + PLAN * len(KINDS)      # after these, the part for checks/storm
CONTROL = 16384                        # large enough for all of it
FOREVER = 2**31 - 1
SOURCE = pathlib.Path(__file__).with_name('faults.c')
SHARED = 'LADDER_INJECTOR'  # names a library that has been compiled already


class Faults:
    """The page shared with harness/faults.c, which holds orders and
    counters."""

    def __init__(self, directory):
        handle, self.path = tempfile.mkstemp(dir=directory)
        os.ftruncate(handle, CONTROL)
        self.page = mmap.mmap(handle, CONTROL)
        os.close(handle)

    def _offset(self, name, call):
        if call is None:
            return 4 * HEADER.index(name)
        kind = KINDS.index(SAME.get(call, call))
        return PLANS + PLAN * kind + 4 * FIELDS.index(name)

    def get(self, name, call=None):
        return struct.unpack_from('i', self.page, self._offset(name, call))[0]

    def set(self, name, value, call=None):
        struct.pack_into('i', self.page, self._offset(name, call), value)

    def fail(self, call, number, first=1, last=None):
        """Makes a range of these calls fail with an errno."""
        self.set('error', number, call)
        self.set('last', first if last is None else last, call)
        self.set('first', first, call)

    def relent(self, call):
        self.set('last', 0, call)

    def resolve(self, *addresses):
        """Makes every host name resolve to these addresses."""
        text = ' '.join(addresses).encode() + b'\0'
        self.page[ADDRESSES:ADDRESSES + len(text)] = text


def build_injector(directory):
    """Compiles faults.c, unless shared_injector has done so. Returns the path
    of the library, or None, and the reason if the library should work here but
    does not."""
    if os.path.exists(os.environ.get(SHARED, '')):
        return os.environ[SHARED], ''
    library = os.path.join(directory, 'faults.so')
    if not sys.platform.startswith('linux'):
        return None, ''
    if not shutil.which(compiler()[0]):
        return None, f'{compiler()[0]} is not installed'
    if re.search(r'[\s:]', library):
        library = os.path.join(plain_folder(directory), 'faults.so')
    complaint = build(library, '-w', '-shared', '-fPIC', SOURCE, '-ldl')
    if complaint:
        return None, f'{SOURCE.name} does not compile'
    if can_be_loaded(library):
        return library, ''
    reason = ('its path has a blank or a colon' if re.search(r'[\s:]', library)
              else 'the loader rejects it: is that folder mounted noexec?')
    return None, (f'it cannot be loaded from {os.path.dirname(directory)} '
                  f'({reason}). Name another folder: TMPDIR=/var/tmp '
                  'tests/check ...')


@contextlib.contextmanager
def shared_injector():
    """Compiles the injector once, for all runs of tests/check that the caller
    starts."""
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o711)  # programs may run as another user
        library, _ = build_injector(directory)  # trouble: each run reports it
        before = os.environ.get(SHARED, '')
        os.environ[SHARED] = library or ''
        try:
            yield
        finally:
            os.environ[SHARED] = before


def plain_folder(directory):
    """Makes a folder, removed at exit, whose path has no blank or colon, since
    either would end a path in LD_PRELOAD. Returns its path, or this directory
    if no folder can be made."""
    for place in '/tmp', '/var/tmp', '/dev/shm':
        with contextlib.suppress(OSError):
            folder = tempfile.mkdtemp(prefix='ladder-', dir=place)
            os.chmod(folder, 0o711)  # programs may run as another user
            atexit.register(shutil.rmtree, folder, True)
            return folder
    return directory


def can_be_loaded(library):
    """Returns whether a program starts with the library loaded."""
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


def loader_of(path):
    """Returns what loads a program's libraries: the kind of its ELF file and
    the path of its dynamic loader. None if it has none."""
    try:
        with open(path, 'rb') as file:
            data = file.read(4096)
    except OSError:
        return None
    if data[:4] != b'\x7fELF' or len(data) < 64:
        return None
    order, wide = '<' if data[5] == 1 else '>', data[4] == 2
    start, = struct.unpack_from(order + ('Q' if wide else 'I'), data,
                                32 if wide else 28)
    size, count = struct.unpack_from(order + 'HH', data, 54 if wide else 42)
    for place in range(start, min(start + size * count, len(data) - 56), size):
        if struct.unpack_from(order + 'I', data, place)[0] == 3:  # PT_INTERP
            begin, = struct.unpack_from(order + ('Q' if wide else 'I'), data,
                                        place + (8 if wide else 4))
            return data[4:6], data[begin:data.find(b'\0', begin)]
    return None


def is_loadable(program):
    """Returns whether the injector can be loaded into a program. The injector
    is built for the system's own C library; with another one, the program
    would not even start."""
    loader = loader_of(program)
    return loader is None or loader == loader_of(sys.executable)
