"""Which errors the kernel can be brought to report."""

import errno

from harness import wait_until

KERNEL = {}  # (call, errno, stages) made by the kernel: the function that does


def kernel(call, name, stages):
    """Makes a function the check of a row, in which the kernel refuses."""
    def register(function):
        for stage in stages.split():
            KERNEL[call, name, stage] = function
        return function
    return register


def until_interrupted(test, child, call):
    """Stops and continues the program until the call has failed with EINTR;
    without the injector to tell, three times."""
    def interrupted():
        return (test.faults.get('failed', call) > 0
                and test.faults.get('last_error', call) == errno.EINTR)
    for _ in range(3):
        child.stop_and_continue()
    if wait_until(lambda: test.faults.get('attached'), 0.1):
        wait_until(lambda: interrupted() or child.stop_and_continue())
