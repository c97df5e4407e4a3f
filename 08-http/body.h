/*
 * The body of a request. This server has no use for it, but has to skip it to
 * find the next request: RFC 9112, 6 and 7.1.
 */
#ifndef BODY_H
#define BODY_H

#include "request.h"

#include <stdbool.h>
#include <stddef.h>

/* What the next byte has to be. */
enum body_state {
    NONE,    /* not part of the body, which is complete, or there is none */
    LENGTH,  /* one of Content-Length bytes */
    SIZE,    /* the first digit of a chunk's size */
    SIZE_MORE,
    SIZE_BLANK,  /* an extension has to follow */
    EXTENSION,   /* what follows a size, up to the end of the line */
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
    unsigned long long left;  /* bytes of the length or the chunk to come */
    size_t read;              /* bytes of lines, which must not be endless */
};

/* Returns the body that follows a head. */
struct body expect_body(const struct request *request);

/*
 * Skips what has been received of the body. Returns how many of the bytes
 * belong to it. Afterwards its state is NONE if it is complete, BROKEN if it is
 * malformed; otherwise there is more to come.
 */
size_t skip_body(struct body *body, const char *bytes, size_t length);

#endif
