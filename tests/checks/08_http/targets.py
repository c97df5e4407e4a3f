"""The checks of 08 that are about the targets of requests."""

from harness import CHECKS, Check, Failure, Skip, check
from harness.web import HELLO, USUAL, WEB, closed, fill

SECRET = b'nobody is to see this\n'
HIDDEN = {'root/' + name: content for name, content in USUAL.items()}
HIDDEN.update({'secret.txt': SECRET, 'root/.hidden': SECRET,
               'root/.git/config': SECRET, 'root/sub/.hidden': SECRET,
               'root/.well-known/security.txt': b'Contact: x',
               'root/sub/.well-known/x': SECRET,
               'root-other/secret.txt': SECRET,
               'root/a b.txt': b'space', 'root/\xfc.txt': b'umlaut',
               'root/100%.txt': b'percent', 'root/q?.txt': b'mark',
               'root/%68ello.txt': b'escaped', 'root/plus+.txt': b'plus'})
INNER = USUAL['sub/inner.txt']

# The target, our status, and the content if a file is served.
TARGETS = {
    'double_slash': ('//hello.txt', 200, HELLO),
    'slashes': ('/sub///inner.txt', 200, INNER),
    'slashes_first': ('////sub//inner.txt', 200, INNER),
    'escape': ('/%68ello.txt', 200, HELLO),
    'escapes': ('/%68%65%6C%6c%6F%2e%74%78%74', 200, HELLO),
    'escaped_slash': ('/sub%2finner.txt', 200, INNER),
    'escaped_once': ('/%2568ello.txt', 200, b'escaped'),
    'escaped_percent': ('/100%25.txt', 200, b'percent'),
    'escaped_space': ('/a%20b.txt', 200, b'space'),
    'plus': ('/plus+.txt', 200, b'plus'),
    'plus_is_no_space': ('/a+b.txt', 404, None),
    'escaped_newline': ('/a%0Ab.txt', 404, None),
    'escaped_question_mark': ('/q%3F.txt', 200, b'mark'),
    'umlaut': ('/%C3%BC.txt', 200, b'umlaut'),
    'umlaut_raw': ('/\xc3\xbc.txt', 200, b'umlaut'),
    'query': ('/hello.txt?a=b&c', 200, HELLO),
    'query_empty': ('/hello.txt?', 200, HELLO),
    'query_dots': ('/hello.txt?/../../etc/passwd', 200, HELLO),
    'nothing': ('/nothing', 404, None),
    'nothing_slash': ('/nothing/', 404, None),
    'case': ('/HELLO.TXT', 404, None),
    'file_slash': ('/hello.txt/', 404, None),
    'file_slashes': ('/hello.txt//', 404, None),
    'below_a_file': ('/hello.txt/inner.txt', 404, None),
    'beginning': ('/hello', 404, None),
    'long_name': ('/' + 'x' * 300, 404, None),
    'deep': ('/' + 'x/' * 3000, 404, None),
    'dot': ('/./hello.txt', 200, HELLO),
    'dot_escaped': ('/sub/%2e/../%2E/hello.txt', 200, HELLO),
    'dot_last': ('/sub/.', 200, USUAL['sub/index.html']),
    'dots': ('/../hello.txt', 404, None),
    'dots_within': ('/sub/../hello.txt', 200, HELLO),
    'dots_within_twice': ('/sub/list/.././../hello.txt', 200, HELLO),
    'dots_above': ('/sub/../../hello.txt', 404, None),
    'dots_last': ('/sub/../sub/x/..', 200, USUAL['sub/index.html']),
    'dots_three': ('/.../hello.txt', 404, None),
    'dots_escaped': ('/%2e%2e/secret.txt', 404, None),
    'dots_half_escaped': ('/.%2E/secret.txt', 404, None),
    'dots_escaped_slash': ('/..%2fsecret.txt', 404, None),
    'dots_all_escaped': ('/sub%2f%2e%2e%2f%2e%2e%2fsecret.txt', 404, None),
    'dots_backslash': ('/..\\secret.txt', 404, None),
    'dots_escaped_twice': ('/%252e%252e/secret.txt', 404, None),
    'dots_overlong': ('/%c0%ae%c0%ae/secret.txt', 404, None),
    'dots_parameter': ('/..;/secret.txt', 404, None),
    'dots_sibling': ('/../root-other/secret.txt', 404, None),
    'dots_many': ('/sub' + '/..' * 30 + '/etc/passwd', 404, None),
    'hidden': ('/.hidden', 404, None),
    'hidden_folder': ('/.git/config', 404, None),
    'hidden_within': ('/sub/.hidden', 404, None),
    'hidden_escaped': ('/%2ehidden', 404, None),
    'hidden_slashes': ('//.hidden', 404, None),
    'hidden_before_dots': ('/.git/../hello.txt', 404, None),
    'well_known': ('/.well-known/security.txt', 200, b'Contact: x'),
    'well_known_within': ('/sub/.well-known/x', 404, None),
    'percent': ('/%', 400, None),
    'percent_half': ('/%6', 400, None),
    'percent_word': ('/%zz', 400, None),
    'percent_second': ('/%6zello.txt', 400, None),
    'percent_end': ('/hello.txt%2', 400, None),
    'percent_u': ('/%u0068ello.txt', 400, None),
    'escaped_nul': ('/hello.txt%00', 400, None),
    'escaped_nul_within': ('/hello.txt%00.html', 400, None),
}
FORMS = {  # the same for targets that do not begin with a slash
    'star': ('*', 400, None),
    'authority': ('ladder:80', 400, None),
    'absolute': ('http://ladder/hello.txt', 200, HELLO),
    'absolute_short': ('http://x/hello.txt', 200, HELLO),
    'absolute_case': ('HTTP://LADDER/hello.txt', 200, HELLO),
    'absolute_port': ('http://ladder:8080/hello.txt', 200, HELLO),
    'absolute_other': ('http://other.example/hello.txt', 200, HELLO),
    'absolute_ipv6': ('http://[::1]:80/hello.txt', 200, HELLO),
    'absolute_nul': ('http://[::1\0]/hello.txt', 400, None),
    'absolute_user': ('http://user@ladder/hello.txt', 400, None),
    'absolute_password': ('http://user:word@ladder/hello.txt', 400, None),
    'absolute_no_host': ('http:///hello.txt', 400, None),
    'absolute_only_port': ('http://:80/hello.txt', 400, None),
    'absolute_bad_port': ('http://ladder:x/hello.txt', 400, None),
    'absolute_https': ('https://ladder/hello.txt', 400, None),
    'absolute_ftp': ('ftp://ladder/hello.txt', 400, None),
    'absolute_one_slash': ('http:/hello.txt', 400, None),
    'absolute_escape': ('http://ladder/%68ello.txt', 200, HELLO),
    'absolute_file': ('file:///etc/passwd', 400, None),
    'dots_absolute': ('http://ladder/../secret.txt', 404, None),
}

# Hints about a failed row, by the beginning of its name.
HINTS = {
    'plus': 'a + in a path is a plus; it stands for a space only in forms',
    'percent': 'the two bytes after a % must be hexadecimal digits',
    'escaped_nul': 'a file name ends at a NUL, so reject %00',
    'escape': 'a % and two hexadecimal digits stand for one byte: decode them '
              'once',
    'umlaut': 'any byte but NUL may be in a name, even above 0x7f',
    'query': 'the query begins with the first question mark; it is not part '
             'of the path',
    'star': 'only OPTIONS may ask for *',
    'authority': 'only CONNECT has a target that is a host and a port',
    'absolute_nul': 'inet_pton stops at a NUL, so reject a NUL between the '
                    'brackets',
    'absolute_user': 'no user name may precede the host',
    'absolute_password': 'no user name may precede the host',
    'absolute_no_host': 'the host must not be empty',
    'absolute_only_port': 'the host must not be empty',
    'absolute_bad_port': 'a port consists of digits',
    'absolute_https': 'the only scheme served is http://',
    'absolute_ftp': 'the only scheme served is http://',
    'absolute_file': 'the only scheme served is http://',
    'absolute_one_slash': 'the only scheme served is http://',
    'absolute': 'remove http://, whatever its case, and the host: the rest is '
                'the path',
}
PATH_HINT = ('decode %XX once, then split at the slashes, and check each part '
             'before it is opened')

# The rows of TARGETS and FORMS that hold for every server.
COMMON = {'escape', 'escapes', 'escaped_percent', 'escaped_space',
          'escaped_once', 'escaped_question_mark', 'plus', 'plus_is_no_space',
          'umlaut', 'query', 'query_empty', 'query_dots', 'nothing',
          'nothing_slash', 'absolute', 'absolute_case'}


def need_absolute(test, visitor, name):
    """Skips the check if the server is not ours and speaks HTTP/1.0, or accepts
    no absolute targets at all."""
    test.need_1_1(test.children[-1])
    if name != 'absolute' and visitor.get('http://ladder/hello.txt'
                                          ).status != 200:
        raise Skip('it fails target_absolute, too')


def make_target(name, target, status, body, after=''):
    hint = next((hint for beginning, hint in HINTS.items()
                 if name.startswith(beginning)), PATH_HINT)

    def look(test):
        root = fill(test.site({}), HIDDEN) / 'root'
        visitor = test.visitor(server=test.server(root=root))
        if test.any and name.startswith('absolute'):
            need_absolute(test, visitor, name)
        visitor.get(target).must_be(status, body, hint)
        if status == 400:
            visitor.ended()
        else:
            visitor.stays()
    what = (f'GET {target if len(target) < 50 else target[:20] + "..."} is '
            f'answered with {status}')
    CHECKS.append(Check(WEB, f'target_{name}', look, ascii(what)[1:-1], '',
                        name in COMMON, after))


for name, row in TARGETS.items():
    make_target(name, *row)
previous = 'sound_requests'
for name, row in FORMS.items():
    make_target(name, *row, previous)
    previous = f'target_{name}'


def answer_or_end(visitor, target):
    """The response, or None if a server that is not ours closes first."""
    try:
        return visitor.get(target)
    except Failure as failure:
        if visitor.connect and closed(failure):
            return None
        raise


@check(WEB, open=False, after='refuses_host_markup')
def host_escaped(test):
    """a Host with an escape is valid, whichever byte it stands for, because
    RFC 3986 allows any byte of a name to be escaped"""
    visitor = test.visitor()
    for name in ('l%61dder', '%6C', 'ladder%2e:80', '%c3%bc.example'):
        visitor.get(host=name).must_be(200, HELLO, f'the Host {name}')
    for name in ('ladder%', 'ladder%6', 'l%6gdder', 'l%gfdder', 'l%61<dder',
                 'ladder:%38'):
        test.visitor().get(host=name).must_be(400, hint=f'the Host {name}')


@check(WEB)
def target_outside(test):
    """serves no file outside the folder, however the target is written"""
    root = fill(test.site({}), HIDDEN) / 'root'
    server = test.server(root=root)
    for name, (target, _, content) in {**TARGETS, **FORMS}.items():
        if content is None and not name.startswith(('hidden', 'well_known')):
            reply = answer_or_end(test.visitor(server=server), target)
            if reply and SECRET in reply.body:
                raise Failure(f'no file from outside for {reply.to}',
                              str(reply))


@check(WEB, open=False, after=previous)
def target_empty_path(test):
    """http://ladder means http://ladder/, with or without a query"""
    visitor = test.visitor()
    whole = visitor.get('/').must_be(200)
    for target in ('http://ladder', 'http://ladder?a=b', 'http://ladder:80',
                   'http://x'):
        visitor.get(target).must_be(200, whole.body, 'an empty path means /, '
                                    'even before a query')
