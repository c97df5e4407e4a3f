"""The checks of 07-queue: each piece of work goes to exactly one worker.

To add one, start from `one_worker_each`, a short one; see "Add a check" in
tests/README.md. The checks for a full queue and for workers that leave are in
queue_limits.py, those for pushers taking turns in queue_turns.py."""

import signal
import socket

from checks.exercises.lines import (LINE, PIECES_HINT, LinesTest, Talker,
                                    differs)
from harness import (TESTS_OF, Failure, check, counted, reset, share, shown,
                     wait_until)

SHARED = ('no_tick silent_client shortage_shared out_of_descriptors '
          'more_than_fit limit_raised messages_unread nothing_remains '
          'ends_in_good_order ends_under_load signal_before_select ends_unread')
TURN_HINT = ('a piece goes to the worker that has waited longest: note the '
             'order in which workers have sent PULL')


class QueueTest(LinesTest):
    """A test of 07-queue."""

    def plenty(self):
        return (b'PUSH ' + b'x' * 900 + b'\n') * 70  # 1,000 fill the queue

    def talker(self, server, **options):
        return Worker(self, server, **options)


class Worker(Talker):
    """A client that pushes and pulls."""

    def push(self, *texts, hint=''):
        self.say(*[b'PUSH ' + text for text in texts], hint=hint)
        for text in texts:
            self.expect(b'OK', why='in answer to the line '
                        f'{shown(b"PUSH " + text)}', hint=hint or
                        'answer PUSH when the piece is in the queue')

    def pull(self):
        """Sends PULL, and waits until it has been handled."""
        self.say(b'PULL')
        self.nothing('there is no work, so PULL has no answer yet',
                     'the lines after PULL are handled while the client waits, '
                     'even if they arrive together with PULL')

    def gets(self, text, hint=''):
        what = f'the line {shown(b"WORK " + text)} in answer to PULL'
        line = self.line(what, hint)
        if line != b'WORK ' + text:
            raise Failure(what, differs(b'WORK ' + text, line),
                          'PULL is an ERROR only while this client waits for '
                          'work or has some: after DONE it has none'
                          if line == b'ERROR' else hint)

    def pulls(self, text, hint=''):
        self.say(b'PULL')
        self.gets(text, hint)

    def handled(self, hint='receive from a client while it waits for work, so '
                           'that its end is noticed, too'):
        return super().handled(hint)

    def done(self, hint=''):
        self.say(b'DONE')
        self.expect(b'OK', why='in answer to DONE', hint=hint)


TESTS_OF['07-queue'] = QueueTest


@check('07-queue')
def push_and_pull(test):
    """PUSH is answered with OK, PULL with WORK and the piece, DONE with OK"""
    server = test.server()
    worker, pusher = test.talker(server), test.talker(server)
    pusher.push(b'dig a hole')
    worker.pulls(b'dig a hole')
    worker.done()
    worker.nothing('one answer for each line')
    pusher.nothing('one answer for each line')


@check('07-queue')
def no_work_without_pull(test):
    """a worker gets a piece for each PULL, and none without a PULL"""
    server = test.server()
    idle, worker, pusher = (test.talker(server) for _ in range(3))
    pusher.push(b'one')
    idle.nothing('it has sent no PULL')
    worker.pulls(b'one')
    pusher.push(b'two')
    worker.nothing('one piece for each PULL')
    worker.done()
    worker.nothing('after DONE it has not sent PULL again')
    pusher.nothing('it has sent no PULL')
    idle.pulls(b'two')


@check('07-queue', after='done_without_work')
def several_at_once(test):
    """many lines may arrive at once, followed by the beginning of another"""
    server = test.server()
    pusher, worker = test.talker(server), test.talker(server)
    pusher.send(b'PUSH 0\n?\nPUSH 1\nDONE\nPUSH 2\nPU')
    pusher.expect(b'OK', b'ERROR', b'OK', b'ERROR', b'OK', hint=PIECES_HINT)
    pusher.send(b'SH 3\n')
    pusher.expect(b'OK', hint=PIECES_HINT)
    pusher.push(*[b'%d' % number for number in range(4, 900)],
                hint=PIECES_HINT)
    worker.pulls(b'0')
    for number in range(1, 10):
        worker.say(b'DONE', b'PULL')
        worker.expect(b'OK', b'WORK %d' % number, hint=PIECES_HINT)
    for number in range(10, 900):  # one by one, or Nagle's algorithm would
        worker.done()              # delay each WORK behind its OK
        worker.pulls(b'%d' % number, PIECES_HINT)


@check('07-queue', after='in_order')
def split_anywhere(test):
    """a line may be split anywhere, while other clients send theirs"""
    server = test.server()
    pusher, worker, other = (test.talker(server) for _ in range(3))
    for at in range(1, 12):
        line = b'PUSH part %02d\n' % at
        pusher.send(line[:at])
        other.push(b'other', hint=PIECES_HINT)
        pusher.send(line[at:])
        pusher.expect(b'OK', hint=PIECES_HINT)
        for text in b'other', b'part %02d' % at:
            for byte in b'PULL\n':
                worker.send(bytes([byte]), PIECES_HINT)
                wait_until(lambda: worker.silent(0.002), 0.1)
            worker.gets(text, PIECES_HINT)
            worker.done()


@check('07-queue')
def pull_waits(test):
    """PULL waits until there is work"""
    server = test.server()
    worker, pusher = test.talker(server), test.talker(server)
    for text in (b'first', b'second'):
        worker.pull()
        pusher.push(text)
        worker.gets(text,
                    'hand out work as soon as there is a piece and a worker '
                    'waiting for it')
        worker.done()


@check('07-queue')
def one_worker_each(test):
    """a piece goes to one worker only"""
    server = test.server()
    workers = [test.talker(server) for _ in range(4)]
    for worker in workers:
        worker.pull()
    for text in (b'dig', b'fill'):
        test.talker(server).push(text)
        got = [line for worker in workers for line in worker.handled()]
        if got != [b'WORK ' + text]:
            raise Failure(f'the line {shown(b"WORK " + text)} to one worker',
                          f'the lines {got} to the workers', 'each piece is '
                          'for exactly one worker: take it out of the queue')


@check('07-queue')
def in_order(test):
    """pieces are handed out in the order in which they were pushed"""
    server = test.server()
    texts = [b'piece %d' % number for number in range(300)]
    pusher, worker = test.talker(server), test.talker(server)
    pusher.push(*texts[:150])
    for text in texts[:100]:
        worker.pulls(text, 'the piece that has waited longest comes first')
        worker.done()
    pusher.push(*texts[150:])
    for text in texts[100:]:
        worker.pulls(text, 'the piece that has waited longest comes first')
        worker.done()


@check('07-queue')
def round_robin(test):
    """work goes to the worker that has waited longest, so the workers take
    turns"""
    server = test.server()
    workers = [test.talker(server) for _ in range(4)]
    pusher = test.talker(server)
    orders = [0, 1, 2, 3], [2, 0, 3, 1], [3, 2, 1, 0], [1, 3, 0, 2]
    for round, order in enumerate(orders):
        for number in order:
            workers[number].pull()
        texts = [b'round %d, worker %d' % (round, number) for number in order]
        if round % 2:
            pusher.push(*texts)
        for number, text in zip(order, texts):
            if not round % 2:
                pusher.push(text)
            workers[number].gets(text, TURN_HINT)
            workers[number].done()


@check('07-queue')
def done_without_work(test):
    """DONE without work is an ERROR"""
    server = test.server()
    worker, pusher = test.talker(server), test.talker(server)
    worker.refused(b'DONE', 'this client has no work')
    worker.pull()
    worker.refused(b'DONE', 'this client is still waiting for work')
    pusher.push(b'dig')
    pusher.refused(b'DONE', 'another client has the work')
    worker.gets(b'dig')
    worker.done()
    worker.refused(b'DONE', 'this work was done already')
    worker.refused(b'DONE', 'this work was done already')


@check('07-queue')
def pull_twice(test):
    """PULL is an ERROR while the client waits for work, or has some"""
    server = test.server()
    worker, pusher = test.talker(server), test.talker(server)
    worker.pull()
    worker.refused(b'PULL', 'a client waits for one piece at a time')
    worker.refused(b'PULL', 'a client waits for one piece at a time')
    pusher.push(b'one', b'two')
    worker.gets(b'one')
    worker.refused(b'PULL', 'a client has one piece at a time, until DONE')
    worker.done()
    worker.nothing('a PULL that is answered with ERROR does not count')
    worker.pulls(b'two')
    worker.done()


@check('07-queue')
def pushes_and_pulls(test):
    """a client may push and pull, even its own pieces, and push while it waits
    or works"""
    server = test.server()
    client = test.talker(server)
    client.push(b'mine')
    client.pulls(b'mine')
    client.push(b'more')
    client.done()
    client.pulls(b'more')
    client.done()
    client.pull()
    client.say(b'PUSH for myself')
    client.expect(b'OK', b'WORK for myself')
    client.done()


@check('07-queue')
def other_lines(test):
    """a line of any other form is answered with ERROR, and changes nothing"""
    server = test.server()
    worker, client = test.talker(server), test.talker(server)
    worker.pull()
    for line in (b'', b' ', b'hello', b'PUSH', b'PUSHx', b'push x', b' PUSH x',
                 b'PUSH\tx', b'PULL ', b'PULL x', b' PULL', b'pull', b'PULL\r',
                 b'PUL', b'PULLL', b'DONE ', b'DONE x', b'done', b'DONE\r',
                 b'WORK x', b'OK', b'ERROR', b'\0', b'PULL\0', b'PUSH\0x'):
        client.refused(line, 'answer ERROR to a line that is neither "PUSH '
                       'text" nor PULL nor DONE')
    worker.nothing('no line was a piece of work')
    client.push(b'dig')
    worker.gets(b'dig')


@check('07-queue')
def any_text(test):
    """a text may contain any bytes but a newline, and may be empty"""
    server = test.server()
    worker, pusher = test.talker(server), test.talker(server)
    every = bytes(byte for byte in range(256) if byte != 10)
    for text in (b'', b' ', b'  two  blanks ', b'a\0b', b'\r', every, b'PULL',
                 b'PUSH x', b'%s%n%d', b'ERROR'):
        pusher.push(text)
        worker.pulls(text, 'a text is not a string: a NUL is a byte like any '
                     'other; only the newline ends it')
        worker.done()


@check('07-queue')
def longest_line(test):
    """a line may have 1,024 bytes with its newline"""
    server = test.server()
    worker, pusher = test.talker(server), test.talker(server)
    for size in (LINE - 1, LINE, LINE):
        text = b'x' * (size - len(b'PUSH \n'))
        pusher.say(b'PUSH ' + text)
        pusher.expect(b'OK', why=f'in answer to a line of {counted(size)}')
        worker.pulls(text)
        worker.done()


@check('07-queue')
def too_long_line(test):
    """a longer line gets one ERROR and is not a piece of work; the next line
    is handled"""
    server = test.server()
    worker, pusher = test.talker(server), test.talker(server)
    for size in (LINE + 1, LINE + 2, 2 * LINE, 2 * LINE + 1, 6000, 100000):
        line = b'PUSH ' + b'x' * (size - len(b'PUSH \n'))
        if size < 3000:  # its end looks like a line
            line = line[:size - 1] + b'PUSH y'
        pusher.refused(line,
                       'a line that is too long ends at its newline, like any '
                       'other: skip everything before it')
        pusher.push(b'after %d' % size)
        worker.pulls(b'after %d' % size, 'no part of a line that is too long '
                     'is work')
        worker.done()
    pusher.nothing('one ERROR for a line')


@check('07-queue')
def line_without_end(test):
    """bytes without a newline are not a line, not even at the end of the
    stream"""
    server = test.server()
    worker, pusher = test.talker(server), test.talker(server)
    worker.pull()
    pusher.send(b'PUSH whole\nPUSH not whole')
    pusher.socket.shutdown(socket.SHUT_WR)
    pusher.expect(b'OK')
    pusher.ended('close the connection when recv returns 0')
    worker.gets(b'whole')
    worker.done()
    worker.say(b'PULL')
    worker.nothing('a line without a newline is not work')


@check('07-queue')
def pusher_leaves(test):
    """what a client has pushed stays in the queue, however the client
    leaves"""
    server = test.server()
    worker = test.talker(server)
    for number in range(6):
        pusher = test.talker(server)
        pusher.push(b'a%d' % number, b'b%d' % number)
        if number % 2:
            pusher.close()
        else:
            reset(pusher.socket)
    for number in range(6):
        for text in b'a%d' % number, b'b%d' % number:
            worker.pulls(text)
            worker.done()


@check('07-queue')
def eight_hundred(test):
    """gives 800 workers a piece each, in turn, and uses no processor time while
    they wait"""
    count = 800
    test.need_descriptors(2 * count)
    server = test.server()
    workers = [test.talker(server) for _ in range(count)]
    for worker in workers:
        worker.pull()
    if server.spins():
        raise Failure(f'no processor time while {count} workers wait',
                      'it spins', 'wait for writing only while something is '
                      'left to send: a socket can nearly always be written to')
    pusher = test.talker(server)
    pusher.push(*[b'%d' % number for number in range(count)])
    for number, worker in enumerate(workers):
        worker.gets(b'%d' % number, TURN_HINT)
    for worker in workers[::2]:
        worker.done()
    server.signal(signal.SIGTERM)
    if not test.any and server.wait_exit() != 0:
        raise Failure('exit status 0 after a SIGTERM while work is under way',
                      f'it {test.outcome(server)}')


import checks.exercises.queue_limits  # noqa: E402,F401 after these
import checks.exercises.queue_turns  # noqa: E402,F401

share('07-queue', SHARED)
