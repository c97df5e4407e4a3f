"""Packets of the loopback interface: captures them, reads and writes pcap
files, and parses IPv4, IPv6, TCP and UDP, using only `struct`."""

import contextlib
import dataclasses
import ipaddress
import select
import socket
import struct
import time

ETHERNET = 14  # bytes of the link layer's header, which lo fills with zeros
FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
TCP, UDP = 6, 17
MAGIC = 0xa1b2c3d4  # of a pcap file with microseconds
NANOSECONDS = getattr(socket, 'SO_TIMESTAMPNS', 35)
EVERY_PROTOCOL = 3  # ETH_P_ALL
OUTGOING = 4  # PACKET_OUTGOING: lo shows each packet twice, going and coming


class NotCaptured(Exception):
    """The reason why there can be no capture on this machine."""


@dataclasses.dataclass
class Packet:
    """One packet: `network` is its IPv4 or IPv6 header, `transport` its TCP or
    UDP header, including options."""
    time: float
    frame: bytes
    network: bytes
    transport: bytes
    payload: bytes
    protocol: int
    source: tuple
    target: tuple
    flags: int = 0

    @property
    def version(self):
        return self.network[0] >> 4


def parse(moment, frame):
    """Returns the Packet in a frame, or None if it is neither TCP nor UDP."""
    data = frame[ETHERNET:]
    kind = data[0] >> 4 if data else 0
    if kind == 4 and len(data) >= 20:
        size, protocol = (data[0] & 15) * 4, data[9]
        data = data[:struct.unpack_from('!H', data, 2)[0]]
        hosts = data[12:16], data[16:20]
    elif kind == 6 and len(data) >= 40:
        size, protocol = 40, data[6]
        hosts = data[8:24], data[24:40]
    else:
        return None
    rest = data[size:]
    if protocol == TCP and len(rest) >= 20:
        length = (rest[12] >> 4) * 4
    elif protocol == UDP and len(rest) >= 8:
        length = 8
    else:
        return None
    ports = struct.unpack_from('!HH', rest)
    source, target = ((str(ipaddress.ip_address(host)), port)
                      for host, port in zip(hosts, ports))
    return Packet(moment, frame, data[:size], rest[:length], rest[length:],
                  protocol, source, target,
                  rest[13] if protocol == TCP else 0)


def ones_complement(data):
    """The Internet checksum of RFC 1071."""
    if len(data) % 2:
        data += b'\0'
    total = sum(struct.unpack(f'!{len(data) // 2}H', data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def transport_checksum(packet):
    """The correct checksum of TCP or UDP."""
    place = 16 if packet.protocol == TCP else 6
    header = packet.transport[:place] + b'\0\0' + packet.transport[place + 2:]
    segment = header + packet.payload
    pseudo = packet.network[12:20] + struct.pack('!BBH', 0, packet.protocol,
                                                 len(segment))
    return ones_complement(pseudo + segment)


class Capture:
    """Captures what passes over lo from now on. Needs root or CAP_NET_RAW."""

    def __init__(self):
        if not hasattr(socket, 'AF_PACKET'):
            raise NotCaptured('only Linux has AF_PACKET')
        try:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        except PermissionError:
            raise NotCaptured('AF_PACKET is for root') from None
        self.socket.setsockopt(socket.SOL_SOCKET, NANOSECONDS, 1)
        with contextlib.suppress(OSError):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        try:
            self.socket.bind(('lo', EVERY_PROTOCOL))
        except OSError as error:
            raise NotCaptured(f'lo: {error.strerror}') from None
        time.sleep(0.3)  # the kernel begins to stamp packets a little later

    def take(self, wait=0.0):
        """Returns the packets that have passed; waits up to `wait` seconds
        for the first."""
        packets = []
        while select.select([self.socket], [], [], wait)[0]:
            frame, extra, _, address = self.socket.recvmsg(1 << 17, 256)
            if address[2] == OUTGOING:
                continue
            stamps = [struct.unpack('qq', data[:16])
                      for level, kind, data in extra
                      if level == socket.SOL_SOCKET and kind == NANOSECONDS]
            moment = (stamps[0][0] + stamps[0][1] / 1e9 if stamps
                      else time.time())
            packets.append(parse(moment, frame))
            wait = 0
        return [packet for packet in packets if packet is not None]

    def close(self):
        self.socket.close()


def read_pcap(path):
    """Returns the packets of a pcap file, of Ethernet or of Linux's lo."""
    with open(path, 'rb') as file:
        data = file.read()
    order = next((sign for sign in '<>' if len(data) >= 24 and struct.unpack(
        sign + 'I', data[:4])[0] in (MAGIC, 0xa1b23c4d)), None)
    if order is None:
        raise ValueError(f'{path} is not a pcap file')
    magic, _, _, _, _, _, link = struct.unpack(order + 'IHHiIII', data[:24])
    if link != 1:
        raise ValueError(f'{path} has link type {link}, not 1 (Ethernet)')
    unit = 1e6 if magic == MAGIC else 1e9
    packets, place = [], 24
    while place + 16 <= len(data):
        seconds, fraction, size, _ = struct.unpack_from(order + 'IIII', data,
                                                        place)
        place += 16
        packets.append(parse(seconds + fraction / unit,
                             data[place:place + size]))
        place += size
    return [packet for packet in packets if packet is not None]


def write_pcap(path, packets):
    with open(path, 'wb') as file:
        file.write(struct.pack('<IHHiIII', MAGIC, 2, 4, 0, 0, 1 << 17, 1))
        for packet in packets:
            seconds = int(packet.time)
            file.write(struct.pack(
                '<IIII', seconds, int((packet.time - seconds) * 1e6),
                len(packet.frame), len(packet.frame)) + packet.frame)
