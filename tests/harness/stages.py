"""The stages of the ladder, and where the files of each are."""

import pathlib

TESTS = pathlib.Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
HANDOUT = (TESTS / 'handout.mk').exists()  # whether answers may be missing


class Stage:
    """A stage, in our tree or in a copy of it elsewhere."""

    def __init__(self, number, program, root=ROOT):
        self.number = number
        self.program = program                     # 05-recv-send/server
        self.name = program.partition('/')[0]      # 05-recv-send
        self.place = f'{self.name}/stub.c'
        self.folder = root / self.name
        self.stub = root / self.place
        self.lesson = self.folder / 'README.md'
        self.handed_out = root / 'tests' / 'stubs' / f'{number}.c'

    def answer(self):
        """The source that the stub stands in for: of 08 one of several."""
        name = {'06': 'client.c', '08': 'request.c'}.get(self.number,
                                                         'server.c')
        return self.folder / name


def missing(path):
    """The line that says that a file was not handed out."""
    return (f'{path.relative_to(ROOT)} is not part of this hand-out: your '
            'teacher has it.')


def find_stages(root=ROOT):
    """The stages, by their numbers, of a tree laid out like ours."""
    programs = ('01-socket/server', '02-bind/server', '03-listen/server',
                '04-accept/server', '05-recv-send/server', '06-client/client',
                '07-select/server', '08-http/server')
    return {program[:2]: Stage(program[:2], program, root)
            for program in programs}


STAGES = find_stages()

# What builds on 08, beyond the ladder: tests/check runs these checks only if
# they are asked for by name.
BEYOND = {'cgi': '08-http/cgi/server', 'tls': '08-http/tls/server',
          'front': '08-http/server'}


def program_of(stage):
    """The path of a stage's program in our tree."""
    return BEYOND.get(stage) or STAGES[stage].program
