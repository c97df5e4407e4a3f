"""The responses of 08, parsed as strictly as RFC 9112 demands."""

import re

from harness.failures import Failure, difference, shown

TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
STATUS_LINE = re.compile(rb'HTTP/(1\.[01]) ([1-5]\d\d) '
                         rb'([\t\x20-\x7e\x80-\xff]*)')
FIELD = re.compile(rb'(' + TOKEN + rb'):[ \t]*'
                   rb'((?:[\x21-\x7e\x80-\xff][\t\x20-\x7e\x80-\xff]*)?)')
FRAMING_HINT = ('a response is a status line, fields and an empty line, each '
                'ended by CRLF, and as many bytes as Content-Length says')
CLOSED_HINT = ('HTTP/1.1 keeps a connection after a response, unless the '
               'request or the response says "Connection: close"')
UNEXPECTED = {  # hints about a response with the wrong status
    400: 'a 400 is for a malformed request: which condition rejects this '
         'one?',
    414: 'a 414 is for a target or a line that is too long, not for one whose '
         'end has not arrived yet',
    417: 'a 417 is for an Expect other than 100-continue, in HTTP/1.1',
    431: 'a 431 is for a head that is too long, not for one whose end has not '
         'arrived yet',
    501: 'a 501 is for an unknown method, or a coding other than chunked',
    505: 'a 505 is for a well-formed version whose first digit is not 1',
}


class Reply:
    """A response: its status, fields and body, and the request it answers."""

    def __init__(self, head, to):
        self.to = to
        line, *fields = head[:-4].split(b'\r\n')
        match = STATUS_LINE.fullmatch(line)
        if not match:
            raise Failure(f'a status line like "HTTP/1.1 200 OK" for {to}',
                          shown(line), FRAMING_HINT)
        self.version, self.status = match[1].decode(), int(match[2])
        self.reason = match[3].decode('latin-1')
        self.fields, self.body = [], b''
        for field in fields:
            match = FIELD.fullmatch(field)
            if not match:
                raise Failure(f'fields like "Name: value" in the {self.status} '
                              f'for {to}', shown(field), FRAMING_HINT)
            self.fields.append((match[1].decode().lower(),
                                match[2].decode('latin-1').rstrip(' \t')))

    def __str__(self):
        return f'{self.status} {self.reason}, {shown(self.body)}'

    def values(self, name):
        return [value for other, value in self.fields if other == name.lower()]

    def __getitem__(self, name):
        """Returns the value of a field, or an empty string."""
        return ', '.join(self.values(name))

    def tokens(self, name):
        return [token.strip().lower() for token in self[name].split(',')
                if token.strip()]

    @property
    def last(self):
        """Returns whether the server has announced that it will close."""
        options = self.tokens('Connection')
        return 'close' in options or (self.version == '1.0'
                                      and 'keep-alive' not in options)

    def must_be(self, statuses, body=None, hint=''):
        """Demands one of these statuses, and this body unless it is None."""
        statuses = (statuses,) if isinstance(statuses, int) else statuses
        if self.status not in statuses:
            wanted = (' or '.join(map(str, sorted(statuses)))
                      if len(statuses) < 5 else
                      f'{min(statuses)} to {max(statuses)}')
            raise Failure(f'{wanted} for {self.to}', str(self), hint
                          or UNEXPECTED.get(self.status, ''))
        if body is not None and self.body != body:
            raise Failure(f'the body of the response to {self.to}: '
                          f'{shown(body)}', f'{shown(self.body)}: '
                          f'{difference(body, self.body)}', hint)
        return self

    def must_have(self, name, value, hint=''):
        """Demands that a field have this value."""
        if self[name] != value:
            raise Failure(f'"{name}: {value}" in the {self.status} for '
                          f'{self.to}', f'"{name}: {self[name]}"'
                          if self.values(name) else f'no {name}', hint)
        return self

    def must_lack(self, name, hint=''):
        """Demands that the response not have this field."""
        if self.values(name):
            raise Failure(f'no {name} in the {self.status} for {self.to}',
                          f'"{name}: {self[name]}"', hint)
        return self
