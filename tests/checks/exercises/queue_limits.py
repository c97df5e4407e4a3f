"""The checks of 07-queue about workers that leave, and about a full queue."""

import random
import signal
import socket
import threading
import time

from harness import (Failure, check, counted, dropped, end_half, flood,
                     reset, settings, shown, wait_until)

MOST = 1000  # pieces that the server keeps, including those under way
BACK_HINT = ('keep the piece until DONE; if its worker is lost, put it in '
             'front of the waiting pieces')
ROOM_HINT = ('if the queue is full, a PUSH waits; answer it when the piece is '
             'in the queue')


def leave_by(worker, way):
    """Ends a worker's connection."""
    if way == 'reset':
        reset(worker.socket)
    elif way == 'half':
        worker.socket.shutdown(socket.SHUT_WR)
        worker.ended('the end of a worker\'s stream ends its connection')
    else:
        worker.close()


@check('07-queue')
def worker_leaves(test):
    """a piece whose worker leaves before DONE goes to another worker, before
    all other pieces"""
    server = test.server()
    pusher, other = test.talker(server), test.talker(server)
    for way in ('close', 'reset', 'half'):
        worker, late = test.talker(server), test.talker(server)
        pusher.push(b'one', b'two', b'three')
        worker.pulls(b'one')
        late.pulls(b'two')
        before = len(server.descriptors())
        leave_by(worker, way)
        wait_until(lambda: len(server.descriptors()) < before)
        other.pulls(b'one', BACK_HINT)
        other.done()
        other.pulls(b'three')
        other.done()
        late.done()
        late.close()
        wait_until(lambda: len(server.descriptors()) < before - 1)
    other.say(b'PULL')
    other.nothing('everything is done')


@check('07-queue')
def waiting_worker_gets_it(test):
    """a piece that was given back goes at once to a waiting worker"""
    server = test.server()
    pusher = test.talker(server)
    for way in ('close', 'reset', 'half'):
        worker, other = test.talker(server), test.talker(server)
        pusher.push(b'dig')
        worker.pulls(b'dig')
        other.pull()
        leave_by(worker, way)
        other.gets(b'dig', 'a piece that was given back is work, too: hand it '
                   'out before the next select')
        other.done()


@check('07-queue')
def many_give_back(test):
    """no piece is lost when many workers leave at once"""
    server = test.server()
    pusher, count = test.talker(server), 60
    texts = {b'piece %d' % number for number in range(count)}
    for turn in range(3):
        workers = [test.talker(server) for _ in range(count)]
        if not turn:
            pusher.push(*sorted(texts))
        got = set()
        for worker in workers:
            worker.say(b'PULL')
            got.add(worker.line('WORK, in answer to PULL', BACK_HINT)[5:])
        if got != texts:
            raise Failure(f'each of the {count} pieces once', 'missing: '
                          f'{shown(b", ".join(sorted(texts - got)))}',
                          BACK_HINT)
        server.signal(signal.SIGSTOP)
        wait_until(lambda: server.state() == 'T')
        for worker in workers:
            reset(worker.socket)
        server.signal(signal.SIGCONT)
    for _ in range(MOST - count):
        pusher.push(b'more', hint='there is room for 1,000 pieces: one that '
                                  'was given back is no longer under way')


@check('07-queue')
def done_and_left(test):
    """a worker that leaves after DONE gives nothing back"""
    server = test.server()
    pusher, other = test.talker(server), test.talker(server)
    for way in ('answered', 'at once', 'in pieces'):
        worker = test.talker(server)
        pusher.push(b'dig')
        worker.pulls(b'dig')
        worker.send(b'DO' if way == 'in pieces' else b'DONE\n')
        if way == 'answered':
            worker.expect(b'OK')
        elif way == 'in pieces':
            worker.send(b'NE\n')
        worker.socket.shutdown(socket.SHUT_WR)
        worker.rest()
        pusher.push(b'next')
        other.pulls(b'next', 'handle what has arrived before the end of the '
                    'stream: the piece was done')
        other.done()


@check('07-queue')
def waiting_worker_leaves(test):
    """a worker that leaves while waiting gets no work"""
    server = test.server()
    pusher, other = test.talker(server), test.talker(server)
    for way in ('close', 'reset', 'half'):
        leaving = [test.talker(server) for _ in range(3)]
        for worker in leaving:
            worker.pull()
        other.pull()
        for worker in leaving:
            leave_by(worker, way)
        pusher.push(b'dig')
        other.gets(b'dig', 'a worker that has left no longer waits')
        other.done()
    test.alive(server, 'workers have left')


@check('07-queue')
def reset_under_way(test):
    """a piece sent to a worker that has reset its connection goes to another"""
    server = test.server()
    pusher = test.talker(server)
    for half in (False, True):
        lost, other = test.talker(server), test.talker(server)
        lost.pull()
        other.pull()
        server.signal(signal.SIGSTOP)
        wait_until(lambda: server.state() == 'T')
        pusher.say(b'PUSH dig')
        if half:
            end_half(lost.socket)
        reset(lost.socket)
        server.signal(signal.SIGCONT)
        pusher.expect(b'OK')
        try:
            other.gets(b'dig', BACK_HINT)
        except Failure:
            test.alive(server, 'a worker has reset its connection')
            raise
        other.done()
        other.close()


@check('07-queue')
def full_queue(test):
    """the queue holds 1,000 pieces, including those under way: another PUSH
    waits until one is done"""
    server = test.server()
    pusher, second, worker = (test.talker(server) for _ in range(3))
    texts = [b'%d' % number for number in range(MOST)]
    pusher.push(*texts[:900])
    worker.pulls(texts[0])
    pusher.push(*texts[900:], hint='there is room for 1,000 pieces')
    pusher.say(b'PUSH first', b'PUSH third')
    waits(pusher, '1,000 pieces are in the queue')
    second.say(b'PUSH second')
    waits(second, '1,000 pieces are in the queue')
    if server.spins():
        raise Failure('no processor time while pushers wait', 'it spins',
                      'do not watch a client for reading while you will not '
                      'receive from it')
    for number, client in enumerate((pusher, second, pusher)):
        worker.done()
        client.expect(b'OK', why='when there is room again', hint='room goes '
                      'to the pusher that has waited longest')
        worker.pulls(texts[number + 1])
        if number < 2:
            waits(pusher, 'all room is taken again')
    for text in texts[4:] + [b'first', b'second', b'third']:
        worker.done()
        worker.pulls(text)


def waits(client, why):
    if not client.silent():
        raise Failure(f'no answer yet ({why})', f'the line '
                      f'{shown(client.line())}', ROOM_HINT)


@check('07-queue')
def full_queue_bounded(test):
    """while the queue is full, nothing is received from pushers: memory is
    bounded"""
    server = test.server()
    filler, worker = test.talker(server), test.talker(server)
    line = b'PUSH ' + b'x' * 1000 + b'\n'
    for _ in range(10):
        filler.push(*[line[5:-1]] * 100)
    before = server.memory()
    pushers = [test.connect(server) for _ in range(5)]
    sent = [flood(pusher, 64 << 20, line * 64) for pusher in pushers]
    grown = server.memory() - before
    most = 4000 if test.any else 100
    if max(sent) >= 64 << 20 or grown > len(pushers) * most:
        raise Failure(f'at most {most} KB of memory for each pusher',
                      f'{grown} KB for {max(sent) >> 20} MB from each of '
                      f'{len(pushers)}',
                      'while the queue is full, do not receive from a client '
                      'that pushes')
    if server.spins():
        raise Failure('no processor time while pushers wait', 'it spins',
                      'do not watch a client for reading while you will not '
                      'receive from it')
    for _ in range(5):
        worker.pulls(line[5:-1])
        worker.done()


@check('07-queue')
def pusher_ends_while_full(test):
    """what a client has pushed before the end of its stream is kept, even if
    it had to wait for room"""
    server = test.server()
    pusher, last, worker = (test.talker(server) for _ in range(3))
    texts = [b'%d' % number for number in range(MOST + 20)]
    pusher.push(*texts[:MOST])
    last.say(*[b'PUSH ' + text for text in texts[MOST:]])
    last.socket.shutdown(socket.SHUT_WR)
    waits(last, '1,000 pieces are in the queue')
    for text in texts:
        worker.pulls(text, 'lines that arrived before the end of the stream '
                     'still count: handle each when there is room')
        worker.done()
    last.expect(*[b'OK'] * 20)
    last.ended()


@check('07-queue')
def answers_unread(test):
    """receives nothing from a client that does not read its answers; the others
    are not affected"""
    server = test.server()
    client, before = test.talker(server), server.memory()
    client.refused(b'?')
    sent = flood(client.socket, 32 << 20, b'?\n' * 32768)
    grown = server.memory() - before
    if sent >= 32 << 20 or grown > (8000 if test.any else 200):
        raise Failure('nothing is received from a client that does not read',
                      f'{sent >> 20} MB were received, using {grown} KB',
                      'while an answer cannot be sent, do not receive')
    test.talker(server).push(b'dig')
    test.talker(server).pulls(b'dig')


class Crowd:
    """Workers that leave at random, and the fate of each piece."""

    def __init__(self, test, server, count):
        self.test, self.server, self.count = test, server, count
        self.lock = threading.Lock()
        self.held, self.finished, self.complaints = set(), set(), []

    def work(self, seed):
        chance = random.Random(seed)
        worker = None
        try:
            while not self.complaints:
                worker = worker or self.test.talker(self.server)
                worker.say(b'PULL')
                piece = worker.line('WORK, in answer to PULL')
                if piece == b'WORK end':
                    worker.done()
                    return
                self.take(piece)
                if chance.random() < 0.25:
                    self.drop(piece)
                    leave_by(worker, chance.choice(('close', 'reset')))
                    worker = None
                else:
                    self.finish(piece)
                    worker.done()
        except (Failure, OSError) as trouble:
            self.complaints.append(trouble)

    def take(self, piece):
        with self.lock:
            if piece in self.held or piece in self.finished:
                self.complaints.append(Failure(
                    f'the piece {shown(piece)} for one worker',
                    'two workers have it' if piece in self.held else
                    'it was handed out again after DONE'))
            self.held.add(piece)

    def drop(self, piece):
        with self.lock:
            self.held.discard(piece)

    def finish(self, piece):
        self.finished.add(piece)
        self.drop(piece)

    def push(self, number):
        try:
            pusher = self.test.talker(self.server)
            for piece in range(number, self.count, 3):
                pusher.push(b'%d' % piece)
        except (Failure, OSError) as trouble:
            self.complaints.append(trouble)


@check('07-queue')
def exactly_once(test):
    """each piece is done exactly once, while workers leave at random"""
    server = test.server()
    crowd = Crowd(test, server, 300)
    threads = [threading.Thread(target=crowd.work, daemon=True,
                                args=(settings.SEED * 100 + number,))
               for number in range(12)]
    threads += [threading.Thread(target=crowd.push, args=(number,),
                                 daemon=True) for number in range(3)]
    for thread in threads:
        thread.start()
    wait_until(lambda: crowd.complaints
               or len(crowd.finished) == crowd.count, 20)
    test.alive(server, 'workers have left')
    if crowd.complaints:
        raise crowd.complaints[0]
    if len(crowd.finished) < crowd.count:
        raise Failure(f'all of {counted(crowd.count, "piece")} done',
                      f'{len(crowd.finished)}', BACK_HINT)
    pusher = test.talker(server)
    pusher.push(*[b'end'] * 12)
    for thread in threads:
        thread.join(10)
    if crowd.complaints:
        raise crowd.complaints[0]
    pusher.say(b'PULL')
    pusher.nothing('each piece was done')


@check('07-queue', open=False)
def waiting_worker_stays(test):
    """with -t 1 a worker that is waiting for work is not dropped"""
    server = test.server('-t', '1')
    worker, silent = test.talker(server), test.connect(server)
    worker.pull()
    test.ended(silent)
    time.sleep(1.2)
    pusher = test.talker(server)
    pusher.push(b'late')
    worker.gets(b'late', 'a waiting worker sends nothing: its silence is no '
                'reason to drop it')
    worker.done()


@check('07-queue', open=False)
def silent_worker(test):
    """with -t 1 drops a worker that is silent for a second after WORK, and
    hands its piece to another"""
    server = test.server('-t', '1')
    worker = test.talker(server)
    worker.pull()
    time.sleep(1.5)  # the wait for work does not count
    other, pusher = test.talker(server), test.talker(server)
    other.pull()
    began = time.monotonic()
    pusher.push(b'dig')
    worker.gets(b'dig')
    dropped(test, server, worker.socket, began)
    worker.ended()
    other.gets(b'dig', BACK_HINT)
    other.done()


@check('07-queue', open=False)
def waiting_pusher(test):
    """with -t 1 a pusher is dropped after it has waited a second for room"""
    server = test.server('-t', '1')
    pusher = test.talker(server)
    pusher.push(*[b'x'] * MOST)
    began = time.monotonic()
    pusher.say(b'PUSH one more')
    dropped(test, server, pusher.socket, began)
    if pusher.rest():
        raise Failure('no answer to a PUSH for which there is no room', 'one',
                      ROOM_HINT)
