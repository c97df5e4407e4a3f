"""A client that does what its standard input says, one call per line: connect
PORT, small PORT, send TEXT, flood N, recv N, close."""

import socket
import sys

client = None
for line in sys.stdin:
    order, _, rest = line.rstrip('\n').partition(' ')
    if order == 'connect':
        client = socket.socket()
        client.connect(('127.0.0.1', int(rest)))
    elif order == 'small':  # a small buffer, and segments as on Ethernet
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1448)
        client.connect(('127.0.0.1', int(rest)))
    elif order == 'send':
        client.send(rest.encode().decode('unicode_escape').encode())
    elif order == 'flood':
        client.send(bytes(int(rest)))
    elif order == 'recv':
        client.recv(int(rest))
    elif order == 'close':
        client.close()
