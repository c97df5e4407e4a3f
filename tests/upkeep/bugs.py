"""Programs with one bug each, made from ours: the stage, the bug, the edits
(old text and new text), and what the first failed check must say. And correct
programs in another style, which must pass."""

import collections

Bug = collections.namedtuple('Bug', 'stage name edits says')
BUGS = []


def bug(stages, name, says, *edits):
    """Adds a program of each stage with these edits; an edit is a pair of
    texts, the first of which must be in the program."""
    for stage in stages.split():
        BUGS.append(Bug(stage, name, edits, says))


def style(stages, name, *edits):
    """The same for correct programs."""
    bug(stages, name, '', *edits)


# ------------------------------------------------------------ in another style

style('03 04 05', 'also prints "bound to"',
      ('    if (listen(listener',
       '    log_event("bound to", &address);\n    if (listen(listener'))
style('04 05', 'prints a greeting and a farewell',
      ('    log_event("listening on", &address);\n',
       '    fputs("starting\\n", stderr);\n'
       '    log_event("listening on", &address);\n'),
      ('        close(client);',
       '        close(client);\n        fputs("closed\\n", stderr);'))
style('06', 'names each address before it connects',
      ('        if (connect(server',
       '        fprintf(stderr, "trying %s\\n", name_of(address));\n'
       '        if (connect(server'),
      ('            return server;',
       '            {\n                fputs("connected\\n", stderr);\n'
       '                return server;\n            }'))

# ------------------------------------------------------------------- 01 to 03

bug('01', 'prints to standard output', 'standard (error|output)',
    ('fprintf(stderr, "socket: descriptor', 'fprintf(stdout, "socket: descr'
     'iptor'))
bug('01', 'UDP', 'SOCK_STREAM', ('SOCK_STREAM', 'SOCK_DGRAM'))
bug('01', 'result not checked', 'returned -1|returns -1',
    ('if (listener == -1)', 'if (0)'))
bug('01', 'errno read too late', 'errno',
    ('int number = errno;', 'fputs("", stderr); errno = 0; int number = errno;'
     ))
bug('01', 'the line about a failed call lacks a newline', 'lacks a newline',
    ('"%s: %s: %s\\n", call', '"%s: %s: %s", call'))
bug('01', 'the line about the descriptor lacks a newline', 'lacks a newline',
    ('descriptor %d\\n', 'descriptor %d'))
bug('02 03', 'the line about the address lacks a newline', 'lacks a newline',
    ('"%s %s:%d\\n"', '"%s %s:%d"'))
bug('01', 'handle_error returns', 'but returned',
    ('    if (failure->action == STOP)\n        exit(EXIT_FAILURE);\n', ''))
bug('01 02 03', 'closed streams are not opened', 'open_standard_streams',
    ('    open_standard_streams();\n', ''))
bug('01', 'another text', 'text.*differs', ('"socket: desc', '"Socket: desc'))
bug('02', 'another text', 'text.*differs', ('"bound to"', '"bound"'))
bug('03', 'another text', 'text.*differs',
    ('"listening on"', '"Listening on"'))
bug('02', 'bind gets another length', 'EINVAL.*its size',
    ('(struct sockaddr *)&address, sizeof address)',
     '(struct sockaddr *)&address, 4)'))
bug('02', 'the family is not filled in', 'not supported.*sin_family',
    ('.sin_family = AF_INET,\n', ''))
bug('02', 'bind gets another pointer', 'bind failed.*point',
    ('bind(listener, (struct sockaddr *)&address,',
     'bind(listener, (struct sockaddr *)&listener,'))
bug('01', 'status 0 after a failed call', 'status 1',
    ('exit(EXIT_FAILURE)', 'exit(EXIT_SUCCESS)'))
bug('02 03', 'htons forgotten', 'htons',
    ('htons(port)', 'port'))
bug('02 03', 'ntohs forgotten', 'ntohs',
    ('ntohs(address->sin_port)', '(address->sin_port)'))
bug('02', 'htons for the default port only', 'htons',
    ('in_port_t port = 15441', 'in_port_t port = htons(15441)'),
    ('htons(port)', 'port'))
bug('02', 'htons for the argument only', 'htons',
    ('*port = (in_port_t)parse_number(argv[optind++], 65535)',
     '*port = htons((in_port_t)parse_number(argv[optind++], 65535))'),
    ('htons(port)', 'port'))
bug('02', 'htonl around inet_addr', 'already',
    ('inet_addr("127.0.0.1")', 'htonl(inet_addr("127.0.0.1"))'))
bug('02', 'htons twice', 'once',
    ('*port = (in_port_t)parse_number(argv[optind++], 65535)',
     '*port = htons((in_port_t)parse_number(argv[optind++], 65535))'))
bug('02', 'the default port is stored, not the argument', 'only the default',
    ('htons(port)', 'htons(15441)'))
bug('02', 'the default address is stored, not that of -a', 'optarg',
    ('.sin_addr = ip,', '.sin_addr.s_addr = inet_addr("127.0.0.1"),'))
bug('02', 'every interface', 'INADDR_LOOPBACK',
    ('inet_addr("127.0.0.1")', 'htonl(INADDR_ANY)'))
bug('02', 'bind is forgotten', r'bind\(\)',
    ('if (bind(listener, (struct sockaddr *)&address, sizeof address) == -1)',
     'if (0)'))
bug('02 03 04', 'getsockname is forgotten', 'getsockname',
    ('if (getsockname(listener, (struct sockaddr *)&address, &length) == -1)',
     'if (0)'))
bug('02', 'the result of bind is not checked', "bind's return value|bind "
    'returned -1|if it returns -1',
    ('if (bind(listener, (struct sockaddr *)&address, sizeof address) == -1)',
     'bind(listener, (struct sockaddr *)&address, sizeof address);\nif (0)'))
bug('02', 'atoi', 'strtol|atoi',
    ("digits == 0 || text[digits] != '\\0' || number > limit", '0'))
bug('02', 'a number kept in an int', 'does not fit in an int',
    ('long number = strtol(text, NULL, 10)',
     'int number = (int)strtol(text, NULL, 10)'))
bug('02', 'strtol skips blanks', 'blanks',
    ("digits == 0 || text[digits] != '\\0' || number > limit",
     "*text == '\\0' || *end != '\\0' || number < 0 || number > limit"),
    ('strtol(text, NULL, 10)', 'strtol(text, &end, 10)'),
    ('    long number', '    char *end;\n    (void)digits;\n    long number'))
bug('02', '-a is not checked', 'inet_pton',
    ('!= 1)\n                usage_error(optarg)', '== 77)\n                '
     'usage_error(optarg)'))
bug('03', 'listen is forgotten', r'listen\(\)',
    ('if (listen(listener, SOMAXCONN) == -1)', 'if (0)'))
bug('03', 'does not wait', r'exited with status 0.*pause|pause.*exited with '
    'status 0', ('for (;;)\n        pause();', 'return 0;'))
bug('03', 'announced too early', 'after listen',
    ('if (listen(listener, SOMAXCONN) == -1)',
     'log_event("listening on", &address);\n'
     '    if (listen(listener, SOMAXCONN) == -1)'),
    ('    log_event("listening on", &address);\n    for', '    for'))
bug('03', 'announced on standard output', 'standard (error|output)',
    ('fprintf(stderr, "%s %s:%d', 'fprintf(stdout, "%s %s:%d'))
bug('03', 'spins', 'spins', ('pause();', ';'))
bug('03', 'the result of listen is not checked', 'listen returned -1|'
    "listen's return|if it returns -1",
    ('if (listen(listener, SOMAXCONN) == -1)',
     'listen(listener, SOMAXCONN);\n    if (0)'))

# ------------------------------------------------------------------- 04

bug('04', 'SO_REUSEADDR is forgotten', 'SO_REUSEADDR',
    ('if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == '
     '-1)', 'if (!on)'))
bug('04', 'the client is not closed', 'close the socket that accept returned',
    ('        close(client);', ''))
bug('04', 'closes the listener', 'listener',
    ('        close(client);', '        close(listener);'))
bug('04', 'one client only', 'exited with status 0.*loop|loop',
    ('        close(client);', '        close(client);\n        exit(0);'))
bug('04', 'the length is not set', 'length',
    ('socklen_t peer_length = sizeof peer;', 'static socklen_t peer_length;'))
bug('04', 'a failed accept ends it', 'exited with status 1',
    ('handle_retry("accept", &waits);', 'exit(1);'))
bug('04', 'the count begins anew in each turn', 'to the next|from try to try',
    ('    long waits = 0;  /* tenths of a second in the current shortage */\n'
     '    for (;;) {', '    for (;;) {\n        long waits = 0;'))
bug('04', 'no sleep in a shortage', 'tenth of a second',
    ('nanosleep(&tenth, NULL)', '(void)tenth'))
bug('04', 'a line for each try', 'once|only once|one line',
    ('if (action != WAIT || *waits == 0)', 'if (1)'))
bug('04', 'EMFILE stops it', 'EMFILE.*(wait|WAIT)',
    ('{E(EMFILE),       WAIT', '{E(EMFILE),       STOP'))
bug('04', 'EINTR has no row', 'EINTR',
    ('    {E(EINTR),        RETRY, "a signal came before a connection did"},\n',
     ''))

# ------------------------------------------------------------------- 05

bug('05', 'recv == 0 is not the end', 'returned? 0|returns 0',
    ('/* the client has closed its side */\n        return false;',
     '\n        return true;'))
bug('05', '-t is not used', 'SO_RCVTIMEO',
    ('bool connected = set_timeouts(client, timeout);',
     'bool connected = true;'))
bug('05', '-t in milliseconds', 'seconds',
    ('{.tv_sec = timeout}', '{.tv_sec = timeout / 1000, .tv_usec = timeout '
     '% 1000 * 1000}'))
bug('05', 'a limit for send even with -t 0', 'no limit.*SO_SNDTIMEO',
    ('timeout > 0 ? 100000 : 0', '100000'))
bug('05', 'a tenth of a second is 100', '100000 in tv_usec',
    ('timeout > 0 ? 100000 : 0', 'timeout > 0 ? 100 : 0'))
bug('05', 'counts waits of 100 microseconds as tenths of a second',
    '100000 in tv_usec, and one',
    ('timeout > 0 ? 100000 : 0', 'timeout > 0 ? 100 : 0'),
    ('errno == EAGAIN && milliseconds() - began > 50', 'errno == EAGAIN'))
bug('05', 'SO_SNDTIMEO is forgotten', 'SO_SNDTIMEO',
    ('\n        && setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &sending, size)'
     ' != -1', ''))
bug('05', 'SO_RCVTIMEO is forgotten', 'SO_RCVTIMEO',
    ('setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &receiving, size) != -1\n'
     '        && ', ''))
bug('05', 'strlen', 'strlen',
    ('send_all(client, buffer, (size_t)received, timeout)',
     'send_all(client, buffer, strlen(buffer), timeout)'),
    ('sizeof buffer, 0);\n', 'sizeof buffer - 1, 0);\n'
     '    if (received >= 0)\n        buffer[received] = 0;\n'))
bug('05', 'sizeof', 'recv returned',
    ('send_all(client, buffer, (size_t)received, timeout)',
     'send_all(client, buffer, sizeof buffer, timeout)'))
bug('05', 'one send', 'the rest',
    ('while (length > 0) {\n        long long began',
     'for (int once = 0; once < 1; once++) {\n        long long began'))
bug('05', 'SIGPIPE', 'SIGPIPE',
    ('signal(SIGPIPE, SIG_IGN);', ''))
bug('05', 'recv once', 'loop|until recv',
    ('while (connected)', 'if (connected)'))
bug('05', 'the client is not closed', 'close',
    ('        close(client);', ''))
bug('05', 'a failed recv ends it', 'exit|never the server',
    ('return handle_error("recv") != DROP',
     'exit((handle_error("recv"), 1))'))
bug('05', 'accept once', 'exited|next client',
    ('        close(client);', '        close(client);\n        exit(0);'))
bug('05', 'waits are not reset', 'shortage|waits|again',
    ('blocked = waits = 0;\n', 'blocked = 0;\n'))

# ------------------------------------------------------------------- 06

bug('06', 'receives more than is missing', 'no more bytes than are missing',
    ('receive(server, echo, length - echoed)',
     'receive(server, echo, sizeof echo)'))
bug('06', 'shutdown is forgotten', 'shut',
    ('if (shutdown(server, SHUT_WR) == -1)', 'if (0)'))
bug('06', 'does not wait for the end of the stream', 'until it returns 0',
    ('if (receive(server, echo, sizeof echo) > 0)', 'if (0)'))
bug('06', 'limit for recv alone', 'SO_SNDTIMEO',
    ('\n        || setsockopt(server, SOL_SOCKET, SO_SNDTIMEO, &limit, size)'
     ' == -1', ''))
bug('06', 'no limit', 'SO_RCVTIMEO|SO_SNDTIMEO',
    ('        set_timeouts(server, timeout);', '        (void)set_timeouts;'))
bug('06', 'limits after connect', 'before connect',
    ('        set_timeouts(server, timeout);\n', ''),
    ('    size_t length, received;\n\n',
     '    size_t length, received;\n\n    set_timeouts(server, timeout);\n'))
bug('06', 'first address only', 'ai_next',
    ('         address = address->ai_next)', '         address = NULL)'))
bug('06', 'socket of a failed connect stays open', 'close',
    ('"connect", address);  /* RETRY, NEXT */\n'
     '        close(server);\n',
     '"connect", address);\n'))
bug('06', 'no comparison', 'memcmp|compare',
    ('if (memcmp(echo, piece + echoed, received) != 0)', 'if (0)'))
bug('06', 'partial write', 'written|write',
    ('            bytes += written;\n            length -= (size_t)written;\n',
     '            length = 0;\n'))
bug('06', 'write is not checked', 'write',
    ('            handle_stream_error("write", STDOUT_FILENO, POLLOUT);\n',
     '            return;\n'))
bug('06', 'one send', 'the rest|part',
    ('while (length > 0) {\n        ssize_t sent',
     'for (int once = 0; once < 1; once++) {\n        ssize_t sent'))
bug('06', 'SIGPIPE', 'SIGPIPE',
    ('signal(SIGPIPE, SIG_IGN);', ''))
bug('06', 'early end is no error', 'early|before everything|recv\\(\\) == 0',
    ('                give_up("echo: the server closed the connection too '
     'early");', '                return;'))

# ------------------------------------------------------------------- 07

bug('07', 'nfds without + 1', 'nfds',
    ('return highest + 1;', 'return highest;'))
bug('07', 'nfds is a count', 'nfds',
    ('return highest + 1;', 'return highest - 2;'))
bug('07', 'timeout set once', 'time left|each call|before each',
    ('        struct timeval left = time_until(due);',
     '        static struct timeval left;\n        static int set;\n'
     '        if (!set++)\n            left = (struct timeval){1, 0};\n'
     '        (void)time_until;'))
bug('07', 'accept until EAGAIN, blocking listener', 'accept.*(blocks|O_NONBLOCK'
    ')', ('return fcntl(fd, F_SETFL, O_NONBLOCK) != -1;',
          'return fd == wake_up[1] + 1 || fcntl(fd, F_SETFL, O_NONBLOCK) != '
          '-1;'))
bug('07', 'clients block', 'O_NONBLOCK|not block',
    ('return fcntl(fd, F_SETFL, O_NONBLOCK) != -1;',
     'return fd != wake_up[1] + 1 || fcntl(fd, F_SETFL, O_NONBLOCK) != -1;'))
bug('07', 'one descriptor a turn', 'every|each|last',
    ('                handle_readable(fd, listener);\n',
     '            {\n                handle_readable(fd, listener);\n'
     '                break;\n            }\n'),
    ('                handle_writable(fd, listener);\n',
     '            {\n                handle_writable(fd, listener);\n'
     '                break;\n            }\n'))
bug('07', 'signal lost before select', 'SIGTERM|SIGINT',
    ('ssize_t written = write(wake_up[1], "", 1);',
     'ssize_t written = 1; asked = true;'),
    ('    for (;;) {\n        fd_set', '    while (!asked) {\n        fd_set'),
    ('.sa_flags = SA_RESTART', '.sa_flags = 0'),
    ('static int wake_up[2];', 'static int wake_up[2];'),
    ('enum action {', 'static volatile bool asked;\nenum action {'))
bug('07', 'always watches for writing', 'spins|ready',
    ('            FD_SET(fd, readable);\n',
     '            {\n                FD_SET(fd, readable);\n'
     '                if (connection->peer.sin_family == AF_INET)\n'
     '                    FD_SET(fd, writable);\n            }\n'))
bug('07', 'sets are not rebuilt', 'set|FD_SET',
    ('    FD_ZERO(readable);\n    FD_ZERO(writable);\n', ''),
    ('        fd_set readable, writable;',
     '        static fd_set readable, writable;'),
    ('        if (connection->unsent == NULL)\n'
     '            FD_SET(fd, readable);\n        else\n'
     '            FD_SET(fd, writable);',
     '        static char known[1024];\n'
     '        if (!known[fd]++)\n            FD_SET(fd, readable);'))
bug('07', 'the descriptor limit is ignored', 'FD_SETSIZE',
    ('    limit_descriptors();\n', '    (void)limit_descriptors;\n'),
    ('if (client >= FD_SETSIZE)', 'if (client >= 1 << 20)'),
    ('connections[FD_SETSIZE]', 'connections[1 << 16]'))
bug('07', 'the client is not removed', 'close',
    ('    else if (!echo(fd))\n        remove_connection(fd, listener);',
     '    else if (!echo(fd))\n        connections[fd].open = false;'))
bug('07', 'recv == 0 is not the end', 'returned? 0|returns 0',
    ('    if (received == 0)  /* the client has closed its side */\n'
     '        return false;\n',
     '    if (received == 0)\n        return true;\n'))
bug('07', 'silent clients stay', '-t|last byte',
    ('            drop_client(fd, listener, timeout);\n',
     '            (void)drop_client;\n'))
bug('07', 'a freed descriptor is not used at once', 'at once',
    ('        connections[listener].retry_at = milliseconds();\n',
     '        (void)milliseconds;\n'))
bug('07', 'EINTR of select stops it', 'EINTR',
    ('{E(EINTR),  RETRY, "a signal came first"}',
     '{E(EINTR),  STOP, "a signal came first"}'))
