/*
 * A second parser of heads, slow and simple. Whatever the server accepts as a
 * request must be one for this parser, too. RFC 9112, 2 to 6.
 */
#include "posix.h"

#include "demand.h"
#include "second.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ----------------------------------------------------------------- pieces */

/* Parses a copy, so that a sanitizer detects a read past its end. */
static long parse_alone(const char *bytes, size_t length) {
    static struct request request;
    char *copy = malloc(length + (length == 0));

    if (copy == NULL)
        abort();
    memcpy(copy, bytes, length);
    long result = parse_request(&request, copy, length);
    demand(request.line.start == NULL
               || lies_in(request.line, copy, length),
           "the request line is within the input, even if it is refused");
    free(copy);
    return result;
}

/* Demands 0 for a prefix that ends within the head, otherwise this result. */
void check_prefix(const char *bytes, size_t length, long result) {
    long got = parse_alone(bytes, length);

    demand(got == 0 || got == result,
           "bytes that come later change neither a request nor the status of "
           "its refusal");
    demand(result <= 0 || (got != 0) == (length >= (size_t)result),
           "a request is complete with its last byte, and not before");
}

/* Tries some prefixes of a long input. The input's own bytes decide which. */
void check_prefixes(const char *bytes, size_t length, long result) {
    size_t most = length / 256 + 1;
    size_t last = result > 0 ? (size_t)result : length;

    for (size_t end = 0; end < length;
         end += 1 + (unsigned char)bytes[end] % most)
        check_prefix(bytes, end, result);
    check_prefix(bytes, length, result);
    check_prefix(bytes, last, result);
    if (last > 0)
        check_prefix(bytes, last - 1, result);
}

/* ----------------------------------------------------------- request line */

/* RFC 9112, 3: a token, a target, a version, and a space between them. */
static void check_line(struct text line, const struct request *request) {
    struct text rest = line;
    struct text method = cut(&rest, ' ', "a space follows a method");
    struct text target = cut(&rest, ' ', "a space follows a target");

    demand(line.start == request->line.start
               && line.length == request->line.length,
           "the request line is the first line that is not empty");
    demand(is_a_token(method), "a method is a token");
    demand(is(method, "GET") == (request->method == GET)
               && is(method, "HEAD") == (request->method == HEAD)
               && is(method, "OPTIONS") == (request->method == OPTIONS),
           "the method is the one in the line");
    demand(target.length > 0 && target.length <= MAX_TARGET,
           "a target has from 1 to MAX_TARGET bytes");
    for (size_t at = 0; at < line.length; at++)
        demand(!is_control_character(line.start[at]),
               "there are no control bytes in a request line");
    demand(rest.length == 8 && begins(rest, "HTTP/1.")
               && rest.start[7] >= '0' && rest.start[7] <= '9',
           "a version is HTTP/1 and another digit");
    demand(request->http10 == (rest.start[7] == '0'),
           "only HTTP/1.0 is noted as HTTP/1.0");
}

/* Checks that the path is the target, decoded once, from slash to NUL. */
static void check_path(const struct request *request) {
    struct text target = request->target;
    size_t end = 0;

    demand(target.length > 0 && *target.start == '/',
           "a path begins with a slash");
    for (size_t at = 0; at < target.length; at++) {
        char byte = target.start[at];
        if (byte == '%') {
            demand(target.length - at > 2, "an escape is complete");
            char digits[] = {target.start[at + 1], target.start[at + 2], 0};
            demand(isxdigit((unsigned char)digits[0])
                       && isxdigit((unsigned char)digits[1]),
                   "an escape has two hexadecimal digits");
            byte = (char)strtol(digits, NULL, 16);
            at += 2;
        }
        demand(byte != '\0', "there is no NUL in a path");
        demand(request->path[end++] == byte, "a path is the target, decoded");
    }
    demand(request->path[end] == '\0', "a path ends where the target does");
}

/* ----------------------------------------------------------------- fields */

/* What the second parser has found in a head. */
struct seen {
    int fields, hosts, lengths, codings;
};

/* RFC 9110, 8.6: a list that repeats one number. */
static void check_length(struct text value, unsigned long long length) {
    const char *at = value.start, *end = value.start + value.length;
    char *after;

    do {
        at += strspn(at, " \t");
        demand(isdigit((unsigned char)*at), "a length begins with a digit");
        demand(strtoull(at, &after, 10) == length && length <= LLONG_MAX,
               "all lengths are equal to the body's");
        after += strspn(after, " \t");
        demand(after == end || *after == ',', "a length is only digits");
        at = after + 1;
    } while (after < end);
}

/* Notes what a field says about the end of the request and the connection. */
static void check_field(struct text line, const struct request *request,
                        struct seen *seen) {
    struct text value = line;
    struct text name = cut(&value, ':', "there is a colon in every field");

    demand(is_a_token(name), "the name of a field is a token");
    demand(is_plain(value), "there are no control bytes in a field");
    seen->fields++;
    seen->hosts += is_word(name, "Host");
    seen->codings += is_word(name, "Transfer-Encoding");
    if (is_word(name, "Connection") && is_word(trim(value), "close"))
        demand(!is_persistent(request),
               "\"Connection: close\" ends the connection");
    if (is_word(name, "Content-Length")) {
        seen->lengths++;
        check_length(value, request->length);
    }
}

/* There must be no doubt where the body ends: RFC 9112, 6. */
static void check_framing(const struct request *request, struct seen seen) {
    demand(seen.hosts == 1 || (seen.hosts == 0 && request->http10),
           "there is one Host, or none in HTTP/1.0");
    demand(seen.codings == 0 || seen.lengths == 0,
           "there is no Content-Length beside a Transfer-Encoding");
    demand(seen.codings == 0 || !request->http10,
           "there is no Transfer-Encoding in HTTP/1.0");
    demand((seen.codings > 0) == request->chunked && !request->other_coding,
           "chunked is the only coding that is accepted, and it is noted");
    demand(seen.lengths > 0 || request->length == 0,
           "without a Content-Length the length is 0");
}

static void check_values(const struct request *request, const char *bytes,
                         size_t length) {
    for (int field = 0; field < FIELDS; field++) {
        struct text value = request->fields[field];
        demand(lies_in(value, bytes, length), "a field is within the input");
        demand(is_plain(value), "there are no control bytes in a value");
        demand(value.length == 0
                   || (!is_blank(*value.start)
                       && !is_blank(value.start[value.length - 1])),
               "there are no blanks around a value");
    }
}

/* Parses again a head that the server has accepted. */
void check_head(const struct request *request, const char *bytes,
                size_t length) {
    struct text rest = {bytes, length}, line;
    struct seen seen = {0};

    demand(length <= MAX_HEAD, "a head has no more than MAX_HEAD bytes");
    do {
        line = cut_line(&rest);
    } while (line.length == 0);
    check_line(line, request);
    while ((line = cut_line(&rest)).length > 0)
        check_field(line, request, &seen);
    demand(rest.length == 0, "a head ends with its first empty line");
    demand(seen.fields <= MAX_FIELDS, "there are no more than MAX_FIELDS");
    check_framing(request, seen);
    check_values(request, bytes, length);
    demand(lies_in(request->lines, bytes, length),
           "the field lines are within the input");
    demand(is(request->target, "/") || lies_in(request->target, bytes, length),
           "the target is within the input, unless it is just a slash");
    demand(lies_in(request->query, bytes, length)
               && (request->query.length == 0 || *request->query.start == '?'),
           "a query is within the input, and begins with a question mark");
    if (request->target.length > 0 && !is(request->target, "*"))
        check_path(request);
}
