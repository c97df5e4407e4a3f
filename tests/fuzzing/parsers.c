/*
 * The target for request.c and body.c alone, without files or sockets. It is
 * fast enough to try most kinds of input.
 */
#include "posix.h"

#include "demand.h"
#include "fuzz.h"
#include "second.h"

#define MOST_REQUESTS 8  /* parsed in one input, at most */

/* Tries three prefixes: the head, or all bytes if there is none; the same
   without the last byte; and one whose length depends on the bytes. */
static void check_some(const char *bytes, size_t length, long result) {
    size_t last = result > 0 ? (size_t)result : length;

    check_prefix(bytes, last - 1, result);
    check_prefix(bytes, last, result);
    check_prefix(bytes, (unsigned char)bytes[length / 2] * 3 % length, result);
}

/* Checks a request and its body. Returns their length, or 0 if no other
   request can follow. */
static size_t check_request(const char *bytes, size_t length) {
    static struct request request;
    long head = parse_request(&request, bytes, length);

    check_some(bytes, length, head);
    if (head <= 0)
        return 0;
    size_t used = (size_t)head;
    demand(used <= length, "a head has no more bytes than have arrived");
    check_head(&request, bytes, used);
    struct body body = expect_body(&request);
    used += check_body(&body, (struct text){bytes + used, length - used});
    return body.state == NONE ? used : 0;
}

void check_parsers(const char *bytes, size_t length) {
    struct body chunked = {.state = SIZE};
    size_t at = 0, used = 1;

    check_body(&chunked, (struct text){bytes, length});
    for (int i = 0; i < MOST_REQUESTS && used > 0 && at < length; i++) {
        used = check_request(bytes + at, length - at);
        at += used;
    }
}
