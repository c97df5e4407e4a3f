"""Checks each action: what a program does when a call has failed."""

import time

from harness import (Failure, echoing, idles, injected, knock, not_told,
                     start_client, stopped, succeeded, told)


def attached(test, child):
    test.attached()
    return child


# -------------------------------------------------------------- of servers

def stop_server(test, call, name):
    child = attached(test, test.start(*([] if test.stage == '01' else ['0'])))
    if call == 'accept':
        knock(child)
    stopped(test, child, call, name)


def retry_accept(test, call, name):
    server = attached(test, test.server())
    knock(server)
    injected(test, call)
    hint = (f'the action for {name} is RETRY: call {call} again at once, print '
            'nothing')
    time.sleep(0.02)  # a program that exits has done so by then
    test.alive(server, f'{call} has failed with {name}', hint)
    client = test.connect(server)
    test.served(server, client, hint)
    not_told(test, server, call)


def wait_accept(test, call, name):
    server = attached(test, test.server())
    client = test.connect(server)
    injected(test, call)
    idles(test, server, call, name)
    test.faults.relent(call)
    test.served(server, client, f'the action for {name} is WAIT: keep calling '
                f'{call}, and lose no client')
    told(test, server, call, name)


LISTENER = {'STOP': stop_server, 'RETRY': retry_accept, 'WAIT': wait_accept}


def drop_client(test, call, name):
    server = attached(test, test.server())
    client = test.connect(server)
    client.sendall(test.question(b'lost\n'))
    injected(test, call)
    try:
        if client.recv(16):
            raise Failure(f'no answer: {call} has failed with {name}',
                          'an answer', f'look at what {call} returns; the '
                          'action is DROP: close this client')
    except ConnectionResetError:
        pass
    except OSError:
        raise Failure(f'the client is closed: the action for {name} is DROP',
                      f'it stays open after {call} has failed with {name}',
                      'close its socket, serve the next client') from None
    test.alive(server, f'{call} has failed with {name}')
    told(test, server, call, name)
    test.served(server, test.connect(server), 'an error on one client\'s '
                'socket ends that client\'s connection, never the server')


def retry_connection(test, call, name):
    server = attached(test, test.server())
    client = test.connect(server)
    test.served(server, client, f'after {name} call {call} again at once')
    injected(test, call)
    not_told(test, server, call)


def wait_send(test, call, name):
    server = attached(test, test.server())
    client = test.connect(server)
    client.sendall(test.question(b'patience\n'))
    injected(test, call)
    idles(test, server, call, name)
    test.faults.relent(call)
    test.answered(client, b'patience\n', f'the action for {name} is WAIT: call '
                  'send again a tenth of a second later')
    told(test, server, call, name)


CONNECTION = {'DROP': drop_client, 'RETRY': retry_connection,
              'WAIT': wait_send}


# -------------------------------------------------------------- of the client

def stop_client(test, call, name):
    peer = test.peer(echoing)
    test.faults.resolve('127.0.0.1', '127.0.0.1')
    child = attached(test, start_client(test, peer.port, host='localhost'))
    if (name in ('EAGAIN', 'EWOULDBLOCK') and call in ('recv', 'send')
            and child.wait_exit() == 0 and child.output == b'hello\n'):
        return  # no failure on a socket that does not block
    stopped(test, child, call, name)
    if call == 'connect' and test.faults.get('calls', call) != 1:
        raise Failure(f'no further attempt after {name}',
                      f'{test.faults.get("calls", call)} calls to connect',
                      f'the action for {name} is STOP, not NEXT')


def next_address(test, call, name):
    peer = test.peer(echoing)
    test.faults.resolve('127.0.0.2', '127.0.0.1')
    child = attached(test, start_client(test, peer.port, host='localhost'))
    succeeded(test, child, hint=f'after {name} close the socket and try the '
              'next address (ai_next) on a new one')
    injected(test, call)
    told(test, child, call, name)
    if not test.any and not any(f'127.0.0.2:{peer.port}' in line
                                for line in child.lines):
        raise Failure(f'a message with the address that failed: 127.0.0.2:'
                      f'{peer.port}', '; '.join(child.lines),
                      'print it in the line about the failed call')


def retry_client(test, call, name):
    peer = test.peer(echoing)
    child = attached(test, start_client(test, peer.port))
    succeeded(test, child, hint=f'after {name} call {call} again')
    injected(test, call)
    not_told(test, child, call)


def wait_client(test, call, name):
    peer = test.peer(echoing)
    child = attached(test, start_client(test, peer.port))
    injected(test, call)
    idles(test, child, call, name)
    test.faults.relent(call)
    succeeded(test, child, hint=f'the action for {name} is WAIT: call send '
              'again a tenth of a second later')
    told(test, child, call, name)


# By exercise and action: the checks of exercises that act neither like a
# server nor like the client.
ACTIONS_OF = {}
CLIENT = {'STOP': stop_client, 'NEXT': next_address, 'RETRY': retry_client,
          'WAIT': wait_client}
