"""Guards untrusted programs. confine.c starts them; this module chooses the
user that they run as, watches what they use, and kills everything they have
started."""

import contextlib
import os
import pathlib
import pwd
import re
import resource
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time

from harness.compiling import compiler
from harness.privileges import hide, prctl
from harness.programs import Program

SOURCE = pathlib.Path(__file__).with_name('confine.c')
USERS = range(60600, 61000)  # a range that neither Debian nor systemd uses
PROCESSES, CROWD = 200, 100  # the limit; above CROWD, all are killed
MEMORY, ALL_MEMORY = 1024, 1536  # megabytes: of one program, of all of them
DISK = 1024                  # megabytes that all programs may write
FILE_SIZE = 64               # megabytes
PROCESSOR = 60               # seconds of one program
THREADS = 500                # that the checks themselves need
TICK = 0.2                   # seconds
ENVIRONMENT = ('CC', 'PATH')   # the rest may be secret
OPEN_TO_ALL = ('/tmp', '/var/tmp', '/dev/shm')


class Unsafe(Exception):
    """The reason why nothing can be run safely here."""


# ---------------------------------------------------------------- processes

class Process:
    """What /proc says about a process."""

    def __init__(self, pid):
        self.pid = pid
        with open(f'/proc/{pid}/stat', 'rb') as file:
            fields = file.read().rpartition(b')')[2].split()
        self.state = fields[0].decode()
        self.parent, self.session = int(fields[1]), int(fields[3])
        self.threads = int(fields[17])
        self.memory = int(fields[21]) * resource.getpagesize()

    def user(self):
        with contextlib.suppress(OSError), \
                open(f'/proc/{self.pid}/status') as file:
            return int(re.search(r'\nUid:\s+(\d+)', file.read())[1])
        return None


def all_processes():
    """Returns every process, by number."""
    table = {}
    for name in os.listdir('/proc'):
        if name.isdecimal():
            with contextlib.suppress(OSError):  # it has ended
                table[int(name)] = Process(int(name))
    return table


def descendants(table):
    """Returns the descendants of this process, however they were started. This
    process is a subreaper: their orphans become its children."""
    children = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process)
    found, rest = [], [os.getpid()]
    while rest:
        new = children.get(rest.pop(), [])
        found += new
        rest += [process.pid for process in new]
    return found


def kill(process):
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(process.pid, signal.SIGKILL)


def reap(but=0):
    """Reaps our children that have exited, but stops at the one with this
    process ID. Returns whether any child is left."""
    try:
        while True:
            dead = os.waitid(os.P_ALL, 0,
                             os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if dead is None or dead.si_pid == but:
                return True
            os.waitpid(dead.si_pid, 0)
    except ChildProcessError:
        return False


# ---------------------------------------------------------------- users

def free_user():
    """A user to run programs as, and a lock on it, so that two graders never
    choose the same one."""
    in_use = {process.user() for process in all_processes().values()}
    for user in USERS:
        mark = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if user not in in_use and not has_name(user):
                mark.bind(f'\0sockets-ladder-{user}')
                return user, mark
        except OSError:
            pass
        mark.close()
    raise Unsafe(f'no user from {USERS[0]} to {USERS[-1]} is free')


def has_name(user):
    try:
        return bool(pwd.getpwuid(user))
    except KeyError:
        return False


def end_user(user):
    """Kills all processes of a user at once, from a process of that user."""
    pid = os.fork()
    if pid == 0:
        try:
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


# ---------------------------------------------------------------- files

def least_free(places):
    """Returns the free megabytes of each file system that holds these
    places."""
    return {os.stat(place).st_dev: shutil.disk_usage(place).free >> 20
            for place in places}


def written(places, user):
    """Returns the megabytes of a user's files in these places, or of all files
    if user is None. Does not enter other file systems."""
    whose = [] if user is None else ['-user', str(user)]
    listed = subprocess.run(['find', *places, '-xdev', *whose, '-printf',
                             '%b\n'], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL).stdout
    return sum(map(int, listed.split())) >> 11  # blocks of 512 bytes


def unnamed(processes):
    """Returns the megabytes of unnamed files that these processes have
    open."""
    found = {}
    for process in processes:
        with contextlib.suppress(OSError):  # it has ended
            for entry in os.scandir(f'/proc/{process.pid}/fd'):
                status = os.stat(entry.path)
                if stat.S_ISREG(status.st_mode) and status.st_nlink == 0:
                    found[status.st_dev, status.st_ino] = status.st_blocks
    return sum(found.values()) >> 11


# ---------------------------------------------------------------- the guard

class Guard:
    """Runs programs, and kills everything they leave behind."""

    def __init__(self, folder, stopped):
        self.folder = pathlib.Path(folder)
        self.confine = self.folder / 'confine'
        self.stopped = stopped  # returns whether to stop early
        self.user = self.mark = None
        self.trusted = {os.getsid(0)}
        self.complaint = ''
        self.places = [self.folder, *filter(os.path.isdir, OPEN_TO_ALL)]
        self.free = least_free(self.places)
        self.lacks = []  # the protections that this system lacks

    def prepare(self):
        """Prepares everything that running a program requires."""
        if not sys.platform.startswith('linux'):
            raise Unsafe('this needs Linux')
        hide()
        pr_set_child_subreaper = 36
        prctl(pr_set_child_subreaper, 1)
        self.build_starter()
        self.look_around()

    def build_starter(self):
        said = self.folder / 'said'
        try:
            with open(said, 'wb') as output:
                status = self.run([*compiler(), '-std=c99', '-O1', '-o',
                                   self.confine, SOURCE],
                                  60, self.folder, output, trusted=True)
        except OSError as error:
            raise Unsafe(f'there is no C compiler: {error}') from None
        if status != 0:
            raise Unsafe('tests/grading/confine.c cannot be built:\n'
                         + said.read_text(errors='replace'))
        self.confine.chmod(0o755)

    def look_around(self):
        """Finds out which protections this system has."""
        try:
            told = subprocess.run([self.confine, '-l'], text=True,
                                  stdout=subprocess.PIPE).stdout.split()
        except OSError as error:
            raise Unsafe('no program can be run in '
                         f'{self.folder.parent} (TMPDIR): {error.strerror}'
                         ) from None
        self.processes = PROCESSES
        if os.geteuid() == 0:
            self.user, self.mark = free_user()
            trial = subprocess.run(self.starter(*self.as_user(), 'true'))
            self.user = self.user if trial.returncode == 0 else None
        if self.user is None:
            self.count_own_processes()
            self.lacks.append('the programs run as the same user as the '
                              'grading; only root can change users')
        if 'files' not in told:
            self.lacks.append('this kernel has no Landlock: a program may read '
                              'and write any file that its user may')
        if 'signals' not in told and self.user is None:
            self.lacks.append('this kernel has no seccomp: a program can kill '
                              'the grading')

    def count_own_processes(self):
        """Adds the user's existing threads to the limit on processes, which
        counts them, too."""
        own = sum(process.threads for process in all_processes().values()
                  if process.user() == os.geteuid())
        self.processes = own + PROCESSES
        most, _ = resource.getrlimit(resource.RLIMIT_NPROC)
        if most != resource.RLIM_INFINITY and most < own + THREADS:
            raise Unsafe(f'a limit of {most} processes (ulimit -u) is too low: '
                         f'the checks need {own + THREADS}')

    def starter(self, *options):
        """Returns the command that starts a program safely."""
        return [str(word) for word in (
            self.confine, '-m', MEMORY, '-f', FILE_SIZE, '-c', PROCESSOR, '-n',
            self.processes, *options)]

    def as_user(self):
        """Returns the options with which root starts a program as the user."""
        return [] if self.user is None else ['-u', str(self.user)]

    def python(self):
        """Returns a Python that the programs' user may read, because Python
        loads some modules late."""
        for path in (sys.executable, shutil.which('python3', path=os.defpath)):
            with contextlib.suppress(OSError, TypeError):
                subprocess.run([path, '-c', 'import encodings.idna'],
                               check=True, user=self.user, group=self.user,
                               stderr=subprocess.DEVNULL, cwd='/')
                return path
        raise Unsafe('only root may run the installed Pythons')

    def unnamed_files(self):
        """Makes tmpfile() work, unless that would expose our own folder."""
        private = (self.user is not None
                   or pathlib.Path('/tmp') not in self.folder.resolve().parents)
        return ['-t', '/tmp'] if private else []

    def give(self, path):
        """Makes the programs' user the owner of a folder."""
        if self.user is not None:
            os.chown(path, self.user, self.user)

    def run(self, command, seconds, folder, output, errors=subprocess.STDOUT,
            scratch=None, trusted=False):
        """Runs a command to its end, and watches what it uses. Returns its
        status, or None if it took too long."""
        environment = {name: os.environ[name] for name in ENVIRONMENT
                       if name in os.environ}
        environment.update(LC_ALL='C', TMPDIR=str(scratch or folder))
        end = time.monotonic() + seconds
        with Program([str(word) for word in command], cwd=folder,
                     env=environment, stdin=subprocess.DEVNULL, stdout=output,
                     stderr=errors) as program:
            if trusted:
                self.trusted.add(program.pid)
            while time.monotonic() < end and not self.stopped():
                status = program.wait_exit(TICK)
                if status is not None:
                    return status
                self.watch(program.pid)
        return None

    def watch(self, pid):
        """Kills the programs' processes that have lost their parents, or all of
        the programs' processes if together they use too much."""
        strangers = [process for process in descendants(all_processes())
                     if process.session not in self.trusted]
        memory = sum(process.memory for process in strangers) >> 20
        disk = self.disk_used(strangers)
        too_much = (memory > ALL_MEMORY or len(strangers) > CROWD
                    or disk > DISK)
        if too_much:
            self.complaint = (
                f'The programs had {len(strangers)} processes, {memory} MB of '
                f'memory and {disk} MB of files: all of them were killed.')
        for process in strangers:
            lost = process.parent == os.getpid() and process.pid != pid
            if lost or too_much:
                kill(process)
        reap(pid)

    def disk_used(self, strangers):
        """Returns how many megabytes of files the programs have written.
        Counts them only if much free space is gone, for whatever reason.
        Without a user of its own, a program can write only to our folder."""
        free = least_free(self.places)
        if all(self.free[place] - free[place] <= DISK for place in free):
            return 0
        places = [self.folder] if self.user is None else self.places
        return written(places, self.user) + unnamed(strangers)

    def end_all(self):
        """Kills everything that was started, even if it tries to escape."""
        crowd = threading.Event()
        for attempt in range(300):
            if self.user is not None:
                end_user(self.user)
            for process in descendants(all_processes()):
                kill(process)
            if not reap():
                break
            if attempt == 20:  # something forks faster than we kill
                self.crowd_out(crowd)
            time.sleep(0.01)
        else:
            self.complaint = 'Not everything that was started could be killed.'
        crowd.set()

    def crowd_out(self, crowd):
        """Starts so many threads that no process of this user can fork."""
        threading.stack_size(65536)
        with contextlib.suppress(RuntimeError):
            for _ in range(self.processes + THREADS):
                threading.Thread(target=crowd.wait, daemon=True).start()

    def close(self):
        self.end_all()
        if self.user is not None:
            subprocess.run(['find', *filter(os.path.isdir, OPEN_TO_ALL),
                            '-xdev', '-user', str(self.user), '-delete'],
                           stderr=subprocess.DEVNULL)
            self.mark.close()
