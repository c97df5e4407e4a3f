/*
 * The head that a program writes before the body of its response.
 * SPDX-License-Identifier: 0BSD
 */
#define _POSIX_C_SOURCE 200809L

#include "head.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

/* The fields that are not passed on: those for the server, those that the
   server writes, and those for one connection only (RFC 9110, 7.6.1). */
static const char *const dropped[] = {
    "Connection",
    "Content-Length",
    "Date",
    "Keep-Alive",
    "Proxy-Connection",
    "Server",
    "Status",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
};

/* Parses "404 Not Found". Returns false for any other text. */
static bool parse_status(struct head *head, struct text value) {
    unsigned long long status;
    struct text number = take_until(&value, ' ');

    if (number.length != 3 || !parse_digits(number, &status) || status < 200
        || status > 599)
        return false;
    head->status = (int)status;
    head->reason = value.start == NULL ? value : trim(value);
    return true;
}

/* Parses the length. Returns false if it is not a number, or differs from an
   earlier one. */
static bool parse_length(struct head *head, struct text value) {
    unsigned long long length;

    if (!parse_digits(value, &length) || length > LLONG_MAX
        || (head->length != -1 && head->length != (long long)length))
        return false;
    head->length = (long long)length;
    return true;
}

/* Which of the fields that the server reads have been seen. */
struct seen {
    bool type, location, status;
};

/* Parses a field. Returns NULL, or what is wrong with it. */
static const char *parse_field(struct head *head, struct seen *seen,
                               struct text line) {
    struct text value = line, name = take_until(&value, ':');

    if (!is_clean(line))
        return "a control character";
    if (value.start == NULL || !is_token(name))
        return "a line that is not a field";
    value = trim(value);
    if (is_word(name, "Content-Type")) {
        seen->type = true;
    } else if (is_word(name, "Location")) {
        seen->location = true;
    } else if (is_word(name, "Content-Length")) {
        if (!parse_length(head, value))
            return "an invalid Content-Length";
    } else if (is_word(name, "Status")) {
        if (seen->status || !parse_status(head, value))
            return "an invalid Status";
        seen->status = true;
    }
    return NULL;
}

/* Parses a status line such as "HTTP/1.1 404 Not Found", if there is one: it
   may replace Status. Returns false if it is malformed. */
static bool take_status_line(struct head *head, struct seen *seen,
                             struct text *lines) {
    struct text line;

    if (lines->length < 5 || memcmp(lines->start, "HTTP/", 5) != 0)
        return true;
    if (!take_line(lines, &line))
        return true;  /* not complete yet */
    take_until(&line, ' ');
    seen->status = true;
    return line.start != NULL && is_clean(line) && parse_status(head, line);
}

long parse_head(struct head *head, const char *bytes, size_t length) {
    struct text rest = {bytes, length}, line;
    struct seen seen = {false, false, false};

    *head = (struct head){.status = 200, .length = -1};
    if (!take_status_line(head, &seen, &rest))
        head->fault = "an invalid status line";
    head->lines.start = rest.start;
    while (head->fault == NULL) {
        if (!take_line(&rest, &line))
            return 0;
        if (line.length == 0)
            break;
        head->lines.length = (size_t)(rest.start - head->lines.start);
        head->fault = parse_field(head, &seen, line);
    }
    if (head->fault == NULL && !seen.type && !seen.location && !seen.status)
        head->fault = "neither Content-Type nor Location nor Status";
    if (seen.location && !seen.status)
        head->status = 302;  /* RFC 3875, 6.2.3 */
    return head->fault == NULL ? rest.start - bytes : -1;
}

static bool is_dropped(struct text name) {
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
        if (is_word(name, dropped[i]))
            return true;
    return false;
}

char *write_fields(char *to, const struct head *head) {
    struct text lines = head->lines, line;

    while (take_line(&lines, &line)) {
        struct text value = line, name = take_until(&value, ':');
        if (is_dropped(name))
            continue;
        memcpy(to, line.start, line.length);
        to = stpcpy(to + line.length, "\r\n");
    }
    return to;
}
