"""Storms for 07-publish and 07-queue: their clients send lines, and what they
get depends on the others, too."""

import collections
import re

from checks.storm.guests import Guest
from checks.storm.storms import ServerStorm
from harness import Failure, counted, shown

LINE = 1024
ANY_WORK = b'WORK *\n'  # stands for whatever piece a client gets


class LineGuest(Guest):
    """A client that sends lines. Of what comes, `heard` leaves what is
    expected at this place, and nothing of what may come at any time."""

    def __init__(self, storm, number):
        self.part = b''  # of a line that is not whole yet
        super().__init__(storm, number)

    def part_of(self, message):
        return message[:message.find(b'\n') + 1]

    def answer_to(self, message):
        return b''.join(map(self.answer_to_line,
                            message.splitlines(keepends=True)))

    def compare(self, piece):
        """Compares whole lines, and counts only those as got."""
        *lines, self.part = (self.part + piece).split(b'\n')
        for line in lines:
            heard = self.heard(line + b'\n')
            super().compare(heard)
            self.got += heard
        if self.ended and self.part and not self.excused():
            self.fail('whole lines', f'the end after {shown(self.part)}')

    def take(self):
        kept = self.Got(self)
        with kept:
            super().take()

    class Got:
        """Keeps Guest.take from adding what has come, too: compare does."""

        def __init__(self, guest):
            self.guest = guest
