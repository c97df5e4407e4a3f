"""The checks of 08 that are about the heads of requests: which are rejected,
and which are not."""

import collections
import socket

from harness import CHECKS, Check, Failure, Skip, check, shown
from harness.replies import UNEXPECTED
from harness.web import DATA, HELLO, WEB, gave_up, request

# A row of LINES or FIELDS: its name, what is wrong with the request,
# the request, and the statuses that any server may answer with; {} if all are
# allowed, because RFC 9112 demands nothing or lets the server repair it.
BAD, ANY = {400}, set(range(400, 600))
SERVED_OR_NOT = set(range(200, 600))  # but then the connection ends
LARGE = set(range(200, 600))  # but what follows is not read as a request
CRLF = b'\r\n'


def line(text):
    """A request with this request line."""
    return f'{text}\r\nHost: ladder\r\n\r\n'.encode('latin-1')


def field(text, body=b''):
    """A request with this field, or with these fields."""
    return request('/hello.txt', text, body=body)


def host(value):
    return f'GET /hello.txt HTTP/1.1\r\nHost: {value}\r\n\r\n'.encode('latin-1')


LINES = [
    ('spaces', 'two spaces before the target',
     line('GET  /hello.txt HTTP/1.1'), {}),
    ('space_first', 'a space before the method',
     line(' GET /hello.txt HTTP/1.1'), {}),
    ('space_last', 'a space after the version',
     line('GET /hello.txt HTTP/1.1 '), {}),
    ('tabs', 'tabs for spaces',
     line('GET\t/hello.txt\tHTTP/1.1'), {}),
    ('space_in_target', 'a space in the target',
     line('GET /hello .txt HTTP/1.1'), ANY),
    ('no_version', 'no version',
     line('GET /hello.txt'), {}),
    ('no_target', 'no target',
     line('GET HTTP/1.1'), ANY),
    ('target_without_slash', 'a target without a slash',
     line('GET hello.txt HTTP/1.1'), ANY),
    ('one_word', 'one word alone',
     line('GET'), ANY),
    ('version_short', 'a version without a minor number',
     line('GET /hello.txt HTTP/1'), ANY),
    ('version_long', 'a minor number of two digits',
     line('GET /hello.txt HTTP/1.10'), {}),
    ('version_lower', 'a version in small letters',
     line('GET /hello.txt http/1.1'), {}),
    ('version_rest', 'a letter after the version',
     line('GET /hello.txt HTTP/1.1x'), ANY),
    ('version_other', 'another protocol',
     line('GET /hello.txt ICY/1.1'), ANY),
    ('version_name', 'a misspelt protocol',
     line('GET /hello.txt HTTQ/1.1'), ANY),
    ('version_sign', 'a sign in the version',
     line('GET /hello.txt HTTP/+1.1'), ANY),
    ('version_minor_letter', 'a letter for a minor number',
     line('GET /hello.txt HTTP/1.x'), ANY),
    ('version_major_letter', 'a letter for a major number',
     line('GET /hello.txt HTTP/x.1'), ANY),
    ('version_comma', 'a comma in the version',
     line('GET /hello.txt HTTP/1,1'), ANY),
    ('version_empty', 'no numbers in the version',
     line('GET /hello.txt HTTP/'), ANY),
    ('method_empty', 'no method',
     line('/hello.txt HTTP/1.1'), ANY),
    ('method_at', '@ in the method, which must be a token',
     line('G@T /hello.txt HTTP/1.1'), ANY),
    ('method_parenthesis', 'parentheses in the method',
     line('(GET) /hello.txt HTTP/1.1'), ANY),
    ('method_high', 'a byte above 0x7f in the method',
     line('G\xcbT /hello.txt HTTP/1.1'), ANY),
    ('line_nul', 'a NUL in the target',
     line('GET /hello\0.txt HTTP/1.1'), ANY),
    ('line_control', 'a control byte in the target',
     line('GET /hello.txt\x01 HTTP/1.1'), {}),
    ('line_delete', 'a DEL in the target',
     line('GET /hello.txt\x7f HTTP/1.1'), {}),
    ('line_tab', 'a tab in the target',
     line('GET /hello\t.txt HTTP/1.1'), {}),
    ('line_bare_cr', 'a CR without an LF after it',
     line('GET /hello.txt HTTP/1.1\rX: y'), ANY),
    ('line_double_cr', 'CR CR LF before it, which is not an empty line',
     b'\r\r\n' + line('GET /hello.txt HTTP/1.1'), {}),
    ('fragment', '# in the target, which no browser sends',
     line('GET /hello.txt#top HTTP/1.1'), {}),
    ('binary', 'TLS, although the server does not use TLS',
     b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', ANY),
]
FIELDS = [
    ('space_before_colon', 'a space before the colon',
     field('X-Filler : 1'), BAD),
    ('tab_before_colon', 'a tab before the colon',
     field('X-Filler\t: 1'), BAD),
    ('space_before_colon_of_host', 'a space between Host and the colon',
     b'GET /hello.txt HTTP/1.1\r\nHost : ladder\r\n\r\n', BAD),
    ('space_before_colon_of_length',
     'a space between Content-Length and the colon',
     field('Content-Length : 5', b'hello'), BAD),
    ('folded', 'a folded line: one that begins with a space',
     field('X-Filler: one\r\n two'), {}),
    ('folded_by_tab', 'a line that begins with a tab',
     field('X-Filler: one\r\n\ttwo'), {}),
    ('folded_first', 'a space before the first field',
     b'GET /hello.txt HTTP/1.1\r\n Host: ladder\r\nHost: ladder\r\n\r\n',
     {}),
    ('folded_empty', 'a line with only a space',
     field('X-Filler: one\r\n \r\nX: y'), {}),
    ('no_colon', 'a line without a colon',
     field('X-Filler'), {}),
    ('empty_name', 'no name before the colon',
     field(': value'), {}),
    ('name_space', 'a space in the name of a field',
     field('X Filler: 1'), {}),
    ('name_parenthesis', 'parentheses in the name of a field',
     field('X(1): 1'), {}),
    ('name_high', 'a byte above 0x7f in the name of a field',
     field('X-\xdc: 1'), {}),
    ('name_nul', 'a NUL in the name of a field',
     field('X-\0: 1'), {}),
    ('value_nul', 'a NUL in a value',
     field('X-Filler: a\0b'), {}),
    ('value_control', 'a control byte in a value',
     field('X-Filler: a\x01b'), {}),
    ('value_escape', 'an ESC byte in a value',
     field('X-Filler: \x1b[31m'), {}),
    ('value_delete', 'a DEL in a value',
     field('X-Filler: a\x7fb'), {}),
    ('bare_cr', 'a CR without an LF after it',
     field('X-Filler: a\rb'), {}),
    ('bare_cr_hides', 'a CR without an LF after it, and then a field',
     field('X-Filler: a\rTransfer-Encoding: chunked'), {}),
    ('double_cr', 'CR CR LF at the end of a line',
     field('X-Filler: a\r'), {}),
    ('no_host', 'no Host in HTTP/1.1',
     request(host=None), BAD),
    ('no_host_absolute',
     'no Host in HTTP/1.1, though the target names one',
     request('http://ladder/hello.txt', host=None), {}),
    ('two_hosts', 'two Hosts',
     field('Host: other'), BAD),
    ('equal_hosts', 'Host twice',
     field('Host: ladder'), BAD),
    ('host_space', 'a space in Host',
     host('lad der'), BAD),
    ('host_slash', 'a slash in Host',
     host('ladder/hello'), BAD),
    ('host_user', '@ in Host',
     host('user@ladder'), {}),
    ('host_port', 'a port in Host that is not a number',
     host('ladder:80x'), {}),
    ('host_bracket', 'half a pair of brackets in Host',
     host('[::1'), BAD),
    ('host_brackets', 'no IPv6 address between the brackets in Host',
     host('[nobody]'), {}),
    ('host_after', 'a letter after the brackets in Host',
     host('[::1]x'), {}),
    ('host_bracket_long', 'more than an address between the brackets in Host',
     host('[' + '1:' * 7000 + '1]'), {}),
    ('host_high', 'a byte above 0x7f in Host',
     host('l\xe4dder'), {}),
    ('host_escape', 'a bad escape in Host',
     host('%zz'), {}),
    ('host_markup', 'markup in Host',
     host('<b>'), {}),
]


def lines_of(message):
    """The lines of a request's head that most requests lack, for a hint."""
    lines = message.partition(b'\r\n\r\n')[0].split(b'\r\n')[1:]
    if b'Host: ladder' in lines:
        lines.remove(b'Host: ladder')
    return f' ({shown(CRLF.join(lines), 100)})' if lines else ''


FAULTS = ('before_colon', 'host', 'version', '_and_', 'chunk', 'coding',
          'length')
ALIKE = collections.defaultdict(dict)  # the rows of each fault


def need_first(test, server, name, alike):
    """For a server other than ours: skips a row if the server fails an earlier
    row for the same fault, so that the fault is reported only once."""
    for other, judge in alike.items():
        if other == name:
            return
        try:
            judge(test, test.visitor(server=server))
        except Failure:
            raise Skip(f'it fails refuses_{other}, too') from None


def make_refusal(name, wrong, message, anybody, ours=400, framing=False,
                 after=''):
    """Makes the check of a row: one answer with the right status, then the end
    of the connection, although a valid request follows."""

    def judge(test, visitor):
        hint = f'{wrong}{lines_of(message)}: this must not be served'
        try:
            reply = visitor.ask(message + request('/data.bin'), hint)
        except Failure as failure:
            if test.any and gave_up(visitor, failure):
                return
            raise
        reply.must_be(sorted(anybody) if test.any else ours, hint=(
            f'{wrong}: well-formed, so answer with 501' if ours == 501 and
            reply.status == 400 else hint * (reply.status not in UNEXPECTED)))
        if not test.any and not reply.last:
            raise Failure(f'"Connection: close" in the {reply.status} for '
                          f'{reply.to}', f'"{reply["Connection"]}"',
                          'nothing shows where the next request begins')
        if test.any and anybody is LARGE:
            visitor.socket.shutdown(socket.SHUT_WR)
            if DATA in visitor.rest():
                raise Failure('no answer to a request within that body',
                              'the file', wrong)
        elif framing or not test.any:
            visitor.ended(f'{wrong}: close the connection, since what follows '
                          'may be part of this request')

    def refuse(test):
        server = test.server(root=test.site())
        if test.any:
            if message not in OF_1_0:
                test.need_1_1(server)
            need_first(test, server, name, alike)
        judge(test, test.visitor(server=server))
    fault = next((fault for fault in FAULTS if fault in name), name)
    alike = ALIKE[fault]
    if anybody:
        alike[name] = judge
    what = f'rejects a request with {wrong}, and closes the connection'
    CHECKS.append(Check(WEB, f'refuses_{name}', refuse, what, '',
                        bool(anybody), after))


OF_1_0 = [row[2] for row in LINES]  # the rest came with HTTP/1.1
for row in LINES + FIELDS:
    make_refusal(*row)
SERVED = {
    'lines ended by LF alone': b'GET /hello.txt HTTP/1.1\nHost: ladder\n\n',
    'some lines ended by LF alone':
        b'GET /hello.txt HTTP/1.1\r\nHost: ladder\nX: y\r\n\n',
    'a Host without a name': host(''),
    'a Host with a port': host('ladder:8080'),
    'a Host with an empty port': host('ladder:'),
    'an IPv4 address for Host': host('127.0.0.1:80'),
    'an IPv6 address for Host': host('[::1]:80'),
    'a Host in mixed case, with a dot at the end': host('LaDDer.Example.'),
    'names of fields in any case':
        b'GET /hello.txt HTTP/1.1\r\nhOsT: ladder\r\n\r\n',
    'parts of names of fields':
        field('Hos: a\r\nContent-Lengt: b\r\nContent-Length-: c\r\nExpec: d'),
    'no space after the colon':
        b'GET /hello.txt HTTP/1.1\r\nHost:ladder\r\n\r\n',
    'spaces around a value': host('  ladder '),
    'tabs around a value': host('\t\tladder\t'),
    'a tab in a value': field('X-Filler: a\tb'),
    'an empty value': field('X-Filler:'),
    'bytes above 0x7f in a value': field('X-Filler: \xc3\xbc\xff'),
    'every character of a token': field("!#$%&'*+-.^_`|~09azAZ: x"),
    'colons and quotes in a value': field('X-Filler: a:b: "c'),
    'a query': request('/hello.txt?a=1&b=/../?'),
}
MAY_BE_REFUSED = ('lines ended by LF alone', 'some lines ended by LF alone',
                  'a Host without a name', 'tabs around a value')


@check(WEB)
def sound_requests(test):
    """serves whatever RFC 9112 allows in a head"""
    for what, message in SERVED.items():
        if not test.any or what not in MAY_BE_REFUSED:
            visitor = test.visitor()
            hint = f'a head with {what} is valid{lines_of(message)}'
            visitor.ask(message, hint).must_be(200, HELLO, hint)
            visitor.stays()
