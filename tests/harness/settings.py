"""Settings for all checks, from tests/check and its environment."""

import os

MEMCHECK = bool(os.environ.get('MEMCHECK'))  # valgrind runs the programs
PATIENCE = 30 if MEMCHECK else 4  # seconds, for what usually takes ms
JOBS = 2 if MEMCHECK else 8  # per processor, because most just wait
NOBODY = 65534

# tests/check changes these, so use them through the module.
ROUND = 1  # which run of the checks this is: tests/check --repeat
SEED = 0  # what the checks' data is made from: tests/check --seed
STARTER = []  # the command that starts the programs: tests/check --starter
PRELOAD = 'LD_PRELOAD'  # the variable that names the injector; the starter's
                        # own loader must not see it
TLS = ''  # the certificate of a server that speaks TLS: tests/check --tls
