"""Programs with one bug each, made from the exercises 07-publish and 07-queue,
and correct ones in another style."""

from upkeep.bugs import bug, style

RECEIVED = '    connection->length += (size_t)received;\n'
CLOSED = ('    if (received == 0)  /* the client has closed its side */\n'
          '        return false;\n')
MAKES_A_LINE = (
    '    if (memchr(connection->received, 10, (size_t)received) == NULL)\n'
    '        connection->received[(received += (received < LINE)) - 1] = 10;\n')
MISSES_LINES = 'in pieces|several at once|together'

# --------------------------------------------------------------- 07-publish

OVERFLOW = ('        connection->lost++;\n        return;\n')
FITS = ('    if (connection->lost > 0 || waiting + length > sizeof '
        'connection->unsent) {\n')
REPORTS = ('    if (!has_unsent(connection) && connection->lost > 0)\n'
           '        report_lost(connection);\n')
SENDS_AT_ONCE = (
    '        if (!send_some(client)) {\n'
    '            connection->ended = true;\n            due = 0;\n        }\n')
RECEIVES = ('    else if (!has_unsent(&connections[fd])'
            '  /* it may have, since select */\n'
            '             && !receive(fd))\n'
            '        remove_connection(fd, listener);\n')
WATCHES = ('        if (!has_unsent(connection))\n'
           '            FD_SET(fd, readable);\n'
           '        else\n            FD_SET(fd, writable);'
           '  /* read no more until all is sent */\n')

style('07-publish', 'a smaller buffer for output',
      ('QUEUE = 16384,', 'QUEUE = 9000,'))
style('07-publish', 'sends in the next turn',
      (SENDS_AT_ONCE, '        due = 0;\n'),
      ('    while (!has_unsent(connection)\n           && (newline',
       '    while (connection->end < 8000\n           && (newline'))
bug('07-publish', 'sends half a line on overflow', 'whole line',
    (FITS + OVERFLOW + '    }\n',
     '    if (waiting + length > sizeof connection->unsent)\n'
     '        length = sizeof connection->unsent - waiting;\n'))
bug('07-publish', 'waits for a slow subscriber', 'slow subscriber|nobody',
    (SENDS_AT_ONCE, '        do {\n            connection->ended = '
     '!send_some(client);\n'
     '        } while (has_unsent(connection) && !connection->ended);\n'
     '        due = 0;\n'))
bug('07-publish', 'does not report lost messages', 'LOST',
    (OVERFLOW, '        return;\n'))
bug('07-publish', 'one too many in LOST', 'too large',
    ('"LOST %lu\\n", connection->lost);', '"LOST %lu\\n", connection->lost '
     '+ 1);'))
bug('07-publish', 'one too few in LOST', 'reported as lost',
    ('"LOST %lu\\n", connection->lost);', '"LOST %lu\\n", connection->lost '
     '- 1);'))
bug('07-publish', 'LOST only before another message', 'LOST',
    (REPORTS, ''), (FITS, '    if (connection->lost > 0 && waiting == 0) {\n'
                    '        report_lost(connection);\n'
                    '        waiting = connection->end;\n    }\n' + FITS))
bug('07-publish', 'LOST in the wrong place', 'LOST',
    ('connection->lost > 0 || waiting', 'waiting'))
bug('07-publish', 'LOST does not reset its count', 'LOST|too large',
    ('    connection->lost = 0;\n}', '}'), (
        'connection->lost > 0 || waiting', 'waiting'),
    (REPORTS, '    if (!has_unsent(connection)\n'
     '        && connection->lost > connection->told) {\n'
     '        connection->told = connection->lost;\n'
     '        report_lost(connection);\n    }\n'),
    ('    unsigned long lost; ', '    unsigned long told, lost; '))
bug('07-publish', 'drops a slow subscriber', 'LOST',
    (OVERFLOW, '        connection->ended = true;\n        due = 0;\n'
     '        return;\n'))
bug('07-publish', 'a prefix of the topic', 'whole topic|strncmp',
    ('strcmp(connection->topics[number], topic) == 0',
     'strncmp(connection->topics[number], topic, strlen(topic)) == 0'))
bug('07-publish', 'a part of the topic', 'whole topic|strstr',
    ('strcmp(connection->topics[number], topic) == 0',
     'strstr(topic, connection->topics[number]) != NULL'))
bug('07-publish', 'not to the publisher itself', 'its own',
    ('if (connections[fd].open && is_', 'if (fd != publisher && '
     'connections[fd].open && is_'),
    ('    memcpy(line, "MSG", 3);', '    publisher = client;\n'
     '    memcpy(line, "MSG", 3);'),
    ('static int highest; ', 'static int publisher;\n'
     'static int highest; '))
bug('07-publish', 'to the first subscriber only', 'table|subscribe',
    ('            add_line(fd, line, length);',
     '            {\n                add_line(fd, line, length);'
     '\n                return;\n            }'))
bug('07-publish', 'takes each recv for a line', MISSES_LINES,
    (RECEIVED, MAKES_A_LINE + RECEIVED))
bug('07-publish', 'one line for each recv', MISSES_LINES,
    ('    while (!has_unsent', '    if (!has_unsent'))
bug('07-publish', 'a line that is too long becomes two', 'too long',
    ('        connection->too_long = true;\n', ''))
bug('07-publish', 'a line that is too long is not answered', 'too long',
    ('connection->too_long || !handle_line(client, line, length)',
     '!connection->too_long && !handle_line(client, line, length)'))
bug('07-publish', 'a line that is too long ends the connection', 'too long',
    ('        connection->too_long = true;\n', '        return false;\n'))
bug('07-publish', 'a topic that is too long is cut', 'ERROR.*SUB t|longest',
    ('size == 0 || size >= sizeof topic', 'size == 0'),
    ('    memcpy(topic, from, size);',
     '    memcpy(topic, from, size < 31 ? size : 31);'))
bug('07-publish', 'the text ends at a NUL', 'NUL',
    ('    memcpy(line, "MSG", 3);', '    memcpy(line, "MSG", 3);\n    length = '
     'strnlen(line, length);\n    line[length - (line[length - 1] == 10)] = '
     '10;\n    length += line[length - 1] != 10;'))
bug('07-publish', 'PUB without a text', 'ERROR',
    ("from[size] != (publishes ? ' ' : '\\n')",
     "(from[size] != '\\n' && (!publishes || from[size] != ' '))"))
bug('07-publish', 'PUB is answered', 'no answer',
    ('    publish(topic, line, length);\n', '    publish(topic, line, length);'
     '\n    add_line(client, "OK\\n", 3);\n'))
bug('07-publish', 'SUB is not answered', 'OK',
    ('    add_line(client, "OK\\n", 3);\n', ''))
bug('07-publish', 'stores a topic twice', 'however often|already|once',
    ('!is_subscribed(connection, topic)', 'true'))
bug('07-publish', 'one topic a client', 'all topics',
    ('connection->topics[connection->count++]',
     'connection->topics[(connection->count = 1) - 1]'))
bug('07-publish', 'handles a last line without a newline', 'newline',
    (CLOSED, '    if (received == 0) {\n'
     '        connection->received[connection->length++] = 10;\n'
     '        handle_lines(client);\n        return false;\n    }\n'))
bug('07-publish', 'a half-close is overlooked', 'recv returns 0|half-close',
    (CLOSED, '    if (received == 0) {\n'
     '        connection->last_activity = 0;\n        return true;\n    }\n'))
bug('07-publish', 'an idle subscriber is dropped', 'silen',
    ('return connection->count > 0 &&', 'return false &&'))
bug('07-publish', 'a stalled subscriber is never dropped', 'no byte moved',
    ('return connection->count > 0 && !has_unsent(connection);',
     'return connection->count > 0;'))
bug('07-publish', 'sends to rows that have ended', 'has ended',
    (RECEIVES, '    else if (!has_unsent(&connections[fd]) && !receive(fd)) '
     '{\n        connections[fd].ended = true;\n'
     '        due = 0;\n    }\n'))
bug('07-publish', 'a freed descriptor is not used at once', 'at once',
    ('    if (connections[listener].retry_at != 0)'
     '  /* accept lacked a descriptor */\n'
     '        connections[listener].retry_at = milliseconds();\n', ''))
bug('07-publish', 'always watches for writing', 'spins|wake-up',
    (WATCHES, '        FD_SET(fd, readable);\n'
     '        FD_SET(fd, writable);\n'))
bug('07-publish', 'SIGPIPE', 'SIGPIPE',
    ('signal(SIGPIPE, SIG_IGN);', ''))
bug('07-publish', 'receives though answers wait', 'stream',
    (RECEIVES, '    else if (!receive(fd))\n'
     '        remove_connection(fd, listener);\n'),
    ('    while (!has_unsent(connection)\n           && (newline',
     '    while ((newline'),
    (WATCHES, '        FD_SET(fd, readable);\n'
     '        if (has_unsent(connection))\n'
     '            FD_SET(fd, writable);\n'))

# ----------------------------------------------------------------- 07-queue

GIVES_BACK = ('        first = (first + PIECES - 1) % PIECES;\n'
              '        pieces[first] = connection->piece;\n'
              '        waiting++;\n')
HANDS_OUT = ('        worker->piece = pieces[first];\n'
             '        first = (first + 1) % PIECES;\n'
             '        waiting--;\n')
NOT_RECEIVED = '    else if (!receive(fd))\n'
AWAITS_WORK = 'return connection->turns[WORK] != 0 && !has_unsent(connection);'
FULL = '    if (waiting + under_way == PIECES)\n        return false;\n'

style('07-queue', 'hands out work before it takes more',
      ('static void hand_out(void) {\n', 'static void take_more(void) {\n'),
      ('    while (waiting > 0 && (client', '}\n\nstatic void hand_out(void) {'
       '\n    int client;\n\n    take_more();\n'
       '    while (waiting > 0 && (client'))
bug('07-queue', 'a piece for two workers', 'one worker|exactly one',
    (HANDS_OUT, '        worker->piece = pieces[first];\n'
     '        if (find_next(WORK) == -1) {\n'
     '            first = (first + 1) % PIECES;\n'
     '            waiting--;\n        }\n'))
bug('07-queue', 'a piece is lost with its worker',
    'before all other pieces|in front',
    (GIVES_BACK, ''))
bug('07-queue', 'a piece comes back behind the others', 'in front',
    (GIVES_BACK, '        pieces[(first + waiting++) % PIECES] = '
     'connection->piece;\n'))
bug('07-queue', 'a piece that comes back still counts as under way',
    'under way',
    (GIVES_BACK + '        under_way--;\n', GIVES_BACK))
bug('07-queue', 'a piece that comes back waits for an event', 'next select',
    ('        hand_out();\n',
     '        hand_out();\n        remove_ended(listener);\n'),
    ('static void hand_out(void);\n',
     'static void hand_out(void);\nstatic void remove_ended(int listener);\n'),
    ('/* Takes the pieces', 'static void remove_ended(int listener) {\n'
     '    for (int fd = 0; fd <= highest; fd++)\n'
     '        if (connections[fd].open && connections[fd].ended)\n'
     '            remove_connection(fd, listener);\n}\n\n'
     '/* Takes the pieces'),
    (NOT_RECEIVED + '        remove_connection(fd, listener);\n',
     NOT_RECEIVED + '        connections[fd].ended = true;\n'))
bug('07-queue', 'a worker that has sent DONE still works', 'after DONE',
    ('        connection->works = false;\n', ''))
bug('07-queue', 'the worker with the lowest descriptor', 'longest',
    ('(next == -1 || turn < connections[next].turns[wanted])', 'next == -1'))
bug('07-queue', 'the worker that came last', 'longest',
    ('turn < connections[next].turns[wanted]',
     'turn > connections[next].turns[wanted]'))
bug('07-queue', 'room for the lowest descriptor', 'turn|longest',
    ('(next == -1 || turn < connections[next].turns[wanted])',
     '(next == -1 || (wanted == WORK && turn < '
     'connections[next].turns[wanted]))'))
bug('07-queue', 'the last piece first', 'longest comes first',
    (HANDS_OUT, '        worker->piece = pieces[(first + --waiting) % PIECES];'
     '\n'))
bug('07-queue', 'a worker gets work without PULL',
    'PULL again|each PULL',
    ('        connection->works = false;\n', '        connection->works = '
     'false;\n        take_turn(client, WORK);\n'),
    ('\n        && connection->turns[WORK] == 0) {', ') {'))
bug('07-queue', 'no bound', 'room|1,000',
    ('PIECES = 1000, ', 'PIECES = 100000, '))
bug('07-queue', 'pieces under way do not count', 'no answer yet|room',
    (FULL, '    if (waiting == PIECES)\n        return false;\n'))
bug('07-queue', 'a full queue is an error', 'waits|no answer yet',
    ('&& push(line, length) ? "OK\\n" : NULL;',
     '&& push(line, length) ? "OK\\n" : "ERROR\\n";'))
bug('07-queue', 'a full queue loses pieces', 'waits|no answer yet',
    ('&& push(line, length) ? "OK\\n" : NULL;',
     '&& push(line, length) ? "OK\\n" : "OK\\n";'))
bug('07-queue', 'a PUSH overtakes those that wait', 'another pusher|behind',
    ('has_turn || find_next(ROOM) == -1', 'has_turn || true'))
bug('07-queue', 'one turn for all lines of a pusher', 'of each|behind',
    ('        has_turn = false;\n', ''))
bug('07-queue', 'watches clients that wait for room', 'spins|read from',
    (' && connection->turns[ROOM] == 0)\n            FD', ')\n            FD'),
    ('    if (connection->length == sizeof connection->received) {\n'
     '        connection->too_long = true;\n'
     '        connection->length = 0;\n',
     '    if (connection->length == sizeof connection->received) {\n'
     '        if (connection->turns[ROOM] != 0)\n            return true;\n'
     '        connection->too_long = true;\n'
     '        connection->length = 0;\n'),
    (CLOSED, '    if (received == 0)\n'
     '        return connection->turns[ROOM] != 0;\n'))
bug('07-queue', 'pieces of a waiting pusher that closes are lost',
    'end of the stream|room',
    (' && connection->turns[ROOM] == 0)\n            FD',
     '\n            && (connection->turns[ROOM] == 0\n'
     '                || connection->length < LINE))\n            FD'))
bug('07-queue', 'DONE without work', 'no work|done already',
    ('if (strncmp(line, "DONE\\n", 5) == 0 && connection->works) {\n',
     'if (strncmp(line, "DONE\\n", 5) == 0) {\n        if '
     '(!connection->works)\n            return "OK\\n";\n'))
bug('07-queue', 'accepts PULL from a busy worker',
    'one piece at a time|first DONE',
    ('if (strncmp(line, "PULL\\n", 5) == 0 && !connection->works\n        &&',
     'if (strncmp(line, "PULL\\n", 5) == 0\n        &&'))
bug('07-queue', 'accepts PULL from a waiting worker', 'one piece at a time',
    ('&& !connection->works\n        && connection->turns[WORK] == 0) {',
     '&& !connection->works) {'))
bug('07-queue', 'PULL without work is an error', 'no answer yet|waits',
    ('        take_turn(client, WORK);\n        return "";\n',
     '        if (waiting == 0)\n            return "ERROR\\n";\n'
     '        take_turn(client, WORK);\n        return "";\n'))
bug('07-queue', 'a worker that waits is not watched', '(client|it) waits',
    (' && connection->turns[ROOM] == 0)\n            FD',
     ' && connection->turns[ROOM] == 0\n'
     '            && connection->turns[WORK] == 0)\n            FD'))
bug('07-queue', 'a worker that waits is dropped', 'silen',
    (AWAITS_WORK, '(void)connection;\n    return false;'))
bug('07-queue', 'a silent worker keeps its piece', 'no byte moved',
    (AWAITS_WORK,
     'return connection->turns[WORK] != 0 || connection->works;'))
bug('07-queue', 'a pusher that waits is never dropped', 'no byte moved',
    (AWAITS_WORK, 'return connection->turns[WORK] != 0\n'
     '           || connection->turns[ROOM] != 0;'))
bug('07-queue', 'a worker that does not read is never dropped', 'left to send',
    (AWAITS_WORK, 'return connection->turns[WORK] != 0;'))
bug('07-queue', 'takes each recv for a line', MISSES_LINES,
    (RECEIVED, MAKES_A_LINE + RECEIVED))
bug('07-queue', 'one line for each recv', MISSES_LINES,
    ('    while (!has_unsent(connection) && conn',
     '    if (!has_unsent(connection) && conn'),
    ('            break;\n        }\n        connection->too',
     '            goto end;\n        }\n        connection->too'),
    ('    memmove(connection->received, line, rest);', 'end:\n'
     '    memmove(connection->received, line, rest);'))
bug('07-queue', 'a line that is too long becomes two', 'too long',
    ('        connection->too_long = true;\n', ''))
bug('07-queue', 'the text ends at a NUL', 'NUL',
    ('    memcpy(piece->line, "WORK", 4);\n', '    length = strnlen(line, '
     'length - 1);\n    piece->line[length++] = 10;\n'
     '    memcpy(piece->line, "WORK", 4);\n'))
bug('07-queue', 'SIGPIPE', 'SIGPIPE', ('signal(SIGPIPE, SIG_IGN);', ''))
