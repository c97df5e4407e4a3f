"""Reads the lessons.

A fenced block of type `console` is what a student sees in one terminal:

    $ ./server              a command that is typed; "> " continues it
    listening on ...        what it prints; `...` is anything within a line
    ...                     or, alone on its line, any number of lines
    ^C                      Ctrl-C, for a command that does not end by itself

The blocks under one heading are a scene: terminals that are opened one after
another. In each, a command is typed when the previous one has ended. Once a
command that keeps running has printed the first line below it in its block, the
next terminal is opened. At the end each command that is still running gets
Ctrl-C, in order, once it has printed everything below it; then the commands
below its `^C` are typed. The `^C` may be left out, but the run then takes some
seconds longer.

Lessons name port 15441, but are run on a free one, in a copy of the stages
that is built with a bare `cc -o server server.c` (08 with all sources except
the stub); set CC to use another compiler. A block with a command that is not
installed is skipped, as are the other blocks of its scene, which may need it.
"""

import dataclasses
import pathlib
import re
import subprocess

from typing import Optional

PORT = '15441'    # in the sources and the lessons


@dataclasses.dataclass
class Outcome:
    """The result of one console block."""
    name: str                # lesson_block_2
    ok: bool
    skipped: Optional[str]   # why it was not run
    expected: str            # the block in the lesson
    got: str                 # the block with what the commands printed
    command: str             # the commands typed


@dataclasses.dataclass
class Step:
    """A command, the lines below it, and whether a ^C follows them."""
    command: str
    shows: list[str] = dataclasses.field(default_factory=list)
    interrupted: bool = False


class Block:
    """A console block: its lines, and the commands among them."""

    def __init__(self, name: str, lines: list[str]) -> None:
        self.name, self.lines = name, lines
        self.steps: list[Step] = []
        previous = ''
        for line in lines:
            if line.startswith('$ '):
                self.steps.append(Step(line[2:]))
            elif line.startswith('>') and previous[:1] in ('$', '>'):
                self.steps[-1].command += '\n' + line[2:]
            elif self.steps and line == '^C':
                self.steps[-1].interrupted = True
            elif self.steps and not self.steps[-1].interrupted:
                self.steps[-1].shows.append(line)
            previous = line
        self.commands = [step.command for step in self.steps]

    def outcome(self, got: str, skipped: Optional[str] = None) -> Outcome:
        lines = [line for line in self.lines if line != '^C']
        ok = skipped or re.fullmatch(pattern(lines), got)
        expected = ''.join(line + '\n' for line in self.lines)
        return Outcome(self.name, bool(ok), skipped, expected, got,
                       '\n'.join(self.commands))


def read_scenes(lesson: str) -> list[list[Block]]:
    """The console blocks of a lesson, those under one heading together."""
    scenes: list[list[Block]] = [[]]
    count = 0
    fenced = re.compile(r'^```(\w*)\n(.*?)^```$|^#', re.DOTALL | re.MULTILINE)
    for match in fenced.finditer(lesson):
        if match.group() == '#':
            scenes.append([])
        elif match.group(1) == 'console':
            count += 1
            scenes[-1].append(Block(f'lesson_block_{count}', [
                line.rstrip() for line in match.group(2).splitlines()]))
    return scenes


def pattern(lines: list[str]) -> str:
    """A regular expression for these lines of a console block."""
    return ''.join(
        r'(?:.*\n)*?' if line == '...' else
        '.*'.join(map(re.escape, line.split('...'))) + r'\n' for line in lines)


def missing_tools(commands: list[str], folder: pathlib.Path) -> str:
    """Which of the commands used in these lines are not installed."""
    bare = re.sub(r"""'[^']*'|"[^"]*"|\d*[<>]+&?\s*[^\s;|&)]+""", '',
                  '\n'.join(commands))
    words = re.findall(r'(?:^|[|&;(])\s*(?:\w+=\S*\s+)*([\w.+-]+)'
                       r'(?=[\s|&;)]|$)', bare, re.MULTILINE)
    script = 'for word; do command -v "$word" >/dev/null || echo "$word"; done'
    found = subprocess.run(
        ['sh', '-c', script, 'sh', *words], cwd=folder, check=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    return ', '.join(sorted(set(found.stdout.split())))
