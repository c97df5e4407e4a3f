"""The checks of the lessons: each console block, and the error tables."""

import os
import shutil
import tempfile
import threading

from checks.errors.table import CALLS, ROWS, action_of, meaning_of
from checks.lessons.scenes import read_scenes
from checks.lessons.shells import run_lesson
from checks.lessons.tables import compare_tables, tables_of_program
from harness import (CHECKS, EXERCISES, ROOT, TASKS, Check, Failure, Skip,
                     compiler,
                     settings)

outcomes = {}  # of the blocks, by round and stage
locks = {stage: threading.Lock() for stage in TASKS}


def outcome_of(stage, name):
    """Returns the result of a block; the first call runs the whole lesson."""
    with locks[stage]:
        key = settings.ROUND, stage
        if key not in outcomes:
            outcomes[key] = {outcome.name: outcome for outcome
                             in run_lesson(TASKS[stage].folder, ROOT)}
        return outcomes[key][name]


def make_block_check(stage, block):
    def run(test):
        if os.statvfs(tempfile.gettempdir()).f_flag & os.ST_NOEXEC:
            raise Skip(f'{tempfile.gettempdir()} is mounted noexec: set TMPDIR '
                       'to another folder')
        if not shutil.which(compiler()[0]):
            raise Skip('it needs a C compiler')
        outcome = outcome_of(stage, block.name)
        if outcome.skipped:
            raise Skip(outcome.skipped)
        if not outcome.ok:
            raise Failure('what the lesson shows:\n' + outcome.expected,
                          '\n' + outcome.got, 'run the command by hand: is the '
                          'lesson wrong, or the program?')
    typed = [line[2:] for line in block.lines if line.startswith('$ ')]
    return Check(stage, block.name, run, 'the lesson\'s `' + typed[0]
                 + '` prints what it says', '', False)


def make_table_check(stage):
    def compare(test):
        complaints = compare_tables(TASKS[stage])
        if complaints:
            raise Failure('the same rows in the lesson, in the program and in '
                          'tests/errors.tsv', '; '.join(complaints))
    return Check(stage, 'lesson_tables', compare, 'the lesson\'s error tables '
                 'are the same as the program\'s', '', False)


def make_program_check(stage):
    def compare(test):
        tables = tables_of_program(TASKS[stage].folder)
        calls = CALLS.get(stage, '').split()
        for call in {*calls, *tables} if stage in EXERCISES else calls:
            listed = {(f'`{row["errno"]}`', action_of(row, stage),
                       meaning_of(row, stage))
                      for row in ROWS if row['call'] == call
                      and action_of(row, stage) != '-'}
            different = listed ^ set(tables.get(call, ()))
            if different:
                raise Failure(f'{call}\'s rows in the program as in '
                              'tests/errors.tsv',
                              '; '.join(map(' '.join, sorted(different))))
    return Check(stage, 'program_tables', compare, 'the program\'s error '
                 'tables are the same as in tests/errors.tsv', '', False)


def register():
    """Adds the checks of the existing lessons."""
    for number, stage in TASKS.items():
        if not stage.lesson.exists():
            continue
        CHECKS.append(make_table_check(number))
        if number in CALLS or number in EXERCISES:
            CHECKS.append(make_program_check(number))
        for scene in read_scenes(stage.lesson.read_text()):
            for block in scene:
                CHECKS.append(make_block_check(number, block))
