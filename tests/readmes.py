"""The checks of the lessons: each console block, and the error tables."""

import threading

import lessons
import rows
from harness import CHECKS, ROOT, STAGES, Check, Failure, Skip

outcomes = {}
locks = {stage: threading.Lock() for stage in STAGES}


def outcome_of(stage, name):
    """What became of a block; the first who asks runs the whole lesson."""
    with locks[stage]:
        if stage not in outcomes:
            folder = (ROOT / STAGES[stage]).parent
            outcomes[stage] = {outcome.name: outcome for outcome
                               in lessons.run_lesson(folder, ROOT)}
    return outcomes[stage][name]


def make_block_check(stage, block):
    def run(test):
        outcome = outcome_of(stage, block.name)
        if outcome.skipped:
            raise Skip(outcome.skipped)
        if not outcome.ok:
            raise Failure('what the lesson shows:\n' + outcome.expected,
                          '\n' + outcome.got, 'run it by hand: which of the '
                          'two is wrong?')
    typed = [line[2:] for line in block.lines if line.startswith('$ ')]
    return Check(stage, block.name, run, 'the lesson\'s `' + typed[0]
                 + '` prints what it says', '', False)


def make_table_check(stage):
    def compare(test):
        complaints = lessons.compare_tables((ROOT / STAGES[stage]).parent, ROOT)
        if complaints:
            raise Failure('the same rows in the lesson, in the program and in '
                          'tests/errors.tsv', '; '.join(complaints))
    return Check(stage, 'lesson_tables', compare, 'the lesson\'s error tables '
                 'are the program\'s', '', False)


def make_program_check(stage):
    def compare(test):
        tables = lessons.tables_of_program((ROOT / STAGES[stage]).parent)
        for call in rows.CALLS[stage].split():
            listed = {(f'`{row["errno"]}`', rows.remedy_of(row, stage),
                       row['meaning'])
                      for row in rows.ROWS if row['call'] == call
                      and rows.remedy_of(row, stage) != '-'}
            different = listed ^ set(tables.get(call, ()))
            if different:
                raise Failure(f'{call}\'s rows in the program as in '
                              'tests/errors.tsv', sorted(different))
    return Check(stage, 'program_tables', compare, 'the program\'s error '
                 'tables are those of tests/errors.tsv', '', False)


def register():
    """Adds the checks of the lessons that there are."""
    for stage, program in sorted(STAGES.items()):
        lesson = (ROOT / program).parent / 'README.md'
        if not lesson.exists():
            continue
        CHECKS.append(make_table_check(stage))
        if stage in rows.CALLS:
            CHECKS.append(make_program_check(stage))
        for scene in lessons.read_scenes(lesson.read_text()):
            for block in scene:
                CHECKS.append(make_block_check(stage, block))
