"""Shared by the checks of 05-framing: messages that begin with their
length."""

import struct

from harness.clients import data
from harness.failures import Failure, counted, difference, said_error, shown
from harness.registry import TESTS_OF
from harness.test import Test

MOST = 65536  # bytes of a message
TOO_LONG = b'too long'
CLOSE_HINT = ('closing a socket with unread bytes sends a reset, and the '
              'answer may be lost: shutdown(client, SHUT_WR), then receive '
              'until the client closes')


def framed(message):
    return struct.pack('!I', len(message)) + message


def frame_hint(head, message):
    """What is probably wrong with an answer, judged by how it begins."""
    if head == struct.pack('<I', len(message)):
        return ('the length is in this machine\'s byte order: use htonl '
                'before sending it')
    if head == struct.pack('!I', len(TOO_LONG)):
        if len(message) == MOST:
            return '65536 bytes are not too long'
        return ('this is probably the answer "too long". A length arrives in '
                'network byte order: convert it with ntohl')
    if head and message[::-1].startswith(head):
        return 'an answer is framed, too: send its length, then its bytes'
    if head and message.startswith(head):
        return ('an answer is framed, too, and has the bytes of the message '
                'in reverse order')
    return ''


class FramingTest(Test):
    """A test whose questions are messages that begin with their length."""

    def question(self, mark=b'served?\n'):
        return framed(mark)

    def plenty(self):
        return framed(data(60000))

    def answered(self, client, mark=b'served?\n', hint=''):
        """Demands the answer to one message."""
        what = 'the answer to ' + (
            f'the message {shown(mark)}' if 0 < len(mark) <= 60 else
            f'a message of {counted(len(mark))}')
        length = struct.pack('!I', len(mark))
        head, end = self.up_to(client, 4)
        if head != length:
            raise Failure(f'{what}: first its length, {shown(length)}',
                          shown(head) + end, frame_hint(head, mark) or hint)
        body = self.receive(client, len(mark), f'{what}: its bytes', hint)
        if body != mark[::-1]:
            raise Failure(f'{what}: its bytes in reverse order',
                          'the bytes of the message as they are'
                          if body == mark else difference(mark[::-1], body),
                          self.same_hint(client) if body == mark else
                          hint or 'a message may hold NUL bytes: use its '
                          'length, not strlen')

    def same_hint(self, client):
        """Finds out why the bytes of a message come back unchanged: the program
        either echoes everything at once, even half a length, or does not
        reverse the bytes."""
        client.settimeout(0.5)
        try:
            client.sendall(b'\0\0')
            echoed = client.recv(2)
        except OSError:
            echoed = b''
        return ('whatever is sent comes back at once, as in 05: receive the 4 '
                'bytes of the length first, then exactly as many bytes as it '
                'says; only then answer' if echoed else
                'send the last byte first')

    def up_to(self, client, size):
        """Receives this many bytes, or fewer at the end. Returns them, and a
        text that says what arrived instead of the rest."""
        got = b''
        while len(got) < size:
            try:
                piece = client.recv(size - len(got))
            except OSError as error:
                return got, f', then {said_error(error)}'
            if not piece:
                return got, ', then the end of the stream'
            got += piece
        return got, ''

    def refused(self, client):
        """Demands the answer to a length that is too large, and the end of the
        stream."""
        what = 'the message "too long" as the answer'
        wanted = framed(TOO_LONG)
        got = self.receive(client, len(wanted), what, 'answer a length above '
                           '65536 at once, with the message "too long"')
        if got != wanted:
            raise Failure(f'{what}: {shown(wanted)}', shown(got), 'it is '
                          'framed like any other answer, and not reversed')
        try:
            rest = client.recv(1000)
        except ConnectionResetError as error:
            raise Failure('then the end of the stream', said_error(error),
                          CLOSE_HINT) from None
        except OSError as error:
            raise Failure('then the end of the stream', said_error(error),
                          'the answer to a length that is too large is the '
                          'last one: shutdown(client, SHUT_WR)') from None
        if rest:
            raise Failure('then the end of the stream', shown(rest), 'the '
                          'answer to a length that is too large is the last '
                          'one')


TESTS_OF['05-framing'] = FramingTest
