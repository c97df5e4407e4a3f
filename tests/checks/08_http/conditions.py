"""The checks of 08 that are about conditional requests."""

import datetime
import os
import time

from .fields import MOMENT, seconds_of
from checks.storm.page import Page
from harness import CHECKS, Check, Failure, Skip, check, data
from harness.web import HELLO, WEB


def dated(test):
    """A visitor, and the ETag of a file last changed at MOMENT."""
    root = test.site()
    os.utime(root / 'hello.txt', (MOMENT, MOMENT))
    visitor = test.visitor(server=test.server(root=root))
    return visitor, visitor.get()['ETag']


THEN = 'Sun, 06 Nov 1994 08:49:37 GMT'
BEFORE, AFTER = THEN.replace('37', '36'), THEN.replace('37', '38')
FORMS = (THEN, 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994')
YEAR = min(time.gmtime().tm_year, 2043)  # 94 is 2094 after that
NO_DATES = ('yesterday', '', '784111777', 'Sunday' * 20,
            'Sun, 06 Nov 2030 08:49:37 +0000',
            'Sun, 06 Nov 2030 08:49:37', 'Sun, 06 Nix 2030 08:49:37 GMT',
            'Sun, 06 Nov 2030 08:49:37 GMT x', '06 Nov 2030 08:49:37 GMT')
NEVER = ('Sun, 31 Feb 2030 08:49:37 GMT', 'Sun, 06 Nov 2030 25:49:37 GMT',
         'Sun, 06 Nov 2030 08:61:37 GMT', 'Sun, 00 Nov 2030 08:49:37 GMT',
         'Sun, +6 Nov 2030 08:49:37 GMT', 'Sun, 06 Nov 2030 8:49:37 GMT',
         'S, 06 Nov 2030 08:49:37 GMT', 'Sun, 06 Nov +030 08:49:37 GMT',
         'Sun,06Nov203008:49:37GMT', 'Sunday,06-Nov-3008:49:37GMT',
         'SunNov0608:49:372030', 'Sun, 06 Nov -800 08:49:37 GMT',
         'Sun Nov  6 08:49:37 -800')


WEEKDAYS = ('Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday',
            'Sunday')


def two_digits(year, other):
    """A day in January, with a two-digit year. Its weekdays in the two years
    that the digits may mean have names of the same length, so that 08, which
    compares only the length, accepts the date in either year."""
    for day in range(1, 29):
        names = [WEEKDAYS[datetime.date(number, 1, day).weekday()]
                 for number in (year, other)]
        if len(names[0]) == len(names[1]):
            break
    return f'{names[0]}, {day:02}-Jan-{year % 100:02} 00:00:00 GMT'


def conditional(test, status, *fields, hint='', method='GET'):
    """Sends a request with conditions, where {tag} stands for the ETag."""
    visitor, tag = dated(test)
    if '{tag}' in ''.join(fields) and not tag:
        raise Skip('it sends no ETag')
    fields = [item.format(tag=tag) for item in fields]
    reply = visitor.get('/hello.txt', *fields, method=method)
    if test.any and reply.status == 200 and fields == [
            f'If-Modified-Since: {THEN}']:  # RFC 9110 13.1.3: a SHOULD
        raise Skip('it ignores If-Modified-Since')
    reply.must_be(status, hint=f'{"; ".join(fields)} (the file is dated '
                  f'{THEN}): ' + hint)
    if status == 304 and tag and (not test.any or fields == [
            f'If-None-Match: {tag}']):
        reply.must_have('ETag', tag, 'a 304 has the file\'s current ETag')
    if not test.any:
        visitor.stays()
    return reply


# For each check: what it demands, and its rows, each a status and fields.
CONDITIONS = {
    'if_none_match': (
        'answers with 304 if If-None-Match has the file\'s ETag, or *', [
            (304, 'If-None-Match: {tag}'), (304, 'If-None-Match: *'),
            (304, 'If-None-Match: "x", {tag}'),
            (304, 'If-None-Match: "x" , {tag},'),
            (304, 'If-None-Match: "", {tag}'),
            (304, 'If-None-Match: "a,b", {tag} ,"c"'),
            (304, 'If-None-Match:{tag}'),
            (200, 'If-None-Match: "x"'), (200, 'If-None-Match: "x", "y"'),
            (200, 'If-None-Match: "'), (200, 'If-None-Match: ""')]),
    'if_none_match_weak': (
        'If-None-Match compares weakly: W/ is ignored', [
            (304, 'If-None-Match: W/{tag}'),
            (304, 'If-None-Match: W/"x", W/{tag}'),
            (200, 'If-None-Match: W/"x"')]),
    'if_modified_since': (
        'answers with 304 if If-Modified-Since has the file\'s date',
        [(304, f'If-Modified-Since: {THEN}'),
         (200, f'If-Modified-Since: {BEFORE}')]),
    'if_modified_since_forms': (
        'accepts a date in any of its three forms',
        [(304, f'If-Modified-Since: {form}') for form in FORMS]
        + [(200, f'If-Modified-Since: {form.replace(":37", ":36")}')
           for form in FORMS]),
    'if_modified_since_years': (
        'reads a two-digit year as one at most 50 years in the future', [
            (304, 'If-Modified-Since: '
             + two_digits(YEAR + 49, YEAR - 51)),
            (200, 'If-Modified-Since: '
             + two_digits(YEAR - 48, YEAR + 52))]),
    'if_modified_since_invalid': (
        'ignores invalid dates',
        [(200, f'If-Modified-Since: {no_date}') for no_date in NO_DATES]),
    'if_none_match_first': (
        'ignores If-Modified-Since if there is If-None-Match', [
            (304, 'If-None-Match: {tag}', f'If-Modified-Since: {BEFORE}'),
            (200, 'If-None-Match: "x"', f'If-Modified-Since: {THEN}')]),
    'if_match': (
        'answers with 412 if If-Match lacks the file\'s ETag', [
            (200, 'If-Match: {tag}'), (200, 'If-Match: *'),
            (200, 'If-Match: "x", {tag}'), (412, 'If-Match: "x"')]),
    'if_match_weak': (
        'If-Match compares strongly: a weak ETag never matches',
        [(412, 'If-Match: W/{tag}'), (412, 'If-Match: "x", W/{tag}'),
         (412, 'If-Match: W/{tag}, "x"'), (200, 'If-Match: W/"x", {tag}')]),
    'if_unmodified_since': (
        'answers with 412 if If-Unmodified-Since is before the file\'s date', [
            (200, f'If-Unmodified-Since: {THEN}'),
            (412, f'If-Unmodified-Since: {BEFORE}')]),
    'if_match_first': (
        'evaluates If-Match before If-None-Match, and instead of '
        'If-Unmodified-Since', [
            (200, 'If-Match: {tag}', f'If-Unmodified-Since: {BEFORE}'),
            (412, 'If-Match: "x"', 'If-None-Match: {tag}'),
            (304, 'If-Match: {tag}', 'If-None-Match: {tag}')]),
}


def need_conditions(test, name):
    """For a server other than ours: skips a check if the server speaks
    HTTP/1.0, or ignores a field that the check is about."""
    visitor, _ = dated(test)
    if name.startswith(('if_match', 'if_none', 'if_unmodified')):
        test.need_1_1(test.children[-1])
    for other, field in (('if_match', 'If-Match: "x"'),
                         ('if_unmodified_since',
                          f'If-Unmodified-Since: {BEFORE}')):
        if name == other:
            return
        if (name in ('if_match_weak', 'if_match_first', 'if_unmodified_since')
                and visitor.get('/hello.txt', field).status == 200):
            raise Skip(f'it ignores {field.partition(":")[0]}')


def make_condition(name, what, rows):
    def ask(test):
        if test.any:
            need_conditions(test, name)
        for status, *fields in rows[1:] if test.any and name.endswith(
                'years') else rows:
            conditional(test, status, *fields, hint=what)
    CHECKS.append(Check(WEB, name, ask, what, '', True))


for name, row in CONDITIONS.items():
    make_condition(name, *row)


@check(WEB, open=False)
def conditions_of_ours(test):
    """handles dates later than the file's, invalid dates, and conditions on
    missing files"""
    conditional(test, 304, f'If-Modified-Since: {AFTER}')
    conditional(test, 200, f'If-Unmodified-Since: {AFTER}')
    conditional(test, 304, 'If-None-Match: {tag}', method='HEAD')
    conditional(test, 405, 'If-None-Match: {tag}', method='DELETE')
    conditional(test, 304, 'If-None-Match: "x"', 'If-None-Match: {tag}',
                hint='two fields are one list')
    for no_date in NO_DATES + NEVER:
        for name in ('If-Modified-Since', 'If-Unmodified-Since'):
            conditional(test, 200, f'{name}: {no_date}',
                        hint='this date is invalid')
    visitor, _ = dated(test)
    visitor.get('/nothing', 'If-None-Match: *').must_be(404)
    visitor.get('/nothing', 'If-Match: "x"').must_be(404)
    visitor.get('/sub', 'If-Match: "x"').must_be(301)
    visitor.stays()


@check(WEB)
def not_modified_form(test):
    """a 304 has no body and no Content-Range; its Content-Length, if any, is
    that of the 200"""
    reply = conditional(test, 304, f'If-Modified-Since: {THEN}')
    seconds_of(reply)
    if reply.values('Content-Length'):
        reply.must_have('Content-Length', str(len(HELLO)))
    reply.must_lack('Content-Range')


@check(WEB, open=False)
def listing_conditions(test):
    """a listing has neither an ETag nor a date, so it matches no tag, only *,
    which stands for anything that exists"""
    visitor = test.visitor()
    for field, status in (('If-None-Match: *', 304), ('If-Match: "x"', 412),
                          ('If-Match: *', 200), ('If-None-Match: "x"', 200),
                          ('If-None-Match: ""', 200), ('If-Match: ""', 412),
                          (f'If-Modified-Since: {THEN}', 200),
                          (f'If-Unmodified-Since: {BEFORE}', 200)):
        visitor.get('/list/', field).must_be(status, hint=field)
    visitor.stays()


@check(WEB, open=False)
def future_date_taken_back(test):
    """accepts the Last-Modified that it sent for a file whose time is in the
    future: the file has not changed since"""
    root = test.site()
    visitor = test.visitor(server=test.server(root=root))
    os.utime(root / 'hello.txt', (time.time() + 3600,) * 2)
    time.sleep(1.1)
    date = visitor.get()['Last-Modified']
    time.sleep(1.1)
    visitor.get('/hello.txt', f'If-Unmodified-Since: {date}').must_be(200)
    visitor.get('/hello.txt', f'If-Modified-Since: {date}').must_be(304)
    os.utime(root / 'hello.txt', (time.time() + 7200,) * 2)
    visitor.get('/hello.txt', f'If-Unmodified-Since: {date}').must_be(412)
    visitor.get('/hello.txt', f'If-Modified-Since: {date}').must_be(200)


@check(WEB, open=False)
def not_modified_leaves_nothing(test):
    """a 304 leaks neither a descriptor nor memory"""
    test.need_injector()
    server = test.server(root=test.site({'hello.txt': HELLO,
                                         'large': data(2 << 20)}))
    test.attached()
    visitor = test.visitor(server=server)
    for target in '/large', '/hello.txt':
        before = None
        for _ in range(40):
            visitor.get(target, 'If-None-Match: *').must_be(304)
            if before is None:
                before = (len(server.descriptors_at_rest()),
                          Page(test.faults).get('blocks'))
        after = (len(server.descriptors_at_rest()),
                 Page(test.faults).get('blocks'))
        if after[0] > before[0] or after[1] > before[1] + 5:
            raise Failure(f'{before[0]} descriptors and {before[1]} blocks of '
                          'memory, as after one 304', after, 'release the file')
