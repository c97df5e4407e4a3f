"""tests/errors.tsv: the errors that a call can report, and the remedy for
each."""

import csv

from harness import TESTS

CALLS = {
    '01': 'socket', '02': 'socket bind', '03': 'socket bind listen',
    '04': 'socket bind listen accept',
    '05': 'socket bind listen accept recv send',
    '06': 'socket connect recv send',
    '07': 'socket bind listen accept recv send select',
    '08': 'socket bind listen accept recv send select',
}
with open(TESTS / 'errors.tsv', newline='') as file:
    ROWS = list(csv.DictReader(file, delimiter='\t'))


def remedy_of(row, stage):
    """The remedy that the table of this stage has for a row. What may wait
    for select does so from 07 on: that is an ordinary thing."""
    remedy, _, other = row['client' if stage == '06' else 'server'].partition(
        ', or ')
    return 'RETRY' if other and stage >= '07' else remedy
