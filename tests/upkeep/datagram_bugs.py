"""Programs with one bug each, made from the exercise 04-datagram."""

from upkeep.bugs import bug as any_bug, style as any_style

SENDS = ('    while (sendto(fd, message, (size_t)received, 0, sender, length) '
         '== -1')


def bug(name, says, *edits):
    any_bug('04-datagram', name, says, *edits)


def style(name, *edits):
    any_style('04-datagram', name, *edits)


style('larger buffers',
      ('#define SIZE 65536', '#define SIZE 70000'),
      ('static char message[SIZE];', 'static char message[SIZE + 1];'))
style('reports each message',
      ('    waits = 0;\n    while (sendto',
       '    log_event("message from", &peer);\n'
       '    waits = 0;\n    while (sendto'))
style('the client uses send and recv',
      ('sendto(server, request, length, 0, NULL, 0)',
       'send(server, request, length, 0)'),
      ('recvfrom(server, answer, SIZE, 0, NULL, NULL)',
       'recv(server, answer, SIZE, 0)'))

# ------------------------------------------------------------------ the server

bug('the buffer is too short', '65,507|buffer',
    ('static char message[SIZE]', 'static char message[4096]'),
    ('recvfrom(fd, message, SIZE', 'recvfrom(fd, message, 4096'))
bug('the buffer lacks a few bytes', '65,507|buffer',
    ('recvfrom(fd, message, SIZE', 'recvfrom(fd, message, 65500'))
bug('0 bytes end the server', '0 bytes',
    ('    if (received == -1) {\n        handle_retry("recvfrom"',
     '    if (received == 0)\n        exit(0);\n'
     '    if (received == -1) {\n        handle_retry("recvfrom"'))
bug('an empty message is skipped', '0 bytes|no bytes',
    (SENDS, '    while (received > 0 && sendto(fd, message, (size_t)received, '
     '0, sender, length) == -1'))
bug('the length is strlen', 'length',
    (SENDS, '    message[received] = 0;\n    while (sendto(fd, message, '
     'strlen(message), 0, sender, length) == -1'))
bug('the whole buffer is sent', 'as many bytes as recvfrom',
    ('(size_t)received, 0, sender', '512, 0, sender'))
bug('a newline is added', 'as many bytes as recvfrom',
    (SENDS, '    message[received++] = 10;\n' + SENDS))
bug('each message is sent twice', 'once|one sendto',
    ('        continue;\n    waits = 0;', '        continue;\n'
     '    sendto(fd, message, (size_t)received, 0, sender, length);\n'
     '    waits = 0;'))
bug('answers go to the first sender', 'address',
    ('    struct sockaddr_in peer;\n    struct sockaddr *sender',
     '    static struct sockaddr_in peer, first;\n'
     '    struct sockaddr *sender'),
    (SENDS, '    if (first.sin_port == 0)\n        first = peer;\n'
     '    peer = first;\n' + SENDS))
bug('the server connects to a sender', 'do not connect',
    (SENDS, '    connect(fd, sender, length);\n' + SENDS))
bug('SO_REUSEADDR stays', 'SO_REUSEADDR',
    ('    if (client) {\n', '    int on = 1;\n    setsockopt(fd, SOL_SOCKET, '
     'SO_REUSEADDR, &on, sizeof on);\n    if (client) {\n'))
bug('EINVAL of sendto ends the server', 'sendto|port 0',
    ('{E(EINVAL),       DROP,', '{E(EINVAL),       STOP,'))
bug('ENOBUFS drops the message', 'ENOBUFS',
    ('{E(ENOBUFS),      WAIT,', '{E(ENOBUFS),      DROP,'))
bug('a failed sendto is repeated without end', 'EINVAL',
    ('           && handle_retry("sendto", &waits) != DROP)\n',
     '           && (handle_retry("sendto", &waits), 1))\n'))

# ------------------------------------------------------------------ the client

bug('a stranger\'s answer is taken', 'stranger|others',
    ('        if (connect(fd, (struct sockaddr *)&address, sizeof address) == '
     '-1)\n            handle_error("connect");\n', '        to = address;\n'),
    ('static void echo_message(int fd);\n', 'static void echo_message(int fd);'
     '\nstatic struct sockaddr_in to;\n'),
    ('length, 0, NULL, 0)',
     'length, 0, (struct sockaddr *)&to, sizeof to)'))
bug('any answer will do', 'same bytes',
    ('        if (received == (ssize_t)length && memcmp(answer, request, '
     'length) == 0)\n', '        if (received > 0)\n'))
bug('only the number is compared', 'same bytes',
    ('received == (ssize_t)length && memcmp(answer, request, length) == 0',
     'received >= 4 && memcmp(answer, request, 4) == 0'))
bug('only the line is compared', 'same bytes',
    ('memcmp(answer, request, length) == 0',
     'memcmp(answer + 4, request + 4, length - 4) == 0'))
bug('a longer answer is taken', 'same bytes',
    ('received == (ssize_t)length', 'received >= (ssize_t)length'))
bug('the number is in host byte order', 'htonl',
    ('htonl(++count)', '++count'))
bug('the number changes with each try', 'number',
    ('            if (tries == 4)\n',
     '            number = htonl(++count);\n'
     '            memcpy(request, &number, 4);\n            if (tries == 4)\n'))
bug('numbers start at 0', 'number is 1', ('htonl(++count)', 'htonl(count++)'))
bug('no time limit', 'SO_RCVTIMEO',
    ('        limit_wait(server, end);\n', '        (void)limit_wait;\n'))
bug('milliseconds for seconds', 'in seconds',
    ('1000LL * timeout', '1LL * timeout'))
bug('-t is ignored', 'after 2 seconds',
    ('*timeout = parse_number(optarg, 86400);',
     '*timeout = parse_number(optarg, 86400) > 0;'))
bug('each message begins a new wait', 'time that is left',
    ('        limit_wait(server, end);\n',
     '        end = milliseconds() + 1000LL * timeout;\n'
     '        limit_wait(server, end);\n'))
bug('asks without end', '3 times', ('if (tries == 4)', 'if (tries == 400)'),
    ('tries < 4 ?', 'tries < 400 ?'))
bug('asks 3 times', 'request 2|4 times',
    ('if (tries == 4)', 'if (tries == 3)'), ('tries < 4 ?', 'tries < 3 ?'))
bug('status 0 without an answer', 'status 1',
    ('            if (tries == 4)\n                exit(EXIT_FAILURE);',
     '            if (tries == 4)\n                exit(EXIT_SUCCESS);'))
bug('ECONNREFUSED is skipped', 'ECONNREFUSED',
    ('{E(ECONNREFUSED), DROP, ', '{E(ECONNREFUSED), RETRY,'))
bug('a line that is too long is cut', 'EMSGSIZE',
    ('*length < size)', '*length < 65503)'))
bug('asks again after EMSGSIZE', 'EMSGSIZE',
    ('        if (handle_retry("sendto", &waits) == DROP)\n'
     '            exit(EXIT_FAILURE);\n',
     '        if (handle_retry("sendto", &waits) == DROP)\n'
     '            return false;\n'))
bug('the newline is sent', 'without its newline',
    ('    if (ferror(stdin))', '    if (byte == 10)\n'
     '        line[(*length)++] = 10;\n    if (ferror(stdin))'))
bug('empty lines are skipped', 'empty line',
    ('    return byte != EOF || *length > 0;',
     '    return byte == 10 && *length == 0 ? read_line(line, size, length)\n'
     '                                       : byte != EOF || *length > 0;'))
bug('the last line needs a newline', 'last line',
    ('    return byte != EOF || *length > 0;', '    return byte != EOF;'))
bug('output is not flushed', 'fflush',
    ('\n        || fflush(stdout) == EOF)\n        handle_error("write");\n}\n',
     ')\n        handle_error("write");\n}\n'))
bug('SIGPIPE', 'SIGPIPE', ('    signal(SIGPIPE, SIG_IGN);', ''))
bug('a read that fails is taken for the end', 'ferror',
    ('    if (ferror(stdin))\n        handle_error("read");\n', ''))
