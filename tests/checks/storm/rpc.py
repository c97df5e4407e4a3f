"""A storm for 06-rpc: faults, and a server that vanishes again and again."""

from checks.storm.client import ClientStorm
from checks.storm.page import FAILS, HINDERS, LOSES
from checks.storm.planner import action_of_client
from harness import MEMCHECK, PATIENCE, Failure, reset, shown, wait_until
from harness.rpc import answer_to

CONNECTIONS = 12  # after this many the server no longer vanishes
ADVICE = ('whatever happens to a connection: close it, and ask again on a new '
          'one, four times at most; no answer may be lost, printed twice or in '
          'part, and no request may be sent again after its answer')
LEAVES = ('unread', 'after the request', 'in the middle of the answer',
          'after the answer', 'with more than the answer')


class RpcStorm(ClientStorm):
    """The client of 06-rpc, and its server."""

    patience = 6 * PATIENCE

    def __init__(self, test, seed):
        super().__init__(test, seed)
        chance = self.lot('requests')
        self.messages = [b'%d ' % number + bytes(chance.choices(
            range(32, 127), k=chance.randrange(chance.choice((5, 50, 3000)))))
            + b'\n' for number in range(chance.randrange(1, 7))]
        self.vanishings = [chance.choice(LEAVES) if chance.random() < 0.5
                           else '' for _ in range(CONNECTIONS)]
        self.after = [chance.randrange(3) for _ in range(CONNECTIONS)]
        self.resets = {number for number in range(CONNECTIONS)
                       if chance.random() < 0.5}
        self.seen, self.left, self.made = [], 0, 0
        self.answered, self.again = [], []  # for certain; repeated even so

    def advice(self, _):
        return ADVICE

    def plan(self):
        planner = self.planner()
        planner.calls('socket', 0, 3, 3, (FAILS,))
        planner.calls('connect', 0, 6, 5, (FAILS,))
        planner.calls('malloc', 0, 5, 1, (HINDERS,))
        for number in range(1, 6):
            for kind in 'recv', 'send':
                planner.stream(kind, number, [len(line) for line
                                              in self.messages])
        self.page.begin(planner.faults)

    # -------------------------------------------------------- the server

    def serve(self, connection):
        wait_until(lambda: self.program)
        self.descriptors = max(self.descriptors,
                               len(self.program.descriptors()))
        number, self.made = self.made, self.made + 1
        leave = self.vanishings[number] if number < CONNECTIONS else ''
        lines = connection.makefile('rb')
        for count in range(len(self.messages) + 1):
            due = leave and count == self.after[number]
            if due and leave == 'unread':
                break
            line = lines.readline()
            if not line.endswith(b'\n'):
                return
            self.seen.append(line)
            self.again += [line] * (line in self.answered)
            if due and leave == 'after the request':
                break
            answer = answer_to(line)
            if due and leave == 'in the middle of the answer':
                answer = answer[:self.chance.randrange(len(answer))]
            if due and leave == 'with more than the answer':
                answer += b'and more\n'
            connection.sendall(answer)
            if b'\n' in answer and number not in self.resets:
                self.answered.append(line)
            if due:
                break
        self.settle()
        self.note(f'the server leaves: {leave}')
        self.left += 1
        if number in self.resets:
            reset(connection)

    # ---------------------------------------------------------- the input

    def type(self):
        """Sends the client its input: each line after the answer to the
        previous one, or all at once."""
        child, expected = self.program, 0
        patient = self.lot('typing').random() < 0.7
        try:
            for number, line in enumerate(self.messages):
                child.process.stdin.write(line)
                child.process.stdin.flush()
                if number in self.stops:
                    with self.stopped():
                        pass
                expected += len(answer_to(line))
                if patient:
                    child.wait_for(lambda: len(child.output) >= expected,
                                   self.patience)
            child.process.stdin.close()
        except (OSError, ValueError):
            pass  # it has ended

    # --------------------------------------------------------- the verdict

    def judge(self, status):
        child, said = self.program, self.test.outcome(self.program)
        if status is None:
            raise Failure('the client ends', f'it {said}')
        whole = [answer_to(line) for line in self.messages]
        outputs = [b''.join(whole[:count]) for count
                   in range(len(whole) + 1)]
        output = bytes(child.output)
        if output not in outputs:
            raise Failure('whole answers in the order of the requests',
                          f'{shown(output)} for the requests '
                          + shown(self.all_bytes()))
        if status not in (0, 1):
            raise Failure('status 0 or 1', f'it {said}')
        if (status == 0) != (output == outputs[-1]):
            raise Failure('status 0 if all requests have answers, 1 if not',
                          f'{outputs.index(output)} of {len(whole)} have; it '
                          f'{said}')
        if status == 1 and not self.may_fail():
            raise Failure('status 0: no request has failed four times',
                          f'it {said}')
        self.judge_requests()
        most = 4 + MEMCHECK
        if self.descriptors > most and not self.test.any:
            raise Failure(f'{most} descriptors open once it has connected',
                          self.descriptors, 'close a connection that is lost')

    def judge_requests(self):
        """Demands that no request come out of order, or too often."""
        places = [self.messages.index(line) if line in self.messages else -1
                  for line in self.seen]
        if places != sorted(places) or -1 in places:
            raise Failure('each request sent after the previous one has been '
                          'answered',
                          f'the requests came in this order: {places}')
        if self.again and not any(fault.effect in (LOSES, HINDERS)
                                  for fault, _ in self.page.came()):
            raise Failure('no request sent again after its answer',
                          f'{shown(self.again[0])} again')
        if any(places.count(place) > 4 for place in places):
            raise Failure('no request more than four times', f'{places}')

    def may_fail(self):
        """Returns whether one request can have failed four times."""
        came = [fault for fault, _ in self.page.came()]
        refused = sum(action_of_client(fault) == 'NEXT' for fault in came)
        lost = sum(fault.effect == LOSES for fault in came)
        return (any(fault.effect == HINDERS for fault in came)
                or lost + self.left + refused // self.addresses >= 4)
