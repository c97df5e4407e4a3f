"""Runs the console blocks of the lessons beyond the ladder, in a copy of 08 and
what builds on it."""

import contextlib
import pathlib
import shutil
import tempfile

from checks.lessons.scenes import PORT, read_scenes
from checks.lessons.shells import run_scene
from harness import ROOT, Failure, Skip, build, free_port

LADDER = ROOT / '08-http'


def build_server(place, *others, libraries=()):
    """Builds a server from the sources of several folders. If several have a
    file of the same name, the first of them counts."""
    sources = {}
    for folder in (*reversed(others), place):
        sources.update((path.name, path) for path in folder.glob('*.c'))
    complaint = build('server', f'-I{place}',
                      *(f'-I{other}' for other in others),
                      *sorted(sources.values()), *libraries, folder=place)
    if complaint:
        raise Failure('a program that compiles', complaint)


@contextlib.contextmanager
def copied(ports=None):
    """A copy of 08 with other ports: yields its folder, and a dictionary that
    maps each port of the lessons to its replacement."""
    ports = {PORT: str(free_port()), **(ports or {})}
    with tempfile.TemporaryDirectory() as directory:
        ladder = pathlib.Path(directory) / LADDER.name
        shutil.copytree(LADDER, ladder, symlinks=True,
                        ignore=shutil.ignore_patterns('server', 'stub*',
                                                      '*.pem'))
        for path in ladder.rglob('*.[ch]*'):
            if path.suffix in ('.c', '.conf', '.cfg'):
                path.write_text(replaced(path.read_text(), ports))
        yield ladder, ports


def replaced(text, ports):
    for old, new in ports.items():
        text = text.replace(old, new)
    return text


def play(place, ports):
    """Types the commands of a lesson. Demands the output that it shows."""
    text = (place / 'README.md').read_text()
    others = {old: new for old, new in ports.items() if old != PORT}
    for scene in read_scenes(replaced(text, others)):
        for outcome in run_scene(scene, place, ports[PORT]):
            if outcome.skipped:
                raise Skip(outcome.skipped)
            if not outcome.ok:
                raise Failure('what the lesson shows:\n' + outcome.expected,
                              '\n' + outcome.got, 'run it by hand')
