"""struct storm of harness/faults.c: planned faults, and those that occurred."""

import collections
import struct

from harness import KINDS, STORM

CLIENTS, EVENTS = 16, 200
EFFECTS = FAILS, LASTS, LOSES, HINDERS, SHORTENS = range(5)
HEAD = ('raging', 'made', 'came', 'planned', 'hindered', 'edges', 'blocks')
CLIENT = (('port', 'lost') + tuple('done ' + kind for kind in KINDS)
          + tuple('most ' + kind for kind in KINDS))
EVENT = ('kind', 'effect', 'client', 'position', 'error', 'most', 'tries',
         'end', 'over')
CLIENTS_AT = STORM + 4 * len(HEAD)
EVENTS_AT = CLIENTS_AT + 4 * len(CLIENT) * CLIENTS
ORDER_AT = EVENTS_AT + 4 * len(EVENT) * EVENTS
Fault = collections.namedtuple('Fault',
                               'kind effect client position error most')


class Page:
    """struct storm of harness/faults.c: planned faults, and those that
    occurred."""

    def __init__(self, faults):
        self.bytes = faults.page

    def get(self, name):
        return self._read(STORM + 4 * HEAD.index(name))

    def set(self, name, value):
        struct.pack_into('i', self.bytes, STORM + 4 * HEAD.index(name), value)

    def client(self, number, name):
        return self._read(CLIENTS_AT + 4 * (len(CLIENT) * number
                                            + CLIENT.index(name)))

    def _read(self, offset):
        return struct.unpack_from('i', self.bytes, offset)[0]

    def begin(self, faults):
        """Plans the faults and enables them. Those of one kind and client must
        be in the order in which they should occur."""
        if len(faults) > EVENTS:
            raise ValueError(f'{len(faults)} faults are too many')
        self.bytes[CLIENTS_AT:ORDER_AT] = bytes(ORDER_AT - CLIENTS_AT)
        for number, fault in enumerate(faults):
            struct.pack_into(
                '6i', self.bytes, EVENTS_AT + 4 * len(EVENT) * number,
                KINDS.index(fault.kind), fault.effect, fault.client,
                fault.position, fault.error, fault.most)
        self.faults = faults
        for name in 'made', 'came', 'hindered':
            self.set(name, 0)
        self.set('planned', len(faults))
        self.set('raging', 1)

    def came(self):
        """The faults that occurred, in order, each with the number of calls
        that it hit."""
        for place in range(self.get('came')):
            number = self._read(ORDER_AT + 4 * place)
            yield self.faults[number], self._read(
                EVENTS_AT + 4 * (len(EVENT) * number + EVENT.index('tries')))
