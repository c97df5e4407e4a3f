"""Checks whether the events of a picture can have happened in the order shown.
Its description has one event per line:

    client calls connect(3, 127.0.0.1:15441)
    client to server: SYN
    client: connect(3, 127.0.0.1:15441) = 0
"""

import re

PACKET = re.compile(r'(client|server)( [A-Z])? to (client|server): (.*)$')
CALLED = re.compile(r'(client|server)( [A-Z])? calls (\w+)\((.*)\)$')
RESULT = re.compile(r'(client|server)( [A-Z])?: (\w+)\((.*)\) = (-?[\d,]+)'
                    r'(.*)$')
OTHER = {'client': 'server', 'server': 'client'}


class Connection:
    """What the packets of a connection have shown so far."""

    def __init__(self):
        self.seen = []
        self.ended = set()

    def has(self, side, text):
        return (side, text) in self.seen

    @property
    def open(self):
        return (self.has('client', 'SYN') and self.has('server', 'SYN+ACK')
                and self.has('client', 'ACK'))

    @property
    def reset(self):
        return any(text == 'RST' for _, text in self.seen)


class Reader:
    """Parses a description, and collects what is impossible."""

    def __init__(self):
        self.connections = {}   # the latest of each client
        self.handshakes = 0
        self.accepted = 0
        self.sent = {'client': 0, 'server': 0}
        self.got = {'client': 0, 'server': 0}
        self.errors = []

    def need(self, truth, line, why):
        if not truth:
            self.errors.append(f'{line}: {why}')

    def read(self, line):
        packet, called = PACKET.match(line), CALLED.match(line)
        result = RESULT.match(line)
        if packet:
            self.packet(line, packet[1], packet[2] or '', packet[4])
        elif called and called[3] == 'send':
            size = re.search(r'([\d,]+)$', called[4])
            self.sent[called[1]] += number(size[1])
        elif result:
            self.result(line, result[1], result[2] or '', result[3],
                        number(result[5]), result[6].strip())

    def packet(self, line, side, tag, text):
        if text == 'SYN':
            self.connections[tag] = Connection()
        connection = self.connections.get(tag)
        if connection is None:
            self.need(False, line, 'there has been no SYN')
            return
        was_open = connection.open
        connection.seen.append((side, text))
        if text == 'SYN+ACK':
            self.need(side == 'server' and connection.has('client', 'SYN'),
                      line, 'it answers a SYN')
        elif text == 'ACK' and side == 'client' and not was_open:
            self.need(connection.has('server', 'SYN+ACK'), line,
                      'SYN+ACK comes first')
            self.handshakes += 1
        elif 'data' in text or 'FIN' in text:
            self.need(was_open, line, 'the handshake comes first')
            self.need(side not in connection.ended, line,
                      'this side has ended already')
        if 'data' in text:
            self.need(self.sent[side] > 0, line, 'no process has called send')
        if 'FIN' in text:
            connection.ended.add(side)

    def result(self, line, side, tag, call, value, more):
        connection = self.connections.get(tag) or Connection()
        if call == 'connect' and value == 0:
            self.need(connection.open, line, 'the handshake comes first')
        elif call == 'connect' and 'ECONNREFUSED' in more:
            self.need(connection.reset, line, 'it takes an RST')
        elif call == 'accept' and value >= 0:
            self.accepted += 1
            self.need(self.accepted <= self.handshakes, line,
                      'its handshake is not complete')
        elif call == 'send' and value > 0:
            asked = re.search(r', ([\d,]+)\) = ', line)
            self.need(value <= number(asked[1]), line, 'it sent too much')
            self.sent[side] += value
        elif call == 'recv' and value > 0:
            self.got[side] += value
            self.need(self.got[side] <= self.sent[OTHER[side]], line,
                      'this much has not been sent')
        elif call == 'recv' and value == 0:
            self.need(any(OTHER[side] in one.ended
                          for one in self.connections.values()), line,
                      'it takes a FIN')
        elif 'ECONNRESET' in more:
            self.need(any(one.reset for one in self.connections.values()),
                      line, 'it takes an RST')


def number(text):
    return int(text.replace(',', ''))


def impossible(story):
    """Returns what is impossible in a description's lines, as strings."""
    reader = Reader()
    for line in story:
        reader.read(line)
    if not reader.connections:
        reader.errors.append('it has no packet')
    return reader.errors


# What each picture must show: patterns, in this order. A pattern that begins
# with ! must match no line.
POINTS = {
    '03-handshake': [r'server calls pause', r'server to client: SYN\+ACK',
                     r'client: send\(.* = \d', r'client to server: data',
                     r'client: recv\(.* = -1 EAGAIN', r'!server.* accept'],
    '04-queue': [r'server stopped', r'client: connect\(.* = 0',
                 r'server resumed', r'server: accept\(.* = \d'],
    '05-half-close': [r'server: accept\(.* = \d', r'client to server: data',
                      r'server to client: data', r'client: shutdown',
                      r'client to server: FIN', r'server: recv\(.* = 0',
                      r'server to client: FIN', r'client: recv\(.* = 0'],
    '05-short-send': [r'client: send\(', r'server calls send\(',
                      r'server: send\(.* = \d', r'server: send\(.* EAGAIN',
                      r'server to client: RST'],
    '05-reset': [r'client: send\(', r'client: recv\(.* = 1 ',
                 r'client to server: RST', r'server: recv\(.* ECONNRESET'],
    '06-addresses': [r'client calls connect\(\d+, \[::1\]',
                     r'client to server: SYN', r'server to client: RST',
                     r'client: connect\(.* ECONNREFUSED',
                     r'client calls connect\(\d+, 127\.0\.0\.1',
                     r'client: connect\(.* = 0'],
    '07-ready': [r'server stopped', r'client A: send', r'client B: send',
                 r'client C: send', r'server resumed',
                 r'server: select\(.* = 3 '] + [r'server: send\('] * 3,
    '08-pipelined': [r'client: send\(', r'server: recv\(',
                     r'server: openat\(.*"a.txt"', r'server to client: data',
                     r'server: openat\(.*"b.txt"', r'server to client: data',
                     r'!HTTP/1.1 404'],
}


def pointless(name, story):
    """Returns which of these patterns a picture does not show."""
    place, errors = 0, []
    for pattern in POINTS.get(name, []):
        if pattern.startswith('!'):
            errors += [f'{line}: not here' for line in story
                       if re.search(pattern[1:], line)]
            continue
        while place < len(story) and not re.search(pattern, story[place]):
            place += 1
        if place == len(story):
            return errors + [f'no "{pattern}", or not in this order']
        place += 1
    return errors
