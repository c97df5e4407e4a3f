/*
 * The body of a request, skipped a piece at a time. Lines of the chunked coding
 * must end in CR LF, because a parser that also accepts a bare LF may see
 * different chunks.
 * SPDX-License-Identifier: 0BSD
 */
#define _POSIX_C_SOURCE 200809L

#include "body.h"

struct body expect_body(const struct request *request) {
    if (request->chunked)
        return (struct body){.state = SIZE};
    return (struct body){.state = request->length > 0 ? LENGTH : NONE,
                         .left = request->length};
}

/* Returns the state after a byte of a chunk's size, or of what follows it. */
static enum body_state size_byte(struct body *body, char byte) {
    int digit = hexadecimal(byte);

    if (digit != -1 && body->left < 1ULL << 59) {
        body->left = body->left * 16 + (unsigned)digit;
        return SIZE_MORE;
    }
    if (body->state == SIZE_MORE && byte == '\r')
        return SIZE_LF;
    if (body->state == SIZE_MORE && byte == ';')
        return EXTENSION;
    if (body->state == SIZE_MORE && (byte == ' ' || byte == '\t'))
        return SIZE_BLANK;
    return BROKEN;
}

/* Returns the state after a byte of a line whose content is ignored: end if the
   byte is a carriage return. A bare line feed is an error. */
static enum body_state line_byte(enum body_state state, char byte,
                                 enum body_state end) {
    if (byte == '\r')
        return end;
    if (is_control(byte) && byte != '\t')
        return BROKEN;
    return state;
}

static enum body_state name_byte(char byte) {
    return is_token((struct text){&byte, 1}) ? TRAILER_NAME : BROKEN;
}

/* Returns the state after a byte that is not data. */
static enum body_state next_state(struct body *body, char byte) {
    switch (body->state) {
    case SIZE:
    case SIZE_MORE:
        return size_byte(body, byte);
    case SIZE_BLANK:
        if (byte == ' ' || byte == '\t')
            return SIZE_BLANK;
        return byte == ';' ? EXTENSION : BROKEN;
    case EXTENSION:
        return line_byte(EXTENSION, byte, SIZE_LF);
    case SIZE_LF:
        if (byte != '\n')
            return BROKEN;
        return body->left > 0 ? DATA : TRAILER;
    case DATA_CR:
        return byte == '\r' ? DATA_LF : BROKEN;
    case DATA_LF:
        return byte == '\n' ? SIZE : BROKEN;
    case TRAILER:
        return byte == '\r' ? LAST_LF : name_byte(byte);
    case TRAILER_NAME:
        return byte == ':' ? TRAILER_MORE : name_byte(byte);
    case TRAILER_MORE:
        return line_byte(TRAILER_MORE, byte, TRAILER_LF);
    case TRAILER_LF:
        return byte == '\n' ? TRAILER : BROKEN;
    default:  /* LAST_LF */
        return byte == '\n' ? NONE : BROKEN;
    }
}

size_t skip_body(struct body *body, const char *bytes, size_t length) {
    size_t at = 0;

    while (at < length && body->state != NONE && body->state != BROKEN) {
        if (body->state == LENGTH || body->state == DATA) {
            size_t piece = length - at < body->left ? length - at
                                                    : (size_t)body->left;
            at += piece;
            body->left -= piece;
            if (body->left == 0)
                body->state = body->state == DATA ? DATA_CR : NONE;
        } else {
            body->state = next_state(body, bytes[at++]);
            body->read = body->state == DATA ? 0 : body->read + 1;
            if (body->read > MAX_HEAD)
                body->state = BROKEN;
        }
    }
    return at;
}
