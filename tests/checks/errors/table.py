"""tests/errors.tsv: the errors that a call can report, and the action that each
of them calls for."""

import csv

from harness import TESTS

CALLS = {
    '01': 'socket', '02': 'socket bind', '03': 'socket bind listen',
    '04': 'socket bind listen accept',
    '05': 'socket bind listen accept recv send',
    '06': 'socket connect recv send',
    '07': 'socket bind listen accept recv send select',
    '08': 'socket bind listen accept recv send select',
    # The calls that an exercise uses differently from its stage.
    '04-datagram': 'socket bind recvfrom sendto',
    '05-framing': 'recv send',
    '06-rpc': 'socket connect recv send',
    '07-publish': 'recv send',
    '07-queue': 'recv send',
}
with open(TESTS / 'errors.tsv', newline='') as file:
    ROWS = list(csv.DictReader(file, delimiter='\t'))


def alternative(text, row, stage):
    """The part of a row's text that applies to this stage. If the server's
    action has two parts, joined by ", or ", the meaning has two as well. The
    second part is for 07 and later, which wait for select."""
    usual, _, other = text.partition(', or ')
    if ', or ' not in row['server']:
        return text
    return other if stage >= '07' else usual


def action_of(row, stage):
    """The action of a row in this stage's table."""
    if stage == '06' or stage == '06-rpc' and row['call'] in ('socket',
                                                              'connect'):
        return row['client']
    action = alternative(row['server'], row, stage)
    return 'RETRY' if action == 'wait for select' else action


def meaning_of(row, stage):
    """The meaning of a row in this stage's table."""
    return alternative(row['meaning'], row, stage)
