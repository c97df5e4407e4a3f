"""A check, CALL_ERRNO, for every row of tests/errors.tsv and every stage that
makes the call. Where possible the kernel itself produces the error; otherwise
tests/harness/faults.c injects it."""

import errno

from checks.errors import client, network, server  # noqa: F401
from checks.errors.kernel import KERNEL, OURS, made_by_kernel, try_kernel
from checks.errors.actions import ACTIONS_OF, CLIENT, CONNECTION, LISTENER
from checks.errors.table import CALLS, ROWS, action_of
from harness import CHECKS, FOREVER, TASKS, Check, Skip
from harness.results import INJECTED


def make_row_check(stage, row):
    call, name = row['call'], row['errno']
    action, number = action_of(row, stage), getattr(errno, name, None)

    def inject(test):
        if number is None:
            raise Skip(f'{name} is not an errno of this system')
        test.need_injector()
        test.faults.fail(call, number)
        if action == 'WAIT':
            test.faults.fail(call, number, last=FOREVER)
        if stage in ACTIONS_OF:
            ACTIONS_OF[stage][action](test, call, name)
        elif stage == '06':
            CLIENT[action](test, call, name)
        elif call in ('recv', 'send'):
            CONNECTION[action](test, call, name)
        else:
            LISTENER[action](test, call, name)

    function = KERNEL.get((call, name, stage))
    by_kernel = made_by_kernel(function)

    def run(test):
        if not by_kernel:
            inject(test)
        elif not try_kernel(function, test):
            test.restart()
            inject(test)
            return INJECTED
        return None

    what = f'{call} fails with {name}: {action}'
    return Check(stage, f'{call}_{name}', run, what,
                 'kernel' if by_kernel else 'injector',
                 by_kernel and function not in OURS
                 and call in ('recv', 'send'))


def register():
    """Adds the checks of the rows, after those of normal behaviour."""
    for stage, calls in CALLS.items():
        for row in ROWS if stage in TASKS else ():
            if (row['call'] in calls.split()
                    and action_of(row, stage) != '-'):
                CHECKS.append(make_row_check(stage, row))
