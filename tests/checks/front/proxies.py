"""Proxies in front of our servers: they terminate TLS, and spread clients
over several servers, some of which may be stopped."""

import http.client
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time

from checks.tls.servers import certificate
from harness import PATIENCE, Failure, Skip, check, data, wait_until
from harness.network import free_port
from harness.programs import Child, Server
from harness.stages import ROOT, STAGES

FRONT = 'front'
FOLDER = ROOT / '08-http' / 'in-front'
ECHO = str(ROOT / STAGES['07'].program)
NGINX = 'nginx', '-p', '{folder}/', '-c', 'nginx.conf', '-e', 'stderr'
NGINX_TCP = 'nginx', '-p', '{folder}/', '-c', 'nginx-tcp.conf', '-e', 'stderr'
HAPROXY = 'haproxy', '-db', '-f', 'haproxy.cfg'
MODULE = pathlib.Path('/usr/lib/nginx/modules/ngx_stream_module.so')
TLS_PORT, ECHO_PORT = 8443, 7007
WEB_PORTS, ECHO_PORTS = (15441, 15442, 15443), (15451, 15452)
FILES = {'small': data(1000), 'more': data(12000), 'large': data(300000),
         'index.html': b'x'}
WHOLE = 'small', 'more'  # up to 16 KB are sent in one call, never in part


class Site:
    """A proxy, started with its configuration, and the servers behind it: free
    ports replace those of the configuration."""

    def __init__(self, test, command):
        name = command[0]
        if not shutil.which(name):
            raise Skip(f'{name} is not installed')
        self.test, self.root = test, test.site(FILES)
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=test.directory))
        self.folder.chmod(0o755)
        self.certificate = self.folder / 'localhost.pem'
        self.certificate.write_bytes(certificate(test).read_bytes())
        self.certificate.chmod(0o600)
        self.ports, self.servers = {}, {}
        for port in WEB_PORTS if command != NGINX_TCP else ():
            self.servers[port] = self.begin(port)
        for port in ECHO_PORTS if command != NGINX else ():
            echo = Server([ECHO, '0'], dict(os.environ), subprocess.DEVNULL)
            self.ports[port] = int(echo.wait_line(r'listening on .*:(\d+)')[1])
            self.servers[port] = echo
        self.proxy = self.start(command)

    def begin(self, port):
        """Starts the server of 08 for a port of the configuration. Started
        again, it gets the same port."""
        server = self.test.server(root=self.root,
                                  port=self.ports.get(port) or free_port())
        self.ports[port] = server.port
        return server

    def start(self, command):
        for port in TLS_PORT, ECHO_PORT:
            self.ports[port] = free_port()
        for name in 'nginx.conf', 'nginx-tcp.conf', 'haproxy.cfg':
            text = (FOLDER / name).read_text()
            (self.folder / name).write_text(re.sub(
                r'(127\.0\.0\.1):(\d+)', lambda match: f'{match[1]}:' + str(
                    self.ports.get(int(match[2]), match[2])), text))
        words = [word.format(folder=self.folder) for word in command]
        proxy = Child(words, dict(os.environ), subprocess.DEVNULL,
                      cwd=self.folder)

        def ready():
            with socket.socket() as probe:
                return probe.connect_ex(('127.0.0.1', self.ports[
                    ECHO_PORT if command == NGINX_TCP else TLS_PORT])) == 0
        if not wait_until(lambda: ready() or not proxy.running()) or (
                not proxy.running()):
            raise Failure(f'{command[0]} that listens',
                          self.test.outcome(proxy))
        return proxy

    def browser(self):
        """A connection to the proxy, over TLS."""
        trusts = ssl.create_default_context(cafile=str(self.certificate))
        return http.client.HTTPSConnection(
            'localhost', self.ports[TLS_PORT], timeout=3 * PATIENCE,
            context=trusts)


def get(browser, name):
    browser.request('GET', f'/{name}')
    reply = browser.getresponse()
    if (reply.status, reply.read()) != (200, FILES[name]):
        raise Failure(f'200 for {name}, whole', f'{reply.status}')


def live(site, end, done, complaints):
    """A client that sends requests until the time `end`. It requests small
    files, which a stopped server has sent whole or not at all: a proxy cannot
    request the rest of a file that was sent in part."""
    browser = site.browser()
    try:
        while time.monotonic() < end and not complaints:
            get(browser, WHOLE[len(done) % 2])
            done.append(1)
    except (OSError, http.client.HTTPException, Failure) as error:
        complaints.append(repr(error))
    finally:
        browser.close()


def stopped_under_load(test, command):
    """Demands that no answer fail while servers are stopped and started."""
    site = Site(test, command)
    done, complaints = [], []
    end = time.monotonic() + 5
    threads = [threading.Thread(target=live, daemon=True, args=(
        site, end, done, complaints)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for port, number in zip(WEB_PORTS, (signal.SIGTERM, signal.SIGKILL)):
        time.sleep(0.7)
        site.servers[port].end(number)
        time.sleep(0.7)
        site.servers[port] = site.begin(port)
        time.sleep(0.5)
    for thread in threads:
        thread.join(5 * PATIENCE)
    if complaints or len(done) < 50:
        raise Failure('every answer, while servers stop and start',
                      f'{len(done)} answers, then {complaints}')


def spread(test, command):
    """Demands that the proxy terminate TLS in front of three servers, and go on
    with one when two have been stopped."""
    site = Site(test, command)
    for _ in range(12):
        browser = site.browser()
        get(browser, 'small')
        get(browser, 'large')
        browser.close()
    for server in site.servers.values():
        if server.host and not server.running():
            raise Failure('servers that are still running',
                          test.outcome(server))
    for port in WEB_PORTS[1:]:
        site.servers[port].end(signal.SIGTERM)
    browser = site.browser()
    for _ in range(6):
        get(browser, 'small')


@check(FRONT)
def nginx_spreads(test):
    """nginx terminates TLS in front of three servers of 08, and goes on when
    only one of them is left"""
    spread(test, NGINX)


@check(FRONT)
def nginx_stopped_under_load(test):
    """behind nginx two servers are stopped and started under load, and no
    answer fails"""
    stopped_under_load(test, NGINX)


@check(FRONT)
def haproxy_spreads(test):
    """HAProxy terminates TLS in front of three servers of 08, and goes on when
    only one of them is left"""
    spread(test, HAPROXY)


@check(FRONT)
def haproxy_stopped_under_load(test):
    """behind HAProxy two servers are stopped and started under load, and no
    answer fails"""
    stopped_under_load(test, HAPROXY)


def before_echoes(test, command):
    """Demands that bytes be echoed through the proxy, even when one of the two
    servers is stopped."""
    site = Site(test, command)

    def echo(message):
        there = '127.0.0.1', site.ports[ECHO_PORT]
        with socket.create_connection(there, PATIENCE) as client:
            client.sendall(message)
            client.shutdown(socket.SHUT_WR)
            return b''.join(iter(lambda: client.recv(65536), b''))
    message = data(50000)
    for stop in None, ECHO_PORTS[0]:
        if stop:
            site.servers[stop].end(signal.SIGTERM)
        for _ in range(6):
            if echo(message) != message:
                raise Failure('the echo', 'something else')


@check(FRONT)
def haproxy_before_echoes(test):
    """HAProxy passes bytes to two servers of 07 (mode tcp); when one is
    stopped, the other serves all clients"""
    before_echoes(test, HAPROXY)


@check(FRONT)
def nginx_before_echoes(test):
    """nginx passes bytes to two servers of 07 (stream); when one is stopped,
    the other serves all clients"""
    if shutil.which('nginx') and not MODULE.exists():
        raise Skip('libnginx-mod-stream is not installed')
    before_echoes(test, NGINX_TCP)
