"""Finds the likeliest mistake in the handling of a command-line option."""

import signal


def likely_option(child, told, status):
    """Returns a hint if a program mishandles one of its options, or ''."""
    words = child.command[1:]
    for place, word in enumerate(words):
        if word in ('-a', '-d', '-l', '-t'):
            hint = about_option(child, told, status, word[1],
                                *words[place + 1:place + 2])
            if hint:
                return hint
    return ''


def about_option(child, told, status, letter, argument=''):
    """Returns a hint if this option, which takes an argument, is mishandled."""
    colon = f'"{letter}:" in the string for getopt'
    if f"invalid option -- '{letter}'" in told:
        return (f'getopt does not know -{letter}, which takes an argument: put '
                + colon)
    if status == -signal.SIGSEGV and not told:
        return ('it crashed before it printed a line, and it was called with '
                f'-{letter}: optarg is NULL unless there is {colon}')
    if status == 2 and argument and f"argument: '{argument}'" in told:
        return (f"getopt did not take '{argument}' as the argument of "
                f'-{letter}: put {colon}')
    if child.output.startswith(b'usage: ') and '-h' not in child.command:
        return (f'-{letter} has printed the usage, as -h does: end each case '
                'of a switch with break, or the next case runs, too')
    if status == 2 and told.startswith('usage: '):
        return (f"getopt has returned '{letter}', and the program has rejected "
                f"that: add a case '{letter}' that ends with break")
    return ''
