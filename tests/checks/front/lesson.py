"""The lesson of 08-http/in-front: its console blocks."""

from checks.lessons.beyond import build_server, copied, play
from checks.tls.lesson import make_certificate
from harness import check, free_port
from .proxies import FRONT, TLS_PORT, WEB_PORTS


@check(FRONT, open=False)
def lesson_blocks(test):
    """the lesson's commands print what the lesson shows"""
    ports = {str(port): str(free_port())
             for port in (TLS_PORT, *WEB_PORTS[1:])}
    with copied(ports) as (ladder, ports):
        place = ladder / 'in-front'
        build_server(ladder)
        make_certificate(place / 'localhost.pem')
        play(place, ports)
