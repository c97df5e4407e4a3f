#!/usr/bin/env python3
"""Keeps a WSGI application running for ./server -c:

    ./worker.py SOCKET MODULE:APPLICATION [WORKERS]

SOCKET is a path in the folder of the scripts. For each request the server
connects to it and sends the variables of a CGI script, each ended by NUL, and
then an empty one. If the request has a body, the descriptor of its file comes
with them (SCM_RIGHTS). The worker writes to the connection what a script would
print, and closes it. So a worker never sees the client, nor waits for it.

SPDX-License-Identifier: 0BSD"""

import contextlib
import importlib
import io
import os
import signal
import socket
import sys
import traceback

SETTINGS = {
    'wsgi.version': (1, 0), 'wsgi.errors': sys.stderr,
    'wsgi.url_scheme': 'http', 'wsgi.multithread': False,
    'wsgi.multiprocess': True, 'wsgi.run_once': False}

class Response:
    """Writes a WSGI application's response (PEP 3333) as a script would."""

    def __init__(self, connection):
        self.connection, self.head, self.begun = connection, b'', False

    def start(self, status, fields, error=None):
        if error and self.begun:
            raise error[1].with_traceback(error[2])
        lines = [f'Status: {status}', *map(': '.join, fields), '', '']
        self.head = '\r\n'.join(lines).encode('latin-1')
        return self.write

    def write(self, piece):
        piece, self.head, self.begun = self.head + piece, b'', True
        self.connection.sendall(piece)

    def run(self, application, variables):
        pieces = application(variables, self.start)
        try:
            for piece in pieces:
                if piece:
                    self.write(piece)
            if not self.begun:
                self.write(b'')
        finally:
            if hasattr(pieces, 'close'):
                pieces.close()


def receive(connection):
    """Returns the variables of a request (None if the server has not sent all
    of them) and the file with its body."""
    text, extra, _, _ = connection.recvmsg(8192, socket.CMSG_SPACE(4))
    body = io.BytesIO()
    for _, _, descriptor in extra:
        body = open(int.from_bytes(descriptor, sys.byteorder), 'rb')
    while not text.endswith(b'\0\0'):
        piece = connection.recv(65536)
        if not piece:
            return None, body
        text += piece
    lines = text[:-2].decode('latin-1').split('\0')  # as PEP 3333 has them
    return dict([line.split('=', 1) for line in lines]), body


def answer(application, variables, body, connection):
    """Calls the application for one request."""
    response = Response(connection)
    variables.update(SETTINGS)
    variables['wsgi.input'] = body
    if 'HTTPS' in variables:
        variables['wsgi.url_scheme'] = 'https'
    try:
        response.run(application, variables)
    except BrokenPipeError:
        pass  # the client has gone
    except Exception:
        traceback.print_exc()
        if not response.begun:
            response.start('500 Internal Server Error',
                           [('Content-Type', 'text/plain')])(b'An error.\n')


def serve(listener, application):
    """Answers requests, one at a time."""
    while True:
        connection, _ = listener.accept()
        with connection:
            variables, body = receive(connection)
            with body:
                if variables:
                    answer(application, variables, body, connection)


def main(name, target, count='1'):
    module, _, application = target.partition(':')
    sys.path.insert(0, os.getcwd())
    application = getattr(importlib.import_module(module), application)
    listener = socket.socket(socket.AF_UNIX)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name)  # left by an earlier run
    os.umask(0o077)      # only this user may connect
    listener.bind(name)
    listener.listen(128)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    workers = set()
    try:
        while True:      # replace each worker that has ended
            while len(workers) < int(count):
                worker = os.fork()
                if worker == 0:
                    signal.signal(signal.SIGTERM, signal.SIG_DFL)
                    serve(listener, application)
                workers.add(worker)
            workers.discard(os.wait()[0])
    finally:
        for worker in workers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)


if __name__ == '__main__':
    if not 3 <= len(sys.argv) <= 4:
        sys.exit(__doc__)
    with contextlib.suppress(KeyboardInterrupt):
        main(*sys.argv[1:])
