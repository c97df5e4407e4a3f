"""Applications made with frameworks, where those are installed."""

import os
import shutil
import subprocess
import sys

from checks.cgi.scripts import CGI, serve
from checks.cgi.workers import working, write
from harness import Skip, check
from harness.web import request

SCRIPT = '''#!{}
from wsgiref.handlers import CGIHandler
from app import application
CGIHandler().run(application)
'''
FLASK = '''
from flask import Flask, request
application = Flask(__name__)
@application.route('/hello/<name>', methods=['GET', 'POST'])
def hello(name):
    return f'{request.method} {name} {request.form.get("a")}'
'''
DJANGO = '''
from django.conf import settings
settings.configure(ALLOWED_HOSTS=['*'], ROOT_URLCONF=__name__, SECRET_KEY='x',
                   FORCE_SCRIPT_NAME=None)
import django
django.setup()
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
def hello(request, name):
    return HttpResponse(f'{request.method} {name} {request.POST.get("a")}')
urlpatterns = [path('hello/<name>', hello)]
application = get_wsgi_application()
'''
BOTTLE = '''
import bottle
application = bottle.Bottle()
@application.route('/hello/<name>', method=['GET', 'POST'])
def hello(name):
    return f'{bottle.request.method} {name} {bottle.request.forms.get("a")}'
'''


def python_with(name):
    """Returns a Python that has this module: the one that runs the
    checks, or the system's, which finds the modules of system packages."""
    for python in (sys.executable, shutil.which('python3', path=os.defpath)):
        if python and subprocess.run([python, '-c', f'import {name}'],
                                     stderr=subprocess.DEVNULL
                                     ).returncode == 0:
            return python
    raise Skip(f'{name} is not installed')


def framed(test, name, text):
    """Demands that an application answer, in a script and in a worker."""
    python = python_with(name)
    visitor = serve(test, '-t', '20', slow=SCRIPT.format(python))
    write(test, app=text)
    visitor.socket.settimeout(20)
    with working(test, python=python):
        for place in ('slow', 'fast'):
            path = f'/cgi/{place}/hello/J%C3%B6rg'
            visitor.get(path).must_be(200, 'GET Jörg None'.encode())
            visitor.ask(request(
                path, 'Content-Type: application/x-www-form-urlencoded',
                'Content-Length: 3', method='POST', body=b'a=b')).must_be(
                    200, 'POST Jörg b'.encode())
            visitor.get(f'/cgi/{place}/none').must_be(404)
            visitor.stays()


@check(CGI)
def flask_answers(test):
    """a Flask application answers, in a script and in a worker"""
    framed(test, 'flask', FLASK)


@check(CGI)
def django_answers(test):
    """a Django application answers, in a script and in a worker"""
    framed(test, 'django', DJANGO)


@check(CGI)
def bottle_answers(test):
    """a bottle application answers, in a script and in a worker"""
    framed(test, 'bottle', BOTTLE)
