"""All checks: those of each stage are in files with its name, those of the
exercises in exercises, the rows of tests/errors.tsv in errors, the sessions of
the lessons in lessons, random faults in storm, and known inputs of 08 in
corpus.py."""

import importlib
import pathlib

from checks import corpus, errors, lessons, storm
from harness.registry import arrange
from harness.stages import EXERCISES


def register(ours, seeds=None, beyond=()):
    """Makes the list of checks, in the order in which they run. `ours` adds
    those that need our own tree; `beyond` adds those of the named programs
    beyond the ladder. If there are seeds, only their storms are listed."""
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
