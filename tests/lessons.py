"""Runs the lessons: the README.md of a stage is typed in, and held to its word.

A fenced block of type `console` is what a student sees in one terminal:

    $ ./server              a command that is typed; "> " goes on with it
    listening on ...        what it prints; `...` is anything within a line
    ...                     or, alone on its line, any number of lines
    ^C                      Ctrl-C, for a command that would run on

The blocks under one heading are a scene: terminals that are opened one after
the other. A terminal types its commands, each when the one before has ended;
one that would run on is waited for until the first line that it shows is
there. Then the next terminal opens. When all are open, those in which a
command runs on are ended by Ctrl-C, first to last, each as soon as all is
there that it shows. If more commands follow a `^C`, they are typed then.
A command that runs on without a `^C` is let go on after a second.

Lessons say 15441. They are run on another port, a free one, in a copy of the
stages that is built by a bare `cc -o server server.c`; CC names another cc.
A block with a command that is not installed is skipped, and no other block.
"""
import csv
import dataclasses
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import tempfile
import threading
import time
from random import SystemRandom
from typing import Callable, Dict, List, Optional, Tuple

PORT = '15441'       # as the sources and the lessons have it
DEADLINE = 10.0      # seconds for a scene
GRACE = 1.0          # seconds after which a command counts as one that runs on
MARK = '\1'          # printed by a terminal's shell when a command has ended


@dataclasses.dataclass
class Outcome:
    """What became of one console block."""
    name: str                # lesson_block_2
    ok: bool
    skipped: Optional[str]   # why it was not run
    expected: str            # the block, as the lesson has it
    got: str                 # the block, as it came
    command: str             # the commands typed


@dataclasses.dataclass
class Step:
    """A command, the lines it shows, and whether Ctrl-C ends it."""
    command: str
    shows: List[str] = dataclasses.field(default_factory=list)
    after: List[str] = dataclasses.field(default_factory=list)  # after a ^C
    interrupted: bool = False


@dataclasses.dataclass
class Block:
    """A console block: its name, and its lines but for the fences."""
    name: str
    lines: List[str]

    def steps(self) -> List[Step]:
        steps: List[Step] = []
        before = ''
        for line in self.lines:
            if line.startswith('$ '):
                steps.append(Step(line[2:]))
            elif line[:2] in ('> ', '>') and before[:2] in ('$ ', '> ', '>'):
                steps[-1].command += '\n' + line[2:]
            elif steps and line == '^C':
                steps[-1].interrupted = True
            elif steps and steps[-1].interrupted:
                steps[-1].after.append(line)
            elif steps:
                steps[-1].shows.append(line)
            before = line
        return steps


def read_scenes(lesson: str) -> List[List[Block]]:
    """The console blocks of a lesson, those under one heading together."""
    scenes: List[List[Block]] = [[]]
    fence = None             # the type of the fenced block that a line is in
    count = 0
    for line in lesson.splitlines():
        if line.startswith('```'):
            fence = line[3:].strip() if fence is None else None
            if fence == 'console':
                count += 1
                scenes[-1].append(Block(f'lesson_block_{count}', []))
        elif fence == 'console':
            scenes[-1][-1].lines.append(line.rstrip())
        elif fence is None and line.startswith('#'):
            scenes.append([])
    return [scene for scene in scenes if scene]


def pattern(lines: List[str]) -> str:
    """A regular expression for these lines of a console block."""
    return ''.join(
        r'(?:.*\n)*?' if line == '...' else
        '.*'.join(re.escape(part) for part in line.split('...')) + r'\n'
        for line in lines)


def missing_tools(commands: List[str], folder: pathlib.Path) -> List[str]:
    """The command words, of all parts of all pipelines, that sh has not."""
    words = []
    for command in commands:
        expected = True      # the next word is a command
        lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        for word in lexer:
            if set(word) <= set('|&;()'):
                expected = True
            elif expected and not re.match(r'\w+=', word):
                words.append(word)
                expected = False
    script = 'for word; do command -v "$word" >/dev/null || echo "$word"; done'
    tools = [word for word in words if '/' not in word]
    return subprocess.run(['sh', '-c', script, 'sh', *tools], cwd=folder,
                          stdout=subprocess.PIPE).stdout.decode().split()


class Terminal:
    """A shell that is typed to, in a process group of its own."""

    def __init__(self, block: Block, folder: pathlib.Path, port: str,
                 deadline: float) -> None:
        self.block, self.port, self.deadline = block, port, deadline
        self.steps = block.steps()
        self.step = Step('')     # the last one typed
        self.typed = 0           # how many were
        self.start = 0           # where the output of the last begins
        self.printed = ''        # all output, and the commands between
        self.closed = False      # the shell is gone, and all that it started
        self.news = threading.Condition()
        ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        self.shell = subprocess.Popen(
            ['sh'], cwd=folder, bufsize=0, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env={**os.environ, 'LC_ALL': 'C'},
            preexec_fn=(lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
            if ignored else None)  # which is inherited: as after `check &`
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.write('trap : INT; status=0\n')  # Ctrl-C is for what it runs

    def read(self) -> None:
        """Collects what is printed until nobody is left to print."""
        while True:
            data = os.read(self.shell.stdout.fileno(), 65536)
            with self.news:
                self.printed += data.decode(errors='replace')
                self.closed = not data
                self.news.notify()
            if not data:
                return

    def write(self, text: str) -> None:
        try:
            self.shell.stdin.write(text.encode())
        except BrokenPipeError:
            pass                 # the shell has gone: so will ended() say

    def wait(self, done: Callable[[], bool], seconds: float = DEADLINE) -> bool:
        """Waits until it is done. Returns whether it was in time."""
        left = min(self.deadline - time.monotonic(), seconds)
        with self.news:
            return self.news.wait_for(done, max(left, 0))

    def ended(self) -> bool:
        return self.closed or self.printed.count(MARK) == self.typed

    def shown(self, lines: List[str]) -> Callable[[], bool]:
        """Whether the last command has printed these lines, or has ended."""
        return lambda: self.ended() or bool(
            re.match(pattern(lines), self.text(self.start)))

    def text(self, start: int = 0) -> str:
        """What is to be seen, with the lesson's port for the real one."""
        text = re.sub(rf'(?<=[^\n]){MARK}(?=\n?\$ |$)', '\n', self.printed[start:])
        text = text.replace(MARK, '').replace('\r\n', '\n')
        return re.sub(rf'\b{self.port}\b', PORT, text)

    def proceed(self) -> None:
        """Types commands up to one that runs on."""
        while self.steps:
            self.step = self.steps.pop(0)
            command = self.step.command.replace(PORT, self.port)
            with self.news:
                self.printed += '$ ' + command.replace('\n', '\n> ') + '\n'
                self.start = len(self.printed)
                self.typed += 1
            # All of it is one command to the shell, which so leaves nothing
            # of it on its standard input, for the command to read.
            self.write(f"{{ (exit $status); {command}\n}}; status=$?; "
                       f"printf '\\{ord(MARK)}'\n")
            if self.step.interrupted:
                self.wait(self.shown(self.step.shows[:1]))
                return
            if self.steps:
                self.wait(self.ended)
            elif not self.wait(self.ended, GRACE):
                self.wait(self.shown(self.step.shows[:1]))

    def finish(self) -> None:
        """Ends what runs on by Ctrl-C, and types what is left."""
        while True:
            if not self.wait(self.shown(self.step.shows)):
                return
            if not self.ended():
                os.killpg(self.shell.pid, signal.SIGINT)
            if not self.wait(self.ended) or not self.steps:
                return
            self.proceed()

    def close(self) -> None:
        """Leaves no process of this terminal behind."""
        try:
            os.killpg(self.shell.pid, signal.SIGKILL)
        except OSError:
            pass
        self.shell.wait()
        self.reader.join(GRACE)
        self.shell.stdin.close()
        self.shell.stdout.close()


def run_scene(blocks: List[Block], folder: pathlib.Path, port: str
              ) -> List[Outcome]:
    """Plays a scene. Returns what became of its blocks."""
    deadline = time.monotonic() + DEADLINE
    terminals: Dict[str, Terminal] = {}
    outcomes = []
    missing = {block.name: missing_tools([step.command for step in block.steps()],
                                         folder) for block in blocks}
    try:
        for block in blocks:
            if not missing[block.name]:
                terminals[block.name] = Terminal(block, folder, port, deadline)
                terminals[block.name].proceed()
        for terminal in terminals.values():
            terminal.finish()
    finally:
        for terminal in terminals.values():
            terminal.close()
    for block in blocks:
        lines = [line for line in block.lines if line != '^C']
        tools, got = missing[block.name], ''
        if not tools:
            text = terminals[block.name].text()
            got = ''.join(line.rstrip() + '\n' for line in text.splitlines())
        outcomes.append(Outcome(
            block.name, bool(tools or re.fullmatch(pattern(lines), got)),
            ', '.join(tools) + ' is not installed' if tools else None,
            '\n'.join(block.lines) + '\n', got,
            '\n'.join(step.command for step in block.steps())))
    return outcomes


def free_port() -> str:
    """A port that is free, below those that the kernel gives to clients."""
    while True:
        port = SystemRandom().randrange(20000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(('', port))
                return str(port)
            except OSError:
                pass


def build(root: pathlib.Path, copy: pathlib.Path, used: List[str], port: str
          ) -> str:
    """Copies the stages and builds those used. Returns what went wrong."""
    for source in root.glob('[0-9][0-9]-*/*.[ch]'):
        target = copy / source.relative_to(root)
        target.parent.mkdir(exist_ok=True)
        target.write_text(source.read_text().replace(PORT, port))
    compilers = []
    for folder in sorted(set(used)):
        sources = sorted(path.name for path in (copy / folder).glob('*.c')
                         if path.name != 'stub.c')
        program = 'client' if 'client.c' in sources else 'server'
        compilers.append(subprocess.Popen(
            [*shlex.split(os.environ.get('CC') or 'cc'), '-o', program,
             *sources], cwd=copy / folder, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT))
    said = [compiler.communicate()[0].decode() for compiler in compilers]
    failed = any([compiler.returncode != 0 for compiler in compilers])
    return ''.join(said) if failed else ''


def run_lesson(folder: pathlib.Path, root: pathlib.Path) -> List[Outcome]:
    """Runs the console blocks of a stage's lesson, in a copy of the stages."""
    lesson = (folder / 'README.md').read_text()
    scenes = read_scenes(lesson)
    typed = ' '.join(step.command for scene in scenes for block in scene
                     for step in block.steps())
    used = [folder.name, *re.findall(r'\.\./(\d\d-[\w-]+)/', typed)]
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        copy = pathlib.Path(directory)
        error = build(root, copy, used, port)
        if error:
            return [Outcome(block.name, False, None, '\n'.join(block.lines),
                            error, 'cc') for scene in scenes for block in scene]
        return [outcome for scene in scenes
                for outcome in run_scene(scene, copy / folder.name, port)]


Row = Tuple[str, str, str]   # errno, remedy, meaning


def tables_of_program(folder: pathlib.Path) -> Dict[str, List[Row]]:
    """The tables X_failures[] of a stage's program, by call."""
    program = folder / 'client.c'
    if not program.exists():
        program = folder / 'server.c'
    tables = re.findall(r'struct failure (\w+)_failures\[\] = \{(.*?)\n\};',
                        program.read_text(), re.DOTALL)
    return {call: [(name, remedy, ''.join(re.findall('"(.*?)"', meaning)))
                   for name, remedy, meaning in re.findall(
                       r'\{E\((\w+)\),\s*(\w+),\s*((?:".*?"\s*)+)\}', rows)]
            for call, rows in tables}


def tables_of_lesson(folder: pathlib.Path) -> Dict[str, List[List[str]]]:
    """The tables below the headings 'When X() fails', by call, all cells."""
    tables: Dict[str, List[List[str]]] = {}
    call = None
    for line in (folder / 'README.md').read_text().splitlines():
        if line.startswith('#'):
            heading = re.match(r'## When (\w+)\(\) fails', line)
            call = heading and heading.group(1)
            if call:
                tables[call] = []
        elif call and line.startswith('|'):
            cells = re.split(r'(?<!\\)\|', line.strip().strip('|'))
            tables[call].append([cell.strip() for cell in cells])
    return tables


def new_calls(folder: pathlib.Path) -> List[str]:
    """The calls whose tables the stage before has not; a client's are all."""
    calls = list(tables_of_program(folder))
    if not (folder / 'client.c').exists():
        before = [path.parent for path in folder.parent.glob('*/server.c')
                  if path.parent.name < folder.name]
        known = tables_of_program(max(before)) if before else {}
        calls = [call for call in calls if call not in known]
    return calls


def compare_tables(folder: pathlib.Path, root: pathlib.Path) -> List[str]:
    """Holds a lesson's error tables against the program's, and those against
    tests/errors.tsv. Returns complaints."""
    complaints: List[str] = []
    side = 'client' if (folder / 'client.c').exists() else 'server'
    lesson, program = tables_of_lesson(folder), tables_of_program(folder)
    with open(root / 'tests' / 'errors.tsv', newline='') as file:
        known = [row for row in csv.DictReader(file, delimiter='\t')]
    for call in new_calls(folder):
        if call not in lesson:
            complaints.append(f'{call}: the lesson has no table "When {call}() fails"')
    for call, table in lesson.items():
        if call not in program:
            complaints.append(f'{call}: the program has no {call}_failures')
            continue
        if table[:1] != [['errno', 'remedy', 'meaning', 'to see it']]:
            complaints.append(f'{call}: the columns are to be '
                              'errno, remedy, meaning, to see it')
        rows = [tuple(cells[:3]) for cells in table[2:]]
        wanted = [(f'`{name}`', remedy, meaning)
                  for name, remedy, meaning in program[call]]
        complaints += [f'{call}: the lesson has {row}, the program has not'
                       for row in rows if row not in wanted]
        complaints += [f'{call}: the program has {row}, the lesson has not'
                       for row in wanted if row not in rows]
        if sorted(rows) == sorted(wanted) and rows != wanted:
            complaints.append(f"{call}: the rows are not in the program's order")
        complaints += [f'{call}: {cells[0]} has no way to see it'
                       for cells in table[2:] if len(cells) != 4 or not cells[3]]
        listed = {(row['errno'], row[side].split(',')[0], row['meaning'])
                  for row in known if row['call'] == call and row[side] != '-'}
        complaints += [f'{call}: {row} is only in '
                       + ('errors.tsv' if row in listed else 'the program')
                       for row in sorted(listed ^ set(program[call]))]
    return [f'{folder.name}: {complaint}' for complaint in complaints]
