"""The lesson of 08-http/cgi: its console blocks, and its error tables."""

import pathlib
import re
import shutil
import tempfile

from checks.cgi.scripts import CGI
from checks.lessons.scenes import PORT, read_scenes
from checks.lessons.shells import run_scene
from checks.lessons.tables import tables_of_lesson
from harness import BEYOND, Failure, Skip, build, check, free_port

FOLDER = BEYOND[CGI].folder


def copy_to(folder, port):
    """Copies 08 and what builds on it, with another port, and builds it.
    Returns the folder of the program."""
    ladder = folder / '08-http'
    shutil.copytree(FOLDER.parent, ladder, symlinks=True,
                    ignore=shutil.ignore_patterns('server', 'stub*', 'tls'))
    for path in ladder.rglob('*.c'):
        path.write_text(path.read_text().replace(PORT, port))
    place = ladder / FOLDER.name
    own = sorted(place.glob('*.c'))
    names = {path.name for path in own}
    others = [path for path in sorted(ladder.glob('*.c'))
              if path.name not in names]
    complaint = build('server', f'-I{place}', f'-I{ladder}', *own, *others,
                      folder=place)
    if complaint:
        raise Failure('a program that compiles', complaint)
    return place


@check(CGI, open=False)
def lesson_blocks(test):
    """the lesson's commands print what it says"""
    port = str(free_port())
    with tempfile.TemporaryDirectory() as directory:
        place = copy_to(pathlib.Path(directory), port)
        for scene in read_scenes((FOLDER / 'README.md').read_text()):
            for outcome in run_scene(scene, place, port):
                if outcome.skipped:
                    raise Skip(outcome.skipped)
                if not outcome.ok:
                    raise Failure('what the lesson shows:\n' + outcome.expected,
                                  '\n' + outcome.got, 'run it by hand')


def rows_of_program():
    """The rows of the table in process.c, by call."""
    source = (FOLDER / 'process.c').read_text()
    table = re.search(r'struct failure failures\[\] = \{\n(.*?)\n\};', source,
                      re.DOTALL)[1]
    found = {}
    call = None
    for line in table.splitlines():
        heading = re.match(r' *\{"(\w+)", 0', line)
        row = re.match(r' *\{E\((\w+)\), +(\w+), +"(.*)"\}', line)
        if heading:
            call = found.setdefault(heading[1], [])
        elif row:
            call.append([f'`{row[1]}`', row[2], row[3]])
    return found


@check(CGI, open=False)
def lesson_tables(test):
    """the lesson's error tables are the program's"""
    program = rows_of_program()
    for call, table in tables_of_lesson(FOLDER).items():
        rows = [row[:3] for row in table[2:]]
        if rows != program.get(call) or not all(row[3] for row in table[2:]):
            raise Failure(f'the rows of {call} in process.c: '
                          f'{program.get(call)}', str(rows))
    lesson = tables_of_lesson(FOLDER)
    for call in ('pipe', 'fork', 'execve', 'waitpid'):
        if call not in lesson:
            raise Failure(f'a table "When {call}() fails"', 'none')
