"""The checks of 08 that try every character in each part of a request."""

import string

from harness import Failure, check
from harness.web import WEB, request

ALL = [chr(number) for number in range(256)]
LETTERS_AND_DIGITS = string.ascii_letters + string.digits
CONTROLS = {chr(number) for number in (*range(32), 127)}
TOKEN = set("!#$%&'*+-.^_`|~" + LETTERS_AND_DIGITS)
HOST = set("-._~!$&'()*+,;=" + LETTERS_AND_DIGITS)
ADDRESS = HOST | set(':@/?')
IN_NO_TARGET = CONTROLS | set(' #')


def ask(test, server, message, valid, what):
    """Sends a request, which must be rejected unless it is valid."""
    test.visitor(server=server).ask(message, what).must_be(
        [200, 404] if valid else 400, hint=what)


@check(WEB, open=False, after='host_escaped')
def host_characters(test):
    """accepts the characters that a host may contain (RFC 3986, 3.2.2), and no
    others"""
    server = test.server(root=test.site())
    for byte in map(chr, (*range(0x21, 0x7f), 0xff)):
        ask(test, server, request(host=f'a{byte}b'),
            byte in HOST, f'the Host a{byte}b')
    ask(test, server, request(host='a:0123456789'), True, 'the Host '
        'a:0123456789: a port consists of digits, and may be any number')


@check(WEB, open=False, after='sound_requests')
def name_characters(test):
    """accepts the characters that a field's name may contain (RFC 9110, 5.6.2),
    and no others"""
    server = test.server(root=test.site())
    for byte in ALL:
        line = f'X{byte}: y'
        ask(test, server, request('/hello.txt', line),
            byte in TOKEN or byte == ':', f'the field {line!a}')


@check(WEB, open=False, after='name_characters')
def value_characters(test):
    """accepts any character in a value except control characters other than
    the tab (RFC 9110, 5.5)"""
    server = test.server(root=test.site())
    for byte in ALL:
        line = f'X: a{byte}b'
        ask(test, server, request('/hello.txt', line),
            byte == '\t' or byte not in CONTROLS, f'the field {line!a}')


@check(WEB, open=False, after='refuses_binary')
def target_characters(test):
    """accepts any character in a target except control characters, the space
    and #, which begins a fragment; in a path, % must begin an escape"""
    server = test.server(root=test.site())
    for byte in ALL:
        for target in (f'/a{byte}b', f'/hello.txt?a{byte}b'):
            ask(test, server, request(target),
                byte not in IN_NO_TARGET and (byte != '%' or '?' in target),
                f'the target {target!a}')


@check(WEB, open=False, after='redirect')
def redirect_characters(test):
    """escapes in Location the characters that an address must not contain (RFC
    3986, 3.4), and no others"""
    visitor = test.visitor()
    for byte in ALL:
        if byte in IN_NO_TARGET:
            continue
        location = visitor.get(f'/sub?a{byte}b').must_be(301)['Location']
        there = byte if byte in ADDRESS | {'%'} else f'%{ord(byte):02X}'
        if location != f'/sub/?a{there}b':
            raise Failure(f'"Location: /sub/?a{there}b"',
                          f'"Location: {location}"')
