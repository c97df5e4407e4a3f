"""Programs with one bug each, made from ours by edits: for prove-messages,
prove-checks and prove-tls."""

FLAGS = ['-O1', '-g', '-w', '-std=c99']


class Unproved(Exception):
    """What was to be proved does not hold, for this reason."""


def edited(text, edits):
    """Returns a source with the edits made: pairs of old and new text."""
    for old, new in edits:
        if old not in text:
            raise Unproved(f'our program no longer has:\n{old}')
        text = text.replace(old, new)
    return text
