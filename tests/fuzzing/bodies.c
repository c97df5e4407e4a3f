/*
 * A second parser of bodies. The server must find the same end as this parser,
 * whatever pieces a body arrives in. RFC 9112, 6 and 7.1.
 */
#include "posix.h"

#include "demand.h"
#include "second.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------- body */

/* Returns the length of a line with its end, which must be CR LF; 0 if there is
   no such end. */
static size_t line_length(struct text rest) {
    size_t length = 0;

    while (length < rest.length
           && (!is_control_character(rest.start[length])
               || rest.start[length] == '\t'))
        length++;
    if (rest.length - length < 2
        || memcmp(rest.start + length, "\r\n", 2) != 0)
        return 0;
    return length + 2;
}

/* Returns the length of a chunk, from its size to its last CR LF, and stores
   its size. Returns 0 if the chunk is incomplete or malformed. */
static size_t chunk_length(struct text rest, unsigned long long *size) {
    size_t line = line_length(rest), digits = 0;

    *size = 0;
    while (digits < line && isxdigit((unsigned char)rest.start[digits])) {
        char digit[] = {rest.start[digits++], '\0'};
        *size = *size * 16 + strtoull(digit, NULL, 16);
        if (*size > rest.length)
            return 0;
    }
    size_t end = digits;  /* blanks may only precede an extension */
    while (end < line && is_blank(rest.start[end]))
        end++;
    if (digits == 0 || line == 0
        || !(rest.start[end] == ';'
             || (rest.start[end] == '\r' && end == digits)))
        return 0;
    if (*size == 0)
        return line;
    rest = without(rest, line);
    if (rest.length < *size + 2
        || memcmp(rest.start + *size, "\r\n", 2) != 0)
        return 0;
    return line + (size_t)*size + 2;
}

static bool is_trailer(struct text line) {
    const char *colon = memchr(line.start, ':', line.length);

    return colon != NULL
           && is_a_token((struct text){line.start,
                                       (size_t)(colon - line.start)});
}

/* Returns the length of a chunked body, or 0 if it is incomplete or malformed.
   RFC 9112, 7.1. */
static size_t chunked_length(struct text bytes) {
    struct text rest = bytes;
    unsigned long long size;
    size_t length;

    do {
        length = chunk_length(rest, &size);
        rest = without(rest, length);
    } while (length > 0 && size > 0);
    if (length == 0)
        return 0;
    do {
        length = line_length(rest);
        if (length > 2 && !is_trailer(rest))
            return 0;
        rest = without(rest, length);
    } while (length > 2);
    return length == 0 ? 0 : bytes.length - rest.length;
}

static bool is_over(const struct body *body) {
    return body->state == NONE || body->state == BROKEN;
}

/* Skips a body that arrives in pieces of up to this many bytes; the first byte
   of each piece gives its length. */
static size_t skip_pieces(struct body *body, struct text bytes, size_t most) {
    size_t used = 0, piece = 0, taken = 0;

    while (taken == piece && used < bytes.length) {
        piece = piece_of(without(bytes, used), most);
        taken = skip_body(body, bytes.start + used, piece);
        demand(taken <= piece, "a body has no more bytes than have arrived");
        demand(taken == piece || is_over(body),
               "bytes are left only when a body is over");
        used += taken;
    }
    return used;
}

static bool same(const struct body *one, const struct body *other) {
    return one->state == other->state && one->left == other->left
           && one->read == other->read;
}

/* Skips a body, in one piece and in several. Returns its length. */
size_t check_body(struct body *body, struct text bytes) {
    const struct body before = *body;
    size_t used = skip_body(body, bytes.start, bytes.length);

    demand(used <= bytes.length, "a body has no more bytes than have arrived");
    for (size_t most = 1; most <= 256; most *= 16) {
        struct body other = before;
        demand(skip_pieces(&other, bytes, most) == used && same(&other, body),
               "a body ends in the same place, in one piece or in several");
    }
    struct body after = *body;
    demand(!is_over(body)
               || (skip_body(&after, bytes.start, bytes.length) == 0
                   && same(&after, body)),
           "a body that has ended stays ended");
    if (before.state == SIZE) {
        size_t length = chunked_length(bytes);
        demand(body->state == NONE ? length == used
                                   : length == 0 || length > MAX_HEAD,
               "a chunked body ends where the second reader sees its end");
    } else {
        demand(body->state != BROKEN
                   && (body->state == NONE) == (bytes.length >= before.left)
                   && (body->state != NONE || used == before.left),
               "a body has as many bytes as Content-Length says");
    }
    return used;
}
