/*
 * The body of a request. This server does not use it, but must skip it to find
 * the next request: RFC 9112, 6 and 7.1.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef BODY_H
#define BODY_H

#include "request.h"

#include <stdbool.h>
#include <stddef.h>

/* What the next byte must be: */
enum body_state {
    NONE,    /* the body is complete, or there is none */
    LENGTH,  /* a byte of a body with a Content-Length */
    SIZE,    /* the first digit of a chunk's size */
    SIZE_MORE,
    SIZE_BLANK,  /* a blank, or the semicolon of an extension */
    EXTENSION,   /* part of a chunk extension, which is ignored */
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER,  /* the first byte of a line after the last chunk */
    TRAILER_NAME,
    TRAILER_MORE,
    TRAILER_LF,
    LAST_LF,
    BROKEN,  /* anything: the body is malformed */
};

struct body {
    enum body_state state;
    unsigned long long left;  /* bytes of the body or the chunk still to come */
    size_t read;              /* bytes received since the last byte of data */
};

/* Returns the body that follows a head. */
struct body expect_body(const struct request *request);

/*
 * Skips received bytes of the body and returns how many of them belong to it.
 * Afterwards the state is NONE if the body is complete, BROKEN if it is
 * malformed, and any other if there is more to come.
 */
size_t skip_body(struct body *body, const char *bytes, size_t length);

#endif
