"""Runs the lessons: types what a stage's README.md says, and compares the
output with what it shows."""

import concurrent.futures
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
from typing import Callable, Optional

from checks.lessons.scenes import (
    PORT, Block, Outcome, Step, missing_tools, pattern, read_scenes)
from harness import Child, build, free_port

DEADLINE = 10.0   # seconds for a scene
GRACE = 3.0       # seconds in which a command without a ^C should end
MARK = '\1'       # printed by a shell when a command has ended


def hear_sigint() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Shell(Child):
    """A shell to type into. Its output includes the commands."""

    def __init__(self, block: Block, folder: pathlib.Path, port: str,
                 deadline: float) -> None:
        self.block, self.port, self.deadline = block, port, deadline
        self.steps = list(block.steps)   # commands that are yet to be typed
        self.step = Step('')             # the last one typed
        self.typed = self.start = 0      # number typed; start of its output
        # A script that runs `check &` starts it with SIGINT ignored.
        deaf = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
        super().__init__(
            ['sh'], {**os.environ, 'LC_ALL': 'C', 'PYTHONUNBUFFERED': '1'},
            subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder, bufsize=0,
            preexec_fn=hear_sigint if deaf else None)
        self.type('trap : INT; status=0')  # Ctrl-C ends the command only

    def type(self, command: str) -> None:
        """Makes the shell run a command, and then print the mark. The shell
        reads all of this at once, so a command that reads standard input waits
        for more, as at a terminal where nobody types."""
        self.typed += 1
        text = f"{{ {command}\n}}; status=$?; printf '\\{ord(MARK)}'\n"
        with contextlib.suppress(BrokenPipeError):  # ended() reports that
            self.process.stdin.write(text.encode())

    def wait(self, done: Callable[[], bool],
             patience: float = DEADLINE) -> bool:
        """Waits until done() is true. Returns whether that happened in time."""
        return bool(self.wait_for(
            done, min(patience, self.deadline - time.monotonic())))

    def ended(self) -> bool:
        return self.closed() or self.output.count(MARK.encode()) == self.typed

    def shown(self, lines: list[str]) -> Callable[[], bool]:
        """A condition: the last command has printed these lines, or ended."""
        return lambda: self.ended() or bool(
            re.match(pattern(lines), self.text(self.start)))

    def text(self, start: int = 0) -> str:
        """The output, with the lesson's port in place of the real one."""
        text = self.output[start:].decode(errors='replace')
        text = re.sub(rf'(?<=[^\n]){MARK}', '\n', text)
        text = re.sub(rf'\b{self.port}\b', PORT, text.replace(MARK, ''))
        return re.sub(r'[ \t\r]+$', '', text, flags=re.MULTILINE)

    def proceed(self) -> None:
        """Types commands, up to one that keeps running."""
        while self.steps and self.wait(self.ended):
            self.step = self.steps.pop(0)
            command = self.step.command.replace(PORT, self.port)
            with self.changed:
                shown = command.replace('\n', '\n> ')
                self.output += f'$ {shown}\n'.encode()
                self.start = len(self.output)
                self.type(f'(exit $status); {command}')
            if self.step.interrupted:
                break
        patience = 0 if self.step.interrupted else GRACE
        if not self.wait(self.ended, patience):
            self.wait(self.shown(self.step.shows[:1]))

    def finish(self) -> None:
        """Sends Ctrl-C to a command that is still running, and types the
        remaining commands."""
        while self.wait(self.shown(self.step.shows)):
            patience = 0 if self.step.interrupted else GRACE
            while not self.wait(self.ended, patience):
                if time.monotonic() > self.deadline:
                    self.output += b'(and does not end)\n'
                    return
                self.signal(signal.SIGINT)
                patience = GRACE
            if not self.steps:
                return
            self.proceed()


def run_scene(blocks: list[Block], folder: pathlib.Path,
              port: str) -> list[Outcome]:
    """Plays a scene. Returns the results of its blocks. Programs in different
    blocks talk to each other, so if one block cannot be run, none is."""
    deadline = time.monotonic() + DEADLINE
    missing = {block: missing_tools(block.commands, folder)
               for block in blocks}
    unable = next((block for block in blocks if missing[block]), None)
    if unable:
        reason = f'{missing[unable]} is not installed'
        return [block.outcome('', reason if block is unable or missing[block]
                              else f'it needs {unable.name}, and {reason}')
                for block in blocks]
    shells: list[Shell] = []
    try:
        for block in blocks:
            shells.append(Shell(block, folder, port, deadline))
            shells[-1].proceed()
        for shell in shells:
            shell.finish()
    finally:
        for shell in shells:
            shell.end()
    return [shell.block.outcome(shell.text()) for shell in shells]


def build_stages(folders: set[str], root: pathlib.Path, copy: pathlib.Path,
                 port: str) -> str:
    """Copies all stages and exercises, and builds those in `folders`. Returns
    the compiler's messages if that fails."""
    for source in [*root.glob('[0-9][0-9]-*/*.[ch]'),
                   *root.glob('[0-9][0-9]-*/*/*.[ch]')]:
        target = copy / source.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source.read_text().replace(PORT, port))
    for pages in root.glob('[0-9][0-9]-*/www'):
        shutil.copytree(pages, copy / pages.relative_to(root))

    def make(folder: str) -> Optional[str]:
        sources = [path.name for path in (copy / folder).glob('*.c')
                   if path.name != 'stub.c']
        program = sources[0][:-2] if len(sources) == 1 else 'server'
        return build(program, *sources, folder=copy / folder)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        return ''.join(filter(None, pool.map(make, folders)))


def run_lesson(folder: pathlib.Path, root: pathlib.Path) -> list[Outcome]:
    """Runs the console blocks of the lesson of a stage or an exercise, in a
    copy of all stages."""
    name = str(folder.relative_to(root))
    scenes = read_scenes((folder / 'README.md').read_text())
    blocks = [block for scene in scenes for block in scene]
    typed = ' '.join(' '.join(block.commands) for block in blocks)
    folders = {name, name.partition('/')[0],
               *re.findall(r'\.\./(\d\d-[\w-]+)/', typed)}
    port = str(free_port())
    with tempfile.TemporaryDirectory() as directory:
        copy = pathlib.Path(directory)
        error = build_stages(folders, root, copy, port)
        if error:
            return [block.outcome(error) for block in blocks]
        return [outcome for scene in scenes
                for outcome in run_scene(scene, copy / name, port)]
