"""Programs that lack one statement of a stage's change, or a part of one: the
likeliest mistakes. Each entry gives the stage, the bug, what the first failed
check must say, and the edits."""

from upkeep.bugs import bug

# ------------------------------------------------------------ the command line

bug('02', 'getopt does not know -a', '"a:" in the string', ('"a:h"', '"h"'))
bug('02', '-a has no argument', '"a:" in the string', ('"a:h"', '"ah"'))
bug('05 06', '-t has no argument', '"t:" in the string', ('ht:"', 'ht"'))
bug('02', 'break is forgotten', 'break',
    ('                usage_error(optarg);\n            break;\n',
     '                usage_error(optarg);\n'))
bug('05 06', 'the last break is forgotten', 'break',
    ('86400);\n            break;\n', '86400);\n'))
bug('02', 'no case for -a', "a case 'a'", ("case 'a':", 'case 999:'))
bug('02 06', 'one option only', 'call it in a loop',
    ('while ((option = getopt', 'if ((option = getopt'))
bug('02', 'parse_number returns nothing', 'parse_number return',
    ('        usage_error(text);\n    return number;\n',
     '        usage_error(text);\n    return 15442;\n'))
bug('02', 'the port is not stored', 'sin_port',
    ('*port = (in_port_t)parse_number(', 'parse_number('))
bug('02 05', 'the limit is not compared', 'largest number',
    (' || number > limit', ''))

# --------------------------------------------------------------- the messages

bug('01', 'an errno without a row is not printed', 'in no row',
    ('        fprintf(stderr, "%s: %s\\n", call, strerror(number));\n',
     '        ;\n'))
bug('04', 'no line about a failed call', 'without a line about this',
    ('    else if (failure->action != RETRY)\n        fprintf',
     '    else if (0)\n        fprintf'))

bug('02 07', 'the result of socket is not checked', 'socket.. has returned',
    ('    if (listener == -1)', '    if (0)'))
bug('06', 'the result of socket is not checked', 'socket.. has returned',
    ('        if (server == -1) {', '        if (0) {'))
bug('06', 'the bytes written are not subtracted', 'none of them twice',
    ('            length -= (size_t)written;\n', ''))
bug('07', 'the pipe is taken for a client', 'pipe that a signal handler',
    ('    if (fd == wake_up[0])\n        exit(EXIT_SUCCESS);  /* a signal has '
     'arrived */\n    else if', '    if'))

# ------------------------------------------------------------------- 04

bug('04', 'SO_REUSEADDR is 0', 'SO_REUSEADDR to 1', ('int on = 1;',
                                                     'int on = 0;'))
bug('04', 'a failed accept is announced', 'no client to announce',
    ('            continue;\n', '            ;\n'))
bug('04', 'a failed accept is not handled', 'when accept returns -1',
    ('            handle_retry("accept", &waits);', '            '))
bug('04', 'the count of waits stays', 'to 0', ('        waits = 0;\n',
                                               '        ;\n'))
bug('04', 'a shortage is not reported', 'at the first try',
    ('        handle_error(call);\n    if (action == WAIT)',
     '        ;\n    if (action == WAIT)'))
bug('04', 'waits are not counted', 'not at each try', ('        ++*waits;\n',
                                                       ''))
bug('04', 'no STOP in a shortage', 'not a WAIT',
    ('if (action != WAIT || *waits == 0)', 'if (*waits == 0)'))
bug('04', 'EFAULT has no row', 'row for EFAULT.*STOP',
    ('    {E(EFAULT),       STOP,  "a bad pointer: a bug in this program"},\n',
     ''))
bug('04', 'EPROTO has no row', 'row for it.*RETRY',
    ('    {E(EPROTO),       RETRY, "protocol error"},\n', ''))

# ------------------------------------------------------------------- 05

bug('05', 'echo is never called', r'recv\(\) is never called',
    ('    while (connected)\n        connected = echo(client, timeout);\n',
     '    (void)connected;\n    (void)echo;\n'))
bug('05', 'nothing is sent', r'send\(\) is never called',
    ('return send_all(client, buffer, (size_t)received, timeout);',
     'return true;'))
bug('05', 'a send that has not failed is reported', 'only -1',
    ('        if (sent != -1) {', '        if (sent == 0) {'))
bug('05', 'no limit without -t', 'without -t', ('timeout = 60;', 'timeout = 0;'
                                                ))
bug('05', 'ENOMEM of send has no row', 'row for ENOMEM.*WAIT',
    ('    {E(ENOMEM),       WAIT,  "out of memory"},\n', ''))
bug('05', 'one wait of send is too long', 'reads slowly',
    ('errno == EAGAIN && milliseconds()', '0 && milliseconds()'))
bug('05', 'send is retried without end', 'give up after',
    ('++blocked + waits < 10 * timeout', '1'))
bug('05', 'only SO_RCVTIMEO is set', 'SO_SNDTIMEO limits send',
    ('\n        && setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &sending, size)'
     ' != -1', ''))
bug('05', 'the size for setsockopt is wrong', 'setsockopt failed',
    ('= sizeof receiving;', '= 1;'))
bug('05', 'reports a failure that did not happen', 'only -1',
    (' != -1)\n        return true;', ' == -1)\n        return true;'))
bug('05', 'a failed setsockopt is not reported', 'perror',
    ('    perror("setsockopt");', '    ;'))
bug('05', 'a DROP of send is overlooked', 'has failed .* times',
    ('handle_retry("send", &waits) == DROP', '(handle_retry("send", &waits), 0)'
     ))

# ------------------------------------------------------------------- 07

bug('07', 'the listener is in no set', 'put the listener in the set',
    ('if (!connection->open || connection->retry_at > now)',
     'if (!connection->open || connection->retry_at > now\n'
     '            || connection->peer.sin_family != AF_INET)'))
bug('07', 'the sets are not emptied', r'FD_ZERO|before each call',
    ('    FD_ZERO(readable);\n    FD_ZERO(writable);\n', ''))
bug('07', 'the timeout of select is 0', 'is its timeout 0',
    ('then > now ? then - now : 0', '0'))
bug('07', 'does not wait for the end of a shortage', 'that timeout',
    ('            due = earlier(due, connection->retry_at);\n',
     '            ;\n'))
bug('07', 'a shortage spins', 'out of the sets',
    ('if (!connection->open || connection->retry_at > now)',
     'if (!connection->open)'))
bug('07', 'rows that are not open are dropped', 'rows that are not open',
    ('if (!connection->open || fd == listener', 'if (fd == listener'))
bug('07', 'calls recv on the listener', 'called on the listener',
    ('    else if (fd == listener)\n        accept_clients(listener);\n', ''))
bug('07', 'the listener is dropped', 'the listener has been dropped',
    ('if (!connection->open || fd == listener', 'if (!connection->open'))
bug('07', '0 seconds are a limit', '0 seconds mean no limit',
    (' || fd == listener || timeout == 0)', ' || fd == listener)'))
bug('07', 'a dropped client stays open', 'close the socket of a client',
    ('                timeout == 1 ? "" : "s");\n'
     '    remove_connection(client, listener);\n',
     '                timeout == 1 ? "" : "s");\n'
     '    connections[client].open = false;\n'))
bug('07', 'active clients are dropped', 'had not been silent',
    ('if (now - connection->last_activity >= 1000 * timeout)', 'if (1)'))
bug('07', 'a failed select is taken for ready', 'select returned -1',
    ('            handle_error("select");\n            continue;\n',
     '            handle_error("select");\n'))
bug('07', 'fcntl of the listener is not checked', 'what fcntl returns',
    ('    if (!add_connection(listener))\n',
     '    if (!add_connection(listener) && 0)\n'))
bug('07', 'a drop is not reported', 'print this line',
    ('fprintf(stderr, "dropped %s', 'if (0)\n            fprintf(stderr, '
     '"dropped %s'))
bug('07', 'sends from the wrong place in the buffer', 'from its first byte',
    ('    connection->start = 0;\n', ''))

# ------------------------------------------------------------------- 06

bug('06', 'nothing is exchanged', r'send\(\) is never called',
    ('    exchange(server, timeout);\n', '    (void)exchange;\n'))
bug('06', 'the echo is not written', 'write them to standard output',
    ('            write_output(echo, received);\n',
     '            (void)write_output;\n'))
bug('06', 'a recv that has failed is repeated', r'recv\(\) has failed with EAG',
    ('        handle_error("recv");  /* returns', '        ;  /* returns'))
bug('06', 'one piece only', 'until it returns 0',
    ('    while ((length = read_input(', '    if ((length = read_input('))
bug('06', 'a write that has not failed is reported', 'only -1',
    ('        if (written != -1) {', '        if (written == 0) {'))
bug('06', 'a failure in a shortage is overlooked', 'not a WAIT',
    ('if (action != WAIT || *waits == 0)', 'if (*waits == 0)'))
bug('06', 'does not wait for the output', 'use poll to wait for the output',
    ('            handle_stream_error("write", STDOUT_FILENO, POLLOUT);\n',
     '            if (errno != EAGAIN)\n'
     '                handle_stream_error("write", STDOUT_FILENO, POLLOUT);\n'
     ))

# --------------------------------------------------------------- 07, set up

bug('07', 'no pipe', r'pipe\(\) is never called', ('pipe(wake_up) == -1', '0'))
bug('07', 'no descriptor limit', 'setrlimit',
    ('setrlimit(RLIMIT_NOFILE, &limit) == -1', '0'))
bug('07', 'no address of a client', 'the one that accept stored',
    ('        connections[client].peer = peer;\n', ''))

# ------------------------------------------------------------------- -t 0

bug('05', 'a shortage ends with -t 0', '0 seconds mean no limit',
    ('(timeout > 0 && blocked + waits >= 10 * timeout)',
     '(blocked + waits >= 10 * timeout)'))
bug('06', 'a shortage ends with -t 0', '0 seconds mean no limit',
    ('if (limit > 0 && waits >= limit)', 'if (waits >= limit)'))
bug('07', 'signals stay blocked', 'sigprocmask',
    ('sigprocmask(SIG_SETMASK, &action.sa_mask, NULL) == -1', '0'))
