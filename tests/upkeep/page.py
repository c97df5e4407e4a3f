"""A page of the course: a lesson's Markdown as HTML, in sections, each of
which fills a screen of the projector."""

import html
import pathlib
import re
import subprocess

from harness import todos
from upkeep import source

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
WWW = ROOT / '08-http' / 'www'
ACTIONS = {'STOP', 'RETRY', 'WAIT', 'DROP', 'NEXT'}
TITLE = 'The sockets ladder'
LESSONS = {  # the files that become pages
    ROOT / 'README.md': 'index.html',
    **{path: f'{path.parent.name}.html'
       for path in ROOT.glob('0[1-8]-*/README.md')},
    **{path: f'{path.parent.parent.name[:3]}{path.parent.name}.html'
       for path in ROOT.glob('0[1-8]-*/*/README.md')}}


# ------------------------------------------------------------------- Markdown

def markdown(text, folder=ROOT):
    """Renders Markdown, and adapts it to a page. Links in the text are
    relative to folder."""
    done = subprocess.run(['cmark-gfm', '-e', 'table', '--to', 'html'],
                          input=text.encode(), stdout=subprocess.PIPE,
                          check=True)
    page = done.stdout.decode()
    page = re.sub(r'<a href="([^"]*)">(.*?)</a>',
                  lambda match: link(match, folder), page, flags=re.DOTALL)
    page = re.sub(r'(<p>)?<img src="([^"]*)" alt="([^"]*)"[^>]*/>(</p>)?',
                  picture, page)
    page = re.sub(r'<td([^>]*)>(\w+)</td>', action, page)
    page = re.sub(r'<table>(.*?)</table>', lambda table: (
        '<div class="scroll" tabindex="0" role="region" aria-label="table">'
        f'<table>{rows_named(table[1])}</table></div>'), page,
        flags=re.DOTALL)
    return re.sub(r'<pre><code(?: class="language-(\w+)")?>(.*?)</code></pre>',
                  code_block, page, flags=re.DOTALL)


def link(match, folder):
    """Turns a link to a lesson into a link to its page, and shortens a link to
    a file in www to its name. Leaves links to https:// and # alone; of any
    other link, only the text remains."""
    target, text = match[1], match[2]
    if re.match(r'https://|#', target):
        return match[0]
    path = (folder / target).resolve()
    if path.is_dir():
        path /= 'README.md'
    if path in LESSONS:
        return f'<a href="{LESSONS[path]}">{text}</a>'
    if path.parent == WWW:
        return f'<a href="{path.name}">{text}</a>'
    return text


def picture(match):
    """Puts a picture that is a paragraph of its own into the page; turns a
    picture within a line of text into a link."""
    begin, target, text, end = match.groups()
    name = pathlib.PurePosixPath(target).stem
    if begin and end and (WWW / f'{name}.svg').exists():
        return figure(name)
    return (f'{begin or ""}<a href="{name}.svg">{text}</a>{end or ""}')


def action(match):
    word = match[2]
    if word not in ACTIONS:
        return match[0]
    return (f'<td{match[1]}><span class="action {word.lower()}">{word}'
            '</span></td>')


def rows_named(table):
    """Makes the first cell of each row a heading."""
    table = table.replace('<th>', '<th scope="col">')
    return re.sub(r'<tr>\n<td([^>]*)>(.*?)</td>',
                  r'<tr>\n<th scope="row"\1>\2</th>', table)


def code_block(match):
    language, text = match[1], match[2]
    if language == 'c':
        text = '\n'.join(source.highlight(html.unescape(text).rstrip('\n')))
    elif language == 'console':
        text = re.sub(r'^([$&].*|&gt; .*)$', r'<b>\1</b>', text,
                      flags=re.MULTILINE)
    name = {'c': 'declaration', 'console': 'terminal'}.get(language, 'text')
    return (f'<pre class="scroll {name}" tabindex="0" role="region" '
            f'aria-label="{name}"><code>{text.rstrip()}\n</code></pre>')


# ------------------------------------------------------------------- a page

class Section:
    """A section of a page: one screen of the projector."""

    def __init__(self, heading, body, level=2, kind=''):
        self.heading, self.body, self.level = heading, body, level
        self.kind, self.name = kind, ''

    def html(self):
        head = (f'<h{self.level}><a href="#{self.name}" class="here">'
                f'{self.heading}</a></h{self.level}>\n'
                if self.level > 1 else f'<h1>{self.heading}</h1>\n')
        kind = f'slide {self.kind}'.strip() if self.body.strip() else 'bare'
        about = html.escape(plain(self.heading))
        body = re.sub(r'aria-label="(table|terminal|declaration|text|picture)"',
                      lambda kind: f'aria-label="{about}: {kind[1]}"',
                      self.body)
        return (f'<section id="{self.name}" class="{kind}">\n{head}{body}'
                '</section>\n')


def sections_of(text, folder):
    """The sections of a folder's lesson: each heading begins one."""
    page = markdown(text, folder)
    parts = re.split(r'<h([123])>(.*?)</h[123]>\n', page, flags=re.DOTALL)
    return [Section(heading, body, int(level)) for level, heading, body
            in zip(parts[1::3], parts[2::3], parts[3::3])]


def todo_section(stage):
    """The TODOs of the stub, in the order of their numbers."""
    stub = (stage.folder / 'stub.c').read_text(encoding='utf-8')
    found = []
    for match in re.finditer(r'/\*\s*TODO (\d+): (.*?)\*/', stub, re.DOTALL):
        place = source.place_of(stub[:match.start()].splitlines() + [''],
                                stub[:match.start()].count('\n'))
        inside = re.search(r'\n( *)$', stub[:match.start()])
        found.append((int(match[1]), todos.without_checks(match[2]),
                      todos.checks_named(match[2]),
                      place if inside and inside[1] else ''))
    items = []
    for number, text, checks, place in sorted(found):
        text = re.sub(r'\b(\w+\(\d\))', r'<code>\1</code>',
                      html.escape(text, quote=False))
        about = []
        if place:
            about.append(f'in <code>{place}</code>')
        if checks:
            names = ', '.join(f'<code>{name}</code>' for name in checks)
            about.append(f'tested by {names}')
        items.append(f'<li value="{number}">{text}'
                     + (f'<span class="about">{"; ".join(about)}</span>'
                        if about else '') + '</li>\n')
    return Section(f'The TODOs of {stage.place}/stub.c',
                   f'<ol class="todos">\n{"".join(items)}</ol>\n', 3)


def plain(text):
    return html.unescape(re.sub(r'<[^>]*>', '', text))


def name_sections(sections):
    """Gives each section a name for links to it."""
    seen = set()
    for section in sections:
        name = re.sub(r'\W+', '-', plain(section.heading).lower()).strip('-')
        number, section.name = 1, name or 'part'
        while section.name in seen:
            number += 1
            section.name = f'{name}-{number}'
        seen.add(section.name)


class Page:
    def __init__(self, file, title, description, sections, stage=''):
        self.file, self.title, self.stage = file, title, stage
        self.description, self.sections = description, sections
        name_sections(sections)

    def html(self, walk):
        """The whole page. walk: the pages in the order of the arrow keys."""
        place = walk.index(self) if self in walk else None
        before = walk[place - 1] if place else None
        after = (walk[place + 1] if place is not None
                 and place + 1 < len(walk) else None)
        title = self.title if self.title == TITLE else \
            f'{self.title} \u2013 {TITLE}'
        before = before or self.back
        relations = ''.join(
            f'<link rel="{kind}" href="{page.file}">\n'
            for kind, page in (('prev', before), ('next', after)) if page)
        stages = ''.join(
            f'<li><a href="{page.file}"'
            f'{current(page is self, page.stage == self.stage)}>'
            f'{page.stage}<span> {page.short}</span></a></li>\n'
            for page in walk if page.stage and not page.step)
        contents = ''.join(
            f'<li><a href="#{section.name}">{section.heading}</a></li>\n'
            for section in self.sections if section.level == 2)
        if contents:
            contents = ('<nav class="contents" aria-label="On this page">'
                        f'<p>On this page</p><ol>\n{contents}</ol></nav>\n')
        body = ''.join(section.html() for section in self.sections)
        word = 'Back to' if self.back else 'Previous'
        end = ''.join(
            f'<a rel="{kind}" href="{page.file}"><span>{word}</span> '
            f'{html.escape(page.title)}</a>\n' for kind, word, page in (
                ('prev', word, before), ('next', 'Next', after)) if page)
        home = current(self.file == 'index.html')
        return f'''<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="{html.escape(self.description)}">
<title>{html.escape(title)}</title>
<link rel="icon" href="favicon.ico" sizes="16x16 32x32" type="image/x-icon">
<link rel="stylesheet" href="style.css">
{relations}<script src="course.js" defer></script>
</head>
<body>
<a class="skip" href="#{self.sections[0].name}">Skip to the text</a>
<header>
<a class="home" href="index.html"{home}>{TITLE}</a>
<nav aria-label="Stages"><ol>
{stages}</ol></nav>
</header>
<div class="page">
{contents}<main>
{body}</main>
</div>
<footer>
<nav aria-label="Pages">
{end}</nav>
<p class="keys">Arrow keys walk the ladder, <kbd>1</kbd> to <kbd>8</kbd> lead
to a stage; <kbd>p</kbd> switches the projector view on or off.</p>
</footer>
</body>
</html>
'''

    step = False
    short = ''
    back = None  # the page to return to, if the arrow keys skip this one


def current(page, part=False):
    """The attribute that marks a link to the current page, or to its stage."""
    return (' aria-current="page"' if page
            else ' aria-current="true"' if part else '')


def figure(name):
    """A picture inside the page, so that it takes its colours from the
    page."""
    text = (WWW / f'{name}.svg').read_text(encoding='utf-8')
    text = re.sub(r'<style>.*?</style>\n?', '', text, flags=re.DOTALL)
    text = re.sub(r' xmlns="[^"]*"', '', text, count=1)
    return ('<figure class="scroll" tabindex="0" role="region" '
            f'aria-label="picture">{text}</figure>\n')
