"""Compares the echo servers with two minimal ones and with socat."""

from benchmark.measuring import TRIP_CALLS, Bench, Goal, Row

WINDOW = 131072  # in bulk mode, bytes on the way for each client
ECHO_MEMORY = 'KB of memory a client'
IDLE = 'round trips a second, others idle'
TRIPS, BULK = 'round trips a second', 'megabytes echoed a second'


class EchoBench(Bench):
    """The echo servers. 05 is measured with one client only, socat with at most
    64."""

    OURS, SECONDS, MEMORY = '07-select', 1.0, 'Pss'
    MOST = {'05-recv-send': 1, 'socat': 64}
    SOCAT = ['socat', '-d', '-d',
             'TCP-LISTEN:0,bind=127.0.0.1,fork,backlog=1024', 'EXEC:cat']
    SPEED_ROWS = [
        Row(TRIPS, '64 bytes, 1 client', 'round', 1, 64),
        Row(TRIPS, '64 bytes, 64 clients', 'round', 64, 64),
        Row(TRIPS, '64 bytes, 900 clients', 'round', 900, 64),
        Row(TRIPS, '16 KB, 64 clients', 'round', 64, 16384),
        Row(BULK, 'bulk, 1 client', 'bulk', 1, WINDOW),
        Row(BULK, 'bulk, 8 clients', 'bulk', 8, WINDOW),
    ]
    IDLE_ROWS = [Row(IDLE, f'64 bytes, 64 clients, {idle} idle', 'round', 64,
                     64, idle) for idle in (0, 100, 300, 600, 900)]
    SPEED_ROWS += IDLE_ROWS
    SINGLE_ROWS = [
        Row(ECHO_MEMORY, 'never sent', 'idle', 900, 0),
        Row(ECHO_MEMORY, 'sent 64 bytes', 'idle', 900, 64),
        Row(ECHO_MEMORY, '64 KB on the way', 'bulk', 64, 65536),
    ]
    CALLS_ROWS = [Row(TRIP_CALLS, '64 bytes, 64 clients', 'round', 64, 64)]

    @staticmethod
    def sources():
        return {'07-select': ['07-select/server.c'],
                '05-recv-send': ['05-recv-send/server.c'],
                'epoll': ['tests/benchmark/epoll.c'],
                'select': ['tests/benchmark/select.c']}

    def find_servers(self):
        ours = {name: [str(self.machine.directory / name), '0']
                for name in self.sources()}
        return {**ours, **self.find_others({'socat': self.SOCAT})}

    def goals(self):
        for row in self.speeds:
            if row not in self.IDLE_ROWS:
                yield Goal(row, ['epoll'], 0.95, True)
            elif row.idle:
                yield Goal(row, ['select'], 1.1, False)

    def able(self, row):
        """Leaves socat out of the rows about idle clients, where it would
        show nothing: it has a process for each client."""
        return [name for name in super().able(row)
                if name != 'socat' or row not in self.IDLE_ROWS]

    def measure_single(self, row, name):
        return self.measure_memory(row, name)
