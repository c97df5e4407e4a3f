"""Runs the lessons: types what a stage's README.md says, and holds it to what
it shows; and compares its error tables with the program's.

A fenced block of type `console` is what a student sees in one terminal:

    $ ./server              a command that is typed; "> " goes on with it
    listening on ...        what it prints; `...` is anything within a line
    ...                     or, alone on its line, any number of lines
    ^C                      Ctrl-C, for a command that would run on

The blocks under one heading are a scene: terminals that are opened one after
the other. Each types its commands, one when the one before has ended. Once a
command that runs on has printed the first line it shows, the next terminal is
opened. At the end those that still run get Ctrl-C, first to last, each when
it has printed all that it shows; commands that follow a `^C` are typed then.
A command that runs on needs no `^C`, but costs seconds without one.

Lessons say 15441. They are run on another port, a free one, in a copy of the
stages that is built by a bare `cc -o server server.c`, of 08 with all sources
but the stub; CC names another cc. A block with a command that is not installed
is skipped, and no other block.
"""
import contextlib
import csv
import dataclasses
import difflib
import os
import pathlib
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from typing import Callable, Optional

PORT = '15441'    # as the sources and the lessons have it
DEADLINE = 10.0   # seconds for a scene
GRACE = 3.0       # seconds in which a command without a ^C should end
MARK = '\1'       # printed by a terminal's shell when a command has ended
COLUMNS = ['errno', 'remedy', 'meaning', 'to see it']
REFUSED = 'openat'  # of 08: whoever asked is refused, so it has a status
REFUSED_COLUMNS = ['errno', 'status', 'meaning', 'to see it']


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
    """A command, the lines it shows, and whether a ^C follows them."""
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
    """The words that begin a command, anywhere in these, and that sh lacks."""
    bare = re.sub(r"""'[^']*'|"[^"]*"|\d*[<>]+&?\s*[^\s;|&)]+""", '',
                  '\n'.join(commands))
    words = re.findall(r'(?:^|[|&;(])\s*(?:\w+=\S*\s+)*([\w.+-]+)'
                       r'(?=[\s|&;)]|$)', bare, re.MULTILINE)
    script = 'for word; do command -v "$word" >/dev/null || echo "$word"; done'
    found = subprocess.run(
        ['sh', '-c', script, 'sh', *words], cwd=folder, check=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    return ', '.join(sorted(set(found.stdout.split())))


def hear_sigint() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """A shell that is typed to, in a process group of its own."""

    def __init__(self, block: Block, folder: pathlib.Path, port: str,
                 deadline: float) -> None:
        self.block, self.port, self.deadline = block, port, deadline
        self.steps = list(block.steps)   # those that are yet to be typed
        self.step = Step('')             # the last one typed
        self.typed = self.start = 0      # how many were; where its output is
        self.printed = ''                # all output, the commands in between
        self.closed = False
        self.news = threading.Condition()
        deaf = signal.getsignal(signal.SIGINT) is signal.SIG_IGN  # check &
        self.shell = subprocess.Popen(
            ['sh'], cwd=folder, bufsize=0, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, preexec_fn=hear_sigint if deaf else None,
            env={**os.environ, 'LC_ALL': 'C', 'PYTHONUNBUFFERED': '1'})
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.type('trap : INT; status=0')  # Ctrl-C is for what it runs

    def read(self) -> None:
        """Collects what is printed, until nobody is left to print."""
        while not self.closed:
            data = os.read(self.shell.stdout.fileno(), 65536)
            with self.news:
                self.printed += data.decode(errors='replace')
                self.closed = not data
                self.news.notify()

    def type(self, command: str) -> None:
        """Has the shell run a command, and then print the mark. The shell
        reads all of this at once, so the command, if it reads standard input,
        waits there as at a terminal where nobody types."""
        self.typed += 1
        text = f"{{ {command}\n}}; status=$?; printf '\\{ord(MARK)}'\n"
        with contextlib.suppress(BrokenPipeError):  # ended() tells of that
            self.shell.stdin.write(text.encode())

    def wait(self, done: Callable[[], bool],
             patience: float = DEADLINE) -> bool:
        """Waits until it is done. Returns whether it was, in time."""
        patience = min(patience, self.deadline - time.monotonic())
        with self.news:
            return self.news.wait_for(done, max(patience, 0))

    def ended(self) -> bool:
        return self.closed or self.printed.count(MARK) == self.typed

    def shown(self, lines: list[str]) -> Callable[[], bool]:
        """Whether the last command has printed these lines, or has ended."""
        return lambda: self.ended() or bool(
            re.match(pattern(lines), self.text(self.start)))

    def text(self, start: int = 0) -> str:
        """What is to be seen, with the lesson's port for the real one."""
        text = re.sub(rf'(?<=[^\n]){MARK}', '\n', self.printed[start:])
        text = re.sub(rf'\b{self.port}\b', PORT, text.replace(MARK, ''))
        return re.sub(r'[ \t\r]+$', '', text, flags=re.MULTILINE)

    def proceed(self) -> None:
        """Types commands, up to one that runs on."""
        while self.steps and self.wait(self.ended):
            self.step = self.steps.pop(0)
            command = self.step.command.replace(PORT, self.port)
            with self.news:
                self.printed += '$ ' + command.replace('\n', '\n> ') + '\n'
                self.start = len(self.printed)
                self.type(f'(exit $status); {command}')
            if self.step.interrupted:
                break
        patience = 0 if self.step.interrupted else GRACE
        if not self.wait(self.ended, patience):
            self.wait(self.shown(self.step.shows[:1]))

    def finish(self) -> None:
        """Ends what runs on by Ctrl-C, and types what is left."""
        while self.wait(self.shown(self.step.shows)):
            patience = 0 if self.step.interrupted else GRACE
            while not self.wait(self.ended, patience):
                if time.monotonic() > self.deadline:
                    self.printed += '(and does not end)\n'
                    return
                os.killpg(self.shell.pid, signal.SIGINT)
                patience = GRACE
            if not self.steps:
                return
            self.proceed()

    def close(self) -> None:
        """Leaves no process of this terminal behind."""
        with contextlib.suppress(OSError):
            os.killpg(self.shell.pid, signal.SIGKILL)
        with self.shell:   # reaps it, and closes its pipes
            self.reader.join(GRACE)


def run_scene(blocks: list[Block], folder: pathlib.Path,
              port: str) -> list[Outcome]:
    """Plays a scene. Returns what became of its blocks."""
    deadline = time.monotonic() + DEADLINE
    missing = {block: missing_tools(block.commands, folder)
               for block in blocks}
    terminals: list[Terminal] = []
    try:
        for block in blocks:
            if not missing[block]:
                terminals.append(Terminal(block, folder, port, deadline))
                terminals[-1].proceed()
        for terminal in terminals:
            terminal.finish()
    finally:
        for terminal in terminals:
            terminal.close()
    texts = {terminal.block: terminal.text() for terminal in terminals}
    return [block.outcome(texts[block]) if block in texts else
            block.outcome('', f'{missing[block]} is not installed')
            for block in blocks]


def free_port() -> str:
    """A port that is free, below those that the kernel gives to clients."""
    while True:
        port = random.SystemRandom().randrange(20000, 32000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(('', port))
            return str(port)


def build(folders: set[str], root: pathlib.Path, copy: pathlib.Path,
          port: str) -> str:
    """Copies all stages, and builds these. Returns what the compiler says if
    that fails."""
    for source in root.glob('[0-9][0-9]-*/*.[ch]'):
        target = copy / source.relative_to(root)
        target.parent.mkdir(exist_ok=True)
        target.write_text(source.read_text().replace(PORT, port))
    for pages in root.glob('[0-9][0-9]-*/www'):
        shutil.copytree(pages, copy / pages.relative_to(root))
    compilers = []
    for folder in folders:
        sources = [path.name for path in (copy / folder).glob('*.c')
                   if path.name != 'stub.c']
        program = 'client' if 'client.c' in sources else 'server'
        compilers.append(subprocess.Popen(
            [*shlex.split(os.environ.get('CC') or 'cc'), '-o', program,
             *sources], cwd=copy / folder, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
    said = [compiler.communicate()[0] for compiler in compilers]
    return ''.join(text or 'the compiler failed' for text, compiler
                   in zip(said, compilers) if compiler.returncode != 0)


def run_lesson(folder: pathlib.Path, root: pathlib.Path) -> list[Outcome]:
    """Runs the console blocks of a stage's lesson, in a copy of the stages."""
    scenes = read_scenes((folder / 'README.md').read_text())
    blocks = [block for scene in scenes for block in scene]
    typed = ' '.join(' '.join(block.commands) for block in blocks)
    folders = {folder.name, *re.findall(r'\.\./(\d\d-[\w-]+)/', typed)}
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        copy = pathlib.Path(directory)
        error = build(folders, root, copy, port)
        if error:
            return [block.outcome(error) for block in blocks]
        return [outcome for scene in scenes
                for outcome in run_scene(scene, copy / folder.name, port)]


Row = tuple[str, ...]   # errno, remedy or status, meaning


def tables_of_program(folder: pathlib.Path) -> dict[str, list[Row]]:
    """The tables X_failures of a stage's program, by call, and the table of
    refusals, if it has one."""
    sources = [folder / name for name in ('client.c', 'server.c', 'status.c')]
    source = ''.join(path.read_text() for path in sources if path.exists())
    tables = re.findall(r'struct failure (\w+)_failures\[\] = \{\n(.*?)\n\};',
                        source, re.DOTALL)
    tables += [(REFUSED, rows) for rows in re.findall(
        r'\} refusals\[\] = \{\n(.*?)\n\};', source, re.DOTALL)]
    row = r'\{E\((\w+)\),\s*(\w+),\s*((?:"[^"]*"\s*)+)\}'
    return {call: [(f'`{name}`', remedy, re.sub(r'"\s*"|"\s*$|^"', '', text))
                   for name, remedy, text in re.findall(row, rows)]
            for call, rows in tables}


def tables_of_lesson(folder: pathlib.Path) -> dict[str, list[list[str]]]:
    """The tables under the headings 'When X() fails', by call."""
    tables: dict[str, list[list[str]]] = {}
    section = re.compile(r'^## When (\w+)\(\) fails\n(.*?)(?=^#|\Z)',
                         re.DOTALL | re.MULTILINE)
    for call, text in section.findall((folder / 'README.md').read_text()):
        tables[call] = [[cell.strip() for cell in line.split('|')[1:-1]]
                        for line in text.splitlines() if line.startswith('|')]
    return tables


def compare_tables(folder: pathlib.Path, root: pathlib.Path) -> list[str]:
    """Compares a lesson's error tables with the program's, and those with
    tests/errors.tsv. Returns complaints."""
    complaints: list[str] = []
    side = 'client' if (folder / 'client.c').exists() else 'server'
    program, lesson = tables_of_program(folder), tables_of_lesson(folder)
    with open(root / 'tests' / 'errors.tsv', newline='') as file:
        known = list(csv.DictReader(file, delimiter='\t'))

    def compare(call: str, first: str, rows: list[Row],
                second: str, others: list[Row]) -> None:
        for line in difflib.ndiff([' | '.join(row) for row in others],
                                  [' | '.join(row) for row in rows]):
            if line[0] in '+-':
                where = first if line[0] == '+' else second
                complaints.append(f'{call}: only {where} has here: {line[2:]}')

    earlier = [path.parent for path in root.glob('[0-9][0-9]-*/server.c')
               if side == 'server' and path.parent.name < folder.name]
    old = tables_of_program(max(earlier)) if earlier else {}
    complaints += [f'{call}: the lesson has no table of it'
                   for call in program if call not in {*old, *lesson}]
    for call, table in lesson.items():
        rows = program.get(call, [])
        listed = [(f'`{row["errno"]}`', row[side].split(',')[0],
                   row['meaning']) for row in known
                  if row['call'] == call and row[side] != '-']
        columns = REFUSED_COLUMNS if call == REFUSED else COLUMNS
        if table[:1] != [columns]:
            complaints.append(f'{call}: the columns are not {columns}')
        complaints += [f'{call}: {row[0]} has no way to see it'
                       for row in table[2:] if len(row) != 4 or not row[3]]
        compare(call, 'the lesson', [tuple(row[:3]) for row in table[2:]],
                'the program', rows)
        if call != REFUSED:  # the remedies are what errors.tsv has
            compare(call, 'the program', sorted(rows), 'errors.tsv',
                    sorted(listed))
    return [f'{folder.name}: {complaint}' for complaint in complaints]
