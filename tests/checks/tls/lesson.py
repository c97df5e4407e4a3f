"""The lesson of 08-http/tls: its console blocks."""

from checks.lessons.beyond import build_server, copied, play
from harness import check
from .servers import NAMES, TLS, openssl


def make_certificate(path):
    """As make tls does."""
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt',
            'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=localhost',
            '-addext', NAMES, '-keyout', path, '-out', path)
    path.chmod(0o600)


@check(TLS, open=False)
def lesson_blocks(test):
    """the lesson's commands print what the lesson shows"""
    with copied() as (ladder, ports):
        place = ladder / 'tls'
        build_server(place, ladder / 'cgi', ladder,
                     libraries=('-lssl', '-lcrypto'))
        make_certificate(place / 'localhost.pem')
        play(place, ports)
