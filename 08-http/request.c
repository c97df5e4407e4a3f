/*
 * The head of a request: bytes in, a request or a status out. No call in here
 * can fail, and no state is kept. The parser is strict wherever two parsers
 * could see two different requests in the same bytes.
 * SPDX-License-Identifier: 0BSD
 */
#define _POSIX_C_SOURCE 200809L

#include "request.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

enum {
    OK,
    BAD = 400,
};

static const struct {
    const char *name;
    enum method method;
} methods[] = {
    {"GET",     GET},
    {"HEAD",    HEAD},
    {"OPTIONS", OPTIONS},
    {"CONNECT", NOT_ALLOWED},
    {"DELETE",  NOT_ALLOWED},
    {"PATCH",   NOT_ALLOWED},
    {"POST",    NOT_ALLOWED},
    {"PUT",     NOT_ALLOWED},
    {"TRACE",   NOT_ALLOWED},
};

#define NAME(literal) (literal), sizeof(literal) - 1

static const struct text field_names[FIELDS] = {
    [CONNECTION] = {NAME("Connection")},
    [CONTENT_LENGTH] = {NAME("Content-Length")},
    [EXPECT] = {NAME("Expect")},
    [HOST] = {NAME("Host")},
    [IF_MATCH] = {NAME("If-Match")},
    [IF_MODIFIED_SINCE] = {NAME("If-Modified-Since")},
    [IF_NONE_MATCH] = {NAME("If-None-Match")},
    [IF_RANGE] = {NAME("If-Range")},
    [IF_UNMODIFIED_SINCE] = {NAME("If-Unmodified-Since")},
    [RANGE] = {NAME("Range")},
    [REFERER] = {NAME("Referer")},
    [TRANSFER_ENCODING] = {NAME("Transfer-Encoding")},
    [USER_AGENT] = {NAME("User-Agent")},
};

/* ----------------------------------------------------------------- target */

/* RFC 3986, 3.2.2: an IPv6 address. inet_pton would stop at a NUL. */
static bool is_address(struct text text) {
    char copy[INET6_ADDRSTRLEN] = "";
    unsigned char address[16];

    if (text.length >= sizeof copy
        || memchr(text.start, '\0', text.length) != NULL)
        return false;
    memcpy(copy, text.start, text.length);
    return inet_pton(AF_INET6, copy, address) == 1;
}

static set_of_bytes host_bytes =
    "................................"
    ".!..$.&'()*+,-..0123456789.;.=.."
    ".ABCDEFGHIJKLMNOPQRSTUVWXYZ...._"
    ".abcdefghijklmnopqrstuvwxyz...~.";

/* RFC 3986, 3.2.2: a name, in which any byte may be escaped. */
static bool is_name(struct text text) {
    for (size_t at = 0; at < text.length; at++) {
        if (is_in(host_bytes, text.start[at]))
            continue;
        if (text.start[at] != '%' || text.length - at < 3
            || hexadecimal(text.start[at + 1]) == -1
            || hexadecimal(text.start[at + 2]) == -1)
            return false;
        at += 2;
    }
    return true;
}

static bool is_port(struct text text) {
    for (size_t at = 0; at < text.length; at++)
        if (text.start[at] < '0' || text.start[at] > '9')
            return false;
    return true;
}

/* RFC 9110, 7.2: a name, or an address in brackets, and an optional port. */
static bool is_host(struct text text) {
    struct text port = text, host;

    if (text.length > 0 && *text.start == '[') {
        port = (struct text){text.start + 1, text.length - 1};
        host = take_until(&port, ']');
        if (port.start == NULL || !is_address(host)
            || take_until(&port, ':').length > 0)
            return false;
    } else {
        host = take_until(&port, ':');
        if (!is_name(host))
            return false;
    }
    return is_port(port);
}

/* Returns whether a byte is neither a control character nor the beginning of a
   fragment. A space would have ended the target. */
static bool may_be_in_target(char byte) {
    return !is_control(byte) && byte != '#';
}

/* Decodes the target's escapes into the path, once. Rejects bytes that may not
   be in a target. */
static int decode(struct text target, char *path) {
    for (size_t at = 0; at < target.length; at++) {
        char byte = target.start[at];
        if (!may_be_in_target(byte))
            return BAD;
        if (byte == '%') {
            if (target.length - at < 3)
                return BAD;
            int high = hexadecimal(target.start[++at]);
            int low = hexadecimal(target.start[++at]);
            if (high == -1 || low == -1 || (high == 0 && low == 0))
                return BAD;
            byte = (char)(high * 16 + low);
        }
        *path++ = byte;
    }
    *path = '\0';
    return OK;
}

/* Removes "http://" and the host from a target. Returns false if the host is
   not valid; a user name before it is an error: RFC 9110, 4.2.4. */
static bool take_host(struct text *target) {
    struct text host = {target->start + strlen("http://"), 0};
    const char *end = target->start + target->length;

    while (host.start + host.length < end
           && host.start[host.length] != '/' && host.start[host.length] != '?')
        host.length++;
    target->start = host.start + host.length;
    target->length = (size_t)(end - target->start);
    return host.length > 0 && *host.start != ':' && is_host(host);
}

/* Returns whether a query has only bytes that may be in a target. Escapes in it
   are not checked, since nothing decodes them. */
static bool is_query(struct text text) {
    for (size_t at = 0; at < text.length; at++)
        if (!may_be_in_target(text.start[at]))
            return false;
    return true;
}

/* The four forms of RFC 9112, 3.2. */
static int parse_target(struct request *request, struct text target) {
    struct text scheme = {target.start, strlen("http://")};
    bool absolute = target.length >= scheme.length && *target.start != '/'
                    && is_word(scheme, "http://");

    if (target.length == 1 && *target.start == '*') {
        request->target = target;
        return request->method == OPTIONS ? OK : BAD;
    }
    if (target.length == 0
        || (absolute ? !take_host(&target) : *target.start != '/'))
        return BAD;
    request->target = request->query = target;
    take_until(&request->query, '?');
    if (request->query.start != NULL) {
        request->query.start--;
        request->query.length++;
    }
    request->target.length -= request->query.length;
    if (request->target.length == 0)
        request->target = (struct text){"/", 1};
    if (!is_query(request->query))
        return BAD;
    return decode(request->target, request->path);
}

/* ------------------------------------------------------------------- line */

/* RFC 9112, 2.3. A later minor version is treated as 1.1. */
static int parse_version(struct request *request, struct text version) {
    if (version.length != 8 || memcmp(version.start, "HTTP/", 5) != 0
        || version.start[5] < '0' || version.start[5] > '9'
        || version.start[6] != '.'
        || version.start[7] < '0' || version.start[7] > '9')
        return BAD;
    request->http10 = version.start[7] == '0';
    return version.start[5] == '1' ? OK : 505;
}

static enum method find_method(struct text name) {
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strlen(methods[i].name) == name.length
            && memcmp(methods[i].name, name.start, name.length) == 0)
            return methods[i].method;
    return UNKNOWN;
}

static int parse_request_line(struct request *request, struct text line) {
    struct text rest = line, method, target = {NULL, 0};

    request->line = line;
    method = take_until(&rest, ' ');
    if (rest.start != NULL)
        target = take_until(&rest, ' ');
    if (rest.start == NULL)
        return BAD;
    request->method = find_method(method);
    if (request->method == UNKNOWN && !is_token(method))
        return BAD;
    int status = parse_version(request, rest);
    if (status != OK)
        return status;
    if (target.length > MAX_TARGET)
        return 414;
    if (request->method == NOT_ALLOWED && is_word(method, "CONNECT"))
        return target.length > 0 && is_host(target) ? OK : BAD;
    return parse_target(request, target);
}

/* ----------------------------------------------------------------- fields */

/* Removes the first element of a list and returns it. RFC 9110, 5.6.1. */
static struct text take_element(struct text *list) {
    return trim(take_until(list, ','));
}

static int parse_connection(struct request *request, struct text list) {
    while (list.start != NULL) {
        struct text element = take_element(&list);
        request->close |= is_word(element, "close");
        request->keep |= is_word(element, "keep-alive");
    }
    return OK;
}

/* Several lengths are accepted only if they are equal. RFC 9112, 6.3. */
static int parse_length(struct request *request, struct text list, bool again) {
    while (list.start != NULL) {
        unsigned long long length;
        if (!parse_digits(take_element(&list), &length)
            || length > LLONG_MAX || (again && length != request->length))
            return BAD;
        request->length = length;
        again = true;
    }
    return OK;
}

/* Chunked must come last, and only once, or the body's end is unknown. */
static int parse_codings(struct request *request, struct text list) {
    while (list.start != NULL) {
        struct text element = take_element(&list);
        if (element.length > 0 && request->chunked)
            return BAD;
        if (is_word(element, "chunked"))
            request->chunked = true;
        else if (element.length > 0)
            request->other_coding = true;
    }
    return OK;
}

static enum field find_field(struct text name) {
    enum field field = 0;

    for (; field < FIELDS; field++) {
        const struct text *known = &field_names[field];
        if (known->length == name.length
            && strncasecmp(known->start, name.start, name.length) == 0)
            break;
    }
    return field;
}

bool next_value(struct text *lines, enum field field, struct text *value) {
    struct text line;

    while (take_line(lines, &line)) {
        if (find_field(take_until(&line, ':')) == field) {
            *value = trim(line);
            return true;
        }
    }
    return false;
}

/* RFC 9112, 5. A blank before the colon and a folded line are errors: in both
   cases the text before the colon is not a token. */
static int parse_field(struct request *request, struct text line) {
    struct text value = line;
    struct text name = take_until(&value, ':');

    if (value.start == NULL || !is_clean(value))
        return BAD;
    enum field field = find_field(name);
    if (field == FIELDS)
        return is_token(name) ? OK : BAD;
    bool again = request->fields[field].start != NULL;
    value = trim(value);
    if (!again)
        request->fields[field] = value;
    switch (field) {
    case CONNECTION:
        return parse_connection(request, value);
    case CONTENT_LENGTH:
        return parse_length(request, value, again);
    case TRANSFER_ENCODING:
        return parse_codings(request, value);
    case HOST:
        return again || !is_host(value) ? BAD : OK;
    default:
        return OK;
    }
}

/* Checks what depends on several fields. */
static int check_fields(const struct request *request) {
    const struct text *fields = request->fields;

    if (!request->http10 && fields[HOST].start == NULL)
        return BAD;
    if (fields[TRANSFER_ENCODING].start != NULL) {
        if (request->http10 || fields[CONTENT_LENGTH].start != NULL)
            return BAD;  /* RFC 9112, 6.1: this is how requests are smuggled */
        if (request->other_coding)
            return 501;
        if (!request->chunked)
            return BAD;
    }
    struct text lines = request->lines, value;
    while (!request->http10 && fields[EXPECT].start != NULL
           && next_value(&lines, EXPECT, &value))
        if (!is_word(value, "100-continue"))
            return 417;
    return OK;
}

/* ---------------------------------------------------------------- request */

long parse_request(struct request *request, const char *bytes, size_t length) {
    struct text rest = {bytes, length}, line;
    int status = OK, fields = 0;

    if (length > MAX_HEAD)
        rest.length = MAX_HEAD;
    memset(request, 0, offsetof(struct request, path));  /* which is last */
    do {  /* RFC 9112, 2.2: skip empty lines before a request */
        if (!take_line(&rest, &line))
            return length < MAX_HEAD ? 0 : -414;
    } while (line.length == 0);
    status = parse_request_line(request, line);
    request->lines.start = rest.start;
    while (status == OK) {
        if (!take_line(&rest, &line))
            return length < MAX_HEAD ? 0 : -431;
        if (line.length == 0)
            break;
        request->lines.length = (size_t)(rest.start - request->lines.start);
        status = ++fields > MAX_FIELDS ? 431 : parse_field(request, line);
    }
    if (status == OK)
        status = check_fields(request);
    return status == OK ? rest.start - bytes : -status;
}

bool is_persistent(const struct request *request) {
    return !request->close && (request->keep || !request->http10);
}
