"""All checks: those of each stage in files with its name, those of each
exercise in exercises, the rows of tests/errors.tsv in errors, what the lessons
show in lessons, random faults in storm, and what clients of 08 have sent before
in corpus."""

import importlib
import pathlib

from checks import corpus, errors, lessons, storm
from harness.registry import arrange
from harness.stages import EXERCISES


def register(ours, seeds=None, beyond=()):
    """Makes the list of checks, in the order in which they run: with those of
    our own tree, if it is that, or of the storms of these seeds alone; and
    those of some programs beyond the ladder."""
    folder = pathlib.Path(__file__).parent
    for path in sorted(folder.glob('0[1-8]_*')):
        importlib.import_module(f'checks.{path.stem}')
    importlib.import_module('checks.rare')
    for exercise in EXERCISES.values():
        for path in sorted(folder.glob(f'exercises/{exercise.folder.name}*')):
            importlib.import_module(f'checks.exercises.{path.stem}')
    arrange()
    errors.register()
    if ours:
        lessons.register()
        corpus.register()
    for name in beyond:
        importlib.import_module(f'checks.{name}')
    storm.register(seeds, beyond)
