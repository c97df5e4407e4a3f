"""The screen of the person who runs a script: lines, in colour and written
over where it is a terminal."""

import os

from harness.words import Colours


class Screen:
    """A stream that a person reads."""

    def __init__(self, stream):
        self.stream = stream
        self.terminal = stream.isatty() and os.environ.get('TERM') != 'dumb'
        self.colours = Colours(stream)
        self.unfinished = False  # the line the cursor is in is written over

    def paint(self, text, colour):
        return f'{colour}{text}{self.colours.off}' if colour else text

    def show(self, text='', colour=''):
        self.write(self.paint(text, colour) + '\n')

    def progress(self, text):
        """Shows what goes on, until something else is shown."""
        if self.terminal:
            self.write(text)
            self.unfinished = True

    def write(self, text):
        start = '\r\033[K' if self.unfinished else ''
        self.unfinished = False
        print(start + text, end='', file=self.stream, flush=True)
