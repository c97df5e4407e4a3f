"""How results are put into words: in colour and in lines that fit, on a
terminal."""

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
    """Lines of 79 columns, after a start. Those with breaks of their own stay
    as they are, and words are not broken, unless it has to fit always."""
    if '\n' in text.strip('\n') and not always:
        return start + text
    return '\n'.join(
        textwrap.fill(line, 79, break_long_words=always, break_on_hyphens=False,
                      initial_indent=' ' * len(start) if number else start,
                      subsequent_indent=' ' * len(start))
        for number, line in enumerate(text.strip('\n').split('\n')))


def explained(what, expected, got, hint, always=False):
    """The lines that say why a check has failed; what is empty is left out."""
    lines = [wrapped(' ' * 6, what, always)]
    for title, text in (('expected:', expected), ('got:', got),
                        ('hint:', hint)):
        if text:
            lines.append(wrapped(f'  {title:10}', clean(str(text)), always))
    return '\n'.join(lines)


def clean(text):
    """A text without characters that a terminal obeys."""
    return ''.join(character if character.isprintable() or character == '\n'
                   else ascii(character)[1:-1]
                   for character in text.expandtabs())


def print_anything():
    """Escapes what the encoding of standard output lacks."""
    sys.stdout.reconfigure(errors='backslashreplace')
