"""What the checks of 08 need of a server that keeps connections."""

from harness import Failure, Skip
from harness.web import HELLO, USUAL, request


def persistent(test, files=USUAL):
    """A visitor of a server that keeps connections."""
    server = test.server(root=test.site({'hello.txt': HELLO, **files}))
    test.need_persistence(server)
    return test.visitor(server=server)


LEFT_HINT = 'the bytes left in the buffer after a request are the next one'


def need_pipelining(test):
    """Skips the check if another server loses a request that follows another
    one immediately, which `pipelined` reports."""
    if test.any:
        visitor = persistent(test)
        visitor.send(request() * 2)
        try:
            for _ in range(2):
                visitor.answer()
        except Failure:
            raise Skip('it fails pipelined, too') from None
