"""The scene of 08."""

import http.client

from harness.stages import STAGES
from scenes.tools import Player, Untrue, connect, receive, scene, screen


@scene('08-http', 'The same loop, with HTTP in place of the echo: the server '
       'sends files.')
def play_http():
    with Player('08-http/server', '0') as server:
        address = server.prints_address('listening on')
        with connect(address) as client, client.makefile('rb') as answers:
            ask(client, ['GET / HTTP/1.1', 'Host: ladder'])
            fields, body = answer(answers, 'HTTP/1.1 200 OK', 'Content-Type',
                                  'Content-Length', 'ETag')
            screen.fact('the page is the file index.html, byte for byte', True,
                        body == page('index.html'))
            check_pipeline(client, answers)
            ask(client, ['GET / HTTP/1.1', 'Host: ladder',
                         f'If-None-Match: {fields["ETag"]}'])
            answer(answers, 'HTTP/1.1 304 Not Modified')
            ask(client, ['GET / HTTP/1.1', 'Host : ladder'])
            answer(answers, 'HTTP/1.1 400 Bad Request', 'Connection')
            screen.fact('the client has the page already, so it was not sent '
                        'again: the next response follows the head at once')
            screen.fact('a blank before a colon is not valid HTTP: the server '
                        'closes the connection after that response', b'',
                        receive(client, 1))
        took = server.ends_by_interrupt()
        screen.fact(f'Ctrl-C ends the server in {took:.2f} seconds, with '
                    'status 0', True, took < 3)


def check_pipeline(client, answers):
    """Asks for two files at once: the responses come in the same order."""
    names = 'style.css', 'ladder.svg'
    ask(client, *[[f'GET /{name} HTTP/1.1', 'Host: ladder'] for name in names])
    bodies = [answer(answers, 'HTTP/1.1 200 OK', 'Content-Length')[1]
              for _ in names]
    screen.fact('two requests sent together on that connection were answered '
                'in order', True, bodies == list(map(page, names)))


def page(name):
    with open(STAGES['08'].folder / 'www' / name, 'rb') as file:
        return file.read()


def ask(client, *requests):
    """Types requests, and sends them together."""
    for lines in requests:
        for number, line in enumerate([*lines, '(an empty line)']):
            screen.line(f'{"" if number else "typed":8}{line}')
    client.sendall(''.join(line + '\r\n' for lines in requests
                           for line in [*lines, '']).encode())


def answer(answers, expected, *shown):
    """Waits for a response with this status line, and shows it with some
    fields. Returns all fields, and the body."""
    try:
        line = answers.readline().decode('latin-1').rstrip('\r\n')
        fields = http.client.parse_headers(answers)
        body = answers.read(int(fields.get('Content-Length', 0)))
    except (OSError, http.client.HTTPException) as error:
        raise Untrue(expected, error) from None
    for number, text in enumerate(
            [line, *[f'{name}: {fields[name]}' for name in shown]]):
        screen.line(f'{"" if number else "came":8}{text}')
    if line != expected or any(name not in fields for name in shown):
        raise Untrue(', '.join([expected, *shown]), f'{line}, {fields.keys()}')
    return fields, body
