"""A storm for 05-framing: its clients send messages with their lengths."""

import struct

from checks.storm.guests import Guest
from harness.framing import MOST, TOO_LONG, framed


class Framer(Guest):
    """A client of 05-framing. It sends one or more messages at a time."""

    ends = *Guest.ends, 'offend'

    def message(self):
        chance = self.chance
        most = chance.choice((1, 30, 1000, 1000, 5000, 20000, MOST))
        return b''.join(framed(chance.randbytes(chance.randrange(most + 1)))
                        for _ in range(chance.choice((1, 1, 1, 2, 5))))

    def part_of(self, message):
        return message[:4 + length_of(message)]

    def answer_to(self, message):
        answer, place = b'', 0
        while place < len(message):
            end = place + 4 + length_of(message, place)
            answer += framed(message[place + 4:end][::-1])
            place = end
        return answer

    def greeting(self):
        return framed(super().greeting())

    def offend(self, message):
        """Sends a length that is too large, and more."""
        self.exchange(message)
        if not self.lost() and not self.ended:
            self.say_too_long()
        self.conclude()

    def say_too_long(self):
        self.sent += framed(TOO_LONG)
        try:
            self.connection.sendall(struct.pack('!I', MOST + 1) + bytes(3000))
        except OSError:
            pass  # the next recv reports why


def length_of(message, place=0):
    return struct.unpack_from('!I', message, place)[0]
