"""The echo servers, beside a minimal one and socat."""

from benchmark.measuring import TRIP_CALLS, Bench, Row

WINDOW = 131072  # bytes of a client that are on the way in bulk
ECHO_MEMORY = 'KB of memory a client'
TRIPS, BULK = 'round trips a second', 'megabytes echoed a second'


class EchoBench(Bench):
    """The echo servers. socat and 05 serve only some numbers of clients
    well."""

    YARDSTICK, SECONDS, MEMORY = 'epoll', 1.0, 'Pss'
    SPREAD, CALLS = False, 4  # what is shown
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
    SINGLE_ROWS = [
        Row(ECHO_MEMORY, 'never sent', 'idle', 900, 0),
        Row(ECHO_MEMORY, 'sent 64 bytes', 'idle', 900, 64),
        Row(ECHO_MEMORY, '64 KB on the way', 'bulk', 64, 65536),
    ]
    CALLS_ROWS = [Row(TRIP_CALLS, '64 bytes, 64 clients', 'round', 64, 64)]
    COST = "microseconds of the server's core, for a round trip or a megabyte"

    @staticmethod
    def sources():
        return {'epoll': ['tests/benchmark/epoll.c'],
                '05-recv-send': ['05-recv-send/server.c'],
                '07-select': ['07-select/server.c']}

    def find_servers(self):
        ours = {name: [str(self.machine.directory / name), '0']
                for name in self.sources()}
        return {**ours, **self.find_others({'socat': self.SOCAT})}

    def measure_single(self, row, name):
        return self.measure_memory(row, name)
