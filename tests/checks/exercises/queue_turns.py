"""The checks of 07-queue about pushers that wait for room in turn, and about a
worker that does not read."""

import signal

from checks.exercises.queue_limits import MOST, ROOM_HINT, waits
from harness import Failure, arrived, check, flood, shown, wait_until

TURN_HINT = ('a PUSH waits behind the pushers already waiting, even if the '
             'queue has room when its line is handled')


@check('07-queue')
def push_behind_others(test):
    """a PUSH does not take the room that a waiting pusher is to get"""
    server = test.server()
    pusher, worker, other = (test.talker(server) for _ in range(3))
    pusher.push(*[b'%d' % number for number in range(MOST)])
    worker.pulls(b'0')
    other.pulls(b'1')
    pusher.say(b'PUSH first')
    waits(pusher, '1,000 pieces are in the queue')
    worker.say(b'DONE', b'PUSH second')  # both lines in one turn
    worker.expect(b'OK', why='in answer to DONE')
    waits(worker, 'another pusher has waited longer')
    pusher.expect(b'OK', why='when there is room again', hint=TURN_HINT)
    other.done()
    worker.expect(b'OK', why='when there is room again', hint=ROOM_HINT)
    for text in [b'%d' % number for number in range(2, MOST)] + [
            b'first', b'second']:
        other.pulls(text, TURN_HINT)
        other.done()


@check('07-queue')
def room_in_turn(test):
    """when room for two pieces appears at once, it goes to the two pushers that
    have waited longest, however much each pushes"""
    server = test.server()
    pusher, first, second = (test.talker(server) for _ in range(3))
    workers = [test.talker(server) for _ in range(2)]
    pusher.push(*[b'x'] * MOST)
    for worker in workers:
        worker.pulls(b'x')
    for client in first, second:
        client.say(b'PUSH one', b'PUSH two')
        waits(client, '1,000 pieces are in the queue')
    server.signal(signal.SIGSTOP)
    wait_until(lambda: server.state() == 'T')
    for worker in workers:
        worker.say(b'DONE')
    wait_until(lambda: all(arrived(worker.socket) for worker in workers))
    server.signal(signal.SIGCONT)
    for worker in workers:
        worker.expect(b'OK', why='in answer to DONE')
    for client in first, second:
        client.expect(b'OK', why='when there is room again', hint='after its '
                      'turn a pusher waits again, behind the others')
        if not client.silent():
            raise Failure('room for one piece of each pusher', 'the line '
                          f'{shown(client.line())} once more', TURN_HINT)


@check('07-queue', open=False)
def worker_does_not_read(test):
    """with -t 1 a worker that is waiting for work, but does not read its other
    answers, is dropped"""
    server = test.server('-t', '1')
    worker = test.talker(server, receive_buffer=32768)
    worker.pull()
    flood(worker.socket, 32 << 20, b'?\n' * 32768)
    port = worker.socket.getsockname()[1]
    line = f'dropped 127.0.0.1:{port}: no byte moved for 1 second'
    if not server.wait_line(line, 15):  # it first handles what arrived
        raise Failure(f'the line "{line}"', f'it {test.outcome(server)}',
                      'a worker that is waiting for work has no time limit, '
                      'unless something is left to send to it')
