"""Draws the network stack of Linux, with the ladder's calls in it."""

import html

LAYERS = [  # (layer, text below its name, its tasks, its data)
    ('application', 'user space',
     ['08-http/server, 06-client/client',
      'HTTP, or an echo: bytes with a meaning'], 'data'),
    ('system calls', 'socket  bind  listen  accept  connect',
     ['recv  send  select  close', 'into the kernel, and back with a result'],
     'data'),
    ('sockets', 'protocol agnostic',
     ['descriptor to socket; send and receive',
      'buffers, the queue of listen, wait queues'], 'data'),
    ('TCP', 'transport layer',
     ['ports, sequence numbers, acknowledgments,',
      'windows, retransmission, checksum'], 'TCP data'),
    ('IP', 'network layer',
     ['addresses, the route, time to live,', 'the header\u2019s checksum'],
     'IP TCP data'),
    ('devices', 'device agnostic',
     ['queues of packets; here tcpdump and', 'make wire look on'],
     'IP TCP data'),
    ('driver', 'lo, or Ethernet',
     ['lo hands each packet back up;', 'a card puts it on a cable'],
     'Eth IP TCP data'),
]
WIDTH, HEIGHT, LEFT, RIGHT, TOP = 960, 68, 150, 640, 20


def svg(style):
    parts, y = [], TOP
    for number, (name, whose, does, parcel) in enumerate(LAYERS):
        if name == 'system calls':
            parts.append(f'<path class="call border" d="M0 {y - 5}H{WIDTH}"/>')
            parts.append(f'<text class="under" x="0" y="{y - 13}">user space'
                         f'</text><text class="under" x="0" y="{y + 12}">'
                         'kernel</text>')
        fill = 'box user' if number == 0 else 'box'
        parts.append(f'<rect class="{fill}" x="{LEFT}" y="{y}" rx="6" '
                     f'width="{RIGHT - LEFT}" height="{HEIGHT - 10}"/>')
        if name == 'system calls':
            lines = [whose, does[0]]
            parts += [f'<text class="calls" x="{LEFT + 20}" '
                      f'y="{y + 24 + 20 * line}">{text}</text>'
                      for line, text in enumerate(lines)]
        else:
            parts.append(f'<text class="head" x="{LEFT + 20}" y="{y + 26}">'
                         f'{name}</text><text class="under" x="{LEFT + 20}" '
                         f'y="{y + 45}">{whose}</text>')
            parts += [f'<text class="plain" x="{LEFT + 165}" '
                      f'y="{y + 26 + 19 * line}">{html.escape(text)}</text>'
                      for line, text in enumerate(does)]
        x = RIGHT + 80
        for piece in parcel.split():
            width = 86 if piece == 'data' else 44
            parts.append(
                f'<rect class="piece {piece.lower()}" x="{x}" y="{y + 14}" '
                f'width="{width}" height="30"/><text class="mid" '
                f'x="{x + width / 2:g}" y="{y + 34}">{piece}</text>')
            x += width + 3
        y += HEIGHT
    bottom = y - 14
    parts.append(
        f'<path class="packet" d="M{RIGHT + 28} {TOP + 6}V{bottom}'
        f'M{RIGHT + 23} {bottom - 9}L{RIGHT + 28} {bottom}L{RIGHT + 33} '
        f'{bottom - 9}M{RIGHT + 52} {bottom}V{TOP + 6}M{RIGHT + 47} '
        f'{TOP + 15}L{RIGHT + 52} {TOP + 6}L{RIGHT + 57} {TOP + 15}"/>')
    parts.append(f'<text class="under mid" x="{RIGHT + 18}" y="{bottom + 18}">'
                 f'send</text><text class="under mid" x="{RIGHT + 64}" '
                 f'y="{bottom + 18}">recv</text>')
    more = ('.chart .box{fill:none;stroke:var(--rail)}'
            '.chart .user{stroke-dasharray:5 4}'
            '.chart .border{stroke-dasharray:2 3}'
            '.chart .calls{font-weight:700;fill:var(--call)}'
            '.chart .plain{font:14px system-ui,"DejaVu Sans",sans-serif}'
            '.chart .piece{fill:none;stroke:var(--rail)}'
            '.chart .piece.data{fill:var(--bar)}')
    words = '; '.join(f'{name} ({whose}): {" ".join(does)}'
                      for name, whose, does, _ in LAYERS)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" class="chart stack" '
            f'viewBox="-4 0 {WIDTH + 4} {bottom + 26}" role="img" '
            'aria-labelledby="t-stack d-stack">\n'
            '<title id="t-stack">The network stack, with the ladder\u2019s '
            'calls in it</title>\n'
            f'<desc id="d-stack">From top to bottom: {html.escape(words)}. '
            'Each layer puts its header before the data on the way down, and '
            'takes it off on the way up.</desc>\n'
            f'<style>{style}{more}</style>\n' + '\n'.join(parts)
            + '\n</svg>\n')
