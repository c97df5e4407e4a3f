"""A storm for 08-http/cgi: some of the requests are for scripts, and faults hit
pipe, fork, execve and waitpid, too."""

import pathlib

from checks.storm.page import HINDERS
from checks.storm.web import Browser, Question, WebStorm
from harness import MEMCHECK
from harness.web import chunked, request

TYPE = '#!/bin/sh\nprintf "Content-Type: a/b\\n\\n"\n'
SCRIPTS = {
    'echo': TYPE + 'exec cat\n',
    'sized': '#!/bin/sh\nprintf "Content-Length: 5\\nContent-Type: a/b\\n'
             '\\nhello and more"\n',
    'zeros': TYPE + 'exec head -c 200000 /dev/zero\n',
    'slow': TYPE + 'echo one; sleep 0.02; echo two\n',
    'none': '#!/bin/sh\nprintf "Status: 204\\n\\n"\n',
    'fails': '#!/bin/sh\nexit 1\n',
}
CALLS = ('pipe', 'fork', 'waitpid') + (  # valgrind itself fails with execve
    () if MEMCHECK else ('execve',))


class Caller(Browser):
    """A client that also sends requests to scripts."""

    def question(self):
        if self.chance.random() < 0.5:
            return super().question()
        body = self.chance.randbytes(self.chance.randrange(1, 40000))
        name, status, answer = self.chance.choice((
            ('sized', 200, b'hello'), ('zeros', 200, bytes(200000)),
            ('slow', 200, b'one\ntwo\n'), ('none', 204, b''),
            ('fails', 500, None), ('missing', 404, None),
            ('echo', 200, body), ('echo', 200, body)))
        if name != 'echo':
            return Question(request(f'/cgi/{name}'), status, answer)
        if self.chance.random() < 0.5:
            return Question(request('/cgi/echo', f'Content-Length: {len(body)}',
                                    method='POST', body=body), status, answer)
        return Question(request(
            '/cgi/echo', 'Transfer-Encoding: chunked', method='POST',
            body=chunked(body[:1000], body[1000:]) if len(body) > 1000
            else chunked(body)), status, answer)

    def judge(self, reply, question):
        if not reply.status == question.status == 500:  # which needs no excuse
            super().judge(reply, question)

    def plan(self, planner):
        super().plan(planner)
        for kind in CALLS:
            planner.calls(kind, self.number, 6, 1, (HINDERS,))


class CgiStorm(WebStorm):
    """08-http/cgi under random faults."""

    guests = Caller

    def options(self):
        folder = pathlib.Path(self.test.site({
            name: text.encode() for name, text in SCRIPTS.items()}))
        for name in SCRIPTS:
            (folder / name).chmod(0o755)
        return ['-c', str(folder)]
