"""Takes from a hand-in only what is needed to build it: sources that are plain
files, not too many and not too large. Nothing else is opened."""

import contextlib
import errno
import os
import stat

from harness.stages import STAGES

MOST_FILES, MOST_BYTES = 100, 1 << 20  # of one stage
MOST_PROGRAM = 64 << 20                # bytes of what is built
DEPTH = 3                              # folders around the stages' folders
MOST_NAMES = 1000                      # in a folder; the rest is ignored
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Refused(Exception):
    """The reason why a stage is not accepted."""


@contextlib.contextmanager
def opened(path, flags, folder=None):
    name = os.path.basename(path)
    try:
        handle = os.open(path, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):
            raise Refused(f'{name} is not a plain file') from None
        raise Refused(f'{name}: {error.strerror}') from None
    try:
        yield handle
    finally:
        os.close(handle)


def by_tool(name):
    """Returns whether macOS, git, Emacs, VS Code, Python and others add files
    of this name on their own."""
    return name.startswith('.') or name in ('__MACOSX', '__pycache__')


def is_folder(name, folder):
    with contextlib.suppress(Refused), opened(name, FOLDER, folder):
        return True
    return False


def look_into(path):
    """Returns the names of the folders in a folder, and whether it has
    sources."""
    with opened(path, FOLDER) as handle:
        names = sorted(name for name in os.listdir(handle)
                       if not by_tool(name))[:MOST_NAMES]
        return ([name for name in names if is_folder(name, handle)],
                any(name.endswith('.c') for name in names))


def find_stage(path, title, single):
    """Returns the folder of a stage, or of an exercise in it. An archive often
    has a folder around everything; a single stage may come without its
    folder."""
    title, _, exercise = title.partition('/')
    titles = {stage.name for stage in STAGES.values()}
    level = [path]
    for _ in range(DEPTH):
        inside = {place: look_into(place) for place in level}
        places = [place for place in level if title in inside[place][0]]
        if len(places) > 1:
            raise Refused(f'there is more than one folder {title}')
        if places:
            found = os.path.join(places[0], title)
            if exercise and exercise not in look_into(found)[0]:
                break
            return os.path.join(found, exercise)
        if any(titles & set(folders) for folders, _ in inside.values()):
            break
        bare = [place for place in level if single and inside[place][1]]
        if len(bare) == 1:
            return bare[0]
        level = [os.path.join(place, name) for place in level
                 for name in inside[place][0]][:MOST_NAMES]
    raise Refused('it was not handed in')


def copy_stage(path, title, target, single):
    """Copies the sources of a stage."""
    source = find_stage(os.path.realpath(path), title, single)
    target.mkdir()
    taken = []
    with opened(source, FOLDER) as folder:
        for name in sorted(os.listdir(folder)):
            if name.endswith(('.c', '.h')) and not by_tool(name):
                taken.append(read_file(name, folder))
                if (len(taken) > MOST_FILES
                        or sum(map(len, taken)) > MOST_BYTES):
                    raise Refused(f'more than {MOST_FILES} sources, or more '
                                  f'than {MOST_BYTES >> 20} MB of them')
                (target / name).write_bytes(taken[-1])


def read_file(name, folder, most=MOST_BYTES):
    """Returns the bytes of a plain file, at most one more than allowed."""
    with opened(name, FILE, folder) as handle:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Refused(f'{name} is not a plain file')
        with open(handle, 'rb', closefd=False) as file:
            return file.read(most + 1)


def sources(folder, program):
    """Returns what the program is built from: server.c or client.c, or else
    stub.c. 08 has many sources, and its stub stands in for request.c."""
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
    """Copies the program to a place that the compiler cannot write to.
    Returns what is wrong with the program, or ''."""
    try:
        program = read_file(path, None, MOST_PROGRAM)
    except Refused as reason:
        return str(reason)
    if len(program) > MOST_PROGRAM:
        return f'the program is larger than {MOST_PROGRAM >> 20} MB'
    target.write_bytes(program)
    target.chmod(0o755)
    return ''
