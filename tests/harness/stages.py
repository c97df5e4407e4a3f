"""The stages of the ladder, the exercises beside them, and where their files
are."""

import pathlib

TESTS = pathlib.Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
HANDOUT = (TESTS / 'handout.mk').exists()  # whether answers may be missing


class Stage:
    """A stage, in our tree or in a copy of it."""

    def __init__(self, number, program, root=ROOT):
        self.number = number
        self.program = program                     # 05-recv-send/server
        self.name = program.rpartition('/')[0]     # 05-recv-send
        self.title = self.name
        self.place = f'{self.name}/stub.c'
        self.folder = root / self.name
        self.stub = root / self.place
        self.lesson = self.folder / 'README.md'
        self.handed_out = root / 'tests' / 'stubs' / f'{number}.c'

    def answer(self):
        """Returns the source that the stub stands in for; 08 has several
        sources."""
        name = {'06': 'client.c', '08': 'request.c'}.get(self.number,
                                                         'server.c')
        return self.folder / name


class Exercise(Stage):
    """An exercise, in a sub-folder of the stage that it starts from."""

    def __init__(self, number, program, root=ROOT):
        super().__init__(number, program, root)
        self.title = number                        # 05-framing
        self.stage = number[:2]
        self.source = root / f'{program}.c'

    def answer(self):
        return self.source


def missing(path):
    """The message about a file that this hand-out does not have."""
    return (f'{path.relative_to(ROOT)} is not part of this hand-out: your '
            'teacher has it.')


def find_stages(root=ROOT):
    """Returns the stages of a tree with our layout, by number."""
    programs = ('01-socket/server', '02-bind/server', '03-listen/server',
                '04-accept/server', '05-recv-send/server', '06-client/client',
                '07-select/server', '08-http/server')
    return {program[:2]: Stage(program[:2], program, root)
            for program in programs}


def find_exercises(root=ROOT):
    """The exercises that exist in a tree laid out like ours, keyed by
    name."""
    programs = ('04-accept/datagram/datagram', '05-recv-send/framing/server',
                '06-client/rpc/client', '07-select/publish/server',
                '07-select/queue/server')
    exercises = (Exercise(f'{program[:2]}-{program.split("/")[1]}', program,
                          root) for program in programs)
    return {exercise.number: exercise for exercise in exercises
            if exercise.folder.exists()}


STAGES = find_stages()
EXERCISES = find_exercises()
TASKS = dict(sorted({**STAGES, **EXERCISES}.items()))  # all with a stub

# What builds on 08, beyond the ladder. tests/check runs the checks of these
# only on request, as in `tests/check cgi`.
BEYOND = {'cgi': Stage('cgi', '08-http/cgi/server'),
          'tls': Stage('tls', '08-http/tls/server'),
          'front': Stage('front', '08-http/server')}
PROGRAMS = {**TASKS, **BEYOND}
