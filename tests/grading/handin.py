"""Takes from what a student has handed in only what is to be built: sources,
plain files, not too many and not too large. Nothing else is opened."""

import contextlib
import errno
import os
import stat

from harness.stages import STAGES

MOST_FILES, MOST_BYTES = 100, 1 << 20  # of one stage
MOST_PROGRAM = 64 << 20                # bytes of what is built
DEPTH = 3                              # folders around the stages' folders
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Refused(Exception):
    """A stage is not taken, for this reason."""


@contextlib.contextmanager
def opened(path, flags, folder=None):
    name = os.path.basename(path)
    try:
        handle = os.open(path, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise Refused(f'{name} is no plain file') from None
        raise Refused(f'{name}: {error.strerror}') from None
    try:
        yield handle
    finally:
        os.close(handle)


def is_folder(name, folder):
    with contextlib.suppress(Refused), opened(name, FOLDER, folder):
        return True
    return False


def find_stage(path, title, single):
    """The folder of a stage. An archive often has a folder around all. And if
    there is but one stage to be graded, it may come without its folder."""
    for _ in range(DEPTH):
        with opened(path, FOLDER) as handle:
            names = os.listdir(handle)
            folders = [name for name in names if is_folder(name, handle)]
        if title in folders:
            return os.path.join(path, title)
        if any(stage.name in folders for stage in STAGES.values()):
            break
        if single and any(name.endswith('.c') for name in names):
            return path
        if len(folders) != 1:
            break
        path = os.path.join(path, folders[0])
    raise Refused('it was not handed in')


def copy_stage(path, title, target, single):
    """Copies the sources of a stage."""
    source = find_stage(os.path.realpath(path), title, single)
    target.mkdir()
    taken = []
    with opened(source, FOLDER) as folder:
        for name in sorted(os.listdir(folder)):
            if name.endswith(('.c', '.h')):
                taken.append(read_file(name, folder))
                if (len(taken) > MOST_FILES
                        or sum(map(len, taken)) > MOST_BYTES):
                    raise Refused(f'more than {MOST_FILES} sources, or more '
                                  f'than {MOST_BYTES >> 20} MB of them')
                (target / name).write_bytes(taken[-1])


def read_file(name, folder, most=MOST_BYTES):
    """The bytes of a plain file, one more than there may be at most."""
    with opened(name, FILE, folder) as handle:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Refused(f'{name} is no plain file')
        with open(handle, 'rb', closefd=False) as file:
            return file.read(most + 1)


def sources(folder, program):
    """What the program is built of: server.c or client.c, or else stub.c. 08
    has many sources, of which the stub is request.c."""
    names = sorted(path.name for path in folder.glob('*.c'))
    if folder.name == STAGES['08'].name:
        unwanted = 'stub.c' if 'request.c' in names else ''
        found = [name for name in names if name != unwanted]
    else:
        found = [name for name in (f'{program}.c', 'stub.c')
                 if name in names][:1]
    if not found:
        raise Refused(f'there is neither {program}.c nor stub.c')
    return found


def take_program(path, target):
    """Copies what was built, away from where its builder may write. Returns
    what is wrong with it, or nothing."""
    try:
        program = read_file(path, None, MOST_PROGRAM)
    except Refused as reason:
        return str(reason)
    if len(program) > MOST_PROGRAM:
        return f'the program has more than {MOST_PROGRAM >> 20} MB'
    target.write_bytes(program)
    target.chmod(0o755)
    return ''
