"""Values of options on the command line."""

import argparse


def at_least_one(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f'"{text}" is not a number from 1')
    return int(text)


def seeds(text):
    """The seeds of "7", or of "1-1000"."""
    first, _, last = text.partition('-')
    last = last or first
    if not (first.isdecimal() and last.isdecimal() and int(first) <= int(last)):
        raise argparse.ArgumentTypeError(f'"{text}" is neither a number nor '
                                         'a range such as 1-1000')
    return range(int(first), int(last) + 1)
