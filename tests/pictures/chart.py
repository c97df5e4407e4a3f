"""Draws the rows of a run as a sequence chart: for a terminal of 80 columns,
or as SVG. Time runs downwards; from left to right, the columns are the
client's process, its kernel, the wire, the server's kernel, and the server's
process."""

import html
import textwrap

SIDE = 29   # columns for the text of a process
WIRE = 18   # columns between the two kernels


def wrap(text, width, indent):
    """Splits a text into lines, but never between a result and its equals
    sign."""
    lines = textwrap.wrap(text.replace(' = ', ' =\xa0'), width,
                          subsequent_indent=indent, break_on_hyphens=False)
    return [line.replace('\xa0', ' ') for line in lines]


# -------------------------------------------------------------- the terminal

class Terminal:
    """Writes rows as lines of at most 80 columns, in colour if asked for."""

    def __init__(self, colour=False):
        self.colour = colour
        self.busy = {'client': {}, 'server': {}}  # calls that wait

    def paint(self, text, code):
        return f'\033[{code}m{text}\033[0m' if self.colour else text

    def head(self):
        lines = (('client', 'its', 'the wire', "server's", 'server'),
                 ('process', 'kernel', '', 'kernel', 'process'))
        return [f'{a:<24}{b:>6}{c:^20}{d:<9}{e:>20}'.rstrip()
                for a, b, c, d, e in lines]

    def lines(self, rows):
        for row in rows:
            yield from self.row(row)

    def row(self, row):
        if row.kind == 'gap':
            yield self.line('', f'({row.text})', '', '2')
            return
        if row.kind == 'packet':
            text = (f'{row.tag} ' if row.tag else '') + row.text
            for piece in textwrap.wrap(text, WIRE - 4)[:-1]:
                yield self.line('', piece, '')
            last = textwrap.wrap(text, WIRE - 4)[-1]
            room = WIRE - len(last) - 3
            left, right = room // 2, room - room // 2
            arrow = ('-' * left + f' {last} ' + '-' * right + '>'
                     if row.side == 'client' else
                     '<' + '-' * left + f' {last} ' + '-' * right)
            yield self.line('', arrow, '', '2' if row.quiet else '1;36')
            return
        text = (f'{row.tag} ' if row.tag else '') + self.text(row)
        if row.kind == 'leave':
            self.busy[row.side].pop(id(row.event), None)
            if row.result == '?':
                return
        for piece in wrap(text, SIDE, '  '):
            yield (self.line(piece, '', '') if row.side == 'client'
                   else self.line('', '', piece))
        if row.kind == 'enter':
            self.busy[row.side][id(row.event)] = row.event

    @staticmethod
    def text(row):
        if row.kind == 'note':
            return row.text if row.quiet else f'({row.text})'
        if row.kind == 'enter':
            return row.text
        if row.kind == 'leave':
            return row.text.partition('(')[0] + ' ' + row.result
        return f'{row.text} {row.result}'

    def line(self, left, middle, right, code='1;36'):
        waits = [':' if self.busy[side] and not text else ' '
                 for side, text in (('client', left), ('server', right))]
        middle = f'{middle:^{WIRE}}'
        if middle.strip():
            middle = self.paint(middle, code)
        return (f'{left:<{SIDE}}{waits[0]}|{middle}|{waits[1]}'
                f'{right}').rstrip()


# ----------------------------------------------------------------------- SVG

WIDTH = 960
PROCESS = {'client': 302, 'server': 658}  # where the lifelines are
KERNEL = {'client': 372, 'server': 588}
ROW, TOP, ARROW = 25, 74, 14

STYLE = '''
.chart{color:#1d2433;--quiet:#586174;--rail:#8a93a5;--call:#0b5fa5;
--wire:#a3380b;--bar:#0b5fa533;--halo:#fdfcf9}
@media(prefers-color-scheme:dark){.chart{color:#e7e9ee;--quiet:#a4adbd;
--rail:#6d7688;--call:#7cc0ff;--wire:#ffab7d;--bar:#7cc0ff44;--halo:#14171d}}
.chart:root{background:var(--halo)}
.chart text{font:13px ui-monospace,"SF Mono","Cascadia Mono",
"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:currentColor}
.chart .head{font:700 14px system-ui,"DejaVu Sans",sans-serif}
.chart .under,.chart .gap{font:13px system-ui,"DejaVu Sans",sans-serif}
.chart .quiet,.chart .gap,.chart .under{fill:var(--quiet)}
.chart .client{text-anchor:end}.chart .mid{text-anchor:middle}
.chart .label{font-size:12px;paint-order:stroke;stroke:var(--halo);
stroke-width:5px;stroke-linejoin:round}
.chart path{fill:none}.chart .rail{stroke:var(--rail)}
.chart .kernel{stroke-dasharray:2 4}
.chart .call{stroke:var(--call);stroke-width:1.5}
.chart .packet{stroke:var(--wire);stroke-width:1.8}
.chart .pale{stroke:var(--rail);stroke-width:1.3}
.chart rect{fill:var(--bar)}
'''.strip().replace('\n', '')


def head(x, y, direction, size=6):
    """The head of an arrow at a place, pointing right (1) or left."""
    return f'M{x - direction * size} {y - 4}L{x} {y}L{x - direction * size} ' \
           f'{y + 4}'


class Picture:
    def __init__(self):
        self.y = TOP
        self.parts, self.bars, self.open = [], [], {}
        self.story = []  # the run in words, one event per line

    def text(self, x, y, text, kind):
        self.parts.append(f'<text x="{x}" y="{y}" class="{kind}">'
                          f'{html.escape(text, quote=False)}</text>')

    def path(self, kind, data):
        self.parts.append(f'<path class="{kind}" d="{data}"/>')

    def row(self, row):
        getattr(self, row.kind)(row)
        self.y += ROW

    def gap(self, row):
        self.text(WIDTH // 2, self.y + 4, f'{row.text} later', 'gap mid')

    def packet(self, row):
        other = 'server' if row.side == 'client' else 'client'
        start, end = KERNEL[row.side], KERNEL[other]
        way = 1 if end > start else -1
        kind = 'pale' if row.quiet else 'packet'
        self.path(kind, f'M{start} {self.y}L{end} {self.y + ARROW}'
                  + head(end, self.y + ARROW, way))
        text = (f'{row.tag}: ' if row.tag else '') + row.text
        self.y += 5
        self.text((start + end) // 2, self.y - 7, text,
                  'label mid' + ' quiet' * row.quiet)
        self.story.append(f'{named(row)} to {other}: {row.text}')

    def beside(self, row, text, kind=''):
        """Writes a process's text beside its lifeline, on two lines if it is
        long."""
        x = PROCESS[row.side] + (-12 if row.side == 'client' else 12)
        text = (f'{row.tag}: ' if row.tag else '') + text
        lines = wrap(text, 36, '  ')
        for number, line in enumerate(lines):
            if number:
                self.y += 17
            self.text(x, self.y + 4, line, f'{row.side} {kind}'.strip())

    def arrow(self, row, forth, back):
        y = self.y
        start, end = PROCESS[row.side], KERNEL[row.side]
        way = 1 if end > start else -1
        data = f'M{start} {y}H{end}'
        if forth:
            data += head(end, y, way)
        if back:
            data += head(start, y, -way)
        self.path('call', data)

    def call(self, row):
        self.arrow(row, True, True)
        self.beside(row, f'{row.text} {row.result}')
        self.story.append(f'{named(row)}: {row.text} {row.result}')

    def enter(self, row):
        self.arrow(row, True, False)
        self.open[id(row.event)] = row.side, self.y
        self.beside(row, row.text)
        self.story.append(f'{named(row)} calls {row.text}')

    def leave(self, row):
        side, since = self.open.pop(id(row.event), (row.side, self.y))
        if row.result == '?':
            self.y -= ROW
            self.bar(side, since, self.y)
            return
        self.bar(side, since, self.y)
        self.arrow(row, False, True)
        self.beside(row, row.text.partition('(')[0] + ' ' + row.result)
        self.story.append(f'{named(row)}: {row.text} {row.result}')

    def note(self, row):
        self.beside(row, row.text, 'quiet')
        self.story.append(f'{named(row)} '
                          f'{"prints " if row.quiet else ""}{row.text}')

    def bar(self, side, since, until):
        self.bars.append(f'<rect x="{PROCESS[side] - 4}" y="{since}" '
                         f'width="8" height="{until - since}"/>')

    def svg(self, name, title, caption):
        for side, since in self.open.values():  # calls that still wait
            self.bar(side, since, self.y)
        heads = []
        for x, anchor, first, second in (
                (PROCESS['client'] - 12, 'client', 'client', 'process'),
                (KERNEL['client'] + 2, 'mid', 'its', 'kernel'),
                (WIDTH // 2, 'mid', 'the wire', ''),
                (KERNEL['server'] - 2, 'mid', 'its', 'kernel'),
                (PROCESS['server'] + 12, '', 'server', 'process')):
            heads.append(f'<text x="{x}" y="24" class="head {anchor}">{first}'
                         f'</text><text x="{x}" y="42" class="under {anchor}">'
                         f'{second}</text>')
        bottom = self.y + 6
        rails = ''.join(
            f'<path class="rail{kind}" d="M{x} 52V{bottom}"/>'
            for places, kind in ((PROCESS, ''), (KERNEL, ' kernel'))
            for x in places.values())
        story = html.escape('\n'.join(self.story), quote=False)
        return (f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" '
                f'viewBox="0 0 {WIDTH} {bottom + 8}" role="img" '
                f'aria-labelledby="t-{name} d-{name}">\n'
                f'<title id="t-{name}">{html.escape(title)}</title>\n'
                f'<desc id="d-{name}">{html.escape(caption)}\n{story}</desc>\n'
                f'<style>{STYLE}</style>\n'
                f'{"".join(heads)}\n{rails}\n'
                + '\n'.join(self.bars + self.parts) + '\n</svg>\n')


def named(row):
    return f'{row.side} {row.tag}'.strip()


def svg(name, title, caption, rows):
    picture = Picture()
    for row in rows:
        picture.row(row)
    return picture.svg(name, title, caption)
