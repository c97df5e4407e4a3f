"""Shared by the checks of 08 that need a connection to be kept open."""

from harness import Failure, Skip
from harness.web import HELLO, USUAL, request


def persistent(test, files=USUAL):
    """A visitor of a server that keeps connections."""
    server = test.server(root=test.site({'hello.txt': HELLO, **files}))
    test.need_persistence(server)
    return test.visitor(server=server)


LEFT_HINT = 'the bytes left in the buffer after a request begin the next one'


def need_pipelining(test):
    """Skips the check if a server that is not ours loses one of two requests
    sent together, which the check `pipelined` reports."""
    if test.any:
        visitor = persistent(test)
        visitor.send(request() * 2)
        try:
            for _ in range(2):
                visitor.answer()
        except Failure:
            raise Skip('it fails pipelined, too') from None
