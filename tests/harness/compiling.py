"""How C programs are compiled."""

import os
import shlex
import subprocess


def compiler():
    """The command that CC names, in words; cc if it names none."""
    return shlex.split(os.environ.get('CC') or 'cc')


def build(target, *words, command=None, folder=None):
    """Compiles. Returns what the compiler complains of, or None."""
    done = subprocess.run(
        [*(command or compiler()), '-o', target, *words], cwd=folder,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors='replace')
    return (done.stdout or 'the compiler fails') if done.returncode else None
