"""Storms for 07-publish and 07-queue: their clients send lines, and what each
receives also depends on the others."""

import collections

from checks.storm.guests import Guest
from checks.storm.storms import ServerStorm
from harness import Failure, counted, shown

LINE = 1024
ANY_WORK = b'WORK *\n'  # stands for any piece that a client gets


class LineGuest(Guest):
    """A client that sends lines."""

    def __init__(self, storm, number):
        self.part = b''  # of a line that is not complete yet
        self.count = 0   # of its lines so far, to make each unique
        super().__init__(storm, number)

    def message(self):
        return b''.join(self.line(self.chance.choice(self.kinds))
                        for _ in range(self.chance.choice((1, 1, 2, 5, 30))))

    def text(self):
        """A line that no other client sends."""
        self.count += 1
        most = self.chance.choice((1, 30, 30, LINE - 40))
        return b'%d.%d%s' % (self.number, self.count, b'.' *
                             self.chance.randrange(most))

    def part_of(self, message):
        return message[:message.find(b'\n') + 1]

    def close_unread(self, _):
        super().close_unread(b'a line with an answer\n')

    def greeting(self):
        return b'here again\n'

    def answer_to(self, message):
        return b''.join(map(self.answer_to_line,
                            message.splitlines(keepends=True)))

    def heard(self, piece):
        *lines, self.part = (self.part + piece).split(b'\n')
        if self.ended and self.part and not self.excused():
            self.fail('whole lines', f'the end after {shown(self.part)}')
        return b''.join(self.heard_line(line + b'\n') for line in lines)


class Subscriber(LineGuest):
    """A client of 07-publish. It gets the messages to its own topic in order;
    messages to the topic `all` may arrive between them at any time."""

    kinds = 'own', 'own', 'own', 'all', 'other', 'wrong', 'again'

    def connect(self):
        super().connect()
        self.exchange(self.subscribing())

    def subscribing(self):
        return b'SUB own%d\nSUB all\n' % self.number

    def plan(self, planner):
        self.steps[0] = (self.steps[0][0], self.subscribing()
                         + self.steps[0][1])
        super().plan(planner)

    def line(self, kind):
        return {'own': b'PUB own%d %s\n' % (self.number, self.text()),
                'all': b'PUB all %s\n' % self.text(),
                'other': b'PUB nobody %s\n' % self.text(),
                'again': b'SUB all\n', 'wrong': b'PUB all\n'}[kind]

    def answer_to_line(self, line):
        if line.startswith(b'PUB own'):
            return line.replace(b'PUB', b'MSG', 1)
        if line.startswith(b'PUB ') and line.count(b' ') > 1:
            return b''
        return b'OK\n' if line.startswith(b'SUB ') else b'ERROR\n'

    def heard_line(self, line):
        return b'' if line.startswith(b'MSG all ') else line


class Worker(LineGuest):
    """A client of 07-queue. It knows which answers to expect, except which
    pieces it will get: the storm knows which pieces exist."""

    kinds = 'push', 'push', 'push', 'wrong', 'done'
    talks = 'talk', 'say', 'work', 'work', 'work'
    ends = *Guest.ends, 'leave_work', 'leave_work'

    def __init__(self, storm, number):
        self.expected = collections.deque()  # for each line, its subject
        self.piece = None
        super().__init__(storm, number)

    def line(self, kind):
        return {'push': b'PUSH %s\n' % self.text(), 'wrong': b'PUSH\n',
                'done': b'DONE\n'}[kind]

    def work(self, message):
        """Pushes a piece, pulls a piece, and reports it done."""
        self.exchange(message + self.line('push') + b'PULL\n')
        if self.piece is not None and not self.ended and not self.lost():
            self.storm.finish(self.piece, 'maybe')
            self.exchange(b'DONE\n')

    def leave_work(self, message):
        """Leaves with a piece that it has not done."""
        self.exchange(message + self.line('push') + b'PULL\n')
        self.piece = None
        self.leave(self.line('push'))

    def answer_to_line(self, line):
        answer, about = b'ERROR\n', None
        if line.startswith(b'PUSH '):
            answer, about = b'OK\n', ('pushed', line[5:])
            self.storm.pushed.setdefault(line[5:], 'maybe')
        elif line == b'PULL\n':
            answer, about = ANY_WORK, ('got', None)
        elif line == b'DONE\n' and self.piece is not None:
            answer, about = b'OK\n', ('done', self.piece)
            self.piece = None
        self.expected.append(about)
        return answer

    def heard_line(self, line):
        about, piece = (self.expected.popleft() if self.expected else None
                        ) or ('', None)
        if about == 'pushed' and line == b'OK\n':
            self.storm.pushed[piece] = 'surely'
        elif about == 'done' and line == b'OK\n':
            self.storm.finish(piece, 'surely')
        elif about == 'got' and line.startswith(b'WORK '):
            self.piece = line[5:]
            self.storm.hand(self.piece)
            return ANY_WORK
        return line


class QueueStorm(ServerStorm):
    """07-queue under random faults: each piece is done once."""

    def __init__(self, test, seed):
        super().__init__(test, seed, Worker)
        self.pushed, self.finished = {}, {}

    def rage(self):
        self.pushed, self.finished = {}, {}
        super().rage()

    def finish(self, piece, how):
        self.finished[piece] = how

    def hand(self, piece):
        """Demands that a piece handed out has been pushed and is not done."""
        if self.finished.get(piece) == 'surely' or piece not in self.pushed:
            raise Failure('a piece that was pushed, and not done yet',
                          shown(piece), 'DONE ends a piece')

    def calm_down(self, descriptors):
        super().calm_down(descriptors)
        left = self.drain()
        missing = [piece for piece, how in self.pushed.items()
                   if how == 'surely' and piece not in self.finished
                   and piece not in left]
        if missing or len(set(left)) < len(left):
            raise Failure('each unfinished piece exactly once in the queue, '
                          'after all clients have left',
                          f'{counted(len(missing), "piece")} missing'
                          if missing else 'one twice',
                          'keep a piece until DONE')

    def drain(self):
        """Takes all pieces out of the queue."""
        client, pieces = self.test.connect(self.server), []
        with client.makefile('rwb') as stream:
            stream.write(b'PUSH the end\n')
            stream.flush()
            stream.readline()
            while b'the end\n' not in pieces:
                stream.write(b'PULL\n')
                stream.flush()
                pieces.append(stream.readline()[5:])
                if pieces[-1] != b'the end\n':
                    self.hand(pieces[-1])
                stream.write(b'DONE\n')
                stream.flush()
                stream.readline()
        client.close()
        return pieces[:-1]
