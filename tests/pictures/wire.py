"""The headers of a packet, byte by byte, beside the figures of the RFCs: in a
terminal, or as a page. Figures: RFC 791, 3.1; RFC 9293, 3.1; RFC 768."""

import html
import socket
import struct

from . import packets

# (name, bits); a name that is too long for its cell takes several lines.
IPV4 = [('Version', 4), ('IHL', 4), ('Type of Service', 8),
        ('Total Length', 16), ('Identification', 16), ('Flags', 3),
        ('Fragment Offset', 13), ('Time to Live', 8), ('Protocol', 8),
        ('Header Checksum', 16), ('Source Address', 32),
        ('Destination Address', 32)]
TCP = [('Source Port', 16), ('Destination Port', 16),
       ('Sequence Number', 32), ('Acknowledgment Number', 32),
       ('Data Offset', 4), ('Rsrvd', 4), *[(name, 1) for name in (
           'CWR', 'ECE', 'URG', 'ACK', 'PSH', 'RST', 'SYN', 'FIN')],
       ('Window', 16), ('Checksum', 16), ('Urgent Pointer', 16)]
UDP = [('Source Port', 16), ('Destination Port', 16), ('Length', 16),
       ('Checksum', 16)]
HEXADECIMAL = {'Type of Service', 'Identification', 'Header Checksum',
               'Checksum'}
OPTIONS = {2: 'Maximum Segment Size', 3: 'Window Scale',
           4: 'SACK Permitted', 8: 'Timestamps'}
RULER = (' 0                   1                   2                   3',
         ' 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1')
LINE = '+-' * 32 + '+'


def fields(layout, data):
    """Yields (name, bits, place in bits, number) of each field."""
    place, whole = 0, int.from_bytes(data, 'big')
    for name, bits in layout:
        shift = len(data) * 8 - place - bits
        yield name, bits, place, whole >> shift & (1 << bits) - 1
        place += bits


def shown(name, bits, number):
    """A field's number as people write it."""
    if name.endswith('Address'):
        return socket.inet_ntoa(struct.pack('!I', number))
    if name in HEXADECIMAL:
        return f'0x{number:0{bits // 4}x}'
    if name == 'Flags':
        return f'{number:03b}'
    return str(number)


def headers(packet):
    """Yields the title, the layout and the bytes of each header. A title
    begins with the protocol's name."""
    if packet.version == 4:
        yield 'IPv4 header (RFC 791, 3.1)', IPV4, packet.network[:20]
    if packet.protocol == packets.TCP:
        yield ('TCP header (RFC 9293, 3.1)', TCP, packet.transport[:20])
    else:
        yield 'UDP header (RFC 768)', UDP, packet.transport[:8]


def words(layout, data):
    """Yields the rows of a figure: 32 bits each."""
    row = []
    for field in fields(layout, data):
        row.append(field)
        if (field[2] + field[1]) % 32 == 0:
            start = field[2] + field[1] - 32
            yield data[start // 8:start // 8 + 4], row
            row = []


def options(packet):
    """The TCP options of a packet: a list of (bytes, name, value)."""
    data, found = packet.transport[20:], []
    while data:
        kind = data[0]
        if kind in (0, 1):
            found.append((data[:1], 'End of List' if kind == 0
                          else 'No-Operation', ''))
            data = data[1:]
            continue
        size = data[1] if len(data) > 1 and data[1] >= 2 else len(data)
        body, value = data[2:size], ''
        if kind == 8 and len(body) == 8:
            value = '{}, echo {}'.format(*struct.unpack('!II', body))
        elif body:
            value = str(int.from_bytes(body, 'big'))
        found.append((data[:size], OPTIONS.get(kind, f'kind {kind}'), value))
        data = data[size:]
    return found


def remarks(packet, first=None):
    """The bytes worth a look, as (bytes, sentence). first: for a later packet,
    the SYN of its connection."""
    found = []
    server = packet.transport[2:4]
    port = packet.target[1]
    found.append((server, f'is the port: {server[0]} x 256 + {server[1]} = '
                  f'{port}. The most significant byte comes first, as htons '
                  'stored it in sin_port.'))
    if packet.version == 4:
        found.append((packet.network[16:20], 'is the address '
                      f'{packet.target[0]}, in the same byte order.'))
    if packet.protocol == packets.TCP:
        found += tcp_remarks(packet, first)
    else:
        found.append((packet.transport[4:6], 'is the length: 8 bytes of '
                      f'header and {len(packet.payload)} of data.'))
    checksum = packet.transport[16:18] if packet.protocol == packets.TCP \
        else packet.transport[6:8]
    found.append((checksum, checksum_remark(packet, checksum)))
    if packet.payload:
        text = packet.payload[:16]
        found.append((text, f'is the data: {len(packet.payload)} '
                      'bytes, exactly as passed to ' + (
                          'send.' if packet.protocol == packets.TCP
                          else 'sendto.')))
    return found


def tcp_remarks(packet, first):
    flags, found = packet.flags, []
    sequence = struct.unpack('!I', packet.transport[4:8])[0]
    window = struct.unpack('!H', packet.transport[14:16])[0]
    if flags & packets.SYN:
        found.append((packet.transport[4:8], 'is the initial sequence number; '
                      'each side chooses one that is hard to guess.'))
        found.append((packet.transport[13:14], 'has the flags: only SYN is '
                      'set, since there is nothing to acknowledge yet.'))
        found.append((packet.transport[14:16], f'is the window: {window} '
                      'bytes may come before the next acknowledgment. The '
                      'window of a SYN is never scaled.'))
        return found
    if first is not None:
        start = struct.unpack('!I', first.transport[4:8])[0]
        found.append((packet.transport[4:8], 'is the sequence number of the '
                      f'first byte: the initial one plus '
                      f'{(sequence - start) % 2 ** 32}, because SYN counts '
                      'as one.'))
    names = [name for name, bit in (('FIN', 1), ('SYN', 2), ('RST', 4),
                                    ('PSH', 8), ('ACK', 16), ('URG', 32))
             if flags & bit]
    found.append((packet.transport[13:14],
                  f'has the flags: {" and ".join(reversed(names))}.'))
    scale = first and [int(value) for _, name, value in options(first)
                       if name == 'Window Scale']
    if scale:
        found.append((packet.transport[14:16], f'is the window: {window} x '
                      f'2^{scale[0]} = {window << scale[0]} bytes; the SYN '
                      'announced the factor.'))
    return found


def checksum_remark(packet, checksum):
    number = struct.unpack('!H', checksum)[0]
    if packet.version != 4:
        return 'is the checksum.'
    if number == 0 and packet.protocol == packets.UDP:
        return 'is no checksum: a sender of UDP may leave it out.'
    right = packets.transport_checksum(packet)
    if number == right:
        return 'is the checksum, and correct.'
    size = len(packet.transport) + len(packet.payload)
    pseudo = packet.network[12:20] + struct.pack('!BBH', 0, packet.protocol,
                                                 size)
    if number == packets.ones_complement(pseudo) ^ 0xffff:
        return ('is not the checksum yet, only the sum of the pseudo-header. '
                'The kernel leaves the rest to the network card, and lo has '
                f'none. On a cable it would be 0x{right:04x}.')
    return f'is the checksum, and wrong: it should be 0x{right:04x}.'


def title(packet):
    kind = 'UDP'
    if packet.protocol == packets.TCP:
        kind = 'SYN' if packet.flags & packets.SYN else 'data' \
            if packet.payload else 'TCP'
    ends = [f'[{host}]:{port}' if ':' in host else f'{host}:{port}'
            for host, port in (packet.source, packet.target)]
    return f'{kind}, {ends[0]} to {ends[1]}'


def choose(found):
    """The packets to show from a capture: a SYN and the first data after it,
    and the first datagram; as (packet, the SYN before it)."""
    datagrams = [(packet, None) for packet in found
                 if packet.protocol == packets.UDP and packet.version == 4][:1]
    first = next((packet for packet in found
                  if packet.protocol == packets.TCP
                  and packet.flags & (packets.SYN | packets.ACK)
                  == packets.SYN and packet.version == 4), None)
    if first is None:
        return datagrams
    data = next((packet for packet in found if packet.payload
                 and (packet.source, packet.target)
                 == (first.source, first.target)), None)
    return [(first, None)] + ([(data, first)] if data else []) + datagrams


# -------------------------------------------------------------- the terminal

def cells(row, text):
    """One line of a figure: text(field) centred in the field's cell."""
    return '|' + ''.join(f'{text(field):^{field[1] * 2 - 1}}|'
                         for field in row)


def name_lines(row):
    """The names of a row's fields: three lines where there are flags."""
    if not any(bits == 1 for _, bits, _, _ in row):
        yield cells(row, lambda field: field[0])
        return

    def part(field, number):
        name, bits = field[:2]
        if bits == 1:
            return name[number]
        pieces = name.split() if len(name) > bits * 2 - 1 else ['', name]
        return pieces[number] if number < len(pieces) else ''

    for number in range(3):
        yield cells(row, lambda field: part(field, number))


def terminal(packet, first=None, paint=lambda text, code: text):
    """Yields the lines that show a packet in 80 columns."""
    yield paint(title(packet), '1')
    for name, layout, data in headers(packet):
        yield ''
        yield paint(name, '1')
        for line in RULER:
            yield f'{"":13}{line}'.rstrip()
        yield f'{"":13}{LINE}'
        for raw, row in words(layout, data):
            for line in name_lines(row):
                yield f'{"":13}{line}'
            values = cells(row, lambda field: shown(field[0], field[1],
                                                    field[3]))
            yield f'{paint(raw.hex(" "), "1;36"):11}  {paint(values, "36")}'
            yield f'{"":13}{LINE}'
    if packet.protocol == packets.TCP and packet.transport[20:]:
        yield ''
        yield 'TCP options'
        for raw, name, value in options(packet):
            yield f'{raw.hex(" "):30} {name} {value}'.rstrip()
    yield ''
    for raw, text in remarks(packet, first):
        yield from wrapped(raw.hex(' '), text)


def wrapped(head, text):
    import textwrap
    return textwrap.wrap(f'{head} {text}', 79, subsequent_indent='    ')


# ------------------------------------------------------------------ the page

def table(name, layout, data):
    rows = []
    for raw, row in words(layout, data):
        line = [f'<th scope="row">{raw.hex(" ")}</th>']
        for field, bits, _, number in row:
            short = ('<br>'.join(field) if bits == 1 else html.escape(field))
            kind = ' class="bit"' if bits == 1 else ''
            line.append(f'<td colspan="{bits}"{kind}><span>{short}</span>'
                        f'<b>{shown(field, bits, number)}</b></td>')
        rows.append(f'<tr>{"".join(line)}</tr>\n')
    return (f'<div class="scroll" tabindex="0" role="region" '
            f'aria-label="{name}"><table class="bits">\n'
            f'<colgroup><col class="raw"><col span="32"></colgroup>\n'
            f'{"".join(rows)}</table></div>\n')


def page(path):
    """The HTML of the packets to show from a capture."""
    parts = []
    for packet, first in choose(packets.read_pcap(path)):
        kind, _, ends = title(packet).partition(', ')
        heading = {'SYN': 'The SYN', 'UDP': 'The datagram'}.get(
            kind, 'The first data')
        parts.append(f'<h2>{heading}</h2>\n<p>From <code>'
                     f'{ends.replace(" to ", "</code> to <code>")}</code>. '
                     'On the left are the captured bytes; beside them is the '
                     'figure from the RFC, with their values.</p>\n')
        parts += [f'<h3>{heading}: {header[0]}</h3>\n{table(*header)}'
                  for header in headers(packet)]
        if packet.transport[20:]:
            items = ''.join(
                f'<li><code>{raw.hex(" ")}</code> {name} {value}'.rstrip()
                + '</li>\n' for raw, name, value in options(packet))
            parts.append(f'<h3>{heading}: TCP options</h3>\n'
                         f'<ul class="raw">\n{items}</ul>\n')
        parts.append(f'<h3>{heading}: what to look at</h3>\n'
                     '<ul class="raw">\n' + ''.join(
                         f'<li><code>{raw.hex(" ")}</code> '
                         f'{html.escape(text)}</li>\n'
                         for raw, text in remarks(packet, first)) + '</ul>\n')
    return ''.join(parts)
