"""Finds the likeliest cause of a failed check from what the program did: how
it ended, what it printed, which calls it made, and in which call it waits. The
hint about such a cause is printed before the check's own hint."""

import contextlib
import errno
import re
import signal
import time

from harness.commands import likely_option
from harness.failures import SIGPIPE_HINT
from harness.settings import MEMCHECK

CRASHES = {-signal.SIGSEGV, -signal.SIGBUS, -signal.SIGABRT, -signal.SIGFPE,
           -signal.SIGILL}
LIMITED = ('recv_EAGAIN', 'recv_EWOULDBLOCK', 'send_EAGAIN', 'talker_stays',
           'send_EWOULDBLOCK', 'never_ends', 'never_reads', 'slow_reader_stays',
           'connect_EINPROGRESS', 'never_reads_once', 'reads_at_last')
LOOP = {'03': 'wait with pause() after listen()',
        '04': 'call accept in an endless loop',
        '05': 'accept one client after another, in an endless loop'}


class Causes:
    """The possible causes of a failed check, the likeliest first."""

    def __init__(self, test, check):
        self.test, self.check, self.stage = test, check, test.stage
        if self.stage == '05-framing':  # it has the same causes as 05
            self.stage = '05'
        self.faults, self.child = test.faults, test.children[-1]
        self.status = self.child.wait_exit(0.2)
        self.told = '\n'.join(self.child.lines)
        self.attached = bool(self.faults.get('attached'))

    def get(self, name, call):
        return self.faults.get(name, call) if self.attached else None

    def first(self):
        """Returns the likeliest cause, or ''."""
        rules = [self.options, self.unexamined, self.success, self.no_socket,
                 self.signals, self.unended, self.exits, self.listener_dropped]
        if not self.test.any and self.attached and not MEMCHECK:
            rules += [self.goes_on, self.no_failure, self.hurries,
                      self.missing_calls, self.sets, self.nfds, self.timeout,
                      self.end_ignored, self.sleeps_in_accept,
                      self.sleeps_on_client, self.limits, self.never_called,
                      self.no_shutdown]
        for rule in rules:
            cause = rule()
            if cause:
                return cause
        return ''

    def options(self):
        """An option that the program should accept, but does not."""
        return '' if self.test.any else likely_option(
            self.child, self.told, self.status)

    def unexamined(self):
        """A socket is used although it could not be created."""
        if self.get('injected', 'socket') and (
                self.status in CRASHES
                or re.search('EBADF|Bad file descriptor', self.told)):
            return ('socket() has returned -1: check its result before it is '
                    'used')
        return ''

    def signals(self):
        """A crash, or SIGPIPE, unless a closed stream caused it."""
        if self.status == -signal.SIGPIPE:
            if self.check.name == 'closed_streams':
                return ''
            return SIGPIPE_HINT
        if self.status in CRASHES and not self.sent(-self.status):
            name = signal.Signals(-self.status).name
            return (f'it crashed ({name}): an access outside an array, or '
                    'through a bad pointer. Build it with -g '
                    '-fsanitize=address,undefined and check again: then the '
                    'sanitizer names the line')
        return ''

    def unended(self):
        """A message that does not end with a newline."""
        if self.test.any or not self.child.unfinished or self.child.floods():
            return ''
        return ('the last line lacks a newline: end each message with "\\n", '
                'in the format string of fprintf')

    def sent(self, *numbers):
        return any(number in self.child.signalled for number in numbers)

    def exits(self):
        """The server has exited, although nothing has stopped it."""
        if (self.stage not in LOOP and self.stage not in ('07', '08')
                or 'listening on' not in self.told
                or self.sent(signal.SIGTERM, signal.SIGINT, signal.SIGKILL)):
            return ''
        if self.check.name == 'more_than_fit' and self.status is not None:
            return ('a descriptor of FD_SETSIZE or above must never enter a '
                    'set: limit the descriptors, or close that client')
        if self.attached and self.stage in ('07', '08') and len(re.findall(
                r'^dropped 0\.0\.0\.0:0:', self.told, re.M)) > (
                    self.get('calls', 'accept') - self.get('failed', 'accept')):
            return ('a row without a client has been dropped: skip the rows '
                    'that are not open')
        if (self.status and self.stage in ('07', '08')
                and re.search('(?m)^recv: ENOTCONN: ([^(]*|.*:0.)$', self.told)
                and not self.injected()):
            return ('recv was called on the listener: when it is ready, call '
                    'accept')
        if 'select: EBADF' in self.told and not self.injected():
            return ('a set holds a descriptor that is closed: empty both sets '
                    '(FD_ZERO) before each select, and add only open ones')
        if 'select: EINVAL' in self.told and not self.get('injected',
                                                          'select'):
            return self.listener_dropped() or (
                'the timeout of select was negative: first drop the clients '
                'that are due, then wait for the next one')
        if 'EBADF' in self.told and not self.injected():
            return ('a call was made on a descriptor that had been closed: '
                    'close the client\'s socket, not the listener, and only '
                    'once' + (', and handle only what FD_ISSET finds ready'
                              if self.stage >= '07' else ''))
        if self.status == 0 and self.get('injected', 'select'):
            return ('select returned -1, so its sets are undefined: check '
                    'what it returns before you use them')
        if self.status == 0:
            return ('it exited with status 0, though a server runs until a '
                    'signal ends it: ' + LOOP.get(
                        self.stage, 'call select in a loop that only a signal '
                        'ends' + ('. pipe() is never called, so select may '
                                  'watch standard input, and return at its end'
                                  if self.attached
                                  and not self.get('calls', 'pipe') else '')))
        if (self.status is not None and self.status > 0
                and self.stage >= '04' and not self.injected()
                and not self.check.name.startswith(('accept_', 'restart'))):
            return (f'it exited with status {self.status} after it had served '
                    'a client: an error on one client\'s socket may end that '
                    'connection, never the server')
        return ''

    def listener_dropped(self):
        """The time limit of clients was applied to the listener, too."""
        if re.search(r'^(dropped \S+:[1-9].*)\n\1$', self.told, re.M):
            return ('a client is dropped again and again: close the socket of '
                    'a client that is dropped, and free its row')
        if (re.search(r'^dropped 0\.0\.0\.0:0:', self.told, re.M)
                and 'select: EINVAL' not in self.told):
            return ('a client has no address: keep the one that accept stored, '
                    'for messages about that client')
        port = re.search(r'^listening on \S+:(\d+)$', self.told, re.M)
        if port and re.search(rf'(?m)^dropped \S+:(0|{port[1]}):', self.told):
            return ('the listener has been dropped: the limit for the time '
                    'without a byte applies only to clients')
        return ''

    def injected(self, *more):
        return any(self.faults.get('injected', call) for call in (
            *more, 'socket', 'bind', 'listen', 'accept', 'recv', 'send',
            'select', 'connect'))

    def missing_calls(self):
        """A call that is never made, although the program reports success."""
        if self.status not in (0, None) or 'usage: ' in self.told + str(
                self.child.output):
            return ''
        bound = re.search('(bound to|listening on) ', self.told)
        for call, missed in (
                ('bind', bound and self.stage != '06'),
                ('listen', 'listening on' in self.told)):
            if missed and not self.get('calls', call):
                return (f'{call}() is never called' + (
                    ': no socket listens on the port, so the kernel refuses '
                    'connections. Call listen() after bind()'
                    if call == 'listen' else
                    ': the socket has no address yet'))
        return ''

    def never_called(self):
        """A call that an echo needs is never made."""
        if self.stage == '06' and self.check.name == 'echo_line':
            for call, what in (
                    ('connect', 'to the address that getaddrinfo found'),
                    ('send', 'send what read has stored'),
                    ('recv', 'receive the echo of what was sent')):
                if not self.get('calls', call):
                    return f'{call}() is never called: {what}'
        if self.stage in ('05', '07') and self.check.name.startswith('echo'):
            for call, what in (
                    ('accept', 'take a client with it' if self.stage == '05'
                     else 'put the listener in the set for reading, and accept '
                     'when it is ready'),
                    ('recv', 'receive what the client sends'),
                    ('send', 'send back what recv has stored, if it returns '
                             'more than 0')):
                if not self.get('calls', call):
                    return f'{call}() is never called: {what}'
        return ''

    def goes_on(self):
        """A call is made again and again, although it fails."""
        for call in ('recv', 'send'):
            count, number = (self.get(name, call)
                             for name in ('failed', 'last_error'))
            if count > 1000 and number in (errno.EBADF, errno.ENOTSOCK):
                return (f'{call}() was called {count} times on a descriptor '
                        'that is not an open socket: call it only on the '
                        'socket of an open connection')
            if (count and number == errno.EAGAIN and self.check.name in LIMITED
                    and self.stage in ('05', '06')
                    and (self.stage, call) != ('05', 'send')
                    and f'{call}: ' not in self.told):
                return (f'{call}() has failed with EAGAIN: its time limit has '
                        'expired. Report that, and give up')
            if count > 1000 and number not in (errno.EAGAIN, errno.EINTR):
                return (f'{call}() has failed {count} times, the last time '
                        f'with {errno.errorcode.get(number, number)}: ' + (
                            'report it, and exit' if self.stage == '06' else
                            'that is a DROP, so close this client\'s socket '
                            'and do not use it again'))
        return ''

    def success(self):
        """The program reports that a call failed, but errno is 0."""
        plain = re.search(r'^(\w+): Success( \(|$)', self.told, re.M)
        if plain and not self.injected():
            return (f'the program reports that {plain[1]} has failed, but it '
                    'has not: only -1 means failure')
        return ''

    def no_socket(self):
        """A call is made on a descriptor that is not a socket."""
        wrong = re.search(r'^(recv|send): ENOTSOCK', self.told, re.M)
        if not wrong or self.injected() or self.check.name == 'more_than_fit':
            return ''
        return (f'{wrong[1]} was called on a descriptor that is not a socket'
                + (': empty both sets (FD_ZERO) before each select, handle '
                   'only what FD_ISSET finds ready, and end the program when '
                   'the pipe that a signal handler writes to is ready'
                   if self.stage in ('07', '08') else ''))

    def no_failure(self):
        """The program reports that a call failed, but it did not."""
        for call in ('recv', 'send', 'setsockopt'):
            if (not re.search(rf'^{call}: ', self.told, re.M)
                    or not self.get('calls', call)
                    or self.injected(call)):
                continue
            if not self.get('failed', call):
                return (f'the program reports that {call} has failed, but it '
                        'has not: only -1 means failure')
            wrong = re.search(rf'^{call}: E(FAULT|OPNOTSUPP)', self.told, re.M)
            if (call == 'setsockopt' or wrong
                    and not self.check.name.startswith(f'{call}_E')):
                return (f'{call} failed, which should not happen here: check '
                        'its arguments. ' + (
                            'The last one is the size of what the previous one '
                            'points to' if call == 'setsockopt' else
                            'Where do the bytes begin, and how many are there? '
                            '-1 is not a length'))
        return ''

    def hurries(self):
        """A client is dropped because it has not read for a moment."""
        if (re.search('^dropped ', self.told, re.M)
                and '-t' not in self.child.command):
            return ('a client has been dropped although it had not been silent '
                    'for 60 seconds: note when its last byte moved, and '
                    'compare the time since then with the limit')
        if (self.stage != '05' or self.check.name in LIMITED
                or not re.search('^send: EAGAIN', self.told, re.M)
                or self.get('injected', 'send')):
            return ''
        return ('"send: EAGAIN": a client that reads slowly was dropped. Call '
                'send again until a clock says that no byte has been taken for '
                '-t seconds; a tenth of a second is 100000 in tv_usec')

    def nfds(self):
        """A descriptor in a set is not below nfds."""
        nfds, high = self.get('low', 'select'), self.get('high', 'select')
        if high:
            return (f'select() was called with nfds {nfds}, but descriptor '
                    f'{high - 1} is in a set: nfds is the highest descriptor '
                    'in any set, plus 1')
        return ''

    def timeout(self):
        """The timeout of select is not set again."""
        if self.get('stale', 'select'):
            return ('select() was called with the timeout that the previous '
                    'call had changed: Linux stores the time left there, so '
                    'fill it in before each call')
        return ''

    def sets(self):
        """The sets of select are not filled again."""
        if self.get('again', 'select'):
            return ('select() was called with the set that the previous call '
                    'had left: select leaves only the ready descriptors in a '
                    'set, so fill it (FD_ZERO, FD_SET) before each call')
        return ''

    def end_ignored(self):
        """recv has returned 0, but the socket is still open."""
        if self.stage not in ('05', '07') or not self.get('ended', 'recv'):
            return ''
        return ('recv() has returned 0, which means that the client has '
                'closed, but ' + (
                    'the program calls recv() on that socket again'
                    if self.get('again', 'recv') else
                    'the program has not closed that socket')
                + (': close it and take it out of the sets'
                   if self.stage == '07' else
                   ': leave the loop, close it, accept the next client'))

    def waits_in(self, call):
        """The descriptor that a call is waiting for, or None."""
        inside = self.get('inside', call)
        return inside - 2 if inside else None

    def sleeps_in(self, call):
        """Returns whether the program stays asleep in a call."""
        for _ in range(5):
            with contextlib.suppress(OSError):  # it may end meanwhile
                if self.waits_in(call) is None or self.child.state() != 'S':
                    return False
            time.sleep(0.02)
        return True

    def sleeps_in_accept(self):
        if self.stage < '07' or self.waits_in('accept') is None:
            return ''
        return ('it sleeps in accept(), with no client left to accept: the '
                'listener blocks. Set O_NONBLOCK on it, or accept one client '
                'each time select reports it ready')

    def sleeps_on_client(self):
        """A call blocks while other clients need to be served."""
        if self.stage < '07' or self.status is not None:
            return ''
        for call in ('recv', 'send'):
            if self.sleeps_in(call):
                return (f'it sleeps in {call}() on one client\'s socket, and '
                        'no other client is served: ' +
                        ('call recv only on sockets that select has reported '
                         'as ready; even they ' if call == 'recv' else
                         'the sockets ') + 'must not block (O_NONBLOCK)')
        return ''

    def no_shutdown(self):
        """Client and server each wait for the other to close."""
        if (self.stage != '06' or self.get('calls', 'shutdown')
                or self.status is not None or not self.sleeps_in('recv')
                or self.check.name in LIMITED or self.get('most', 'send')):
            return ''
        return ('it waits in recv(), but the server has sent everything: '
                'receive exactly as many bytes as were sent, and at the end '
                'of the input call shutdown(fd, SHUT_WR), so that the server '
                'sees the end of the stream')

    def limits(self):
        """The socket options that -t must set."""
        command = self.child.command
        seconds = (command[command.index('-t') + 1] if '-t' in command[:-1]
                   else '60' if self.stage == '05' else '10')
        if self.stage not in ('05', '06') or not seconds.isdecimal():
            return ''
        seconds = int(seconds)
        values = {'SO_RCVTIMEO': self.get('low', 'setsockopt'),
                  'SO_SNDTIMEO': self.get('high', 'setsockopt')}
        for name, value in values.items():
            if value and seconds and value - 1 == seconds:
                return (f'-t {seconds} has set {name} to {seconds / 1000} '
                        'seconds: tv_sec is in seconds')
        if self.check.name not in LIMITED:
            return ''
        missing = [name for name, value in values.items() if not value]
        if missing == ['SO_RCVTIMEO', 'SO_SNDTIMEO']:
            if self.waits_in('connect') is not None:
                return ('connect() waits, and SO_SNDTIMEO, which limits it, '
                        'has not been set: set both limits before connect')
            return (f'no time limit is set, despite -t {seconds}: set '
                    'SO_RCVTIMEO and SO_SNDTIMEO on the '
                    + ('client\'s socket' if self.stage == '05' else 'socket, '
                       'before connect'))
        for name in missing:
            return (f'only one of the time limits is set: {name} limits '
                    + ('recv' if name == 'SO_RCVTIMEO' else 'send' if
                       self.stage == '05' else 'connect and send, so set it '
                       'before connect'))
        return ''


def likely_cause(test, check):
    """Returns a hint about the likeliest cause of a failure, or ''."""
    return Causes(test, check).first() if test.children else ''
