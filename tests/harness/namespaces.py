"""A private network for a check. On Linux an ordinary user can create one, in
a new user and network namespace, and set its routes, rules and limits as root
sets those of the machine. See user_namespaces(7), network_namespaces(7)."""

import ctypes
import errno
import fcntl
import functools
import os
import pickle
import signal
import socket
import struct
import sys
import traceback

from harness.failures import Failure, Skip, Stop
from harness.privileges import prctl
from harness.programs import RUNNING

NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000  # CLONE_NEWUSER, CLONE_NEWNET
BLACKHOLE, UNREACHABLE, PROHIBIT = 6, 7, 8  # kinds of routes, and of rules
LOCAL = 255  # the table of this machine's own addresses


class Unavailable(Exception):
    """This system does not allow a private network, or this operation in
    one."""


# ------------------------------------------------------------ the namespace

def enter():
    """Moves this process into a new network, which has only a loopback
    interface."""
    user, group = os.geteuid(), os.getegid()
    unshare = getattr(ctypes.CDLL(None, use_errno=True), 'unshare', None)
    if unshare is None or unshare(NEW_USER | NEW_NETWORK) == -1:
        raise Unavailable(os.strerror(ctypes.get_errno()))
    try:
        for name, text in (('setgroups', 'deny'),
                           ('uid_map', f'{user} {user} 1'),
                           ('gid_map', f'{group} {group} 1')):
            with open(f'/proc/self/{name}', 'w') as file:
                file.write(text)
        with socket.socket() as control:
            up, running = 1, 0x40
            fcntl.ioctl(control, 0x8914, struct.pack(  # SIOCSIFFLAGS
                '16sH22x', b'lo', up | running))
        reorder_rules()
    except OSError as error:
        raise Unavailable(str(error)) from None


def limit(name, value):
    """Sets a limit of the new network: net.ipv4.NAME, see ip(7), tcp(7)."""
    try:
        with open(f'/proc/sys/net/ipv4/{name}', 'w') as file:
            file.write(str(value))
    except OSError as error:
        raise Unavailable(str(error)) from None


# -------------------------------------------------------- routes and rules

def attribute(kind, value):
    return struct.pack('HH', 4 + len(value), kind) + value


def netlink(kind, body):
    """Asks the kernel to change its routes or rules: rtnetlink(7)."""
    request, acknowledge, create = 1, 4, 0x400
    message = struct.pack('IHHII', 16 + len(body), kind,
                          request | acknowledge | create, 1, 0) + body
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW) as kernel:
        kernel.sendto(message, (0, 0))
        number, = struct.unpack_from('i', kernel.recv(4096), 16)
    if number != 0:
        raise Unavailable(os.strerror(-number))


def add_route(address, kind=1, device='lo'):
    """Adds a route to an address. Only a route of kind 1 (unicast) goes through
    a device."""
    table, protocol, scope = 254, 4, 0 if kind != 1 else 253
    body = struct.pack('BBBBBBBBI', socket.AF_INET, 32, 0, 0, table, protocol,
                       scope, kind, 0)
    body += attribute(1, socket.inet_aton(address))
    if kind == 1:
        body += attribute(4, struct.pack('I', socket.if_nametoindex(device)))
    netlink(24, body)  # RTM_NEWROUTE


def rule(action, priority, table=0, start='', to='', kind=32):
    body = struct.pack('BBBBBBBBI', socket.AF_INET, 32 * bool(to),
                       32 * bool(start), 0, table, 0, 0, action, 0)
    for number, address in ((1, to), (2, start)):
        if address:
            body += attribute(number, socket.inet_aton(address))
    netlink(kind, body + attribute(6, struct.pack('I', priority)))


def reorder_rules():
    """Makes room for rules before the rule for this machine's own
    addresses."""
    rule(1, 100, LOCAL)
    rule(1, 0, LOCAL, kind=33)  # RTM_DELRULE


def cut(start, to, action=BLACKHOLE):
    """Blocks all that is sent from one address to the other from now on."""
    rule(action, 50, start=start, to=to)


# ----------------------------------------------------------------- checks

def run_in_child(function, *arguments):
    """Calls a function in a process of its own, in a new network. Raises the
    function's exception, if any."""
    reading, writing = os.pipe()
    Stop.held = True
    child = os.fork()
    if child == 0:
        with os.fdopen(writing, 'wb') as file:
            pickle.dump(outcome_of(function, *arguments), file)
        os._exit(0)
    os.close(writing)
    try:
        Stop.release()
        with os.fdopen(reading, 'rb') as file:
            document = file.read()
    except BaseException:
        os.kill(child, signal.SIGTERM)  # it kills everything it has started
        raise
    finally:
        os.waitpid(child, 0)
    if not document:
        raise Failure('a check that runs to its end', 'its process was killed')
    result = pickle.loads(document)
    if result is not None:
        raise result


def outcome_of(function, *arguments):
    """Returns what a function raises in a new network, or None."""
    try:
        enter()
        prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: when its parent ends
        Stop.release()
        function(*arguments)
    except (Failure, Skip, Unavailable) as result:
        return result
    except OSError as error:
        return OSError(error.errno, error.strerror or str(error))
    except Exception:
        return Failure('a check that runs to its end',
                       traceback.format_exc(limit=-4))
    finally:
        for program in list(RUNNING):
            program.end()
    return None


@functools.lru_cache(None)
def available():
    """Returns whether checks may create private networks here."""
    if not sys.platform.startswith('linux'):
        return False
    try:
        run_in_child(lambda: limit('tcp_retries2', 1))
    except (Unavailable, OSError, Failure):
        return False
    return True


# -------------------------------------------- other processes' descriptors

def borrow(child, fd):
    """Returns a program's socket, which this process shares from now on:
    pidfd_getfd(2)."""
    pidfd_getfd = 438  # on every machine
    try:
        pidfd = os.pidfd_open(child.pid)
    except (AttributeError, OSError) as error:
        raise Unavailable(str(error)) from None
    copy = ctypes.CDLL(None, use_errno=True).syscall(pidfd_getfd, pidfd, fd, 0)
    number = ctypes.get_errno()
    os.close(pidfd)
    if copy == -1:
        raise Unavailable(errno.errorcode.get(number, number))
    return socket.socket(fileno=copy)


def dissolve(connection):
    """Dissolves a connection: connect(2) with AF_UNSPEC."""
    address = struct.pack('H14x', socket.AF_UNSPEC)
    ctypes.CDLL(None, use_errno=True).connect(connection.fileno(), address,
                                              len(address))


def sockets_of(child):
    """The descriptors of a program that are sockets."""
    return [fd for fd in child.descriptors()
            if child.file_of(fd).startswith('socket:')]
