"""C programs and their changes as HTML: new code is marked, the rest is
folded, and diffs are split into hunks."""

import difflib
import html
import re

LONGEST = 25    # lines of a hunk that a projector shows at once
FOLD = 9        # fewer unchanged lines are not folded
CONTEXT = 3

TOKEN = re.compile(r'''
    (?P<comment>/\*.*?(?:\*/|\Z)) |
    (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*') |
    (?P<word>\b[A-Za-z_]\w*\b)''', re.DOTALL | re.VERBOSE)
KEYWORDS = set('break case char const continue default do double else enum '
               'extern float for goto if int long return short signed sizeof '
               'static struct switch typedef union unsigned void volatile '
               'while bool size_t ssize_t'.split())
FUNCTION = re.compile(r'^[A-Za-z][\w *]*?\b(\w+)\([^;]*$')
CALLED = re.compile(r'^[A-Za-z][\w *]*?\b\w+\(')
TABLE = re.compile(r'^(?:static )?(?:const )?(?:struct|enum|char)\b.*?(\w+)'
                   r'(?:\[\])? ?(?:=$|(?:= )?\{)')
SIGNS = {' ': 'span', '': 'span', '+': 'ins', '-': 'del'}


def highlight(text, calls=()):
    """Returns the lines of a C source as HTML, with calls emphasised."""
    start = text.find('/*')
    end = text.find('*/')
    if end >= 0 and (start < 0 or end < start):  # it begins inside a comment
        head, rest = text[:end + 2], text[end + 2:]
        parts = [tagged('i', head)]
    else:
        rest, parts = text, []
    place = 0
    for match in TOKEN.finditer(rest):
        parts.append(html.escape(rest[place:match.start()], quote=False))
        place, token = match.end(), match[0]
        if match['comment']:
            parts.append(tagged('i', token))
        elif match['string']:
            parts.append(tagged('q', token))
        elif token in KEYWORDS:
            parts.append(f'<em>{token}</em>')
        elif token in calls and rest[place:place + 1] == '(':
            parts.append(f'<b>{token}</b>')
        else:
            parts.append(token)
    parts.append(html.escape(rest[place:], quote=False))
    return ''.join(parts).split('\n')


def tagged(tag, text):
    """Wraps each line of a text in an element."""
    return '\n'.join(f'<{tag}>{html.escape(line, quote=False)}</{tag}>'
                     if line else '' for line in text.split('\n'))


def begun(lines, number):
    """Returns the name of the function or table that begins on a line,
    'prototypes' if prototypes begin there, or '' if nothing does."""
    line = lines[number]
    if CALLED.match(line):
        for later in lines[number:number + 5]:
            if later.endswith(';'):
                return 'prototypes'
            if '{' in later:
                break
    found = FUNCTION.match(line) or TABLE.match(line)
    return found[1] if found else ''


def place_of(lines, number):
    """Returns the function or table that a line belongs to."""
    for place in range(min(number, len(lines) - 1), -1, -1):
        if begun(lines, place):
            return begun(lines, place)
    return ''


# ---------------------------------------------------------------- the listing

def listing(rows, name):
    """Returns rows (sign, line number or '', HTML of the line) as HTML."""
    signs = {'-': '\u2212'}
    width = max([len(str(number)) for _, number, _ in rows] + [1])
    gutter = '\n'.join(f'{number:>{width}} {signs.get(sign, sign)}'
                       for sign, number, _ in rows)
    groups = []
    for sign, _, line in rows:
        if not groups or groups[-1][0] != sign:
            groups.append((sign, []))
        groups[-1][1].append(line + '\n')
    code = ''.join(f'<{SIGNS[sign]}>{"".join(lines)}</{SIGNS[sign]}>'
                   for sign, lines in groups)
    return (f'<div class="code"><pre class="gutter" aria-hidden="true">'
            f'{gutter}</pre><pre class="scroll" tabindex="0" role="region" '
            f'aria-label="{html.escape(name)}"><code>{code}</code></pre>'
            '</div>\n')


def program(old, new, calls, before, name):
    """Returns a whole program as HTML. Lines shared with the stage before are
    folded, and all others are marked."""
    lines = new.splitlines()
    shown = highlight(new.rstrip('\n'), calls)
    parts, rows = [], []

    def flush():
        if rows:
            parts.append(listing(rows, f'{name}, from line {rows[0][1]}'))
            rows.clear()

    matcher = difflib.SequenceMatcher(None, old.splitlines(), lines,
                                      autojunk=False)
    for tag, _, _, first, last in matcher.get_opcodes():
        if tag in ('replace', 'insert'):
            rows += [('+', number + 1, shown[number])
                     for number in range(first, last)]
        elif tag == 'equal':
            same = [(' ', number + 1, shown[number])
                    for number in range(first, last)]
            head = 0 if first == 0 else CONTEXT
            tail = 0 if last == len(lines) else CONTEXT
            if len(same) - head - tail < FOLD:
                rows += same
                continue
            rows += same[:head]
            flush()
            folded = same[head:len(same) - tail]
            parts.append(
                f'<details><summary>{len(folded)} lines as in {before}'
                f'{contents(lines, folded)}</summary>\n'
                + listing(folded, f'{name}, as in {before}')
                + '</details>\n')
            rows += same[len(same) - tail:]
    flush()
    return ''.join(parts)


def contents(lines, rows):
    """Says what folded rows define."""
    names = []
    for _, number, _ in rows:
        line = lines[number - 1]
        name = begun(lines, number - 1)
        if name == 'prototypes':
            if name not in names:
                names.append(name)
        elif name and not line.startswith(('return', 'else')):
            suffix = '()' if FUNCTION.match(line) else ''
            names.append(f'<code>{name}{suffix}</code>')
    return ': ' + ', '.join(names) if names else ''


# ------------------------------------------------------------------ the diffs

class Hunk:
    """The rows (sign, number, HTML) of a diff, and the names of the functions
    and tables they are in."""

    def __init__(self, places, rows):
        self.places, self.rows = places, rows

    @property
    def changes(self):
        return any(sign != ' ' for sign, _, _ in self.rows)


def hunks(old, new, calls=()):
    """Returns the hunks of a change, none taller than a projector's screen."""
    olds, news = old.splitlines(), new.splitlines()
    old_html = highlight(old.rstrip('\n'), calls)
    new_html = highlight(new.rstrip('\n'), calls)
    matcher = difflib.SequenceMatcher(None, olds, news, autojunk=False)
    found = []
    for group in matcher.get_grouped_opcodes(CONTEXT):
        rows = []
        for tag, begin, end, first, last in group:
            if tag == 'equal':
                rows += [(' ', number + 1, new_html[number])
                         for number in range(first, last)]
                continue
            rows += [('-', '', old_html[number])
                     for number in range(begin, end)]
            rows += [('+', number + 1, new_html[number])
                     for number in range(first, last)]
        found += split(rows, news)
    return found


def pieces(text, calls=()):
    """Returns a whole program in parts that fit a projector's screen."""
    rows = [('', number, line) for number, line
            in enumerate(highlight(text.rstrip('\n'), calls), 1)]
    found = split(rows, text.splitlines())
    found[0].places = []
    return found


def split(rows, news):
    """Splits a long hunk at blank lines or, without any, after LONGEST
    lines."""
    parts = []
    while len(rows) > LONGEST:
        blank = [place for place in range(LONGEST // 3, LONGEST)
                 if not rows[place][2].strip()]
        ends = [place for place in blank if place + 1 < len(rows)
                and rows[place - 1][2].startswith(('}', '};'))]
        place = (ends or blank or [LONGEST - 1])[-1] + 1
        parts.append(rows[:place])
        rows = rows[place:]
    parts.append(rows)
    found = []
    for part in parts:
        hunk = Hunk(place_in(part, news), part)
        if hunk.changes:
            found.append(hunk)
    return found


def place_in(rows, news):
    """Returns the names of the functions and tables changed, in order."""
    names = []
    numbers = [number for sign, number, _ in rows if number and sign != ' ']
    for number in numbers:
        if number > len(news) or not news[number - 1].strip():
            continue
        name = ''
        if news[number - 1].startswith(('/*', '   ', ' *')) and \
                not news[number - 1].startswith('    '):  # above a function
            name = next(filter(None, (
                begun(news, other - 1) for other in numbers
                if number < other <= len(news))), '')
        name = name or place_of(news, number - 1)
        if name and name not in names:
            names.append(name)
    if not names:
        numbers = [number for _, number, _ in rows if number]
        name = place_of(news, numbers[0] - 1) if numbers else ''
        names = [name] if name else []
    return names
