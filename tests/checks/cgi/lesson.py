"""The lesson of 08-http/cgi: its console blocks, and its error tables."""

import re

from checks.cgi.scripts import CGI
from checks.lessons.beyond import build_server, copied, play
from checks.lessons.tables import tables_of_lesson
from harness import BEYOND, Failure, check

FOLDER = BEYOND[CGI].folder


@check(CGI, open=False)
def lesson_blocks(test):
    """the lesson's commands print what the lesson shows"""
    with copied() as (ladder, ports):
        place = ladder / FOLDER.name
        build_server(place, ladder)
        play(place, ports)


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
    """the lesson's error tables are the same as the program's"""
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
