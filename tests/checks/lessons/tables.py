"""Compares the lessons' error tables with those of the programs, and the
latter with tests/errors.tsv."""

import difflib
import pathlib
import re

from checks.errors.table import ROWS, action_of, meaning_of
from harness import ROOT, STAGES

COLUMNS = ['errno', 'action', 'meaning', 'to see it']
REFUSED = 'openat'  # of 08: its table has a status in place of an action
REFUSED_COLUMNS = ['errno', 'status', 'meaning', 'to see it']
Row = tuple[str, ...]   # errno, action or status, meaning


def tables_of_program(folder: pathlib.Path) -> dict[str, list[Row]]:
    """The rows of the table `failures` of a stage's program, by the call that
    heads them, and the table of refusals, if it has one."""
    sources = [folder / name for name in ('client.c', 'server.c', 'status.c',
                                          f'{folder.name}.c')]
    source = ''.join(path.read_text() for path in sources if path.exists())
    failures = re.search(r'struct failure failures\[\] = \{\n(.*?)\n\};',
                         source, re.DOTALL)
    tables = failures and re.findall(
        r'\{"(\w+)", 0, .*?\n(.*?)(?=\n *\{"|\n *\{NULL)', failures[1],
        re.DOTALL) or re.findall(
        r'struct failure (\w+)_failures\[\] = \{\n(.*?)\n\};', source,
        re.DOTALL)
    tables += [(REFUSED, rows) for rows in re.findall(
        r'\} refusals\[\] = \{\n(.*?)\n\};', source, re.DOTALL)]
    row = r'\{E\((\w+)\),\s*(\w+),\s*((?:"[^"]*"\s*)+)\}'
    return {call: [(f'`{name}`', action, re.sub(r'"\s*"|"\s*$|^"', '', text))
                   for name, action, text in re.findall(row, rows)]
            for call, rows in tables if re.search(row, rows)}


def tables_of_lesson(folder: pathlib.Path) -> dict[str, list[list[str]]]:
    """The tables under the headings 'When X() fails', by call."""
    tables: dict[str, list[list[str]]] = {}
    section = re.compile(r'^## When (\w+)\(\) fails\n(.*?)(?=^#|\Z)',
                         re.DOTALL | re.MULTILINE)
    for call, text in section.findall((folder / 'README.md').read_text()):
        tables[call] = [[cell.strip() for cell in line.split('|')[1:-1]]
                        for line in text.splitlines() if line.startswith('|')]
    return tables


def tables_before(stage) -> dict[str, list[Row]]:
    """The rows of the program that a stage or exercise starts from."""
    if stage.number not in STAGES:
        return tables_of_program(stage.folder.parent)
    earlier = [path.parent for path in ROOT.glob('[0-9][0-9]-*/server.c')
               if not (stage.folder / 'client.c').exists()
               and path.parent.name < stage.name]
    return tables_of_program(max(earlier)) if earlier else {}


def compare_tables(stage) -> list[str]:
    """Compares a lesson's error tables with the program's, and the
    program's with tests/errors.tsv. Returns complaints."""
    complaints: list[str] = []
    program = tables_of_program(stage.folder)
    lesson = tables_of_lesson(stage.folder)

    def compare(call: str, first: str, rows: list[Row],
                second: str, others: list[Row]) -> None:
        for line in difflib.ndiff([' | '.join(row) for row in others],
                                  [' | '.join(row) for row in rows]):
            if line[0] in '+-':
                where = first if line[0] == '+' else second
                complaints.append(f'{call}: only in {where}: {line[2:]}')

    complaints += [f'{call}: the lesson has no table for it'
                   for call in program
                   if call not in {*tables_before(stage), *lesson}]
    for call, table in lesson.items():
        rows = program.get(call, [])
        listed = [(f'`{row["errno"]}`', action_of(row, stage.number),
                   meaning_of(row, stage.number)) for row in ROWS
                  if row['call'] == call
                  and action_of(row, stage.number) != '-']
        columns = REFUSED_COLUMNS if call == REFUSED else COLUMNS
        if table[:1] != [columns]:
            complaints.append(f'{call}: the columns are not {columns}')
        complaints += [f'{call}: {row[0]}: the column "to see it" is empty'
                       for row in table[2:] if len(row) != 4 or not row[3]]
        compare(call, 'the lesson', [tuple(row[:3]) for row in table[2:]],
                'the program', rows)
        if call != REFUSED:  # which errors.tsv does not list
            compare(call, 'the program', sorted(rows), 'errors.tsv',
                    sorted(listed))
    return [f'{stage.title}: {complaint}' for complaint in complaints]
