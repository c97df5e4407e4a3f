"""Clients that speak TLS, but otherwise behave like plain sockets, so that the
checks of 08 can run over TLS, too."""

import fnmatch
import functools
import os
import shutil
import socket
import ssl
import struct
import threading

from harness.privileges import is_user
from harness.settings import NOBODY

RECORD = 16384  # bytes

# The checks of 08 that are not run over TLS, and why.
TOOL = 'it is for a program that speaks HTTP without TLS'
STARTS = 'it starts the server itself, without TLS'
WAITS = 'its clients send before the server can answer a handshake'
COUNTS = 'it counts calls, and a handshake makes more'
MEMORY = 'OpenSSL would run out of memory first'
WITHOUT_TLS = {
    'curl_*': TOOL, 'wget_*': TOOL, 'ab_*': TOOL, 'http_client_*': TOOL,
    'default_folder_found': STARTS, 'default_folder_without_proc': STARTS,
    'log_unread': STARTS, 'port_zero': STARTS,
    'out_of_descriptors': WAITS, 'more_than_fit': WAITS,
    'symbolic_link_in_time': WAITS, 'send_ENOBUFS': WAITS,
    'send_ENOMEM': WAITS, 'tenth_of_a_second': WAITS,
    'room_after_timeout': WAITS,
    'listing_runs_out_of_memory': MEMORY, 'listing_reports_no_memory': MEMORY,
    'idle_takes_nothing': 'OpenSSL keeps some memory for each connection',
    'listing_in_portions': 'a handshake takes longer than the listing',
    'shortage_ends': COUNTS, '*read_in_a_shortage': COUNTS,
    'client_unlisted': COUNTS,
    'variables_no_others': 'HTTPS adds one more',
    'sees_nothing_inherited': STARTS, 'streams_closed': STARTS,
}


class SecureSocket:
    """A connection with TLS on it. The first call that sends or receives does
    the handshake. One thread may send while another receives, which Python's
    own SSLSocket does not allow."""

    def __init__(self, plain, made, name='localhost'):
        self.plain = plain
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = made.wrap_bio(self.incoming, self.outgoing,
                                     server_hostname=name)
        self.waiting = b''             # records to be sent
        self.lock = threading.RLock()  # guards the above
        self.begins = threading.RLock()
        self.begun = self.dead = False

    def __getattr__(self, name):
        return getattr(self.plain, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ------------------------------------------------------------ records

    def flush(self):
        """Sends the waiting records; a nonblocking socket may take fewer."""
        with self.lock:
            self.waiting += self.outgoing.read()
            while self.waiting:
                sent = self.plain.send(self.waiting)
                self.waiting = self.waiting[sent:]

    def fill(self):
        """Receives some bytes of records, or the end of the stream."""
        piece = self.plain.recv(65536)
        with self.lock:
            if piece:
                self.incoming.write(piece)
            else:
                self.incoming.write_eof()

    def shake_hands(self):
        """Performs the handshake, if it is not complete. If the stream ends or
        fails before that, the connection is dead."""
        with self.begins:
            try:
                while not self.begun and not self.dead:
                    self.begun = self.step()
                if not self.dead:
                    self.flush()
            except (ssl.SSLEOFError, ConnectionError):
                self.dead = not self.begun

    def step(self):
        """Continues the handshake. Returns whether it is complete."""
        try:
            with self.lock:
                self.session.do_handshake()
            return True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLEOFError:
            raise
        except ssl.SSLError:
            self.flush()  # an alert
            raise
        self.flush()
        self.fill()
        return False

    # ---------------------------------------------- what plain sockets have

    def recv(self, size):
        """Treats every end of the stream alike, announced or not."""
        self.shake_hands()
        while not self.dead:
            try:
                with self.lock:
                    return self.session.read(size)
            except ssl.SSLWantReadError:
                self.fill()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                break
        return b''

    def send(self, piece):
        self.shake_hands()
        if self.dead:
            return len(piece)  # recv reports the end, as with a plain socket
        self.flush()
        with self.lock:
            sent = self.session.write(piece[:RECORD])
        try:
            self.flush()
        except BlockingIOError:
            pass  # the rest is sent before the next record
        return sent

    def sendall(self, piece):
        view = memoryview(piece)
        while view:
            view = view[self.send(view):]

    def shutdown(self, how):
        """Shuts down; if that ends our half, sends the closing alert first."""
        self.shake_hands()
        if self.dead:
            return
        if how == socket.SHUT_WR:
            self.say_end()
        self.plain.shutdown(how)

    def close(self):
        """Closes. Sends the closing alert first, unless a reset is wanted."""
        if self.plain.fileno() != -1 and not self.resets():
            try:
                self.plain.settimeout(0)
                self.say_end()
            except OSError:
                pass
        self.plain.close()

    def resets(self):
        option = self.plain.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
        return struct.unpack('ii', option) == (1, 0)

    def say_end(self):
        """Sends the closing alert, without waiting for the other side's."""
        if not self.begun:
            return
        try:
            with self.lock:
                self.session.unwrap()
        except (ssl.SSLError, ValueError):
            pass
        self.flush()


@functools.lru_cache(maxsize=None)
def context(certificate):
    """Returns a context for clients that trust only this certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.load_verify_locations(certificate)
    return made


def reason_against(name):
    """Why a check is not run over TLS, or None."""
    return next((reason for pattern, reason in WITHOUT_TLS.items()
                 if fnmatch.fnmatch(name, pattern)), None)


def own_certificate(path, directory):
    """Copies a certificate and its key for the checks' servers. Those that run
    as another user get a second copy, which that user owns."""
    copy = os.path.join(directory, 'certificate.pem')
    for place in copy, for_nobody(copy):
        shutil.copyfile(path, place)
        os.chmod(place, 0o600)
    if os.geteuid() == 0 and is_user(NOBODY):
        os.chown(for_nobody(copy), NOBODY, NOBODY)
    return copy


def for_nobody(certificate):
    return certificate + '.nobody'


def secure(client, certificate):
    """Puts TLS on a connection."""
    return SecureSocket(client, context(certificate))
