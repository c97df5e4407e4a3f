/*
 * 08 HTTP, the assignment: request.c, to which nothing is a request yet. Have
 * it understand those that are, and refuse all else.
 * Do it:    what the TODOs say, in the order of their numbers. Read text.h
 *           and request.h first: what you need is there.
 * Check it: make try-08, in the folder above this one.
 */
#define _POSIX_C_SOURCE 200809L

#include "request.h"

#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

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

static const char *const field_names[FIELDS] = {
    [CONNECTION] = "Connection",
    [CONTENT_LENGTH] = "Content-Length",
    [EXPECT] = "Expect",
    [HOST] = "Host",
    [IF_MATCH] = "If-Match",
    [IF_MODIFIED_SINCE] = "If-Modified-Since",
    [IF_NONE_MATCH] = "If-None-Match",
    [IF_RANGE] = "If-Range",
    [IF_UNMODIFIED_SINCE] = "If-Unmodified-Since",
    [RANGE] = "Range",
    [REFERER] = "Referer",
    [TRANSFER_ENCODING] = "Transfer-Encoding",
    [USER_AGENT] = "User-Agent",
};

/* ----------------------------------------------------------------- target */

/* TODO 7: is_host, which takes a text and returns whether it names a host,
   perhaps with a colon and a port behind it. A host is a name of letters,
   digits, -._~!$&'()*+,;= and escapes (% and two hexadecimal digits), which may
   be empty, or an IPv6 address in brackets: inet_pton(3) parses one, but takes
   a string with a NUL at its end, so make a copy, if it is not too long. A port
   is digits, or nothing. RFC 9110, 7.2; RFC 3986, 3.2.2. Proved by
   refuses_host_*, host_escaped, sound_requests, target_absolute_ipv6. */

/* Decodes the target's escapes into the path, once. */
static int decode(struct text target, char *path) {
    for (size_t at = 0; at < target.length; at++) {
        char byte = target.start[at];
        /* TODO 4: a % and two hexadecimal digits stand for one byte: write
           that. Do so once, since %2541 is the name %41 and not the name A. It
           is BAD if two such digits do not follow. %00 is BAD as well: a name
           ends at a NUL, so what follows it would be lost. RFC 3986, 2.1.
           Proved by target_escape*, target_percent*, target_umlaut,
           target_dots_escaped_twice. */
        *path++ = byte;
    }
    *path = '\0';
    return OK;
}

/* TODO 9: take_host, which takes a pointer to a target that begins with
   http://, and takes that off, and the host that follows it, up to a slash, a
   question mark or the end. Return whether it is a host, and one that is not
   empty. Names of users and passwords do not belong there any more: no host
   has an @. RFC 9110, 4.2.1 and 4.2.4. Proved by target_absolute*,
   target_empty_path. */

/* The four forms of RFC 9112, 3.2. */
static int parse_target(struct request *request, struct text target) {
    /* TODO 10: a target may have a scheme and a host, as proxies are sent
       them: http://ladder/hello.txt. Take them off if it begins with http://,
       in capitals or not. The host does not matter: there are the same files
       for all. It is BAD if it is none, and so is a target that begins neither
       with http:// nor with a slash. RFC 9112, 3.2.2. Proved by
       target_absolute, target_absolute_case, target_absolute_ipv6,
       target_absolute_user, target_authority, refuses_target_without_slash. */
    /* TODO 12: the target * stands for the server itself. It is for OPTIONS
       alone: note it in the request, and return OK, but BAD if the method is
       another one. RFC 9112, 3.2.4. Proved by options, target_star. */
    if (target.length == 0 || memchr(target.start, '#', target.length) != NULL
        || *target.start != '/')
        return BAD;
    request->target = target;
    /* TODO 5: the query is all from the first question mark on, with it, or
       nothing. Note it in the request, for the log and for redirects; the next
       line takes it off the target. RFC 9112, 3.2.1; RFC 3986, 3.4. Proved by
       target_query*, redirect. */
    request->target.length -= request->query.length;
    /* TODO 11: without a path http://ladder means http://ladder/, and so does
       http://ladder?a=b but for its query. RFC 9110, 4.2.3. Proved by
       target_empty_path. */
    return decode(request->target, request->path);
}

/* ------------------------------------------------------------------- line */

/* TODO 2: parse_version, which takes the request and a text, and returns a
   status. HTTP/ in capitals, a digit, a dot and a digit is a version, and
   nothing else: BAD. If the first digit is not 1, that is another language:
   505. Note whether the version is 1.0: that is the old one. Later ones than
   1.1 are understood as 1.1. RFC 9112, 2.3; RFC 9110, 2.5. Proved by
   refuses_version_*, http_1_later, other_major_version. */

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
    /* TODO 1: the method has been taken off the rest of the line, and the
       space that follows it. Take off the target in the same way, unless there
       is no rest. Now you can look at it in a browser: in the folder above,
       make 08-http/stub, start 08-http/stub, and open http://127.0.0.1:15441/
       there. RFC 9112, 3. Proved by quiet_with_a_client, get_text, get_large,
       head_like_get, connection_kept. */
    if (rest.start == NULL || !is_token(method) || !is_clean(line)
        || memchr(line.start, '\t', line.length) != NULL)
        return BAD;
    request->method = find_method(method);
    /* TODO 3: the rest is the version, to its last byte. If its status is not
       OK, return that. Proved by http_1_0, other_major_version,
       refuses_space_in_target, refuses_space_last. */
    if (target.length > MAX_TARGET)
        return 414;
    /* TODO 13: CONNECT is for tunnels through a proxy, and its target is a
       host and a port. It is not allowed here, but it is no nonsense: return
       OK if the target is a host, and not an empty one, else BAD.
       RFC 9112, 3.2.3; RFC 9110, 9.3.6. Proved by connect_not_allowed. */
    return parse_target(request, target);
}

/* ----------------------------------------------------------------- fields */

/* TODO 14: take_element, which takes a pointer to a list, takes off its first
   element, up to a comma, and returns that without the blanks around it. And
   parse_connection, which takes the request and a list, and returns OK. Note
   whether close is in the list, and whether keep-alive is, in capitals or not.
   There may be several such fields, of which all count, and unknown words,
   which do not. RFC 9110, 5.6.1 and 7.6.1. Proved by connection_closed,
   connection_other_tokens, http_1_0_kept. */

/* TODO 17: parse_length, which takes the request, a list, and whether there
   was such a field before, and returns a status. The list should have one
   element, but if it has several that are equal, that is as good. Each is a
   number of at most LLONG_MAX, in digits alone, and equal to all before it,
   those of fields before as well: anything else is BAD, since others may take
   another one for the length, and so see other requests than we do. Note it.
   RFC 9110, 8.6; RFC 9112, 6.3. Proved by length_forms, refuses_lengths,
   refuses_length_plus, refuses_length_list, refuses_length_2*. */

/* TODO 19: parse_codings, which takes the request and a list, and returns a
   status. Note whether chunked is in the list, in capitals or not, and whether
   any foreign coding is; an empty element is none. Chunked has to come last,
   and once, or nobody knows where the body ends: BAD if a coding follows it,
   in the same field or a later one. RFC 9112, 6.1 and 7. Proved by
   coding_forms, refuses_chunked_*, refuses_coding_*. */

static enum field find_field(struct text name) {
    enum field field = 0;

    while (field < FIELDS && !is_word(name, field_names[field]))
        field++;
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

/* RFC 9112, 5. A blank before the colon and a folded line are refused: in both
   cases what precedes the colon is no token. */
static int parse_field(struct request *request, struct text line) {
    struct text value = line;
    struct text name = take_until(&value, ':');

    /* TODO 6: a line without a colon is BAD, and so is one whose name is no
       token, or whose value has control characters. A blank is no part of a
       token, so what some readers would take for another field is none.
       RFC 9112, 5.1 and 5.2; RFC 9110, 5.5. Proved by
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
    /* TODO 16: Connection: parse it. Proved by connection_closed,
       http_1_0_kept. */
    /* TODO 18: Content-Length: parse it. Proved by length_forms,
       refuses_lengths, refuses_length_plus, refuses_length_list,
       refuses_length_2*. */
    /* TODO 20: Transfer-Encoding: parse it. Proved by chunked_forms,
       body_discarded, refuses_chunked_*. */
    /* TODO 8: Host: it is BAD if there was one before, or if it is no host.
       RFC 9112, 3.2. Proved by refuses_two_hosts, refuses_equal_hosts,
       refuses_host_*. */
    default:
        return OK;
    }
}

/* Checks what depends on several fields. */
static int judge(const struct request *request) {
    const struct text *fields = request->fields;

    if (!request->old && fields[HOST].start == NULL)
        return BAD;
    /* TODO 21: Transfer-Encoding is BAD in HTTP/1.0, which has none. It is BAD
       beside Content-Length: who believes the one sees other requests than who
       believes the other, and so they are smuggled past a guard. A foreign
       coding is a 501. And without chunked, that is without any coding, it is
       BAD. RFC 9112, 6.1, 6.3 and 11.2. Proved by refuses_length_and_coding,
       refuses_coding_*. */
    /* TODO 22: Expect can ask for 100-continue, in capitals or not, which
       http.c sees to. Whatever else it asks for is a 417. In HTTP/1.0 there is
       no Expect, so it does not matter. RFC 9110, 10.1.1. Proved by
       expect_unknown. */
    return OK;
}

/* ---------------------------------------------------------------- request */

long parse_request(struct request *request, const char *bytes, size_t length) {
    struct text rest = {bytes, length}, line;
    int status = OK, fields = 0;

    /* TODO 25: a head may be MAX_HEAD bytes long. If more bytes have come,
       look at so many of them alone. Proved by head_length. */
    memset(request, 0, offsetof(struct request, path));
    do {  /* RFC 9112, 2.2: skip empty lines before a request */
        if (!take_line(&rest, &line))
            /* TODO 23: a line may be without end: wait for its end only while
               less than MAX_HEAD bytes have come, and say 414 then.
               RFC 9112, 3. Proved by split_everywhere, target_endless. */
            return 0;
    } while (line.length == 0);
    status = parse_request_line(request, line);
    request->lines.start = rest.start;
    while (status == OK) {
        if (!take_line(&rest, &line))
            /* TODO 24: do not wait for ever here, either: but it is a 431.
               RFC 6585, 5. Proved by split_everywhere, head_endless. */
            return 0;
        if (line.length == 0)
            break;
        request->lines.length = (size_t)(rest.start - request->lines.start);
        status = ++fields > MAX_FIELDS ? 431 : parse_field(request, line);
    }
    if (status == OK)
        status = judge(request);
    return status == OK ? rest.start - bytes : -status;
}

bool stays(const struct request *request) {
    /* TODO 15: when the client says close, the connection does not stay,
       whatever else it says. When it says keep-alive, an old one stays as
       well. RFC 9112, 9.3. Proved by connection_closed, close_wins,
       http_1_0_kept. */
    return !request->old;
}
