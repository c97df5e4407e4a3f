"""Output for a person: lines of text, and on a terminal also colours and
progress."""

import os

from harness.words import Colours


class Screen:
    """A stream that a person reads."""

    def __init__(self, stream):
        self.stream = stream
        self.terminal = stream.isatty() and os.environ.get('TERM') != 'dumb'
        self.colours = Colours(stream)
        self.unfinished = False  # whether the current line is to be overwritten

    def paint(self, text, colour):
        return f'{colour}{text}{self.colours.off}' if colour else text

    def show(self, text='', colour=''):
        self.write(self.paint(text, colour) + '\n')

    def progress(self, text):
        """Shows progress, until something else is shown."""
        if self.terminal:
            self.write(text)
            self.unfinished = True

    def write(self, text):
        start = '\r\033[K' if self.unfinished else ''
        self.unfinished = False
        print(start + text, end='', file=self.stream, flush=True)
