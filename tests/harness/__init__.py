"""The parts that checks are built from: everything a file of checks may
import."""

from harness import namespaces, settings  # noqa: F401
from harness.compiling import build, compiler  # noqa: F401
from harness.clients import (  # noqa: F401
    converse, data, echoing, feed, flood, guarded, knock, start_client,
    start_on_free_port, vanish)
from harness.demands import (  # noqa: F401
    bytes_hint, dropped, failed_hint, idles, in_time, injected, names,
    near_hint, not_told, refuses, stopped, stopped_plainly, strtol_hint,
    succeeded, told, typical_delay)
from harness.failures import (  # noqa: F401
    SIGPIPE_HINT, Failure, Skip, counted, difference, literal, said_error,
    shown)
from harness.faults import FOREVER, KINDS, STORM  # noqa: F401
from harness.network import (  # noqa: F401
    Peer, arrived, end_half, free_port, reset, reset_for_sure)
from harness.programs import (  # noqa: F401
    Child, Program, Server, wait_until)
from harness.registry import (  # noqa: F401
    ADDRESSED, CHECKS, ECHO, MANY, READY, SERVERS, SERVING, TALKING, TESTS_OF,
    Check, check, share)
from harness.settings import MEMCHECK, NOBODY, PATIENCE  # noqa: F401
from harness.stages import (  # noqa: F401
    BEYOND, EXERCISES, ROOT, STAGES, TASKS, TESTS)
from harness.streams import Stream  # noqa: F401
