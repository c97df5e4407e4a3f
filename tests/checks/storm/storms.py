"""What happens to a server in a storm, and the verdict on it."""

import contextlib
import random
import signal
import textwrap

from checks.storm.page import LASTS, Page
from checks.storm.planner import Planner, advice, said_fault
from harness import SIGPIPE_HINT, Failure, wait_until

ROUNDS = 5           # of the same storm; growth of memory in each is a leak
TRIES = 20           # the most calls allowed in a shortage of 0.12 seconds
LEAVING_HINT = ('a client may close or reset its connection at any moment: '
                'then recv or send fails, or recv returns 0; close its socket, '
                'serve the others')


class Storm:
    """A program, and what happens to it."""

    def __init__(self, test, seed):
        self.test, self.seed = test, seed
        self.page = Page(test.faults)
        self.program = None
        self.suspect = None  # the number of the client that reports a failure
        self.pardoned = 0    # failures that faults explain
        self.notes = []      # what else happened, and after how many faults

    def lot(self, whose):
        """A random generator for one purpose, independent of the others."""
        return random.Random(f'{self.test.stage} {self.seed} {whose}')

    def planner(self):
        return Planner(self.lot('faults'), self.test.stage, self.test.any)

    def pardons(self):
        """Returns whether a failure to serve a client may be due to an injected
        fault of memory or of a file. Each of them explains one failure, of any
        client, because nothing shows for which client a program allocates
        memory or opens a file."""
        if self.pardoned >= self.page.get('hindered'):
            return False
        self.pardoned += 1
        return True

    @contextlib.contextmanager
    def stopped(self):
        """Ctrl-Z and fg, and what happens in between."""
        self.settle()
        self.note('the program is stopped, and continued')
        self.program.signal(signal.SIGSTOP)
        wait_until(lambda: self.in_state('T'))
        try:
            yield
        finally:
            self.program.signal(signal.SIGCONT)

    def note(self, text):
        with contextlib.suppress(ValueError):  # closed after the storm
            self.notes.append((self.page.get('came'), text))

    def settle(self):
        """Waits until the program has done what it can for now, so that the
        next step finds it at the same place in every run."""
        wait_until(lambda: self.in_state('S'), 0.1)

    def in_state(self, state):
        """Returns whether the program is in this state, or has ended."""
        return not self.program.running() or self.program.state() == state

    # --------------------------------------------------------- the verdict

    def patient(self):
        """Demands that the program wait until shortages are over."""
        for fault, tries in self.page.came():
            if fault.effect == LASTS and tries > TRIES:
                raise Failure('a wait of a tenth of a second between calls '
                              f'of {fault.kind} while there is a shortage',
                              said_fault(fault, tries), advice(fault))

    def advice(self, client):
        """The advice about clients that leave, if one has just left; else about
        the last fault of this client or, if it had none, of any client."""
        came = [fault for fault, _ in self.page.came()]
        own = [fault for fault in came if client is not None and (
            fault.client == client
            or fault.kind == 'accept' and fault.position == client - 1)]
        if client is None and self.left_last(len(came)):
            return LEAVING_HINT
        return advice((own or came)[-1]) if came else ''

    def left_last(self, count):
        """Returns whether nothing has happened since a client left."""
        place, text = (self.notes or [(None, '')])[-1]
        return place == count and text.startswith('client')

    def and_faults(self, got, most=8):
        """The received bytes and the last faults, as lines of a report."""
        came = [said_fault(*fault) for fault in self.page.came()]
        for place, text in reversed(self.notes):
            came.insert(place, text)
        last = came[-most:] or ['none']
        if len(came) > most:
            last.insert(0, f'({len(came) - most} more)')
        return ('\n' + ' ' * 12).join(textwrap.wrap(str(got), 67)
                                      + ['the faults before that, in order:']
                                      + last)

    def explained(self, failure):
        """The failure, with the faults that led to it."""
        expected, got, hint = failure.expected, failure.got, failure.hint
        if self.dead():
            expected = ('the program keeps running, whatever happens to a '
                        'connection')
            got = f'it {self.test.outcome(self.program)}'
            status, self.suspect = self.program.process.poll(), None
            hint = SIGPIPE_HINT if status == -signal.SIGPIPE else ''
        return Failure(expected, self.and_faults(got),
                       hint or self.advice(self.suspect))


class ServerStorm(Storm):
    """A server, its guests, and the order in which they do something."""

    def __init__(self, test, seed, guest):
        super().__init__(test, seed)
        self.guest = guest
        self.one_by_one = test.stage[:2] == '05'  # the others wait in the queue

    def start(self):
        return self.test.server()

    def dead(self):
        return wait_until(lambda: not self.program.running(), 0.1)

    def run(self):
        self.program = self.server = self.start()
        if not self.test.any:
            self.test.attached()
        try:
            self.weather()
        except Failure as failure:
            raise self.explained(failure) from None

    def weather(self):
        """Repeats the same storm as long as memory grows."""
        descriptors, blocks = self.descriptors_at_rest(), self.blocks()
        for _ in range(ROUNDS):
            self.rage()
            self.calm_down(descriptors)
            before, blocks = blocks, self.blocks()
            if self.test.any or blocks <= before:
                break
        else:
            self.leaks(blocks - before)
        if not self.test.any:
            self.end()

    def descriptors_at_rest(self):
        """The descriptors that are open while there is no client."""
        if self.test.any:  # the client that tried the port may still be there
            first = self.test.connect(self.server)
            self.test.served(self.server, first)
            with_client = len(self.server.descriptors())
            first.close()
            wait_until(lambda: len(self.server.descriptors()) < with_client,
                       0.2)
        return self.server.descriptors()

    def blocks(self):
        return self.page.get('blocks')

    def rage(self):
        """Lets the guests take their steps, one at a time."""
        count = self.lot('guests').randrange(2, 8)
        guests = [self.guest(self, number) for number in range(1, count + 1)]
        planner = self.planner()
        planner.calls('accept', 0, count, 6)
        planner.calls('select', 0, 40, 3)
        for guest in guests:
            guest.plan(planner)
        self.staying, self.pardoned, self.notes = [], 0, []
        self.page.begin(planner.faults)
        self.conduct(guests, self.lot('order'))

    def conduct(self, waiting, chance):
        present = []
        while waiting or present:
            self.settle()
            if waiting and (not present or chance.random() < 0.3):
                guest = waiting.pop(0)
                guest.connect()
                present.append(guest)
            elif chance.random() < 0.05:
                self.disturb(chance)
            else:
                guest = chance.choice([guest for guest in present
                                       if self.has_turn(guest, present)])
                if not guest.step():
                    present.remove(guest)

    def disturb(self, _):
        with self.stopped():
            pass

    def has_turn(self, guest, present):
        return (not self.one_by_one or guest is present[0]
                or guest.steps[0][0] in guest.waits_for_nothing)

    def calm_down(self, descriptors):
        """Ends the faults. Demands that everything be as before."""
        self.settle()
        self.patient()
        self.page.set('raging', 0)
        for guest in self.staying:
            guest.come_back()
        client = self.test.connect(self.server)
        try:
            self.test.served(self.server, client)
        except Failure as failure:
            raise Failure('a new client is served once the faults are over',
                          failure.got) from None
        if self.server.spins(0.1) and self.server.spins():
            raise Failure('no processor time while nothing happens',
                          'it spins', 'wait in a call that blocks, even '
                          'after an error')
        client.close()
        if not self.test.any and not wait_until(  # others keep some open
                lambda: len(self.server.descriptors())
                <= len(descriptors) + self.copies()):
            now = self.server.descriptors()
            raise Failure(
                f'{len(descriptors)} descriptors after the storm, as before',
                f'{len(now)}: ' + ', '.join(map(self.said_descriptor, sorted(
                    set(now) - set(descriptors)))) + ' not closed',
                'close the client\'s socket on every path, after errors too')

    def copies(self):
        """1 if a copy in memory (memfd) of the one large file is open."""
        return any('(/memfd:' in self.said_descriptor(number)
                   for number in self.server.descriptors())

    def said_descriptor(self, number):
        name = self.server.file_of(number)
        return f'{number} ({name})' if name else str(number)

    def leaks(self, blocks):
        raise Failure(f'after each of {ROUNDS} storms no more memory in use '
                      'than before', f'more each time, {blocks} blocks after '
                      'the last', 'free a client\'s memory on every path, '
                      'after errors too')

    def end(self):
        """Demands that SIGTERM end the server as its stage requires."""
        wanted = 0 if self.test.stage >= '07' else -signal.SIGTERM
        self.server.signal(signal.SIGTERM)
        if self.server.wait_exit() != wanted:
            self.dead = lambda: False  # else explained() replaces this message
            raise Failure(f'status {wanted} after SIGTERM',
                          f'it {self.test.outcome(self.server)}',
                          'the faults are over, and must leave no trace')
