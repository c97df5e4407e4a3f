"""How results are worded: in colour, and in lines that fit the terminal."""

import os
import sys
import textwrap


class Colours:
    """Escape sequences on a terminal, nothing elsewhere."""

    def __init__(self, stream):
        plain = (not stream.isatty() or os.environ.get('NO_COLOR')
                 or os.environ.get('TERM') == 'dumb')
        self.red, self.green, self.bold, self.off = (
            ('', '', '', '') if plain else
            ('\033[31m', '\033[32m', '\033[1m', '\033[0m'))


def wrapped(start, text, always=False):
    """Returns start and then text, wrapped to 79 columns. A text with line
    breaks is wrapped, and a long word broken, only if `always` is true."""
    if '\n' in text.strip('\n') and not always:
        return start + text
    return '\n'.join(
        textwrap.fill(line, 79, break_long_words=always, break_on_hyphens=False,
                      initial_indent=' ' * len(start) if number else start,
                      subsequent_indent=' ' * len(start))
        for number, line in enumerate(text.strip('\n').split('\n')))


def explained(what, expected, got, hint, always=False):
    """Returns the lines that explain a failure; empty parts are left out."""
    lines = [wrapped(' ' * 6, what, always)]
    for title, text in (('expected:', expected), ('got:', got),
                        ('hint:', hint)):
        if text:
            lines.append(wrapped(f'  {title:10}', clean(str(text)), always))
    return '\n'.join(lines)


def clean(text):
    """Returns the text with its control characters escaped."""
    return ''.join(character if character.isprintable() or character == '\n'
                   else ascii(character)[1:-1]
                   for character in text.expandtabs())


def print_anything():
    """Makes standard output escape what its encoding lacks."""
    sys.stdout.reconfigure(errors='backslashreplace')
