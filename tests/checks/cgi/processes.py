"""The processes of scripts: what they inherit, how many there are, how they
end."""

import os
import re
import shutil
import signal
import socket
import subprocess
import time

from checks.cgi.scripts import (CGI, HELLO, PLAIN, SHELL, SLEEP, WAIT, another,
                                at_rest, children, equal, folder, gone, pids,
                                serve, told)
from harness import Failure, Server, Skip, check, reset, wait_until
from harness.web import Visitor, request

DESCRIPTORS = (SHELL + 'echo Content-Type: text/plain; echo; '
               'exec ls -l /proc/self/fd\n')


@check(CGI)
def sees_three_descriptors(test):
    """a script has standard input, output and error, and no other descriptor:
    no client, log, file, or pipe"""
    visitor = serve(test, '-l', '/dev/null', fds=DESCRIPTORS, sleep=SLEEP)
    upload, sleeper = another(test), another(test)
    upload.send(request('/cgi/fds', 'Content-Length: 9', method='POST',
                        body=b'some'))
    sleeper.send(request('/cgi/sleep'))
    pids(test, 2)
    reply = visitor.get('/cgi/fds').must_be(200)
    shown = [line.split(' -> ')[0].split()[-1] + ' -> ' + line.split(' -> ')[1]
             for line in reply.body.decode().splitlines() if ' -> ' in line]
    rest = [line for line in shown if '/proc/' not in line]
    equal('the descriptors', [line.split()[0] for line in rest],
          ['0', '1', '2'], 'set FD_CLOEXEC on all others: ' + '; '.join(rest))


@check(CGI)
def sees_no_reopened_log(test):
    """a script has no descriptor of the log, not even after SIGHUP"""
    log = test.site({}) / 'log'
    visitor = serve(test, '-l', str(log), fds=DESCRIPTORS)
    log.rename(log.with_name('old'))
    test.running.process.send_signal(signal.SIGHUP)
    if not wait_until(log.exists):
        raise Failure('SIGHUP opens the log again', 'it does not')
    reply = visitor.get('/cgi/fds').must_be(200)
    if str(log).encode() in reply.body:
        raise Failure('no descriptor of the log in a script',
                      reply.body.decode(), 'dup2 clears FD_CLOEXEC')


@check(CGI)
def sees_nothing_inherited(test):
    """a descriptor that the server has inherited is not passed on"""
    place = folder(test, fds=DESCRIPTORS)
    secret = test.site({'secret': b'x'}) / 'secret'
    handle = os.open(secret, os.O_RDONLY)
    with os.fdopen(handle):
        server = Server(test.command('-c', str(place), '-d',
                                     str(test.site()), '0'),
                        test.environment(), subprocess.DEVNULL,
                        pass_fds=(handle,))
    ready = server.wait_line(r'listening on (\S+):(\d+)$')
    server.port = int(ready[2]) if ready else 0
    reply = Visitor(test.connect(server)).get('/cgi/fds').must_be(200)
    if str(secret).encode() in reply.body:
        raise Failure('no inherited descriptor in a script',
                      reply.body.decode())


@check(CGI)
def signals_are_reset(test):
    """SIGPIPE can end a script, and no signal is blocked in it"""
    visitor = serve(test, state=PLAIN + 'exec grep -E "^Sig(Ign|Blk)" '
                    '/proc/self/status\n')
    lines = dict(line.split(':') for line in visitor.get(
        '/cgi/state').must_be(200).body.decode().splitlines())
    equal('blocked signals', int(lines['SigBlk'], 16), 0)
    ignored = int(lines['SigIgn'], 16)
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD):
        equal(f'whether {number.name} is ignored',
              bool(ignored >> (number - 1) & 1), False,
              'execve leaves ignored signals ignored')


@check(CGI)
def leads_a_group(test):
    """a script leads its own process group: Ctrl-C reaches only the server"""
    visitor = serve(test, state=PLAIN + 'cut -d" " -f1,5 /proc/$$/stat\n')
    pid, group = visitor.get('/cgi/state').must_be(200).body.split()
    equal('its process group', group, pid)


@check(CGI)
def silent_too_long(test):
    """a script that is silent for -t seconds is killed with everything it has
    started; the client gets a 504, and the connection stays open"""
    visitor = serve(test, '-t', '1', sleep=SLEEP)
    began = time.monotonic()
    visitor.get('/cgi/sleep').must_be(504)
    took = time.monotonic() - began
    if not 0.9 < took < 4:
        raise Failure('a 504 after 1 second (-t 1)', f'after {took:.1f} s')
    told(test, r'script: .* \(/.*/sleep\)')
    gone(pids(test, 2), 'it was silent for too long')
    visitor.stays()
    at_rest(test, 'after a script was killed')


@check(CGI)
def silent_after_its_head(test):
    """a script that stalls in the middle of its body is killed, and the
    connection closes, so that the client does not mistake the part for the
    whole"""
    visitor = serve(test, '-t', '1', half=PLAIN + 'echo part; echo $$ >pids; '
                    'sleep 600 & echo $! >>pids; wait\n')
    message = request('/cgi/half')
    visitor.send(message)
    visitor.head(message).must_be(200)
    if visitor.rest() != b'5\r\npart\n\r\n':
        raise Failure('one chunk, then the end of the connection, with no '
                      'last chunk', 'something else')
    gone(pids(test, 2), 'it was silent for too long')


@check(CGI)
def not_silent(test):
    """a script that keeps writing may take longer than -t"""
    visitor = serve(test, '-t', '1', slow=PLAIN + 'for i in 1 2 3 4 5 6 7; do '
                    'echo $i; sleep 0.2; done\n')
    visitor.get('/cgi/slow').must_be(200, b'1\n2\n3\n4\n5\n6\n7\n')
    visitor.stays()


@check(CGI)
def at_most_64(test):
    """64 scripts run at once, and one more gets a 503; after they have ended,
    there is room again"""
    visitor = serve(test, '-t', '0', wait=SHELL + 'echo $$ >>pids\n' + WAIT
                    + 'echo Status: 204; echo\n', hello=HELLO)
    waiting = [another(test) for _ in range(64)]
    for other in waiting:
        other.send(request('/cgi/wait'))
    pids(test, 64)
    for _ in range(3):
        visitor.get('/cgi/hello').must_be(503).must_have('Retry-After', '1')
    visitor.stays()
    (test.scripts / 'go').touch()
    for other in waiting:
        other.answer().must_be(204)
    at_rest(test, 'when all have ended')
    visitor.get('/cgi/hello').must_be(200, b'hello\n')


@check(CGI)
def answered_are_not_counted(test):
    """64 scripts that keep running after their response leave room for others;
    after 128 one more gets a 503"""
    visitor = serve(test, '-t', '0', later=SHELL + 'echo Content-Type: a/b; '
                    'echo Content-Length: 2; echo; printf hi; exec >&-\n'
                    + WAIT, hello=HELLO)
    for _ in range(2):
        visitor.get('/cgi/hello').must_be(200, b'hello\n')
        for _ in range(64):
            visitor.get('/cgi/later').must_be(
                200, b'hi', hint='a script whose response is complete does not '
                'count as one of the 64')
    visitor.get('/cgi/hello').must_be(503)
    (test.scripts / 'go').touch()
    at_rest(test, 'when all have ended')
    visitor.get('/cgi/hello').must_be(200, b'hello\n')


@check(CGI)
def ab_runs_scripts(test):
    """ab sends 1000 requests for a script on 64 kept connections, and none
    fails"""
    if not shutil.which('ab'):
        raise Skip('ab is not installed')
    visitor = serve(test, hello=SHELL + 'echo Status: 200; '
                    'echo Content-Length: 6; echo; echo hello\n')
    said = subprocess.run(
        ['ab', '-q', '-k', '-c', '64', '-n', '1000',
         f'http://127.0.0.1:{test.running.port}/cgi/hello'], timeout=60,
        capture_output=True, text=True).stdout
    if (not re.search(r'Failed requests: +0\n', said) or 'Non-2xx' in said
            or not re.search(r'Keep-Alive requests: +1000\n', said)):
        raise Failure('1000 requests, all kept alive, none failed', said[-600:])
    visitor.stays()
    at_rest(test, 'after 1000 scripts')


@check(CGI)
def none_is_left(test):
    """500 scripts leave no zombie and no descriptor open"""
    visitor = serve(test, hello=HELLO, fail=SHELL + 'exit 3\n',
                    die=SHELL + 'kill -9 $$\n')
    visitor.get('/cgi/hello').must_be(200)
    at_rest(test, 'after the first')
    before = len(test.running.descriptors_at_rest())
    for number in range(100):
        for name, status in (('hello', 200), ('hello', 200), ('fail', 500),
                             ('die', 500), ('hello', 200)):
            visitor.get(f'/cgi/{name}').must_be(status)
    at_rest(test, 'after 500 scripts')
    equal('descriptors', len(test.running.descriptors_at_rest()), before)


@check(CGI)
def client_gone(test):
    """kills a silent script whose client has closed"""
    visitor = serve(test, '-t', '0', sleep=SLEEP)
    visitor.send(request('/cgi/sleep'))
    processes = pids(test, 2)
    visitor.socket.close()
    gone(processes, 'its client has closed')
    at_rest(test, 'after the client has gone')
    another(test).stays()


@check(CGI)
def client_reset(test):
    """kills a silent script whose client has reset the connection"""
    visitor = serve(test, '-t', '0', sleep=SLEEP)
    visitor.send(request('/cgi/sleep'))
    processes = pids(test, 2)
    reset(visitor.socket)
    gone(processes, 'its client has reset the connection')
    another(test).stays()


@check(CGI)
def client_gone_while_it_writes(test):
    """ends a script that writes after its client has closed"""
    visitor = serve(test, '-t', '0', yes=PLAIN + 'echo $$ >pids; exec yes\n')
    visitor.send(request('/cgi/yes'))
    processes = pids(test, 1)
    visitor.more('some output')
    visitor.socket.close()
    gone(processes, 'its client has closed')
    at_rest(test, 'after the client has gone')


@check(CGI)
def client_ends_its_half(test):
    """a client that has shut down its sending half still gets its answer"""
    visitor = serve(test, soon=PLAIN + 'sleep 0.5; echo soon\n')
    visitor.send(request('/cgi/soon') + request('/hello.txt'))
    visitor.socket.shutdown(socket.SHUT_WR)
    visitor.answer().must_be(200, b'soon\n')
    visitor.answer().must_be(200)
    visitor.ended()


@check(CGI)
def server_ends(test):
    """when the server ends, so do the scripts and everything they have
    started"""
    visitor = serve(test, sleep=SLEEP, wait=HELLO)
    visitor.send(request('/cgi/sleep'))
    processes = pids(test, 2)
    test.running.signal(signal.SIGCONT)
    test.running.process.send_signal(signal.SIGTERM)
    equal('the exit status after SIGTERM', test.running.wait_exit(), 0)
    gone(processes, 'the server has ended')


@check(CGI)
def server_ends_later(test):
    """when the server ends, so do scripts that keep running after their
    response"""
    visitor = serve(test, later=SHELL + 'echo Status: 204; echo; exec >&-; '
                    'echo $$ >>pids; sleep 600 & echo $! >>pids; wait\n')
    visitor.get('/cgi/later').must_be(204)
    processes = pids(test, 2)
    test.running.process.send_signal(signal.SIGTERM)
    equal('the exit status after SIGTERM', test.running.wait_exit(), 0)
    gone(processes, 'the server has ended')


@check(CGI)
def signals_come_through(test):
    """SIGHUP and SIGTERM are not lost while many scripts end"""
    log = test.site({}) / 'log'
    visitor = serve(test, '-l', str(log), hello=HELLO)
    others = [another(test) for _ in range(10)]
    for _ in range(5):
        for other in others:
            other.send(request('/cgi/hello'))
        for other in others:
            other.answer().must_be(200)
    log.rename(log.with_name('old'))
    test.running.process.send_signal(signal.SIGHUP)
    if not wait_until(log.exists):
        raise Failure('SIGHUP opens the log again', 'it does not')
    visitor.stays()
    for other in others:
        other.send(request('/cgi/hello'))
    test.running.process.send_signal(signal.SIGTERM)
    equal('the exit status after SIGTERM', test.running.wait_exit(), 0)


@check(CGI)
def goes_on_after_its_answer(test):
    """a script may keep running after its response: the client does not wait,
    and no zombie remains"""
    visitor = serve(test, '-t', '1', later=SHELL + 'echo Content-Type: a/b; '
                    'echo Content-Length: 2; echo; printf hi; exec >&-\n'
                    + WAIT + 'sleep 1.2; touch done\n')
    visitor.get('/cgi/later', hint='the answer ends when the script closes '
                'its output, not when the script ends').must_be(200, b'hi')
    visitor.stays()
    (test.scripts / 'go').touch()
    if not wait_until((test.scripts / 'done').exists):
        raise Failure('the script keeps running', 'it was killed')
    at_rest(test, 'when it has ended')


@check(CGI)
def idle_with_a_script(test):
    """the server uses no processor time while a script is silent, even if its
    client has further requests waiting"""
    visitor = serve(test, '-t', '0', sleep=SLEEP)
    visitor.send(request('/cgi/sleep') + request('/hello.txt') * 3000)
    pids(test, 2)
    visitor.socket.settimeout(1)
    if test.running.spins():
        raise Failure('a server that waits', 'it spins',
                      'watch the client for reading only while there is room '
                      'for its requests')
    time.sleep(2.5)  # by now the server would have noticed a closed client
    equal('children', len(children(test.running)), 1)
