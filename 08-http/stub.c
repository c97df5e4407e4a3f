/*
 * 08 HTTP, the assignment: a request.c that rejects every request. Make it
 * accept the valid ones, and reject only the others.
 * Do it:    work through the TODOs in the order of their numbers. Read text.h
 *           and request.h first: they declare what you need.
 * Check it: make try-08, in the folder above this one.
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

/* TODO 7: write is_host, which takes a text and returns whether it is a host,
   optionally followed by a colon and a port. A host is either a name or an IPv6
   address in brackets. A name consists of letters, digits, -._~!$&'()*+,;= and
   escapes (% and two hexadecimal digits), and may be empty. To check an
   address, call inet_pton(3). It takes a string that ends in NUL, so copy the
   text, but check first that it is short enough and contains no NUL itself. A
   port consists of digits, and may be empty too. RFC 9110, 7.2; RFC 3986,
   3.2.2. Tested by refuses_host_*, host_escaped, sound_requests,
   target_absolute_ipv6, target_absolute_nul. */

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
        /* TODO 4: a % and two hexadecimal digits stand for one byte: write
           that byte. Decode only once: %2541 is the name %41, not the name A.
           Return BAD if two such digits do not follow, and for %00: a file
           name ends at a NUL, so the rest would be lost. RFC 3986, 2.1. Tested
           by target_escape*, target_percent*, target_umlaut,
           target_dots_escaped_twice. */
        *path++ = byte;
    }
    *path = '\0';
    return OK;
}

/* TODO 9: write take_host, which takes a pointer to a target that begins with
   http://. It removes http:// and the host that follows, up to a slash, a
   question mark or the end. It returns whether the host is valid and not
   empty. A user name or password before the host, and so an @, is not allowed.
   RFC 9110, 4.2.1 and 4.2.4. Tested by target_absolute*, target_empty_path. */

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
    /* TODO 10: a target may begin with a scheme and a host, as in requests to a
       proxy: http://ladder/hello.txt. If it begins with http://, whatever its
       case, call take_host, and return BAD if that fails. Every host has the
       same files, so ignore its name. A target that begins neither with
       http:// nor with a slash is BAD. RFC 9112, 3.2.2. Tested by
       target_absolute, target_absolute_case, target_absolute_ipv6,
       target_absolute_user, target_authority, refuses_target_without_slash. */
    /* TODO 12: the target * stands for the server itself. If the method is
       OPTIONS, store the target in the request and return OK; with any other
       method it is BAD. RFC 9112, 3.2.4. Tested by options, target_star. */
    if (target.length == 0 || *target.start != '/')
        return BAD;
    request->target = target;
    /* TODO 5: the query begins with the first question mark and extends to the
       end of the target. Store it, with the question mark, in the request:
       redirects need it. The next line removes it from the target. RFC 9112,
       3.2.1; RFC 3986, 3.4. Tested by target_query*, redirect. */
    request->target.length -= request->query.length;
    /* TODO 11: http://ladder has an empty path, and so has http://ladder?a=b.
       Treat an empty path as /. RFC 9110, 4.2.3. Tested by
       target_empty_path. */
    if (!is_query(request->query))
        return BAD;
    return decode(request->target, request->path);
}

/* ------------------------------------------------------------------- line */

/* TODO 2: write parse_version, which takes the request and a text, and returns
   a status. A version consists of HTTP/ in capitals, a digit, a dot and a
   digit; anything else is BAD. If the first digit is not 1, return 505. Store
   in http10 whether the version is 1.0. Treat 1.2 and later as 1.1.
   RFC 9112, 2.3; RFC 9110, 2.5. Tested by refuses_version_*, http_1_later,
   other_major_version. */

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
    /* TODO 1: the call above has removed the method, and the space after it,
       from the rest of the line. Remove the target in the same way, unless the
       rest is absent. Now you can try it with a browser: in the folder above,
       type make 08-http/stub, start 08-http/stub, and open
       http://127.0.0.1:15441/. RFC 9112, 3. Tested by quiet_with_a_client,
       get_text, get_large, head_like_get, connection_kept. */
    if (rest.start == NULL)
        return BAD;
    request->method = find_method(method);
    if (request->method == UNKNOWN && !is_token(method))
        return BAD;
    /* TODO 3: the rest of the line is the version. Call parse_version, and if
       the status is not OK, return it. Tested by http_1_0,
       other_major_version, refuses_space_in_target, refuses_space_last. */
    if (target.length > MAX_TARGET)
        return 414;
    /* TODO 13: CONNECT asks a proxy for a tunnel, so its target is a host and a
       port. The method is not allowed here, but such a request is valid: return
       OK if the target is a host and not empty, else BAD. RFC 9112, 3.2.3;
       RFC 9110, 9.3.6. Tested by connect_not_allowed. */
    return parse_target(request, target);
}

/* ----------------------------------------------------------------- fields */

/* TODO 14: write take_element, which takes a pointer to a list, removes the
   first element and the comma after it, and returns the element without the
   blanks around it. Then write parse_connection, which takes the request and a
   list, and returns OK. It sets close or keep in the request if the list
   contains close or keep-alive, whatever their case. All Connection fields
   count, and unknown words are ignored. RFC 9110, 5.6.1 and 7.6.1. Tested by
   connection_closed, connection_other_tokens, http_1_0_kept. */

/* TODO 17: write parse_length, which takes the request, a list, and whether the
   request has had such a field before, and returns a status. It stores the
   length. The list should have one element; several are accepted if they are
   equal. Each must consist of digits only, be at most LLONG_MAX, and equal
   those before it, including those of earlier fields. Anything else is BAD:
   another parser might use a different length, and then see different requests.
   RFC 9110, 8.6; RFC 9112, 6.3. Tested by length_forms, refuses_lengths,
   refuses_length_plus, refuses_length_list, refuses_length_2*. */

/* TODO 19: write parse_codings, which takes the request and a list, and returns
   a status. It sets chunked if the list contains chunked, whatever its case,
   and other_coding if it contains anything else; empty elements are ignored.
   Chunked must come last, and only once, or the end of the body is unknown:
   return BAD if any coding follows, in the same field or a later one. RFC 9112,
   6.1 and 7. Tested by coding_forms, refuses_chunked_*, refuses_coding_*. */

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

    /* TODO 6: return BAD if the line has no colon, if its name is not a token,
       or if its value contains control characters. A token has no blanks, so
       this also rejects lines that some parsers read as other fields.
       RFC 9112, 5.1 and 5.2; RFC 9110, 5.5. Tested by
       refuses_space_before_colon*, refuses_folded*, refuses_no_colon,
       refuses_empty_name, refuses_name_*, refuses_value_*, refuses_bare*. */
    enum field field = find_field(name);
    if (field == FIELDS)
        return OK;
    bool again = request->fields[field].start != NULL;
    value = trim(value);
    if (!again)
        request->fields[field] = value;
    switch (field) {
    /* TODO 16: for Connection, call parse_connection. Tested by
       connection_closed, http_1_0_kept. */
    /* TODO 18: for Content-Length, call parse_length. Tested by length_forms,
       refuses_lengths, refuses_length_plus, refuses_length_list,
       refuses_length_2*. */
    /* TODO 20: for Transfer-Encoding, call parse_codings. Tested by
       chunked_forms, body_discarded, refuses_chunked_*. */
    /* TODO 8: for Host, return BAD if there was one before, or if the value is
       not a host. RFC 9112, 3.2. Tested by refuses_two_hosts,
       refuses_equal_hosts, refuses_host_*. */
    default:
        return OK;
    }
}

/* Checks what depends on several fields. */
static int check_fields(const struct request *request) {
    const struct text *fields = request->fields;

    if (!request->http10 && fields[HOST].start == NULL)
        return BAD;
    /* TODO 21: Transfer-Encoding is BAD in HTTP/1.0, which does not have it,
       and together with Content-Length: a parser that uses one and a parser
       that uses the other see different requests, so a request can be smuggled
       past a filter. If there is a coding other than chunked, return 501. If
       the list contains no coding at all, return BAD. RFC 9112, 6.1,
       6.3 and 11.2. Tested by refuses_length_and_coding, refuses_coding_*. */
    /* TODO 22: Expect may contain 100-continue, whatever its case: http.c
       handles it. For any other value, in any line of that name, return 417:
       see next_value. HTTP/1.0 does not have Expect: ignore it there. RFC 9110,
       10.1.1. Tested by expect_unknown. */
    return OK;
}

/* ---------------------------------------------------------------- request */

long parse_request(struct request *request, const char *bytes, size_t length) {
    struct text rest = {bytes, length}, line;
    int status = OK, fields = 0;

    /* TODO 25: a head may be MAX_HEAD bytes long. If more bytes have been
       received, parse only the first MAX_HEAD. Tested by head_length. */
    memset(request, 0, offsetof(struct request, path));  /* which is last */
    do {  /* RFC 9112, 2.2: skip empty lines before a request */
        if (!take_line(&rest, &line))
            /* TODO 23: do not wait for ever for the end of the line: once
               MAX_HEAD bytes have been received, the status is 414.
               RFC 9112, 3. Tested by split_everywhere, target_endless. */
            return 0;
    } while (line.length == 0);
    status = parse_request_line(request, line);
    request->lines.start = rest.start;
    while (status == OK) {
        if (!take_line(&rest, &line))
            /* TODO 24: do not wait for ever here either; the status is 431.
               RFC 6585, 5. Tested by split_everywhere, head_endless. */
            return 0;
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
    /* TODO 15: with close the connection ends, whatever else the request
       contains. With keep-alive it stays open in HTTP/1.0 too. RFC 9112, 9.3.
       Tested by connection_closed, close_wins, http_1_0_kept. */
    return !request->http10;
}
