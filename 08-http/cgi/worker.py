#!/usr/bin/env python3
"""Keeps a WSGI application running for ./server -c:

    ./worker.py SOCKET MODULE:APPLICATION [WORKERS]

SOCKET is a name among the scripts. For each request the server connects to it,
and sends the variables of a CGI script, each ended by NUL, with two descriptors
(SCM_RIGHTS): the body of the request, and the pipe for the response. So a
worker never sees the client, nor waits for it.

SPDX-License-Identifier: 0BSD"""

import contextlib
import importlib
import os
import signal
import socket
import sys
from wsgiref.handlers import BaseCGIHandler


class Handler(BaseCGIHandler):
    os_environ = {}  # the application sees only the variables of the request


def receive(connection):
    """Returns the variables of a request and its descriptors."""
    text, descriptors, _, _ = socket.recv_fds(connection, 65536, 2)
    while piece := connection.recv(65536):
        text += piece
    lines = text.decode('latin-1').split('\0')[:-1]  # as PEP 3333 has them
    return dict(line.split('=', 1) for line in lines), descriptors


def serve(listener, application):
    """Answers one request after the other."""
    while True:
        connection, _ = listener.accept()
        with connection:
            variables, descriptors = receive(connection)
        if len(descriptors) != 2:
            continue
        with contextlib.suppress(BrokenPipeError), \
                open(descriptors[0], 'rb') as body, \
                open(descriptors[1], 'wb') as response:
            Handler(body, response, sys.stderr, variables, multithread=False,
                    multiprocess=True).run(application)


def main(name, target, count='1'):
    module, _, application = target.partition(':')
    sys.path.insert(0, os.getcwd())
    application = getattr(importlib.import_module(module), application)
    listener = socket.socket(socket.AF_UNIX)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name)  # of a worker before this one
    os.umask(0o077)      # only this user may connect
    listener.bind(name)
    listener.listen(128)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    workers = set()
    try:
        while True:      # and start another one when a worker has ended
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
