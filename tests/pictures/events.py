"""The events of a run: system calls from strace, packets from lo, and the rows
of a sequence chart that are made from both."""

import dataclasses
import re
from typing import Any, Optional

from . import packets

MERGE = 0.02  # seconds: a call that takes longer has waited
DELAY = 0.00015  # seconds that strace needs to write arguments, roughly
FEW = 8       # up to this many data packets, every ACK is shown
GAP = 0.25    # seconds without an event that a chart mentions

LINE = re.compile(r'(\d+\.\d+) (.*)')
CALL = re.compile(r'(\w+)\((.*)')
DONE = re.compile(r'(.*)\)\s+= (-?\d+|\?)(?: (\w+))?(?: \((.*)\))?'
                  r' <([\d.]+)>$')
ADDRESS = re.compile(
    r'\{sa_family=AF_INET, sin_port=htons\((\d+)\), '
    r'sin_addr=inet_addr\("([\d.]+)"\)\}(?:, \[?\d+\]?(?: => \d+)?)?')
ADDRESS6 = re.compile(
    r'\{sa_family=AF_INET6, sin6_port=htons\((\d+)\), .*?"([\da-f:]+)".*?\}'
    r'(?:, \[?\d+\]?(?: => \d+)?)?')
NAMES = {'recvfrom': 'recv', 'sendto': 'send', 'pselect6': 'select',
         '_newselect': 'select', 'accept4': 'accept'}
SHOWN = {'socket', 'bind', 'listen', 'accept', 'connect', 'send', 'recv',
         'shutdown', 'close', 'select', 'pause', 'openat', 'write'}
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"(\.\.\.)?')


@dataclasses.dataclass
class Call:
    """A system call of a process: client or server."""
    side: str
    tag: str                 # of several clients: A, B, C
    name: str
    text: str                # as it is made
    start: float
    end: Optional[float] = None
    result: str = ''
    value: Optional[int] = None
    fd: Optional[int] = None
    settled: bool = False    # `end` has been corrected


@dataclasses.dataclass
class Note:
    """A line that a process printed, or something that was done to it."""
    side: str
    tag: str
    text: str
    start: float
    printed: bool = False


def short(text, most=14):
    """Returns a string from strace's output, short enough for a chart."""
    def cut(match):
        content, more = match.group(1), match.group(2)
        if len(content) <= most and not more:
            return f'"{content}"'
        content = re.sub(r'\\$|\\\d{1,2}$|\\x.?$', '', content[:most])
        return f'"{content}..."'
    return STRING.sub(cut, text)


class Trace:
    """Parses the lines of one strace into calls and notes."""

    def __init__(self, side, tag=''):
        self.side, self.tag = side, tag
        self.sockets = set()
        self.events = []
        self.waiting = None  # the Call whose line is not complete yet

    def feed(self, line, ended=True):
        """Parses a line; an incomplete line is a call that is still waiting."""
        found = LINE.match(line)
        if not found:
            return
        moment, text = float(found[1]), found[2]
        call = CALL.match(text)
        if text.startswith('---'):
            self.signal(moment, text)
        elif call:
            self.call(moment, NAMES.get(call[1], call[1]), call[2], ended)

    def signal(self, moment, text):
        name = text.split()[1]
        words = {'SIGSTOP': 'stopped: SIGSTOP', 'SIGCONT': 'resumed: SIGCONT',
                 'SIGINT': 'ended: SIGINT', 'SIGTERM': 'ended: SIGTERM'}
        if name in words:
            self.events.append(Note(self.side, self.tag, words[name], moment))

    def call(self, moment, name, rest, ended):
        call = self.waiting
        if call is None or call.start != moment:
            call = Call(self.side, self.tag, name, name, moment)
        done = DONE.match(rest) if ended else None
        arguments = ADDRESS6.sub(r'[\2]:\1', ADDRESS.sub(
            r'\2:\1', done[1] if done else rest.rstrip(', ')))
        fd = re.match(r'(-?\d+)', arguments)
        call.fd = int(fd[1]) if fd else None
        if not self.wanted(name, call.fd, arguments, done):
            return
        if done:
            call.value = None if done[2] == '?' else int(done[2])
            call.end = moment + float(done[5])
            if done[2] == '?':  # interrupted by a stop, then restarted
                call.result = '?'
            else:
                call.result = f'= {call.value:,}' + (f' {done[3]}'
                                                     if done[3] else '')
        if name == 'write':
            lines = STRING.search(arguments)[1].split('\\n')
            self.events += [Note(self.side, self.tag, line, moment, True)
                            for line in lines if line]
            return
        describe(call, arguments, done)
        if name in ('socket', 'accept') and (call.value or -1) >= 0:
            self.sockets.add(call.value)
        elif name == 'close' and done:
            self.sockets.discard(call.fd)
        if call is not self.waiting:
            self.events.append(call)
        self.waiting = None if done else call

    def wanted(self, name, fd, arguments, done):
        if name == 'write':  # a line on standard error
            return fd == 2 and done and STRING.search(arguments)
        if name == 'openat':  # a file that a client asked for
            return self.side == 'server' and fd is not None
        if name == 'socket':  # and none that getaddrinfo makes
            return re.match(r'AF_INET6?, SOCK_STREAM', arguments)
        if name in ('select', 'pause'):
            return True
        return name in SHOWN and fd in self.sockets


def describe(call, arguments, done):
    """Writes the call as in a program, and adds details to its result."""
    name, fd = call.name, call.fd
    if name == 'socket':
        call.text = f'socket({arguments})'.replace('IPPROTO_IP', '0').replace(
            'IPPROTO_TCP', '0').replace('SOCK_CLOEXEC|', '').replace(
            '|SOCK_CLOEXEC', '')
    elif name == 'accept':
        call.text = f'accept({fd})'
        peer = re.search(r', (\S+:\d+)$', arguments)
        if done and peer and (call.value or -1) >= 0:
            call.result += f', {peer[1]}'
    elif name == 'recv':
        call.text = f'recv({fd})'
        found = STRING.search(arguments)
        if done and found and (call.value or 0) > 0:
            call.result += ' ' + short(found[0])
    elif name == 'send':
        found = STRING.search(arguments)
        size = re.search(r'", (\d+)|\.\.\., (\d+)', arguments)
        size = f'{int(size[1] or size[2]):,}' if size else '...'
        call.text = (f'send({fd}, {short(found[0]) if found else "..."}, '
                     f'{size})')
    elif name == 'select':
        sets = re.findall(r'\[([\d ]*)\]', arguments)
        texts = ['{' + group + '}' for group in sets if group] or ['{}']
        call.text = f'select({fd}, {", ".join(texts)})'
        if done and (call.value or 0) > 0:
            ready = re.findall(r'(?:in|out) \[([\d ]+)\]', done[4] or '')
            call.result += ' {' + ' '.join(ready) + '}'
    elif name == 'openat':
        call.text = 'openat(' + ', '.join(arguments.split(', ')[:2]) + ')'
    elif name == 'pause':
        call.text = 'pause()'
    else:
        call.text = f'{name}({arguments})'


# ------------------------------------------------------------------ the rows

@dataclasses.dataclass
class Row:
    """A row of a chart: kind is call, enter, leave, packet, note or gap."""
    kind: str
    side: str = ''           # the process; of a packet, its sender
    text: str = ''
    result: str = ''
    tag: str = ''
    quiet: bool = False
    event: Any = None
    time: float = 0.0


def label(packet, data=True):
    """Describes a packet in a few words."""
    flags = packet.flags
    if flags & packets.RST:
        return 'RST'
    words = []
    if flags & packets.SYN:
        words.append('SYN+ACK' if flags & packets.ACK else 'SYN')
    if packet.payload and data:
        words.append(sized(packet.payload))
    if flags & packets.FIN:
        words.append('FIN')
    return ', '.join(words) or 'ACK'


def sized(payload, pieces=1):
    many = f', {pieces} segments' if pieces > 1 else ''
    if len(payload) <= 12 and pieces == 1:
        text = payload.decode('latin-1').encode('unicode_escape').decode()
        return f'data "{text}"'
    return f'data, {len(payload):,} bytes{many}'


def rows_of(calls, wire, server_port, cut=0.0):
    """Returns the rows for calls and notes, and the packets between them. No
    row spans the moment `cut`."""
    settle_ends(calls, wire)
    calls = [event for event in calls  # with several clients, no socket()
             if not (event.tag and is_start(event))]
    moments = []
    for event in calls:
        moments.append((event.start, 0, event))
        if getattr(event, 'end', None) is not None:
            moments.append((event.end, 1, event))
    wire = without_acknowledgements(wire)
    moments += [(packet.time, 0, packet) for packet in wire]
    moments.sort(key=lambda moment: moment[:2])
    rows, merged, last = [], set(), None
    for place, (moment, kind, event) in enumerate(moments):
        if last is not None and moment - last > GAP and not is_start(event):
            rows.append(Row('gap', text=f'{moment - last:.1f} s',
                            time=moment))
        last = moment
        if isinstance(event, packets.Packet):
            add_packet(rows, event, server_port, cut)
        elif isinstance(event, Note):
            rows.append(Row('note', event.side, event.text, tag=event.tag,
                            quiet=event.printed, event=event, time=moment))
        elif (kind == 0 and is_whole(event, moments[place + 1:], merged)
              and not event.start <= cut < event.end):
            merged.add(id(event))
            rows.append(Row('call', event.side, event.text, event.result,
                            event.tag, event=event, time=moment))
        elif kind == 0:
            rows.append(Row('enter', event.side, event.text, '', event.tag,
                            event=event, time=moment))
        elif id(event) not in merged:
            rows.append(Row('leave', event.side, event.text, event.result,
                            event.tag, event=event, time=moment))
    return rows


def settle_ends(calls, wire):
    """Corrects the ends of calls. strace starts its clock only after writing
    the arguments, so a call ends later than its start plus its duration, but
    before its process's next call. connect ends after the packets that answer
    it."""
    following = {}
    for event in sorted(calls, key=lambda event: -event.start):
        latest = following.get((event.side, event.tag), float('inf')) - 1e-6
        following[event.side, event.tag] = event.start
        if getattr(event, 'end', None) is None or event.settled:
            continue
        event.settled = True
        end = min(event.end + DELAY, latest)
        if event.name == 'connect':
            answers = [packet.time for packet in wire
                       if event.start < packet.time < latest
                       and packet.flags & (packets.ACK | packets.RST)
                       and not packet.payload
                       and not packet.flags & packets.FIN]
            end = max([end, *[moment + 1e-6 for moment in answers[:2]]])
        event.end = max(end, event.start)


def is_start(event):
    """Returns whether this is a client's first call. A pause before it is only
    the client starting up."""
    return getattr(event, 'name', '') == 'socket'


def without_acknowledgements(wire):
    """If many packets have data, returns only those with data or SYN, FIN or
    RST, and the packet after each of the latter. Otherwise returns all."""
    if sum(bool(packet.payload) for packet in wire) <= FEW:
        return wire
    kept, opening = [], True
    for packet in wire:
        special = packet.flags & (packets.SYN | packets.FIN | packets.RST)
        if packet.payload or special or opening:
            kept.append(packet)
        opening = special
    return kept


def is_whole(call, later, merged):
    """Returns whether a call and its result fit in one row: nothing happened
    in between that the call could have waited for."""
    if (call.end is None or call.end - call.start > GAP
            or call.result == '?' or call.name == 'connect'):
        return False
    if call.name in ('send', 'shutdown', 'close'):
        return call.end - call.start < MERGE
    return next(event for _, kind, event in later
                if not (kind == 1 and id(event) in merged)) is call


def add_packet(rows, packet, server_port, cut):
    """Adds a packet. Consecutive data in the same direction shares a row."""
    side = 'server' if packet.source[1] == server_port else 'client'
    tag = getattr(packet, 'tag', '')
    text = label(packet)
    last = rows[-1] if rows else None
    plain = packet.payload and not packet.flags & (packets.SYN | packets.FIN
                                                   | packets.RST)
    if (plain and last and last.kind == 'packet' and last.side == side
            and last.tag == tag and isinstance(last.event, list)
            and not last.time <= cut < packet.time):
        last.event.append(packet)
        last.text = sized(b''.join(piece.payload for piece in last.event),
                          len(last.event))
        return
    rows.append(Row('packet', side, text, tag=tag, time=packet.time,
                    quiet=text == 'ACK',
                    event=[packet] if plain else packet))
