"""The checks of 08 that are about single requests: a table of those that are
to be refused, one of those that are not, and one of targets."""

from harness import CHECKS, Check, Failure, check
from web_talk import HELLO, USUAL, chunked, fill, request

WEB = '08'

# A row of what is REFUSED: its name, what is wrong with the request, that, and
# what any server has to answer, or {} if a server may choose.
BAD, ANY = {400}, set(range(400, 600))


def line(text):
    """A request with this request line."""
    return f'{text}\r\nHost: ladder\r\n\r\n'.encode('latin-1')


def field(text, body=b''):
    """A request with this field, or these."""
    return request('/hello.txt', text, body=body)


def host(value):
    return f'GET /hello.txt HTTP/1.1\r\nHost: {value}\r\n\r\n'.encode('latin-1')


LINES = [
    ('spaces', 'two spaces before the target',
     line('GET  /hello.txt HTTP/1.1'), {}),
    ('space_first', 'a space before the method',
     line(' GET /hello.txt HTTP/1.1'), ANY),
    ('space_last', 'a space after the version',
     line('GET /hello.txt HTTP/1.1 '), {}),
    ('tabs', 'tabs for spaces',
     line('GET\t/hello.txt\tHTTP/1.1'), ANY),
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
    ('method_at', '@ in the method, which is a token',
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
    ('line_bare_cr', 'a CR that no LF follows',
     line('GET /hello.txt HTTP/1.1\rX: y'), ANY),
    ('fragment', '# in the target: no browser sends it',
     line('GET /hello.txt#top HTTP/1.1'), {}),
    ('binary', 'TLS, to a server that does not speak it',
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
    ('folded', 'a line that begins with a space: folded, as they once were',
     field('X-Filler: one\r\n two'), {}),
    ('folded_by_tab', 'a line that begins with a tab',
     field('X-Filler: one\r\n\ttwo'), {}),
    ('folded_first', 'a space before the first field',
     b'GET /hello.txt HTTP/1.1\r\n Host: ladder\r\nHost: ladder\r\n\r\n',
     {}),
    ('folded_empty', 'a line of a space alone',
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
     field('X-\0: 1'), ANY),
    ('value_nul', 'a NUL in a value',
     field('X-Filler: a\0b'), ANY),
    ('value_control', 'a control byte in a value',
     field('X-Filler: a\x01b'), {}),
    ('value_escape', 'an ESC in a value',
     field('X-Filler: \x1b[31m'), {}),
    ('value_delete', 'a DEL in a value',
     field('X-Filler: a\x7fb'), {}),
    ('bare_cr', 'a CR that no LF follows',
     field('X-Filler: a\rb'), {}),
    ('bare_cr_hides', 'a CR that no LF follows, and a field behind it',
     field('X-Filler: a\rTransfer-Encoding: chunked'), {}),
    ('double_cr', 'CR CR LF at the end of a line',
     field('X-Filler: a\r'), {}),
    ('no_host', 'no Host in HTTP/1.1',
     request(host=None), BAD),
    ('no_host_absolute',
     'no Host in HTTP/1.1, for all that the target names one',
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
    ('host_port', 'a port in Host that is no number',
     host('ladder:80x'), {}),
    ('host_bracket', 'half a pair of brackets in Host',
     host('[::1'), BAD),
    ('host_brackets', 'no IPv6 address between the brackets in Host',
     host('[nobody]'), {}),
    ('host_after', 'a letter after the brackets in Host',
     host('[::1]x'), {}),
    ('host_high', 'a byte above 0x7f in Host',
     host('l\xe4dder'), {}),
    ('host_escape', 'a bad escape in Host',
     host('%zz'), {}),
    ('host_markup', 'markup in Host',
     host('<b>'), {}),
]


def length(value, body=b'hello'):
    return field(f'Content-Length: {value}', body)


def coding(*values, body=chunked(b'hello')):
    return field('\r\n'.join(f'Transfer-Encoding: {value}' for value in values),
                 body)


CODINGS = {400, 501}

FRAMING = [
    ('length_plus', 'a sign in Content-Length',
     length('+5'), BAD),
    ('length_minus', 'a negative Content-Length',
     length('-5'), BAD),
    ('length_minus_zero', 'a sign in Content-Length',
     length('-0', b''), BAD),
    ('length_hex', 'a Content-Length in hexadecimal',
     length('0x5'), BAD),
    ('length_empty', 'an empty Content-Length',
     length(''), {}),
    ('length_word', 'a Content-Length that is a word',
     length('five'), BAD),
    ('length_fraction', 'a Content-Length with a point',
     length('5.0'), BAD),
    ('length_rest', 'more than a number in Content-Length',
     length('5 bytes'), BAD),
    ('length_two', 'two numbers in Content-Length',
     length('5 5'), BAD),
    ('length_list', 'a Content-Length of two values',
     length('5, 6'), BAD),
    ('lengths', 'two different Content-Lengths',
     field('Content-Length: 5\r\nContent-Length: 6', b'hello'), BAD),
    ('length_2_63', 'a Content-Length of 2 to the 63rd',
     length(2**63), ANY),
    ('length_2_64', 'a Content-Length that is 5 after an overflow',
     length(2**64 + 5), ANY),
    ('length_endless', 'a Content-Length of 100 digits',
     length('9' * 100), ANY),
    ('length_and_coding',
     'Content-Length beside Transfer-Encoding: who is to be believed?',
     field('Content-Length: 5\r\nTransfer-Encoding: chunked', chunked()), ANY),
    ('coding_and_length',
     'Transfer-Encoding beside Content-Length: who is to be believed?',
     field('Transfer-Encoding: chunked\r\nContent-Length: 5', chunked()), ANY),
    ('coding_in_1_0', 'Transfer-Encoding in HTTP/1.0, which does not know it',
     request('/hello.txt', 'Transfer-Encoding: chunked', version='HTTP/1.0',
             body=chunked(b'hello')), {}),
    ('chunked_not_last', 'a coding after chunked',
     coding('chunked, gzip'), CODINGS),
    ('chunked_twice', 'chunked twice',
     coding('chunked, chunked'), CODINGS),
    ('chunked_again', 'chunked in two fields',
     coding('chunked', 'chunked'), CODINGS),
    ('coding_gzip', 'a coding that is not chunked',
     coding('gzip'), CODINGS),
    ('coding_gzip_chunked', 'a coding before chunked',
     coding('gzip, chunked'), CODINGS),
    ('coding_identity', 'a coding that is none any more',
     coding('identity'), CODINGS),
    ('coding_hidden', 'chunked, and another coding in a second field',
     coding('chunked', 'identity'), CODINGS),
    ('coding_before', 'another coding, and chunked in a second field',
     coding('identity', 'chunked'), CODINGS),
    ('coding_xchunked', 'a coding whose name only ends like chunked',
     coding('xchunked'), CODINGS),
    ('coding_chunkedx', 'a coding whose name only begins like chunked',
     coding('chunkedx'), CODINGS),
    ('coding_quoted', 'chunked in quotes',
     coding('"chunked"'), CODINGS),
    ('coding_vertical_tab', 'a vertical tab before chunked',
     coding('\x0bchunked'), CODINGS),
    ('coding_empty', 'an empty Transfer-Encoding',
     coding(''), {}),
]


def chunks(body):
    return coding('chunked', body=body)


CHUNKS = [
    ('chunk_size_word', 'a size that is no hexadecimal number',
     chunks(b'xyz\r\nhello\r\n0\r\n\r\n')),
    ('chunk_size_empty', 'no size',
     chunks(b'\r\n\r\n')),
    ('chunk_size_minus', 'a negative size',
     chunks(b'-5\r\nhello\r\n0\r\n\r\n')),
    ('chunk_size_plus', 'a sign before the size',
     chunks(b'+5\r\nhello\r\n0\r\n\r\n')),
    ('chunk_size_0x', '0x before the size',
     chunks(b'0x5\r\nhello\r\n0\r\n\r\n')),
    ('chunk_size_space', 'a space before the size',
     chunks(b' 5\r\nhello\r\n0\r\n\r\n')),
    ('chunk_size_rest', 'more than a number for a size',
     chunks(b'5x\r\nhello\r\n0\r\n\r\n')),
    ('chunk_size_huge', 'a size of 2 to the 63rd',
     chunks(b'8000000000000000\r\nhello\r\n0\r\n\r\n')),
    ('chunk_size_overflow', 'a size that is 5 after an overflow',
     chunks(b'10000000000000005\r\nhello\r\n0\r\n\r\n')),
    ('chunk_size_lf', 'a bare LF after the size',
     chunks(b'5\nhello\r\n0\r\n\r\n')),
    ('chunk_size_cr', 'a bare CR after the size',
     chunks(b'5\rhello\r\n0\r\n\r\n')),
    ('chunk_data_lf', 'a bare LF after the data',
     chunks(b'5\r\nhello\n0\r\n\r\n')),
    ('chunk_too_long', 'more data than the size says',
     chunks(b'5\r\nhello, world\r\n0\r\n\r\n')),
    ('chunk_too_short', 'less data than the size says',
     chunks(b'7\r\nhello\r\n0\r\n\r\n')),
    ('chunk_extension_control', 'a control byte in an extension',
     chunks(b'5;a=\x01\r\nhello\r\n0\r\n\r\n')),
    ('chunk_extension_lf', 'a bare LF after an extension',
     chunks(b'5;a=b\nhello\r\n0\r\n\r\n')),
    ('chunk_trailer_bad', 'a trailer without a colon',
     chunks(b'0\r\nno colon\r\n\r\n')),
    ('chunk_trailer_lf', 'a bare LF in the trailer',
     chunks(b'0\r\nX: y\n\r\n')),
]

REFUSED = ([row + (False,) for row in LINES + FIELDS]
           + [row + (True,) for row in FRAMING]
           + [row + ({}, True) for row in CHUNKS])

NOT_IMPLEMENTED = {'coding_gzip', 'coding_gzip_chunked', 'coding_identity',
                   'coding_xchunked', 'coding_chunkedx'}
EITHER = {'chunked_not_last', 'coding_hidden', 'coding_before', 'coding_quoted'}


def make_refusal(name, wrong, message, anybody, framing):
    """Makes the check of a row: one answer, of the right status, and the end of
    the connection, though a sound request follows."""
    ours = (501 if name in NOT_IMPLEMENTED else CODINGS if name in EITHER
            else 400)

    def refuse(test):
        visitor = test.visitor()
        hint = f'there is {wrong}: it must not be served'
        reply = visitor.ask(message + request('/data.bin'), hint)
        reply.must_be(sorted(anybody) if test.any else ours, hint=hint)
        if not test.any and not reply.last:
            raise Failure(f'"Connection: close" in the {reply.status} for '
                          f'{reply.to}', f'"{reply["Connection"]}"', 'who '
                          'knows where the next request begins?')
        if framing or not test.any:
            visitor.ended(f'there is {wrong}: what follows may be part of it')
    what = f'a request with {wrong} is refused, and the connection ends'
    CHECKS.append(Check(WEB, f'refuses_{name}', refuse, what, '',
                        bool(anybody)))


for row in REFUSED:
    make_refusal(*row)


# ---------------------------------------------------------- served

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
    """what RFC 9112 allows in a head is served"""
    for what, message in SERVED.items():
        if not test.any or what not in MAY_BE_REFUSED:
            visitor = test.visitor()
            hint = f'a head with {what} is a sound one'
            visitor.ask(message, hint).must_be(200, HELLO, hint)
            visitor.stays()


# ---------------------------------------------------------- how much

@check(WEB, open=False)
def target_length(test):
    """a target of 8192 bytes is looked at (404), a longer one is refused:
    414, and the connection ends"""
    visitor = test.visitor()
    for target in ('/' + 'x' * 8191, '/x?' + 'y' * 8189, '/' + 'x/' * 4000):
        visitor.get(target).must_be(404)
    visitor.get('/hello.txt?' + 'y' * 8181).must_be(200, HELLO)
    for size in (8193, 8200, 12000):
        other = test.visitor()
        reply = other.get('/' + 'x' * (size - 1)).must_be(414)
        other.ended()
        if not reply.last:
            raise Failure('Connection: close', reply['Connection'])
    visitor.stays()


@check(WEB)
def target_endless(test):
    """a request line without an end is refused before it comes"""
    visitor = test.visitor()
    visitor.feed(b'GET /' + b'x' * 300000)
    visitor.answer(hint='say no when it is too long, not at its end').must_be(
        range(400, 600) if test.any else 414)


@check(WEB, open=False)
def head_length(test):
    """a head of less than 16384 bytes is read, a longer one is refused: 431"""
    bare = len(field('X-Filler: '))
    visitor = test.visitor()
    for size in (16000, 16384):
        visitor.get('/hello.txt', 'X-Filler: ' + 'x' * (size - bare)
                    ).must_be(200, HELLO)
    for size in (16400, 20000, 100000):
        other = test.visitor()
        reply = other.get('/hello.txt', 'X-Filler: ' + 'x' * (size - bare))
        other.ended()
        if not reply.must_be(431).last:
            raise Failure('Connection: close', reply['Connection'])
    visitor.stays()


@check(WEB)
def head_endless(test):
    """a head without an end is refused before it comes: one long field, or
    fields and fields"""
    for rest in (b'X-Filler: ' + b'x' * 1000000, b'X-Filler: x\r\n' * 100000):
        visitor = test.visitor()
        visitor.feed(b'GET /hello.txt HTTP/1.1\r\nHost: ladder\r\n' + rest)
        visitor.answer(hint='a head that fills its buffer is too long').must_be(
            range(400, 600) if test.any else 431)


@check(WEB, open=False)
def field_count(test):
    """100 fields are read, and more are refused: 431"""
    visitor = test.visitor()
    visitor.get('/hello.txt', *['X: y'] * 99).must_be(200, HELLO)
    for count in (100, 101, 500):
        other = test.visitor()
        other.get('/hello.txt', *['X: y'] * count).must_be(431)
        other.ended()
    visitor.stays()


@check(WEB)
def garbage(test):
    """whatever bytes come, the server neither answers with a file nor dies"""
    server = test.server(root=test.site())
    for seed in range(40):
        visitor = test.visitor(server=server)
        noise = bytes(byte * (seed + 1) % 256 for byte in range(seed, 500))
        visitor.send(noise + b'\r\n\r\n\r\n')
        visitor.socket.shutdown(1)
        if HELLO in visitor.rest():
            raise Failure('no file for noise', 'the file')
    test.alive(server, 'noise')
    test.visitor(server=server).stays()


# ---------------------------------------------------------- targets

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

# The target, our status, and the file's content if it is one.
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
    'dots_absolute': ('http://ladder/../secret.txt', 404, None),
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
    'percent_end': ('/hello.txt%2', 400, None),
    'percent_u': ('/%u0068ello.txt', 400, None),
    'escaped_nul': ('/hello.txt%00', 400, None),
    'escaped_nul_within': ('/hello.txt%00.html', 400, None),
    'star': ('*', 400, None),
    'authority': ('ladder:80', 400, None),
    'absolute': ('http://ladder/hello.txt', 200, HELLO),
    'absolute_case': ('HTTP://LADDER/hello.txt', 200, HELLO),
    'absolute_port': ('http://ladder:8080/hello.txt', 200, HELLO),
    'absolute_other': ('http://other.example/hello.txt', 200, HELLO),
    'absolute_ipv6': ('http://[::1]:80/hello.txt', 200, HELLO),
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
}

# Those that any server answers so.
COMMON = {'escape', 'escapes', 'escaped_percent', 'escaped_space',
          'escaped_once', 'escaped_question_mark', 'plus', 'plus_is_no_space',
          'umlaut', 'query', 'query_empty', 'query_dots', 'nothing',
          'nothing_slash', 'absolute', 'absolute_case'}


def make_target(name, target, status, body):
    def look(test):
        root = fill(test.site({}), HIDDEN) / 'root'
        visitor = test.visitor(server=test.server(root=root))
        reply = visitor.get(target)
        reply.must_be(status, body, 'decode once, then split at the slashes; '
                      'look at each part before it is opened')
        if status == 400:
            visitor.ended()
        else:
            visitor.stays()
    what = (f'GET {target if len(target) < 50 else target[:20] + "..."} is '
            f'answered with {status}')
    CHECKS.append(Check(WEB, f'target_{name}', look, ascii(what)[1:-1], '',
                        name in COMMON))


for name, row in TARGETS.items():
    make_target(name, *row)


@check(WEB, open=False)
def host_escaped(test):
    """a Host with an escape is valid, as RFC 3986 has any byte of a name
    escaped; which one it is does not matter here"""
    visitor = test.visitor()
    for name in ('l%61dder', '%6C', 'ladder%2e:80', '%c3%bc.example'):
        visitor.get(host=name).must_be(200, HELLO)
    for name in ('ladder%', 'ladder%6', 'l%6gdder', 'ladder:%38'):
        test.visitor().get(host=name).must_be(400)


@check(WEB)
def target_outside(test):
    """no target, however it is disguised, leads out of the folder"""
    root = fill(test.site({}), HIDDEN) / 'root'
    server = test.server(root=root)
    for name, (target, _, content) in TARGETS.items():
        if content is None and not name.startswith('hidden'):
            reply = test.visitor(server=server).get(target)
            if SECRET in reply.body:
                raise Failure(f'no file from outside for {reply.to}',
                              str(reply))


@check(WEB, open=False)
def target_empty_path(test):
    """http://ladder stands for http://ladder/, with a query or without"""
    visitor = test.visitor()
    whole = visitor.get('/').must_be(200)
    for target in ('http://ladder', 'http://ladder?a=b', 'http://ladder:80'):
        visitor.get(target).must_be(200, whole.body)
