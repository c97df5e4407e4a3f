"""Programs with one bug each, and correct ones in another style, made from our
exercises as bugs.py makes them from the stages."""

from upkeep.bugs import bug, style

# ------------------------------------------------------------- 05-framing

style('05-framing', 'sends length and bytes with two calls',
      ('return send_all(client, frame, HEAD + length, timeout);',
       'return send_all(client, frame, HEAD, timeout)\n'
       '           && send_all(client, frame + HEAD, length, timeout);'))
style('05-framing', 'receives with MSG_WAITALL',
      ('recv(client, bytes, size, 0)', 'recv(client, bytes, size, 0x100)'))
bug('05-framing', 'echoes, as in 05', 'length first',
    ('    char frame[HEAD + MOST];\n',
     '    char frame[HEAD + MOST];\n'
     '    ssize_t size = receive(client, frame, HEAD + MOST);\n\n'
     '    return size > 0\n'
     '           && send_all(client, frame, (size_t)size, timeout);\n'))
bug('05-framing', 'the result of set_timeouts is not checked', 'set_timeouts',
    ('bool connected = set_timeouts(client, timeout)',
     'bool connected = set_timeouts(client, timeout) || true'))
bug('05-framing', 'not reversed', 'as they are',
    ('    reverse(frame + HEAD, length);\n', ''))
bug('05-framing', 'answers without a length', 'an answer is framed',
    ('return send_all(client, frame, HEAD + length, timeout);',
     'return send_all(client, frame + HEAD, length, timeout);'))
bug('05-framing', 'ntohl forgotten', 'ntohl',
    ('return ntohl(length);', 'return length;'))
bug('05-framing', 'one message a connection', 'next message',
    ('return send_all(client, frame, HEAD + length, timeout);',
     'send_all(client, frame, HEAD + length, timeout);\n'
     '    return false;'))
bug('05-framing', 'one recv for the length and one for the message',
    'in pieces', ('        count += (size_t)received;\n',
                  '        count += (size_t)received;\n        break;\n'))
bug('05-framing', 'the rest of a piece is lost', 'more than one message',
    ('receive(client, bytes + count, size - count);',
     'recv(client, bytes + count, 65540 - (inside ? 4 : 0) - count, 0);\n'
     '        if (received > 0 && !inside && count == 0 && received > 4)\n'
     '            { memcpy(early, bytes + 4, (size_t)received - 4);\n'
     '              had = (size_t)received - 4; received = 4; }\n'
     '        if (received > (ssize_t)(size - count))\n'
     '            received = (ssize_t)(size - count);'),
    ('    size_t count = 0;\n',
     '    static char early[65540];\n    static size_t had;\n'
     '    size_t count = 0;\n    if (inside) {\n'
     '        memcpy(bytes, early, count = had < size ? had : size);\n'
     '        had = 0;\n    }\n'))
bug('05-framing', '0 bytes end the connection', '0 bytes',
    ('    if (length > MOST) {',
     '    if (length == 0)\n        return false;\n'
     '    if (length > MOST) {'))
bug('05-framing', 'stops at a NUL', 'NUL',
    ('    reverse(frame + HEAD, length);\n',
     '    reverse(frame + HEAD, strnlen(frame + HEAD, length));\n'))
bug('05-framing', 'the limit is one byte less', '65536',
    ('length > MOST', 'length >= MOST'))
bug('05-framing', 'a signed length', '(?i)above 65536|sign',
    ('length > MOST', '(int)length > (int)MOST'))
bug('05-framing', 'no answer to an overlong message', 'too long',
    ('    if (!send_all(client, answer, sizeof answer - 1, timeout))\n'
     '        return;\n', ''))
bug('05-framing', 'closes without receiving the rest', 'unread bytes',
    ('    while (receive(client, rest, sizeof rest) > 0)\n        continue;',
     '    (void)rest;'))
bug('05-framing', 'continues after an overlong message', 'is the last one',
    ('        reject(client, length, timeout);\n        return false;',
     '        send_all(client, "\\0\\0\\0\\10too long", 12, timeout);\n'
     '        return true;'))
bug('05-framing', 'receives all of an overlong message first', 'at once',
    ('    if (!send_all(client, answer, sizeof answer - 1, timeout))',
     '    for (ssize_t n; length > 0; length -= (size_t)n)\n'
     '        if ((n = receive(client, rest, length < 4096 ? length : 4096))\n'
     '            <= 0)\n            return;\n'
     '    if (!send_all(client, answer, sizeof answer - 1, timeout))'))
bug('05-framing', 'answers half a message at the end', 'inside a message',
    ('        if (received <= 0)\n            return false;',
     '        if (received == 0 && inside)\n            return true;\n'
     '        if (received <= 0)\n            return false;'))
bug('05-framing', 'only the first of several messages is answered',
    'more than one message|any number of messages',
    ('return send_all(client, frame, HEAD + length, timeout);',
     'bool sent = send_all(client, frame, HEAD + length, timeout);\n'
     '    while (recv(client, frame, sizeof frame, MSG_DONTWAIT) > 0)\n'
     '        continue;\n'
     '    return sent;'))
bug('05-framing', 'no time limit', 'SO_RCVTIMEO',
    ('bool connected = set_timeouts(client, timeout);',
     'bool connected = true;'))
bug('05-framing', 'a time limit for the whole message', 'without a byte',
    ('    size_t count = 0;\n',
     '    size_t count = 0;\n    static long long began;\n'
     '    if (!inside)\n        began = milliseconds();\n'),
    ('        count += (size_t)received;\n',
     '        count += (size_t)received;\n'
     '        if (milliseconds() - began > 2000)\n            return false;\n'))
bug('05-framing', 'send is called once', 'send the rest',
    ('return send_all(client, frame, HEAD + length, timeout);',
     'return send(client, frame, HEAD + length, 0) != -1;'))
bug('05-framing', 'SIGPIPE', 'SIGPIPE', ('    signal(SIGPIPE, SIG_IGN);', ''))

# ----------------------------------------------------------------- 06-rpc

style('06-rpc', 'sends each request byte by byte',
      ('        ssize_t sent = send(server, bytes, length, 0);',
       '        ssize_t sent = send(server, bytes, 1, 0);'))
style('06-rpc', 'peeks with recv instead of poll',
      ('    return poll(&wanted, 1, 0) == 0;',
       '    char byte;\n    wanted.events = 0;\n'
       '    return recv(server, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == -1\n'
       '        && errno == EAGAIN;'))
bug('06-rpc', 'prints the request', 'not the request',
    ('write_output(answer.bytes, answered);',
     'write_output(request, length);'))
bug('06-rpc', 'does not ask again', 'again|come back',
    ('        if (tries > 0)\n',
     '        if (tries > 0)\n            exit(1);\n        if (tries > 0)\n'))
bug('06-rpc', 'gives up if nobody listens', 'come back',
    ('    return server;\n}', '    if (server == -1)\n'
     '        exit(EXIT_FAILURE);\n    return server;\n}'))
bug('06-rpc', 'three tries', 'four tries|four times|count as a try',
    ('TRIES = 4', 'TRIES = 3'))
bug('06-rpc', 'five tries', 'four tries|four times',
    ('TRIES = 4', 'TRIES = 5'))
bug('06-rpc', 'tries without end', 'four times|at most four',
    ('    if (tries == TRIES)\n        give_up', '    if (tries == 1000)\n'
     '        give_up'),
    ('100000000L << (tries - 1)', '100000000L'))
bug('06-rpc', 'waits do not grow', '0.1, 0.2 and 0.4',
    ('100000000L << (tries - 1)', '100000000L'))
bug('06-rpc', 'no waits', '0.1, 0.2 and 0.4|come back',
    ('    nanosleep(&pause, NULL);\n}', '}'),
    ('struct timespec pause', 'volatile struct timespec pause'))
bug('06-rpc', 'asks again on the old connection', 'new one',
    ('        if (answered == 0)\n            disconnect(server);\n', ''))
bug('06-rpc', 'prints half an answer', 'come|Again|again',
    ('            return 0;\n        if (received > 0)',
     '            return answer->count;\n        if (received > 0)'))
bug('06-rpc', 'prints an answer as it comes', 'a part of it|before all',
    ('            answer->count += (size_t)received;',
     '        {\n            write_output(answer->bytes + answer->count,\n'
     '                         (size_t)received);\n'
     '            answer->count += (size_t)received;\n        }'),
    ('    write_output(answer.bytes, answered);\n', ''))
bug('06-rpc', 'sends an answered request again', 'never sent again',
    ('    write_output(answer.bytes, answered);\n',
     '    write_output(answer.bytes, answered);\n'
     '    struct pollfd seen = {.fd = *server, .events = POLLIN};\n'
     '    if (poll(&seen, 1, 100) == 1) {\n        disconnect(server);\n'
     '        *server = connect_to_any(addresses, timeout);\n'
     '        send_all(*server, request, length, timeout);\n'
     '        receive_line(*server, &answer);\n    }\n'))
bug('06-rpc', 'a connection for each request', 'one connection',
    ('    if (answer.count > answered)', '    if (1)'))
bug('06-rpc', 'connects before there is a request', 'no request|to send',
    ('    int server = -1;\n    size_t length;\n',
     '    int server = connect_to_any(addresses, timeout);\n'
     '    size_t length;\n'))
bug('06-rpc', 'keeps bytes after an answer', 'next request|discard',
    ('    if (answer.count > answered)', '    if (0)'),
    ('    struct buffer answer = {.count = 0};\n',
     '    static struct buffer answer;\n'),
    ('    for (answer->count = 0; (length',
     '    static size_t old;\n    answer->count -= old;\n'
     '    memmove(answer->bytes, answer->bytes + old, answer->count);\n'
     '    for (old = 0; (length'),
    ('    return length;\n}\n\n/* Sends all', '    old = length;\n'
     '    return length;\n}\n\n/* Sends all'))
bug('06-rpc', 'does not poll before a request', 'next request|count as a try',
    ('    if (*server != -1 && !is_quiet(*server))\n'
     '        disconnect(server);\n', '    (void)is_quiet;\n'))
bug('06-rpc', 'sends all input at once', 'one request',
    ('        ask(&server, input.bytes, length,',
     '        length = input.count;\n        ask(&server, input.bytes, length,'
     ))
bug('06-rpc', 'no newline at the end', 'newline',
    ("        input->bytes[input->count++] = '\\n';\n", ''))
bug('06-rpc', 'stops at a NUL', 'NUL',
    ('    write_output(answer.bytes, answered);\n',
     '    answer.bytes[answered - 1] = 0;\n'
     '    printf("%s\\n", answer.bytes);\n    fflush(stdout);\n'))
bug('06-rpc', 'begins with the next address', 'first address',
    ('            *server = connect_to_any(addresses, timeout);',
     '            *server = connect_to_any(tries > 0 && addresses->ai_next\n'
     '                ? addresses->ai_next : addresses, timeout);'))
bug('06-rpc', 'sockets stay open', 'close a connection',
    ('        close(*server);\n    *server = -1;', '        ;\n'
     '    *server = -1;'))
bug('06-rpc', 'a late answer ends the client', 'DROP|again on a new one',
    ('    {E(EAGAIN),       DROP,  "nothing came',
     '    {E(EAGAIN),       STOP,  "nothing came'))
bug('06-rpc', 'a reset ends the client', 'again',
    ('    {E(ECONNRESET),   DROP', '    {E(ECONNRESET),   STOP'))
bug('06-rpc', 'SIGPIPE', 'SIGPIPE|again', ('    signal(SIGPIPE, SIG_IGN);', ''))
