"""Programs with one bug each, made from ours by edits: for prove-messages,
prove-checks and prove-tls."""

from harness import TASKS, build

FLAGS = ['-O1', '-g', '-w', '-std=c99']


class Unproved(Exception):
    """The reason why a proof has failed."""


def edited(text, edits):
    """Returns a source after these edits, pairs of old and new text."""
    for old, new in edits:
        if old not in text:
            raise Unproved(f'our program no longer has:\n{old}')
        text = text.replace(old, new)
    return text


def build_wrong(stage, edits, folder, file=''):
    """Builds a stage with these edits in the named file, by default the file
    that the stub stands in for. Returns where the program is."""
    answer = TASKS[stage].answer()
    changed = answer.with_name(file or answer.name)
    source = folder / changed.name
    source.write_text(edited(changed.read_text(), edits))
    others = [path for path in answer.parent.glob('*.c')
              if path.name not in ('stub.c', changed.name)]
    if (answer.parent / 'www').exists():  # what 08 serves by default
        (folder / 'www').symlink_to(answer.parent / 'www')
    complaint = build(folder / 'wrong', *FLAGS, '-I', answer.parent, source,
                      *others)
    if complaint:
        raise Unproved(complaint)
    return folder / 'wrong'
