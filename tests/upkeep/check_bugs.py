"""Programs with one bug each that only one check should notice, made from
ours: the stage, the check, what its message must say, the file, and the edits
(old text and new text). prove-checks builds them."""

import collections

Wrong = collections.namedtuple('Wrong', 'stage check says file edits')
WRONG = []


def wrong(stages, check, says, *edits, file=''):
    """Adds a wrong program for each stage. Each edit is a text of the file and
    its replacement. By default the file is the program's source (in 08,
    server.c)."""
    for stage in stages.split():
        WRONG.append(Wrong(stage, check, says, file, edits))


# --------------------------------------------------------------- the echo

wrong('05', 'half_close', 'only -1 means',
      ('    if (received == 0)  /* the client has closed its side */\n',
       '    if (received == 0)\n        handle_error("recv");\n'
       '    if (received == 0)\n'))
wrong('05', 'eagain_at_once', 'comes at once',
      ('milliseconds() - began > 50', 'began != 0'))

# --------------------------------------------------------------- shortages

wrong('04 05', 'accept_EMFILE', 'EMFILE',
      ('        waits = 0;\n        log_event',
       '        log_event'))
wrong('07 08', 'accept_EMFILE', 'EMFILE',
      ('connection->retry_at = failure->action == WAIT ? milliseconds() + 100 '
       ': 0;', 'if (failure->action == WAIT)\n        connection->retry_at = '
       'milliseconds() + 100;'))
wrong('07 08', 'select_unlisted', 'select',
      ('{"select", 0, STOP, NULL}', '{"select", 0, WAIT, NULL}'))
wrong('07 08', 'select_unlisted', 'select',
      ('        if (failure->number == 0)\n            fprintf(stderr, "%s: '
       '%s%s\\n", call, strerror(number), detail);\n        else',
       '        if (failure->number != 0)'))
wrong('07 08', 'select_shortages_apart', 'ENOMEM',
      ('milliseconds() < connection->retry_at + 1000',
       'connection->retry_at != 0'))

wrong('07 08', 'messages_unread', 'at once',
      ('struct timeval at_once = {0};', 'struct timeval at_once = {1};'))

wrong('07 08', 'limit_raised_reported', 'EMFILE',
      ('        errno = EMFILE;\n', ''))
wrong('07 08', 'room_after_timeout', 'at once',
      ('        connections[listener].retry_at = milliseconds();\n',
       '        ;\n'))
wrong('07', 'limit_raised', '1024',
      ('        close(client);\n        limit_descriptors();',
       '        limit_descriptors();'))
wrong('07', 'few_descriptors', '7 descriptors',
      ('    atexit(close_all);', '    if (dup(wake_up[0]) == -1)\n        '
       'handle_error("dup");\n    atexit(close_all);'))
wrong('07', 'no_tick', 'wake-up',
      ('due = now + 24 * 60 * 60 * 1000', 'due = now + 300'))
wrong('07', 'bytes_in_a_long_turn', 'when select returns',
      ('        check_connections(listener, timeout, now);\n',
       '        now = milliseconds();\n'
       '        check_connections(listener, timeout, now);\n'))
wrong('08', 'bytes_in_a_long_turn', 'when select returns',
      ('        check_connections(listener, timeout, watched);\n',
       '        watched = milliseconds();\n'
       '        check_connections(listener, timeout, watched);\n'))

# ------------------------------------------------------- quiet connections

wrong('08', 'quiet_left_out', 'leave out',
      ('bool busy = ready > 8 && milliseconds() < watched + 10;',
       'bool busy = false;'))
wrong('08', 'quiet_left_out', 'leave out',
      ('if (busy && now - connection->last_activity > 100)',
       'if (busy && now - connection->last_activity > 60000)'))
wrong('08', 'quiet_after_busy', 'must not wait',
      ('time_until(busy ? 0 : due)', 'time_until(due)'))
wrong('08', 'quiet_while_busy', '10 ms',
      (' && milliseconds() < watched + 10;', ';'))
wrong('08', 'quiet_while_busy', '10 ms',
      ('        if (!busy)\n            watched = ', '        watched = '))

# ------------------------------------------------------ acknowledged bytes

wrong('07', 'acknowledged_in_time', '2 seconds',
      ('last_check + 100 * timeout', 'last_check + 1000 * timeout'))
wrong('07 08', 'unread_in_a_shortage', 'dropped',
      ('earlier(limit, connection->last_check + 100 * timeout)',
       'connection->last_check + 100 * timeout'),
      ('        if (now - connection->last_activity >= 1000 * timeout)\n',
       '        else\n            goto next;\n'
       '        if (now - connection->last_activity >= 1000 * timeout)\n'),
      ('        else\n            due = earlier(due, next_check(fd, timeout));'
       '\n', '        else\n        next:\n'
       '            due = earlier(due, next_check(fd, timeout));\n'))
wrong('07', 'read_in_a_shortage', 'bytes have moved',
      ('    note_unacknowledged(client);\n',
       '    long long before = connection->last_activity;\n'
       '    note_unacknowledged(client);\n'
       '    connections[client].last_activity = before;\n'))
wrong('08', 'read_in_a_shortage', 'bytes have moved',
      ('    note_unacknowledged(client);\n',
       '    long long before = connections[client].last_activity;\n'
       '    note_unacknowledged(client);\n'
       '    connections[client].last_activity = before;\n'))
wrong('07', 'acknowledged', 'acknowledged',
      ('            note_unacknowledged(fd);\n',
       '        {\n            long long before = connection->last_activity;\n'
       '            note_unacknowledged(fd);\n'
       '            connection->last_activity = before;\n        }\n'))
wrong('08', 'response_in_the_buffer', '2 seconds',
      ('sent <= 16384)', 'sent <= 16777216)'))
wrong('08', 'response_in_the_buffer', 'acknowledged',
      ('            note_unacknowledged(fd);\n',
       '        {\n            long long before = connection->last_activity;\n'
       '            note_unacknowledged(fd);\n'
       '            connection->last_activity = before;\n        }\n'))
wrong('07 08', 'silent_client', 'dropped',
      ('        highest = fd;\n    due = 0;\n', '        highest = fd;\n'))
wrong('07 08', 'tenth_of_a_second', 'tenth',
      ('    if (failure->action == WAIT)\n        due = 0;\n', ''))

# ---------------------------------------------------------------------- 06

wrong('06', 'output_not_blocking', 'spins',
      ('        poll(&stream, 1, -1);', '        ;'))

wrong('06', 'output_in_bits', 'bytes',
      ('            length -= (size_t)written;\n', '            length = 0;\n'))
wrong('06', 'output_in_bits', 'bytes',
      ('            bytes += written;\n', ''))
wrong('06', 'output_in_bits', 'EAGAIN|temporarily',
      ('            handle_stream_error("write", STDOUT_FILENO, POLLOUT);',
       '            handle_error("write");'))
wrong('06', 'small_buffers', 'did not read',
      ('char piece[4096]', 'char piece[16384]'))
wrong('06', 'input_fails', 'read',
      ('        handle_stream_error("read", STDIN_FILENO, POLLIN);',
       '        return 0;'))

wrong('07', 'handler_does_not_wait', 'O_NONBLOCK',
      ('    if (fcntl(wake_up[1], F_SETFL, O_NONBLOCK) == -1)\n        '
       'handle_error("fcntl");\n', ''))

# ---------------------------------------------------------------------- 08

wrong('08', 'refuses_chunk_size_letter', '400',
      ("    if (body->state == SIZE_MORE && byte == ';')",
       "    if (body->state == SIZE_MORE && byte == 'x')\n        return "
       "SIZE_BLANK;\n    if (body->state == SIZE_MORE && byte == ';')"),
      file='body.c')
wrong('08', 'refuses_chunk_extension_delete', '400',
      ("is_control(byte) && byte != '\\t'",
       "(unsigned char)byte < ' ' && byte != '\\t'"), file='body.c')
wrong('08', 'host_characters', 'a%b', ('".!..$.&', '".!..$%&'),
      file='request.c')
wrong('08', 'name_characters', '400', ('".!.#$%&\'..', '".!.#$%&\'(.'),
      file='text.c')
wrong('08', 'name_characters', '200', ('z.|.~.', 'z.|...'), file='text.c')
wrong('08', 'value_characters', '400', ('...x"', '...."'), file='text.c')
wrong('08', 'value_characters', '400', ('"xxx', '"xx.'), file='text.c')
wrong('08', 'value_characters', '200', ('..x"', '.xx"'), file='text.c')
wrong('08', 'target_characters', '400',
      ('    if (!is_query(request->query))\n        return BAD;\n', ''),
      file='request.c')
wrong('08', 'redirect_characters', 'Location',
      ('".!..$%&\'()*+,-./', '".!\\".$%&\'()*+,-./'), file='response.c')
wrong('08', 'redirect_characters', 'Location',
      ('"@ABCDEFGHIJKLMNOPQRSTUVWXYZ...._"',
       '"@ABCDEFGHIJKLMNOPQRSTUVWXYZ.\\\\.._"'), file='response.c')
wrong('08', 'log_pipe_without_reader', 'status',
      ('flags | O_NONBLOCK, 0666', 'flags, 0666'), file='log.c')
wrong('08', 'log_in_blocks', 'together',
      ('    if (now < due)\n        return due;\n', ''), file='log.c')
wrong('08', 'log_in_blocks', 'together',
      ('    if (length >= BLOCK)\n        write_lines();\n',
       '    write_lines();\n'), file='log.c')
wrong('08', 'log_in_blocks', 'together',
      ('due = length > 0 ? now + DELAY : 0;',
       'due = length > 0 ? now + DELAY : 1;'), file='log.c')
wrong('08', 'reasons', '431', ('Request Header Fields Too Large', 'Head Too '
                               'Large'), file='response.c')
wrong('08', 'reasons', '505', ('HTTP Version Not Supported', 'Version'),
      file='response.c')
wrong('08', 'listing_ends_a_failure', 'EIO',
      ('            clear_failure();\n', '            ;\n'), file='list.c')
wrong('08', 'listing_with_a_body', 'body',
      ('        move_head(http, buffers, size);\n', ''), file='http.c')
wrong('08', 'listing_of_what_vanishes', '500',
      ('               == -1\n        || (!S_ISDIR', '               == -1)\n'
       '        fail(list, "fstatat");\n    if (list->failed != NULL\n'
       '        || (!S_ISDIR'), file='list.c')
wrong('08', 'listing_of_what_vanishes', 'fstatat',
      ('               == -1\n        ||', '               == -2\n        ||'),
      file='list.c')
wrong('08', 'pipe_in_time', 'fstat',
      ('    if (!S_ISREG(status->st_mode)) {  /* it has been',
       '    if (0) {  /* it has been'), file='tree.c')
wrong('08', 'pipe_in_time', 'O_NONBLOCK',
      ('O_NONBLOCK | O_NOCTTY', 'O_NOCTTY'), file='tree.c')
wrong('08', 'link_local_without_zone', 'interface',
      ('        || !IN6_IS_ADDR_LINKLOCAL', '        || IN6_IS_ADDR_LINKLOCAL'),
      file='address.c')
wrong('08', 'limit_restored', 'limit',
      ('(int)clients.rlim_cur);\n        restore_limit(&clients);',
       '(int)clients.rlim_cur);'), file='tree.c')
wrong('08', 'limit_restored', 'limit',
      ('name, flags, 0666);\n    restore_limit(&clients);', 'name, flags);'),
      file='tree.c')
wrong('08', 'expect_for_a_listing', 'response|200|404',
      ('    http->list = NULL;\n    memcpy(', '    memcpy('), file='http.c')
wrong('08', 'large_file_kept_open', 'descriptors',
      ('&& !is_in_memory(file))\n        remove_from_cache(file);',
       '&& !is_in_memory(file))\n        ;'), file='cache.c')
wrong('08', 'used_files_in_memory', '20',
      ('    if (file != newest) {', '    if (0) {'), file='cache.c')
wrong('08', 'folder_turned_into_a_link', '404',
      ('    checked_length = 0;\n', ''), file='cache.c')
wrong('08', 'listing_read_fails', 'errno',
      ('        fail(list, "readdir");\n', '        ;\n'), file='list.c')
wrong('08', 'listing_runs_out_of_memory', 'blocks',
      ('            free(entry);\n', '            ;\n'), file='list.c')
wrong('08', 'listing_runs_out_of_memory', 'descriptors',
      ('    close(directory);\n    errno', '    errno'), file='list.c')
wrong('08', 'listing_reports_no_memory', '503',
      ('            errno = (*list)->error;\n', ''), file='list.c')
wrong('08', 'read_fails', 'large',
      ('        report_failure("pread", NULL, NULL, file->name);', '        ;'),
      file='content.c')
wrong('08', 'log_continued_in_a_pipe', 'write: ',
      ('    close(fd);\n    use(log_fd);', '    close(fd);'), file='log.c')
wrong('08', 'log_failures_apart', '1127.0.0.1',
      ('length = torn ? first_line() : 0;',
       'length = torn ? first_line() : 1;'), file='log.c')
wrong('08', 'log_failures_apart', 'dropped',
      ("torn = lines[written - 1] != '\\n';", 'torn = true;'), file='log.c')
wrong('08', 'redirect_stays_here', 'evil',
      ('            to += sprintf(to, "%%%02X", (unsigned char)byte);',
       '            ;'), file='response.c')
wrong('08', 'listing_with_a_body', 'HEAD|status line',
      ('char *bytes = buffers->input + buffers->used;\n    size_t skipped',
       'char *bytes = buffers->input;\n    size_t skipped'), file='http.c')
wrong('08', 'empty_lines_before', '414',
      ("if (text.start[at] != '\\r' || at > count)", ''), file='text.c')
wrong('08', 'empty_lines_before', '400',
      ("|| at > count)", "&& at > 0)"), file='text.c')
wrong('08', 'kept_whatever_the_path', 'link',
      ('    file->root = root_length();\n', ''), file='file.c')
wrong('08', 'kept_whatever_the_path', 'each time',
      ('sizeof *file + strlen(file->name) + content',
       'sizeof *file - strlen(file->name) + content'), file='cache.c')
wrong('08', 'kept_whatever_the_path', 'each time',
      ('memcpy(&piece, bytes, size)', 'memcpy(&piece, bytes, sizeof piece)'),
      file='cache.c')
for edit in (('time(NULL) - SETTLED', 'time(NULL) + 9999'),
             ('settled && status', 'settled || status'),
             ('status->st_ctime < settled && ', ''),
             (' && status->st_mtime < settled', '')):
    wrong('08', 'changed_file_not_kept', 'none', edit, file='cache.c')
wrong('08', 'folders_looked_at_once', 'calls',
      ('    file->turn = turn;\n    return true;', '    return true;'),
      file='cache.c')
wrong('08', 'folders_looked_at_once', 'calls',
      ('counted = true;\n    file->turn = turn;', 'counted = true;'),
      file='cache.c')
wrong('08', 'outdated_file_freed', 'blocks',
      ('        remove_from_cache(file);\n        return NULL;',
       '        return NULL;'), file='cache.c')
wrong('08', 'cached_files_freed', 'blocks',
      ('        newest = file->older;', '        ;'), file='cache.c')
wrong('08', 'cached_files_freed', 'status|blocks',
      ('        file->older->newer = file->newer;', '        ;'),
      file='cache.c')
wrong('08', 'memory_limited', '40 MB',
      ('    in_memory += cost_of(file);\n', ''), file='cache.c')
wrong('08', 'listing_in_order', 'order',
      ('if (next + 1 < list->count', 'if (next + 2 < list->count'),
      file='list.c')
wrong('08', 'files_above_clients', 'none',
      ('while (fd != -1 && count', 'while (fd == -1 && count'),
      file='content.c')
wrong('08', 'range_within', 'byte 0',
      ('file->content + start, size}', 'file->content, size}'),
      file='content.c')
wrong('08', 'shrinks_before_it_is_read', 'seconds',
      ('count > 0 && end < size) {\n        count = pread',
       'count >= 0 && end < size) {\n        count = pread'),
      file='content.c')
wrong('08', 'files_above_clients', '1024',
      ('        fd = move_above_clients(fd);', '        ;'), file='content.c')
wrong('08', 'changed_through_a_mapping', '304',
      ('size -= sizeof piece)', 'size = 0)'), file='cache.c')
wrong('08', 'log_statuses', "'0'", ('if (bytes > 0)', 'if (bytes >= 0)'),
      file='log.c')
wrong('08', 'log_of_long_lines', '8192', (' && at < MAX_TARGET', ''),
      file='log.c')
wrong('08', 'folder_missing', 'Bad file descriptor',
      ('directory == -1 ? -1 : ', ''), file='tree.c')
wrong('08', 'fstat_fails', 'descriptors',
      ('        close_quietly(fd);\n', ''), file='tree.c')
wrong('08', 'pipe_in_time', '500',
      ('        close(fd);\n        errno = S_ISDIR(status->st_mode) ? EISDIR '
       ': ENOENT;', '        close(fd);'), file='tree.c')
wrong('08', 'pipe_in_time', '404',
      ('        close(fd);\n        errno = S_ISDIR(status->st_mode) ? EISDIR '
       ': ENOENT;', '        close(fd);\n        errno = ENOENT;'),
      file='tree.c')
wrong('08', 'pipe_in_time', 'closed',
      ('        close(fd);\n        errno = S_ISDIR',
       '        errno = S_ISDIR'), file='tree.c')
wrong('08', 'file_size_limited', 'descriptors',
      ('    } else if (fd != -1) {\n', '    } else if (fd == -2) {\n'),
      file='content.c')

# ------------------------------------------------------- when a call fails

wrong('01 05 07 08', 'closed_streams_not_opened', 'open',
      ('open("/dev/null", O_RDWR) == -1)', 'open("/dev/null", O_RDWR) == -2)'))
wrong('07 08', 'fcntl_fails_at_the_start', 'fcntl',
      ('fcntl(wake_up[1], F_SETFL, O_NONBLOCK) == -1)',
       'fcntl(wake_up[1], F_SETFL, O_NONBLOCK) == -2)'))
wrong('07', 'malloc_fails', 'malloc',
      ('            handle_connection_error("malloc", connection);\n', ''))
wrong('08', 'limit_not_raised', '500',
      ('    if (!raise_limit(&clients))\n        return -1;',
       '    raise_limit(&clients);'), file='tree.c')
wrong('08', 'limit_not_raised', 'setrlimit',
      ('setrlimit(RLIMIT_NOFILE, clients) == -1)',
       'setrlimit(RLIMIT_NOFILE, clients) == -2)'), file='tree.c')
wrong('08', 'limit_not_raised', '404',
      ('report_failure("setrlimit", NULL, NULL, root);\n    errno = saved;',
       'report_failure("setrlimit", NULL, NULL, root);'), file='tree.c')
wrong('08', 'limit_not_raised', 'openat: Operation not permitted',
      ('    if (!raise_limit(&clients))\n        return -1;',
       '    if (!raise_limit(&clients))\n        return -2;'), file='tree.c')
