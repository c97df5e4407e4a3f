/*
 * The head of a request: its form is RFC 9112, its meaning RFC 9110.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include "text.h"

#include <stdbool.h>
#include <stddef.h>

#define MAX_HEAD 16384   /* bytes of a request line and its fields */
#define MAX_TARGET 8192  /* bytes of what is asked for */
#define MAX_FIELDS 100

enum method {
    GET,
    HEAD,
    OPTIONS,
    NOT_ALLOWED,  /* known, but of no use here */
    UNKNOWN,
};

/* The fields that are of any use here. */
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
    FIELDS,  /* how many there are; and none of them */
};

struct request {
    struct text line;            /* "GET /a%20b?c HTTP/1.1" */
    enum method method;
    struct text target;          /* "/a%20b", as it came */
    struct text query;           /* "?c", or empty */
    bool old;                    /* HTTP/1.0 */
    bool close, keep;            /* what Connection says */
    bool chunked, foreign;       /* what Transfer-Encoding says */
    unsigned long long length;   /* what Content-Length says */
    struct text lines;           /* of all fields */
    struct text fields[FIELDS];  /* the first value of each */
    char path[MAX_TARGET + 1];   /* "/a b": the target, decoded */
};

/*
 * Reads the head of a request from as many bytes as have come, and does not
 * keep them: the request points into them.
 *
 * Returns how many bytes the head has; 0 if its end has not come; or, if it
 * will never be a request, the status to refuse it with, negated: -400, -414,
 * -417, -431, -501 or -505. Then the line is there for the log, if it came.
 */
long parse_request(struct request *request, const char *bytes, size_t length);

/* Returns whether the connection is to stay when the request is answered.
   RFC 9112, 9.3. */
bool stays(const struct request *request);

/*
 * Takes the next value of a field from the lines of fields, of which a copy is
 * to be handed over: a list may go on in another line. Returns false if there
 * is none left.
 */
bool next_value(struct text *lines, enum field field, struct text *value);

#endif
