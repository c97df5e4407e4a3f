/*
 * The body of a request. Nobody here reads what it says, but it has to be
 * passed over to find the next request: RFC 9112, 6 and 7.1.
 */
#ifndef BODY_H
#define BODY_H

#include "request.h"

#include <stdbool.h>
#include <stddef.h>

/* What the next byte has to be. */
enum body_state {
    NONE,    /* no part of the body: that is over, or there is none */
    LENGTH,  /* a byte of as many as Content-Length says */
    SIZE,    /* the first digit of a chunk's size */
    SIZE_MORE,
    SIZE_BLANK,  /* there has to be an extension */
    EXTENSION,  /* what follows a size, up to the end of the line */
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER,  /* the first byte of a line after the last chunk */
    TRAILER_NAME,
    TRAILER_MORE,
    TRAILER_LF,
    LAST_LF,
    BROKEN,  /* it does not matter any more */
};

struct body {
    enum body_state state;
    unsigned long long left;  /* bytes until the length or the chunk is over */
    size_t read;              /* bytes of lines; not even these are endless */
};

/* Returns the body that is to follow a head. */
struct body expect_body(const struct request *request);

/*
 * Passes over the body, as much as has come. Returns how many of the bytes
 * are its. Afterwards its state is NONE if that was all, BROKEN if it is not
 * well formed, else there is more to come.
 */
size_t skip_body(struct body *body, const char *bytes, size_t length);

#endif
