"""Parses stubs: the lines they were made from, their TODOs, and the missing
code."""

import collections
import difflib
import re

from harness import TASKS, todos

Todo = collections.namedtuple('Todo', 'number text place')
Hunk = collections.namedtuple('Hunk', 'begin end lines first last')


class Unproved(Exception):
    """The reason why a proof has failed."""


def program(number):
    """Returns the lines of the source that a stage's stub stands in for."""
    return without_head(TASKS[number].answer())


def without_head(path):
    text = path.read_text()
    end = text.find('*/\n')
    if not text.startswith('/*') or end == -1:
        raise Unproved(f'{path} has no head comment')
    return text[end + 3:].splitlines()


class Stub:
    """A stub: the lines that it was made from, and its TODOs. The place of a
    TODO is the number of lines before it."""

    def __init__(self, path):
        self.lines, self.todos = [], []
        rest = without_head(path)
        while rest:
            found = todos.BEGINNING.match(rest[0])
            if found:
                self.add_todo(int(found[1]), rest)
            else:
                self.lines.append(rest.pop(0))

    def add_todo(self, number, rest):
        """Moves a TODO from the rest to self.todos, with the empty line after
        it. At the end of the stub, drops the empty line before the TODO."""
        text = [rest.pop(0)]
        while rest and '*/' not in text[-1]:
            text.append(rest.pop(0))
        if self.lines and not self.lines[-1] and rest and not rest[0]:
            text.append(rest.pop(0))
        elif self.lines and not self.lines[-1] and not rest:
            self.lines.pop()
        self.todos.append(Todo(number, text, len(self.lines)))

    def filled(self, hunks):
        """Returns the text of the stub with these hunks put in. Its TODOs
        remain."""
        text, todos = [], list(self.todos)
        starts = collections.defaultdict(list)
        for hunk in hunks:
            starts[hunk.begin] += hunk.lines
        removed = {place for hunk in hunks
                   for place in range(hunk.begin, hunk.end)}
        for place in range(len(self.lines) + 1):
            while todos and todos[0].place == place:
                text += todos.pop(0).text
            text += starts[place]
            if place < len(self.lines) and place not in removed:
                text.append(self.lines[place])
        return '\n'.join(text) + '\n'


def difference(old, new):
    """Returns the hunks that turn the old lines into the new ones."""
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    return [Hunk(i, j, new[k:m], i - slack(old[:i], new[:k], new[k:m], j - i),
                 j + slack(old[j:][::-1], new[m:][::-1], new[k:m][::-1],
                           j - i))
            for tag, i, j, k, m in matcher.get_opcodes() if tag != 'equal']


def joined(hunks):
    """Joins hunks that are only a line or two apart, because a removed function
    and its replacement may have a line or two in common."""
    result = hunks[:1]
    for hunk in hunks[1:]:
        last = result[-1]
        if hunk.begin - last.end <= 2:
            result[-1] = Hunk(last.begin, hunk.end, last.lines + hunk.lines,
                              last.first, hunk.last)
        else:
            result.append(hunk)
    return result


def slack(old, new, lines, removed):
    """Returns how far up inserted lines could move without changing the
    result. For example, after a line b, inserting a, b gives the same lines as
    inserting b, a before it."""
    lines, count = list(lines), 0
    while (not removed and old and new and old[-1] == new[-1] == lines[-1]):
        old, new = old[:-1], new[:-1]
        lines.insert(0, lines.pop())
        count += 1
    return count


def slid_down(hunk):
    """Moves an insertion down if it begins with the last lines of the function
    above, so that it ends with the last lines of its own function."""
    if hunk.begin != hunk.end:
        return hunk
    lines, place = hunk.lines, hunk.begin
    while place < hunk.last and lines[0][:1] in ('', '}'):
        lines, place = lines[1:] + lines[:1], place + 1
    return hunk._replace(begin=place, end=place, lines=lines)


def pieces(lines, count):
    """Splits missing lines into `count` paragraphs or, failing that, `count`
    statements, so that each can be left out alone. If there are not so many of
    either, returns all lines as one piece."""
    margin = min((len(line) - len(line.lstrip()) for line in lines if line),
                 default=0)
    paragraph = re.compile(r'\s*\S')
    statement = re.compile(rf' {{{margin}}}(?!else\b)[^\s}}#]')
    for begins, ends in ((paragraph, r'\n$'), (statement, r'\S\s*$')):
        found = [[]]
        for line in lines:
            before = without_comments(found[-1])
            if begins.match(line) and re.search(ends, before):
                found.append([])
            found[-1].append(line)
        if len(found) == count:
            return found
    return [lines]


def without_comments(lines):
    return re.sub(r'/\*.*?\*/', '', '\n'.join(lines), flags=re.DOTALL)


def code(source):
    """The source without its comments, in a uniform layout."""
    return without_comments([source]).split()


def list_names(asked):
    """The checks that TODOs name, as options of tests/check."""
    return [word for todo in asked
            for name in todos.checks_named(' '.join(todo.text))
            for word in ('-k', name)]


def is_part(lines, others):
    """Whether these lines are the others with some words or symbols
    removed."""
    words, all_words = (re.findall(r'\w+|\S', without_comments(some))
                        for some in (lines, others))
    rest = iter(all_words)
    return all(word in rest for word in words)


def includes(lines):
    return bool(lines) and all(line.startswith('#include') for line in lines)


def belongs(todo, hunk, lines):
    """Whether a TODO stands at a hunk: at most one line with a word is between
    them. For #include lines, any place among them counts."""
    if includes(hunk.lines):
        return includes(lines[todo.place:todo.place + 1]
                        or lines[todo.place - 1:todo.place])
    between = lines[todo.place:hunk.first] + lines[hunk.last:todo.place]
    return sum(re.search(r'\w', line) is not None for line in between) <= 1
