/*
 * The head of a request: RFC 9112 defines its form, RFC 9110 its meaning.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef REQUEST_H
#define REQUEST_H

#include "text.h"

#include <stdbool.h>
#include <stddef.h>

#define MAX_HEAD 16384   /* bytes of a request line and its fields */
#define MAX_TARGET 8192  /* bytes of the target: "/a%20b?c" */
#define MAX_FIELDS 100

enum method {
    GET,
    HEAD,
    OPTIONS,
    NOT_ALLOWED,  /* known, but not for files */
    UNKNOWN,
};

/* The fields that this server reads. */
enum field {
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    HOST,
    IF_MATCH,
    IF_MODIFIED_SINCE,
    IF_NONE_MATCH,
    IF_RANGE,
    IF_UNMODIFIED_SINCE,
    RANGE,
    REFERER,
    TRANSFER_ENCODING,
    USER_AGENT,
    FIELDS,  /* how many; also stands for any other field */
};

struct request {
    struct text line;            /* "GET /a%20b?c HTTP/1.1" */
    enum method method;
    struct text target;          /* "/a%20b", as received */
    struct text query;           /* "?c", or empty */
    bool http10;                 /* HTTP/1.0 */
    bool close, keep;            /* from Connection */
    bool chunked, other_coding;  /* from Transfer-Encoding */
    unsigned long long length;   /* from Content-Length */
    struct text lines;           /* of all fields */
    struct text fields[FIELDS];  /* the first value of each */
    char path[MAX_TARGET + 1];   /* "/a b": the target, decoded */
};

/*
 * Parses the head of a request from the bytes received so far. The request
 * points into those bytes.
 *
 * Returns the length of the head, or 0 if its end has not been received yet. If
 * the bytes cannot begin a valid request, returns the negated status of the
 * response: -400, -414, -417, -431, -501 or -505. The line is set even then,
 * for the log.
 */
long parse_request(struct request *request, const char *bytes, size_t length);

/* Returns whether the connection stays open after the response: RFC 9112,
   9.3. */
bool is_persistent(const struct request *request);

/*
 * Finds the next value of a field: a list may be spread over several lines.
 * lines: a copy of the request's lines; those searched are removed from it.
 * Returns false if there is no other value.
 */
bool next_value(struct text *lines, enum field field, struct text *value);

#endif
