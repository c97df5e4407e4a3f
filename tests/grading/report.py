"""The report of a submission, for people."""

import re
import sys

from grading.submission import MOST_TEXT, number
from harness.words import Colours, clean, explained, wrapped


def cut(text):
    """Returns a program's message without control characters, cut to
    MOST_TEXT characters."""
    text = clean(str(text))
    return text if len(text) <= MOST_TEXT else text[:MOST_TEXT] + ' ...'


def message(check):
    """Returns the lines that say why a check failed."""
    if check['verdict'] == 'skipped':
        return explained(check['what'], '', cut(check['reason']), '', True)
    return explained(check['what'], cut(check['expected']), cut(check['got']),
                     cut(check['hint']), True)


ROW = re.compile(r'([a-z]+)_E[A-Z0-9]+')  # a check's name: recv_EINTR


def reason(check):
    """Returns a key that is the same for checks that failed for the same
    reason. Their messages differ at most by the name of an errno, or by a
    number. For an errno row the name of the call replaces `got`."""
    if check['name'].startswith('faults_'):  # each seed fails in its own way
        return ['faults']
    row = ROW.fullmatch(check['name'])
    texts = [check['expected'], check['hint'],
             row[1] if row else check['got']]
    return [re.sub(r'\bE[A-Z0-9]{2,}\b|\d+', '#', str(text))
            for text in texts]


def by_reason(checks):
    """Returns the failed checks in groups, one for each reason."""
    groups = []
    for check in checks:
        for group in groups:
            if reason(group[0]) == reason(check):
                group.append(check)
                break
        else:
            groups.append([check])
    return groups


def print_failed(checks, colours):
    """Explains the failed checks, one entry for each reason."""
    for group in by_reason(checks):
        first, *others = group
        cost = sum(check['cents'] for check in group) / 100
        print(f'{colours.red}-{cost:.2f}{colours.off} '
              f'{colours.bold}{first["name"]}{colours.off}'
              + (f' and {len(others)} more for this reason' if others else ''))
        print(message(first))
        if others:
            print(wrapped('  more:     ', ', '.join(
                check['name'] for check in others), True))


def hides(options):
    """Returns whether students see the output."""
    return options.autolab or options.github


def print_report(results, options, problem, notes):
    colours = Colours(sys.stdout)
    for result in results.values():
        print_stage(result, options, colours)
    for note in notes:
        print(wrapped('', note))
    if problem:
        print(wrapped('', f'The grading has failed: {cut(problem)}', True))
    score = number(sum(result.score for result in results.values()))
    most = number(sum(result.most for result in results.values()))
    print(f'{colours.bold}{"total":14}{score:7.2f} of {most}{colours.off}')


def print_stage(result, options, colours):
    passed = [check for check in result.checks if check['verdict'] == 'passed']
    missed = [check for check in result.checks if check not in passed]
    hidden = [check for check in missed
              if hides(options) and check['visibility'] != 'visible']
    print(f'{colours.bold}{result.title:14}{result.score:7.2f} of '
          f'{result.most}{colours.off}'
          + (f', {len(passed)} of {len(result.checks)} checks passed'
             if result.checks else ''))
    if result.problem:
        print(wrapped('  ', cut(result.problem), True))
        lines = [line for line in result.details.splitlines() if line.strip()]
        for line in lines[:30]:
            print(wrapped('    ', clean(line)[:300], True))
    print_failed([check for check in missed if check not in hidden
                  and check['verdict'] == 'failed'], colours)
    print_skipped([check for check in missed if check not in hidden
                   and check['verdict'] == 'skipped'])
    if hidden:
        cost = sum(check['cents'] for check in hidden) / 100
        print(f'  -{cost:.2f} for {len(hidden)} checks that are not shown')


def print_skipped(checks):
    """Lists the skipped checks, one entry for each reason."""
    for reason in sorted({check['reason'] for check in checks}):
        some = [check for check in checks if check['reason'] == reason]
        cost = sum(check['cents'] for check in some) / 100
        names = ', '.join(check['name'] for check in some)
        print(wrapped('  ', f'-{cost:.2f} for what was not checked ('
                      f'{cut(reason)}): {names}', True))
