"""A blog: a WSGI application (PEP 3333). A CGI script starts it anew for each
request; a worker keeps it running. So the posts are kept in a file, one line
of JSON each.
SPDX-License-Identifier: 0BSD"""

import html
import json
import pathlib
import time
import urllib.parse

POSTS = pathlib.Path(__file__).with_name('posts.jsonl')
MOST = 10000  # bytes of a post
PAGE = '''<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Blog</title>
<h1>Blog</h1>
{posts}
<h2>A new post</h2>
<form method="post">
<p><input name="title" placeholder="title" required>
<p><textarea name="text" rows="5" cols="60" required></textarea>
<p><button>Publish</button>
</form>
'''
POST = '<h2>{title}</h2>\n<p><small>{date}</small></p>\n<p>{text}</p>\n'


def read():
    """Returns the posts, newest first."""
    lines = POSTS.read_text().splitlines() if POSTS.exists() else []
    return [json.loads(line) for line in reversed(lines)]


def write(form):
    """Appends a post, in one write, so that two posts cannot mix."""
    post = {name: form.get(name, [''])[0] for name in ('title', 'text')}
    post['date'] = time.strftime('%Y-%m-%d %H:%M')
    with open(POSTS, 'a') as file:
        file.write(json.dumps(post) + '\n')


def answer(start, status, text, *fields):
    body = text.encode()
    start(status, [('Content-Type', 'text/html; charset=utf-8'),
                   ('Content-Length', str(len(body))), *fields])
    return [body]


def application(environ, start):
    method = environ['REQUEST_METHOD']
    if environ.get('PATH_INFO', '') not in ('', '/'):
        return answer(start, '404 Not Found', 'There is no such page.\n')
    if method == 'POST':
        length = int(environ.get('CONTENT_LENGTH') or 0)
        if length > MOST:
            return answer(start, '413 Content Too Large', 'Too long.\n')
        text = environ['wsgi.input'].read(length).decode('latin-1')
        write(urllib.parse.parse_qs(text, errors='replace'))
        return answer(start, '303 See Other', 'Published.\n',
                      ('Location', environ['SCRIPT_NAME'] or '/'))
    if method not in ('GET', 'HEAD'):
        return answer(start, '405 Method Not Allowed', 'GET or POST.\n',
                      ('Allow', 'GET, HEAD, POST'))
    posts = ''.join(POST.format(**{name: html.escape(value) for name, value
                                   in post.items()}) for post in read())
    return answer(start, '200 OK', PAGE.format(posts=posts))
