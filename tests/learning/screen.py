"""The student's screen: the ladder, and paragraphs with titles."""

import sys
import textwrap

from harness.screen import Screen

WIDTH = 79
LINES = 5        # of a message: enough to recognize it


class LadderScreen(Screen):
    """The screen that the student reads."""

    def clear(self):
        if self.terminal:
            self.write('\033[H\033[2J')
        else:
            self.show('-' * WIDTH)

    def row(self, stage, text, colour=''):
        self.show(f'  {stage.title:14}{self.paint(text, colour)}'.rstrip())

    def entry(self, title, text):
        """Shows a paragraph with a title, as tests/check does."""
        self.show(textwrap.fill(
            text, WIDTH, initial_indent=f'  {title + ":" if title else "":10}',
            subsequent_indent=' ' * 12, break_long_words=False,
            break_on_hyphens=False))


screen = LadderScreen(sys.stdout)
