"""The text that the student reads."""

import re

from harness import todos
from harness.stages import EXERCISES, ROOT
from harness.words import explained
from learning.attempts import others
from learning.screen import screen
from learning.stubs import LADDER, Notes, as_handed_out, source, there

LENGTH = 600     # characters of a text from the checks; some never end
WARNINGS = 2     # shown; the rest are only counted


def listed(some):
    return ', '.join(f'TODO {todo.number} in line {todo.line}'
                     for todo in some)


def show_todo(stage, check):
    """Shows the TODO of a failed check, or where else to look."""
    left = todos.find(source(stage))
    about = todos.about(left, check)
    former = todos.about(todos.find(as_handed_out(stage)), check)
    if about or left and not former:
        todo = (about or left)[0]
        screen.entry('place' if about else 'next',
                     f'{stage.place}:{todo.line}' +
                     ('' if about else ', the first TODO left'))
        screen.entry('', f'TODO {todo.number}: {todo.text}')
        meant = todos.code_meant(todo, source(stage))
        if meant:
            screen.entry('', meant)
        if about[1:]:
            screen.entry('also', listed(about[1:]))
        before = [other for other in left if other.number < todo.number]
        if before:
            screen.entry('do first', listed(before))
    else:
        for todo in former[:1]:
            screen.entry('deleted', f'TODO {todo.number}: {todo.text}')
        show_calls(stage, check)
        screen.entry('changes', f'diff -u {stage.handed_out.relative_to(ROOT)}'
                     f' {stage.place}')


def show_calls(stage, check):
    """Shows where a stub makes the call that a check is about, if the check's
    name is that of a call and an errno."""
    call, _, error = check.partition('_E')
    calls = [f'{stage.place}:{line}: {text.strip()}' for line, text
             in enumerate(source(stage).splitlines(), 1)
             if error and re.search(rf'\b{call}\(', text)]
    for place in calls[:WARNINGS]:
        screen.entry('place', place)


def lesson(stage, check):
    """Returns where the lesson explains a check."""
    heading = f'## When {check.partition("_E")[0]}() fails'
    before = [other for other in LADDER if other.number <= stage.number]
    for other in reversed(before + [stage]):
        path = other.folder / 'README.md'
        if path.exists() and heading in path.read_text().splitlines():
            return f'{other.name}/README.md, {heading[3:]}'
    return f'{stage.name}/README.md'


def show_failure(stage, failure):
    """Shows the first failed check, and the place in the stub."""
    colours, check = screen.colours, failure['name']
    screen.show(f'{screen.paint("FAIL", colours.red)}  {stage.number} '
                f'{screen.paint(check, colours.bold)}:')
    screen.show(explained(failure['what'], *(
        failure[part][:LENGTH] for part in ('expected', 'got', 'hint'))))
    screen.entry('again', f'make try-{stage.number} CHECK={check}')
    show_todo(stage, check)
    untouched = source(stage) == as_handed_out(stage)
    screen.entry('lesson', lesson(stage, check)
                 + (': begin with it' if untouched else ''))


def show_warnings(stage, warnings):
    if warnings:
        screen.show(f'\nThe compiler warns of {stage.place}:')
        for block in warnings[:WARNINGS]:
            screen.show('\n'.join(block))
        for line in others(len(warnings) - WARNINGS, 'warning'):
            screen.show(line)


def show_done(stage, result, when=''):
    screen.row(stage, f'done: {result}{when}', screen.colours.green)
    for exercise in EXERCISES.values():
        if exercise.stage == stage.number and there(exercise):
            done = Notes().result(exercise)
            screen.row(exercise, f'done: {done}' if done else
                       f'an exercise, if you like: make try-{exercise.number}',
                       screen.colours.green if done else '')


def show_rest(stages):
    """Shows the stages after the next one."""
    notes = Notes()
    for stage in stages:
        result = there(stage) and notes.result(stage)
        if result:
            show_done(stage, result)
        else:
            screen.row(stage, '' if there(stage) else 'not there yet')


def show_next(stage, show, *arguments):
    """Shows the remaining rows, and then what is wrong with a stub."""
    screen.row(stage, 'next', screen.colours.bold)
    show_rest(LADDER[LADDER.index(stage) + 1:])
    screen.show()
    show(*arguments)
