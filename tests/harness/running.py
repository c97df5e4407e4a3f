"""Runs checks, several at a time, in processes that can be killed together
with everything they have started."""

import collections
import concurrent.futures
import ctypes
import errno
import functools
import multiprocessing
import os
import random
import shlex
import signal
import sys
import tempfile
import threading
import time
import traceback

from harness import settings
from harness.failures import (FEW_DESCRIPTORS, Failure, Skip, Stop,
                              said_error)
from harness.causes import likely_cause
from harness.faults import build_injector
from harness.privileges import act_as, prctl
from harness.programs import RUNNING
from harness.registry import CHECKS, TESTS_OF
from harness.results import JsonReport, Report, Result
from harness.secure import reason_against
from harness.settings import JOBS, MEMCHECK
from harness.stages import BEYOND, PROGRAMS, ROOT
from harness.test import Test
from harness.valgrind import WITHOUT_VALGRIND
from harness.web import WebTest

LATE = 'skipped', 'no time was left'


def run_check(*arguments):
    """Runs one check. Returns its verdict, and the failure, the reason why it
    was skipped, or a note."""
    try:
        return try_check(*arguments)
    except Stop:
        return 'skipped', 'stopped'
    except OSError as error:  # a program may have removed what we need
        return 'failed', Failure('files that the check needs',
                                 said_error(error))
    finally:  # even if a signal came during the cleanup
        for child in list(RUNNING):
            child.end()


def try_check(check, command, directory, injector):
    if '{port}' in command and not check.open:
        return 'skipped', 'it needs our options and messages'
    if Stop.wanted:
        return 'skipped', 'stopped'
    if settings.TLS and reason_against(check.name):
        return 'skipped', reason_against(check.name)
    for name in (check.name, f'{check.stage} {check.name}'):
        if MEMCHECK and name in WITHOUT_VALGRIND:
            return 'skipped', WITHOUT_VALGRIND[name]
    kind = (WebTest if check.stage in ('08', *BEYOND)
            else TESTS_OF.get(check.stage, Test))
    test = kind(check.stage, command, directory, injector)
    try:
        Stop.release()
        note = check.function(test)
        test.examine()
    except Skip as reason:
        return 'skipped', str(reason)
    except Failure as failure:
        failure.hint = likely_cause(test, check) or failure.hint
        return 'failed', failure
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            return 'skipped', FEW_DESCRIPTORS
        return 'failed', Failure(check.what, said_error(error) + (
            f'; the program {test.outcome(test.children[-1])}'
            if test.children else ''), likely_cause(test, check))
    except Exception:  # a program may do something that no check expects
        return 'failed', Failure(check.what,
                                         traceback.format_exc(limit=-4))
    finally:
        Stop.held = True
        test.close()
    return 'passed', note


def end_now(*_):
    """Kills this process immediately, and everything it has started."""
    for child in RUNNING:
        child.signal(signal.SIGKILL)
    os._exit(143)


def return_memory():
    """Makes glibc return freed memory to the system. A worker runs one check
    after another, and glibc would keep the memory that threads have used.
    mallopt(3)."""
    mallopt = getattr(ctypes.CDLL(None), 'mallopt', None)
    if sys.platform.startswith('linux') and mallopt:
        m_mmap_threshold, m_arena_max = -3, -8
        mallopt(m_mmap_threshold, 1 << 17)
        mallopt(m_arena_max, 1)


def prepare_worker(pids, owner):
    """Registers a process, so that stop_workers can end it. On Linux it also
    ends when its parent is killed."""
    signal.signal(signal.SIGTERM, end_now)
    signal.signal(signal.SIGUSR1, Stop.now)
    Stop.held = True
    os.write(pids.fileno(), b'%d\n' % os.getpid())
    return_memory()
    if owner is not None:
        act_as(owner)
    if sys.platform.startswith('linux'):
        pr_set_pdeathsig = 1
        prctl(pr_set_pdeathsig, signal.SIGTERM)


def stop_workers(pids):
    """Kills the checks that are still running, and everything they have
    started."""
    pids.seek(0)
    for pid in pids.read().split():
        try:
            os.kill(int(pid), signal.SIGUSR1)
        except ProcessLookupError:
            pass


def run_some(numbers, options, round, directory, injector):
    """Runs checks one after another in a process of their own, so that
    Python's global lock does not make checks wait for each other. Returns what
    run_check returns for each."""
    settings.ROUND = round
    results = []
    for check in (CHECKS[number] for number in numbers):
        random.seed(f'{settings.SEED} {check.stage} {check.name} {round}')
        results.append(run_check(check, program_of(check, options), directory,
                                 injector))
    return results


def program_of(check, options):
    """Returns the command of the program under test."""
    return options.program or shlex.quote(os.path.join(
        options.programs or ROOT, PROGRAMS[check.stage].program))


def wait_for(future, portion, end, progress):
    """Returns the results of the checks in one process. If time runs out or
    the process is killed, each check gets a result that says so."""
    while True:
        progress()
        try:
            return future.result(max(0, min(0.2, end - time.monotonic())))
        except concurrent.futures.TimeoutError:
            if time.monotonic() >= end:
                return [LATE] * len(portion)
        except concurrent.futures.BrokenExecutor:
            return [('failed', Failure(
                'a check that runs to its end', 'its process was killed'
            ))] * len(portion)


def portions(checks):
    """Yields what each process runs: a single check, or all blocks of a
    lesson."""
    lessons = collections.defaultdict(list)
    for check in checks:
        if check.name.startswith('lesson_block'):
            lessons[check.stage].append(check)
            if len(lessons[check.stage]) == 1:
                yield lessons[check.stage]
        else:
            yield [check]


def jobs(options):
    """Returns how many checks run at a time: at most 16, since each takes some
    memory; with --faults four times as many, since its checks mostly wait."""
    return (4 if options.faults else 1) * min(16, JOBS * (os.cpu_count() or 1))


def run_all(checks, options, directory):
    """Runs the checks, several at a time, and reports them in order."""
    injector, trouble = build_injector(directory)
    if trouble:
        options.warnings.append('the injector of errors is missing, so the '
                                f'checks that need it are skipped: {trouble}')
    if options.owner is not None:
        os.chown(directory, options.owner, options.owner)
    report = (JsonReport if options.json else Report)(options)
    todo = [(portion, round) for round in range(1, options.repeat + 1)
            for portion in portions(checks)]
    if options.seed is not None:
        random.Random(options.seed).shuffle(todo)
    pids = tempfile.TemporaryFile(buffering=0)  # unnamed: only ours
    with concurrent.futures.ProcessPoolExecutor(
            options.jobs or jobs(options),
            multiprocessing.get_context('fork'), prepare_worker,
            (pids, options.owner)) as pool:
        futures = []
        try:
            futures += [pool.submit(run_some, [CHECKS.index(check)
                                               for check in portion],
                                    options, round, directory, injector)
                        for portion, round in todo]
            late = report_all(todo, futures, options, report)
        finally:
            if not all(future.done() for future in futures):
                pool.shutdown(wait=False, cancel_futures=True)
                stop_workers(pids)
    report.close()
    return 1 if report.verdicts['failed'] or late else 0


def in_turn(todo, futures, options):
    """Yields the tasks and their futures, in order or as they finish."""
    if not options.any:
        yield from zip(todo, futures)
        return
    entries = dict(zip(futures, todo))
    for future in concurrent.futures.as_completed(futures):
        yield entries[future], future


def cancel_after_failure(futures):
    """Once a check has failed, lets none start that comes after it in order:
    only an earlier one can still be the first failure."""
    def cancel_later(future, number):
        if future.cancelled() or future.exception():
            return
        if any(verdict == 'failed' for verdict, _ in future.result()):
            for later in futures[number + 1:]:
                later.cancel()
    for number, future in enumerate(futures):
        future.add_done_callback(
            functools.partial(cancel_later, number=number))


def report_all(todo, futures, options, report):
    """Waits for the results in turn, and reports them. Returns whether the
    time ran out."""
    end = time.monotonic() + (options.time or threading.TIMEOUT_MAX)
    total, done, late = sum(len(portion) for portion, _ in todo), [], False
    for (portion, _), future in zip(todo, futures):
        future.add_done_callback(lambda ended, some=portion: done.extend(
            [] if ended.cancelled() else some))
    if options.first:
        cancel_after_failure(futures)

    def progress():
        report.show_progress(len(done), total)
    try:
        for (portion, round), future in in_turn(todo, futures, options):
            for check, (verdict, failure) in zip(
                    portion, wait_for(future, portion, end, progress)):
                report.add(Result(check, verdict, failure, round))
                late |= (verdict, failure) == LATE
            if report.verdicts['failed'] and (options.first or options.any):
                break
        return late
    finally:
        report.hide_progress()
