"""The TODOs of a stub: where they are, and which checks test them."""

import collections
import fnmatch
import re

BEGINNING = re.compile(r'\s*/\* TODO (\d+): ')
WHOLE = re.compile(r'^[ \t]*/\* TODO (\d+): (.*?)\*/', re.S | re.M)

NO_STEP = 99
BY = r' (?:Tested|Proved) by '  # Proved: in stubs handed out long ago

Todo = collections.namedtuple('Todo', 'number line text checks')


def find(source):
    """Returns the TODOs of a source in the order of their numbers: the line
    where each begins, its text, and the checks that it names."""
    return sorted(Todo(int(found[1]), source.count('\n', 0, found.start()) + 1,
                       without_checks(found[2]), checks_named(found[2]))
                  for found in WHOLE.finditer(source))


def code_meant(todo, source):
    """Returns the line of code that a TODO calls "this line", for a reader who
    sees only the TODO; '' if there is none."""
    found = re.search(r'\b(this|these)( \w+)? (line|loop|call)s?\b', todo.text)
    start = sum(map(len, source.splitlines(True)[:todo.line - 1]))
    rest = source[WHOLE.search(source, start).end():] if found else ''
    lines = [line.strip() for line in rest.splitlines() if line.strip()]
    count = {' two': 2, ' three': 3}.get(found and found[2], 1)
    return f'({found[0]}: {" ".join(lines[:count])})' if lines else ''


def step_of(check, some):
    """Returns the first step whose TODOs name a check, or NO_STEP."""
    found = [re.match(r'Step (\d+): ', todo.text)
             for todo in about(some, check)]
    return min((int(step[1]) for step in found if step), default=NO_STEP)


def by_steps(checks, source):
    """Sorts checks by their steps, so that the first one that fails belongs to
    the next step."""
    some = find(source)
    return sorted(checks, key=lambda check: step_of(check.name, some))


def words(text):
    return ' '.join(text.split())


def without_checks(text):
    return re.split(BY, words(text))[0]


def checks_named(text):
    """Returns the names at the end of a TODO: checks, or NAME* for several."""
    found = re.search(BY + r'([^.]*)\.', words(text))
    return re.findall(r'[\w*]+', found[1]) if found else []


def about(some, check):
    """Returns the TODOs that name a check; those with its exact name come
    first."""
    found = [todo for todo in some if any(fnmatch.fnmatchcase(check, name)
                                          for name in todo.checks)]
    return sorted(found, key=lambda todo: check not in todo.checks)
