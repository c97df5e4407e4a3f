/*
 * The log of requests, and reports of failed calls. The log is written in
 * blocks: a system call for each line would slow every request down.
 * SPDX-License-Identifier: 0BSD
 */
#include "posix.h"

#include "log.h"

#include "tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DELAY 100     /* milliseconds after which lines are written */
#define BLOCK 65536   /* bytes that are written without delay */

static const char *log_name;      /* NULL if there is no log */
static int log_fd = -1;
static bool log_is_file;          /* unlike a pipe, it never blocks */
static char lines[BLOCK + 3 * 4 * MAX_TARGET + 512];  /* with room for a line */
static size_t length;             /* of the lines not written yet */
static long long due;             /* when to write them; 0 if there are none */
static bool torn;                 /* part of the first line is written */
static bool reported;             /* that the log cannot be written */

/* Returns whether a write to the descriptor would not block. */
static bool takes_bytes(int fd) {
    struct timeval at_once = {0};
    fd_set writable;

    FD_ZERO(&writable);
    FD_SET(fd, &writable);
    return select(fd + 1, NULL, &writable, NULL, &at_once) != 0;
}

/* Writes text from a client, escaped so that it cannot end its quotes or its
   line, or control a terminal. Returns the end. */
static char *write_escaped(char *to, struct text text) {
    for (size_t at = 0; at < text.length && at < MAX_TARGET; at++) {
        unsigned char byte = (unsigned char)text.start[at];
        if (byte == '"' || byte == '\\' || byte < ' ' || byte >= 127)
            to += sprintf(to, "\\x%02x", byte);
        else
            *to++ = (char)byte;
    }
    *to = '\0';
    return to;
}

bool report_failure(const char *call, const char *name, const char *meaning,
                    const char *detail) {
    static char escaped[4 * MAX_TARGET + 1];
    const char *text = strerror(errno);

    if (!takes_bytes(STDERR_FILENO))
        return false;
    write_escaped(escaped, (struct text){detail, strlen(detail)});
    if (name == NULL)
        fprintf(stderr, "%s: %s (%s)\n", call, text, escaped);
    else
        fprintf(stderr, "%s: %s: %s (%s)\n", call, name, meaning, escaped);
    return true;
}

/* Opens the log. Returns the descriptor, or -1. When the log is reopened,
   clients may hold all descriptors. */
static int open_by_name(void) {
    if (strcmp(log_name, "-") == 0)
        return STDOUT_FILENO;
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_NOCTTY | O_CLOEXEC;
    int fd = open(log_name, flags | O_NONBLOCK, 0666);
    if (fd == -1 && errno == EMFILE && log_fd != -1)
        fd = open_beyond_limit(AT_FDCWD, log_name, flags | O_NONBLOCK);
    return fd;
}

static void use(int fd) {
    struct stat status;

    log_fd = fd;
    log_is_file = fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

bool open_log(const char *name) {
    tzset();
    log_name = name;
    int fd = open_by_name();
    if (fd == -1) {
        report_failure("open", NULL, NULL, name);
        return false;
    }
    use(fd);
    return true;
}

/* Removes bytes from the start of the lines. */
static void remove_lines(size_t count) {
    length -= count;
    memmove(lines, lines + count, length);
}

/* Returns the length of the first line, its line feed included. */
static size_t first_line(void) {
    const char *end = memchr(lines, '\n', length);

    return end == NULL ? 0 : (size_t)(end + 1 - lines);
}

/* Discards the lines, because the log takes no more. A line that is partly
   written stays: it must be completed, or the next line would be appended to
   it. */
static void drop_lines(void) {
    length = torn ? first_line() : 0;
}

/* Writes as much as the log takes without blocking. */
static void write_lines(void) {
    while (length > 0 && (log_is_file || takes_bytes(log_fd))) {
        size_t most = log_is_file ? BLOCK : PIPE_BUF;
        ssize_t written = write(log_fd, lines,
                                length < most ? length : most);
        if (written == -1 && errno == EINTR)
            continue;
        if (written == -1) {
            if (!reported)
                reported = report_failure("write", NULL, NULL, log_name);
            drop_lines();
            return;
        }
        reported = false;
        if (written > 0)
            torn = lines[written - 1] != '\n';
        remove_lines((size_t)written);
    }
}

void reopen_log(void) {
    if (log_name == NULL || strcmp(log_name, "-") == 0)
        return;
    write_lines();
    int fd = open_by_name();
    if (fd == -1) {
        report_failure("open", NULL, NULL, log_name);
        return;
    }
    if (torn)  /* the rest of the line does not belong in the new log */
        remove_lines(first_line());
    torn = false;
    dup2(fd, log_fd);  /* keeps the old number, below the clients' */
    (void)fcntl(log_fd, F_SETFD, FD_CLOEXEC);  /* dup2 has cleared it */
    close(fd);
    use(log_fd);
}

long long flush_log(long long now) {
    if (length == 0)
        return LLONG_MAX;
    if (due == 0)
        due = now + DELAY;
    if (now < due)
        return due;
    write_lines();
    due = length > 0 ? now + DELAY : 0;
    return length > 0 ? due : LLONG_MAX;
}

void close_log(void) {
    if (log_name == NULL)
        return;
    write_lines();
    if (log_fd != STDOUT_FILENO)
        close(log_fd);
}

/* ------------------------------------------------------------------ a line */

static void add_bytes(const char *bytes, size_t count) {
    memcpy(lines + length, bytes, count);
    length += count;
}

static void add_quoted(struct text text) {
    if (text.start == NULL || text.length == 0)
        text = (struct text){"-", 1};
    lines[length++] = '"';
    length = (size_t)(write_escaped(lines + length, text) - lines);
    lines[length++] = '"';
}

/* Adds the time. It is formatted only once a second. */
static void add_time(void) {
    static time_t last = -1;
    static char text[sizeof " - - [06/Nov/1994:08:49:37 +0000] "];
    time_t now = time(NULL);
    struct tm parts = {0};

    if (now != last) {
        localtime_r(&now, &parts);
        strftime(text, sizeof text, " - - [%d/%b/%Y:%H:%M:%S %z] ", &parts);
        last = now;
    }
    add_bytes(text, strlen(text));
}

void log_request(const union address *peer, const struct request *request,
                 int status, long long bytes) {
    if (log_name == NULL)
        return;
    if (length >= BLOCK)
        write_lines();
    if (length >= BLOCK)
        return;  /* the pipe is full: discard the line, do not block */
    const char *host = host_of(peer);
    add_bytes(host, strlen(host));
    add_time();
    add_quoted(request->line);
    if (bytes > 0)
        length += (size_t)sprintf(lines + length, " %d %lld ", status, bytes);
    else
        length += (size_t)sprintf(lines + length, " %d - ", status);
    add_quoted(request->fields[REFERER]);
    lines[length++] = ' ';
    add_quoted(request->fields[USER_AGENT]);
    lines[length++] = '\n';
}
