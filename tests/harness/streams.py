"""Long messages, sent and compared in pieces, so that no check holds one in
memory."""

import threading
import time

from harness.clients import data
from harness.failures import Failure, difference, said_error
from harness.settings import PATIENCE


class Stream:
    """The bytes that a client sends, one block repeated, and must get back."""

    def __init__(self, client, size, block=b''):
        self.client, self.size = client, size
        self.block = block or data(65521)
        self.twice = self.block * 2
        self.at, self.sender, self.trouble = 0, None, None

    def send(self):
        """Sends everything in a thread, then shuts down the client's sending
        half."""
        def write():
            left = self.size
            try:
                while left > 0:
                    self.client.sendall(self.block[:left])
                    left -= len(self.block)
                self.client.shutdown(1)
            except OSError as error:
                self.trouble = error
        self.sender = threading.Thread(target=write, daemon=True)
        self.sender.start()
        return self

    def take(self, size, hint=''):
        """Demands that the next `size` bytes come back as they were sent."""
        what = f'{self.size} bytes as they were sent'
        end, late = self.at + size, time.monotonic() + 15 * PATIENCE
        while self.at < end:
            start = self.at % len(self.block)
            try:
                piece = self.client.recv(min(end - self.at, len(self.block)))
            except OSError as error:
                raise Failure(what, f'{self.at} of them, then '
                              f'{said_error(error)}', hint) from None
            expected = self.twice[start:start + len(piece)]
            if piece != expected:
                raise Failure(what, f'the first {self.at}, then other bytes: '
                              + difference(expected, piece), hint)
            if not piece or time.monotonic() > late:
                raise Failure(what, f'only the first {self.at} bytes, then '
                              + ('no more in time' if piece else
                                 'the end of the stream'), hint)
            self.at += len(piece)

    def finish(self, hint=''):
        """Demands that the rest come back, and that no send has failed."""
        self.take(self.size - self.at, hint)
        if self.sender:
            self.sender.join(5)
        if self.trouble:
            raise Failure('a connection that takes data',
                          said_error(self.trouble), hint)
