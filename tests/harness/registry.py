"""The list of all checks, and how a function is added to it."""

import collections

Check = collections.namedtuple(
    'Check', 'stage name function what origin open after', defaults=[''])
CHECKS = []
TESTS_OF = {}  # {stage: its own subclass of Test}

# Stages that share a property, for use as @check(READY).
SERVERS = '01 02 03 04 05 07 08'
ADDRESSED = '02 03 04 05 07 08'  # those with -a ADDRESS and PORT
READY = '03 04 05 07 08'         # those that say when they are ready
SERVING = '04 05 07 08'          # those that accept clients
TALKING = '05 07 08'
ECHO = '05 07'
MANY = '07 08'                   # those that serve many clients at once


def check(stages, open=True, after=''):
    """Registers a function as a check of these stages. Its docstring says what
    must hold. If open, it also suits programs whose messages and options are
    not ours. Checks run in the order of their files, and a student sees the
    first that fails; `after` names the check that this one follows."""
    def register(function):
        what = ' '.join((function.__doc__ or '').split())
        for stage in stages.split():
            CHECKS.append(Check(stage, function.__name__, function, what, '',
                                open, after))
        return function
    return register


def share(exercise, names):
    """Makes these checks of an exercise's stage apply to the exercise too."""
    for name in names.split():
        found = [check for check in CHECKS
                 if (check.stage, check.name) == (exercise[:2], name)]
        CHECKS.extend(check._replace(stage=exercise) for check in found)
        if not found:
            raise ValueError(f'{exercise[:2]} has no check {name}')


def arrange():
    """Moves each check that has an `after`, with its own followers, right
    behind the check named there, in every stage that has both."""
    places = {(check.stage, check.name) for check in CHECKS}
    followers, arranged = collections.defaultdict(list), []
    for check in CHECKS:
        place = (check.stage, check.after)
        followers[place if place in places else None].insert(0, check)

    def add(check):
        arranged.append(check)
        for follower in followers.pop((check.stage, check.name), ()):
            add(follower)
    for check in reversed(followers.pop(None)):
        add(check)
    CHECKS[:] = arranged
