"""The user that this process acts as, and who may inspect it."""

import ctypes
import functools
import os
import subprocess


def prctl(option, value):
    return ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def hide():
    """Keeps processes of the same user from inspecting or tracing this one."""
    pr_set_dumpable = 4
    prctl(pr_set_dumpable, 0)


def is_user(number):
    """Returns whether a user exists here: a container may have root only."""
    try:
        with open('/proc/self/uid_map') as file:
            ranges = [line.split() for line in file]
    except OSError:
        return True
    return any(int(start) <= number < int(start) + int(count)
               for start, _, count in ranges)


def act_as(user):
    """Makes root act as another user, who then owns the files and runs the
    programs, but cannot send signals to this process."""
    os.setgroups([])
    os.setegid(user)
    os.seteuid(user)
    subprocess.Popen.__init__ = functools.partialmethod(
        subprocess.Popen.__init__, user=user, group=user)
