"""Storms: programs under random faults (tests/check --faults SEED).

A seed decides what the clients do, one step at a time, and which faults occur,
each at its place in a connection: "recv from client 2 at byte 17: EINTR". The
places are bytes of the stream, not calls or moments: harness/faults.c lets no
call move bytes beyond the next fault's place, so a seed causes the same faults
again, however the kernel cuts the stream. Before each step the storm waits
until the program is at rest. Two things can differ from run to run: the timing,
and so the number of calls that fail in a shortage; and the places of faults in
select, memory and files, because those places count calls, not bytes."""

from checks.storm.cgi import CgiStorm
from checks.storm.client import ClientStorm
from checks.storm.framing import Framer
from checks.storm.guests import Guest, Knock
from checks.storm.lines import QueueStorm, Subscriber
from checks.storm.rpc import RpcStorm
from checks.storm.storms import ServerStorm
from checks.storm.web import WebStorm
from harness import CHECKS, TASKS, Check

FIXED = 13, 22, 23, 24, 28, 45  # the seeds of `make test`: all kinds of faults
STORMS = {
    '04': lambda test, seed: ServerStorm(test, seed, Knock),
    '05': lambda test, seed: ServerStorm(test, seed, Guest),
    '05-framing': lambda test, seed: ServerStorm(test, seed, Framer),
    '06': ClientStorm,
    '06-rpc': RpcStorm,
    '07': lambda test, seed: ServerStorm(test, seed, Guest),
    '07-publish': lambda test, seed: ServerStorm(test, seed, Subscriber),
    '07-queue': QueueStorm,
    '08': WebStorm,
    'cgi': CgiStorm,
}
WHAT = 'under random faults loses only what those faults explain'


def make_check(stage, seed):
    def run(test):
        test.need_injector()
        STORMS[stage](test, seed).run()
    return Check(stage, f'faults_{seed}', run, WHAT, '', True)


def register(seeds=None, beyond=()):
    """Adds a check for each stage and seed. If seeds are given, removes all
    other checks."""
    if seeds is not None:
        CHECKS.clear()
    CHECKS.extend(make_check(stage, seed) for stage in STORMS
                  if stage in (*TASKS, *beyond) for seed in seeds or FIXED)
