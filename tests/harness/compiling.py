"""How C programs are compiled."""

import os
import shlex
import subprocess


def compiler():
    """Returns the compiler that CC names, as words; cc by default."""
    return shlex.split(os.environ.get('CC') or 'cc')


def build(target, *words, command=None, folder=None):
    """Compiles a source. Returns the compiler's messages, or None."""
    done = subprocess.run(
        [*(command or compiler()), '-o', target, *words], cwd=folder,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors='replace')
    return (done.stdout or 'the compiler fails') if done.returncode else None
