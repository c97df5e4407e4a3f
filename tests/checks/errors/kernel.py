"""The errors that the kernel can be made to report."""

import errno

from harness import namespaces, settings, wait_until

KERNEL = {}  # (call, errno, stage): the function that causes the error
NETWORK = set()  # of these functions, those that need a private network
OURS = set()  # those that are only for our own programs


def kernel(call, name, stages):
    """Registers a function as the check of a row whose error the kernel
    reports."""
    def register(function):
        for stage in stages.split():
            KERNEL[call, name, stage] = function
        return function
    return register


def sharing(call, name, stages):
    """Like kernel, but only for our own programs. Where this system does not
    let the function cause the error, the error is injected."""
    def register(function):
        OURS.add(function)
        return kernel(call, name, stages)(function)
    return register


def in_network(call, name, stages):
    """Like sharing, for a function that runs in a private network."""
    def register(function):
        NETWORK.add(function)
        return sharing(call, name, stages)(function)
    return register


def made_by_kernel(function):
    """Returns whether a function can be tried here. Functions in OURS cannot
    be tried with tests/check --starter, which may confine the program."""
    if function in OURS and settings.STARTER:
        return False
    return function is not None and (function not in NETWORK
                                     or namespaces.available())


def examined(function, test):
    function(test)
    test.examine()


def try_kernel(function, test):
    """Returns whether the function could cause the error."""
    try:
        if function in NETWORK:
            namespaces.run_in_child(examined, function, test)
        else:
            function(test)
    except namespaces.Unavailable:
        return False
    return True


def until_interrupted(test, child, call):
    """Stops and continues the program three times. If the injector is attached,
    repeats this until the call has failed with EINTR."""
    def interrupted():
        return (test.faults.get('failed', call) > 0
                and test.faults.get('last_error', call) == errno.EINTR)
    for _ in range(3):
        child.stop_and_continue()
    if wait_until(lambda: test.faults.get('attached'), 0.1):
        wait_until(lambda: interrupted() or child.stop_and_continue())
