/*
 * What has to hold of all in 08-http that reads what a client sends, whatever
 * that is. An input is all that one client says on its connection. libFuzzer
 * makes inputs up, and prefers those that reach new code; replay.c takes those
 * of the corpus.
 *
 * A second reader of requests is in here, slow and simple: what the server has
 * taken for a request has to be one to it too.
 */
#define _POSIX_C_SOURCE 200809L

#include "fuzz.h"

#include "body.h"
#include "date.h"
#include "http.h"
#include "log.h"
#include "request.h"
#include "response.h"
#include "tree.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_REQUESTS 8  /* that are looked at on one connection */
#define YEAR_10000 253402300800ULL
#define MOST_ANSWERS 1000000  /* bytes that are compared */
#define DIRECTORY "08-http/www"

/* The file that is there: corpus and dictionary know its tag and date. */
#define TAG "\"a-b-c.d\""
#define MODIFIED 784111777  /* Sun, 06 Nov 1994 08:49:37 GMT */
#define SIZE_OF_FILE 13

static void demand(bool is_so, const char *what) {
    if (!is_so) {
        fprintf(stderr, "untrue: %s\n", what);
        abort();
    }
}

/* ------------------------------------------------------------------- text */

static bool lies_in(struct text text, const char *bytes, size_t length) {
    uintptr_t start = (uintptr_t)text.start, first = (uintptr_t)bytes;

    if (text.start == NULL)
        return text.length == 0;
    return start >= first && start - first <= length
           && text.length <= length - (start - first);
}

static bool is_control(char byte) {
    return (unsigned char)byte < ' ' || byte == 127;
}

static bool is_blank(char byte) {
    return byte == ' ' || byte == '\t';
}

static bool is_plain(struct text text) {
    for (size_t at = 0; at < text.length; at++)
        if (is_control(text.start[at]) && text.start[at] != '\t')
            return false;
    return true;
}

static bool is_a_token(struct text text) {
    for (size_t at = 0; at < text.length; at++) {
        unsigned char byte = (unsigned char)text.start[at];
        if (byte > 127 || byte == '\0'
            || !(isalnum(byte) || strchr("!#$%&'*+-.^_`|~", byte) != NULL))
            return false;
    }
    return text.length > 0;
}

static bool is(struct text text, const char *exactly) {
    return text.length == strlen(exactly)
           && memcmp(text.start, exactly, text.length) == 0;
}

static bool begins(struct text text, const char *with) {
    return text.length > 0 && *text.start == *with  /* which is all, mostly */
           && text.length >= strlen(with)
           && memcmp(text.start, with, strlen(with)) == 0;
}

static struct text without(struct text text, size_t length) {
    return (struct text){text.start + length, text.length - length};
}

/* Returns how long the next piece is: all there is if most is 0, else up to so
   many bytes, as the first of them says. */
static size_t piece_of(struct text bytes, size_t most) {
    size_t piece = most == 0 ? bytes.length
                             : 1 + (unsigned char)*bytes.start % most;

    return piece < bytes.length ? piece : bytes.length;
}

/* Takes all up to a byte, and that byte, off a text that has it. */
static struct text cut(struct text *rest, char byte, const char *demanded) {
    struct text piece = {rest->start, 0};

    while (piece.length < rest->length && piece.start[piece.length] != byte)
        piece.length++;
    demand(piece.length < rest->length, demanded);
    rest->start += piece.length + 1;
    rest->length -= piece.length + 1;
    return piece;
}

static struct text cut_line(struct text *rest) {
    struct text line = cut(rest, '\n', "every line of a head ends in one");

    if (line.length > 0 && line.start[line.length - 1] == '\r')
        line.length--;
    return line;
}

/* ----------------------------------------------------------------- pieces */

/* Parses a copy: nothing is behind it that could be read by mistake. */
static long parse_alone(const char *bytes, size_t length) {
    static struct request request;
    char *copy = malloc(length + (length == 0));

    if (copy == NULL)
        abort();
    memcpy(copy, bytes, length);
    long result = parse_request(&request, copy, length);
    demand(request.line.start == NULL
               || lies_in(request.line, copy, length),
           "the request line is among the bytes, also if it is refused");
    free(copy);
    return result;
}

/* As long as too little has come there is no result, then it is this one. */
static void check_prefix(const char *bytes, size_t length, long result) {
    long got = parse_alone(bytes, length);

    demand(got == 0 || got == result,
           "no bytes that come later change what a request is, nor the status "
           "that it is refused with");
    demand(result <= 0 || (got != 0) == (length >= (size_t)result),
           "a request is there when its last byte is, and not before");
}

/* Of long inputs not every beginning is looked at: what is skipped, the bytes
   themselves say. */
static void check_prefixes(const char *bytes, size_t length, long result) {
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
           "the request line is the first that is not empty");
    demand(is_a_token(method), "a method is a token");
    demand(is(method, "GET") == (request->method == GET)
               && is(method, "HEAD") == (request->method == HEAD)
               && is(method, "OPTIONS") == (request->method == OPTIONS),
           "a method is the one that is named");
    demand(target.length > 0 && target.length <= MAX_TARGET,
           "a target has no more than MAX_TARGET bytes, and at least one");
    for (size_t at = 0; at < line.length; at++)
        demand(!is_control(line.start[at]),
               "there are no control bytes in a request line");
    demand(rest.length == 8 && begins(rest, "HTTP/1.")
               && rest.start[7] >= '0' && rest.start[7] <= '9',
           "a version is HTTP/1 and another digit");
    demand(request->http10 == (rest.start[7] == '0'),
           "only HTTP/1.0 is the old version");
}

/* The path is what the target means: undone once, from slash to NUL. */
static void check_path(const struct request *request) {
    struct text target = request->target;
    size_t end = 0;

    demand(target.length > 0 && *target.start == '/',
           "a path begins with a slash");
    for (size_t at = 0; at < target.length; at++) {
        char byte = target.start[at];
        if (byte == '%') {
            demand(target.length - at > 2, "an escape is whole");
            char digits[] = {target.start[at + 1], target.start[at + 2], 0};
            demand(isxdigit((unsigned char)digits[0])
                       && isxdigit((unsigned char)digits[1]),
                   "an escape is of two hexadecimal digits");
            byte = (char)strtol(digits, NULL, 16);
            at += 2;
        }
        demand(byte != '\0', "there is no NUL in a path");
        demand(request->path[end++] == byte, "a path is the target, decoded");
    }
    demand(request->path[end] == '\0', "a path ends where the target does");
}

/* ----------------------------------------------------------------- fields */

/* What the second reader has seen in a head. */
struct seen {
    int fields, hosts, lengths, codings;
};

/* RFC 9110, 8.6: a list of one and the same number. */
static void check_length(struct text value, unsigned long long length) {
    const char *at = value.start, *end = value.start + value.length;
    char *after;

    do {
        at += strspn(at, " \t");
        demand(isdigit((unsigned char)*at), "a length begins with a digit");
        demand(strtoull(at, &after, 10) == length && length <= LLONG_MAX,
               "all lengths are the same, and the body's");
        after += strspn(after, " \t");
        demand(after == end || *after == ',', "a length is only digits");
        at = after + 1;
    } while (after < end);
}

/* Notes what a field means for where the request ends, and the connection. */
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
               "a client may have its connection closed");
    if (is_word(name, "Content-Length")) {
        seen->lengths++;
        check_length(value, request->length);
    }
}

/* Where the body ends must be beyond doubt: RFC 9112, 6. */
static void check_framing(const struct request *request, struct seen seen) {
    demand(seen.hosts == 1 || (seen.hosts == 0 && request->http10),
           "there is one host, or none in HTTP/1.0");
    demand(seen.codings == 0 || seen.lengths == 0,
           "there is no Content-Length beside a Transfer-Encoding");
    demand(seen.codings == 0 || !request->http10,
           "there is no Transfer-Encoding in HTTP/1.0");
    demand((seen.codings > 0) == request->chunked && !request->other_coding,
           "chunked is the only coding that is taken, and then it is noted");
    demand(seen.lengths > 0 || request->length == 0,
           "without a Content-Length there is no length");
}

static void check_values(const struct request *request, const char *bytes,
                         size_t length) {
    for (int field = 0; field < FIELDS; field++) {
        struct text value = request->fields[field];
        demand(lies_in(value, bytes, length), "a field is among the bytes");
        demand(is_plain(value), "there are no control bytes in a value");
        demand(value.length == 0
                   || (!is_blank(*value.start)
                       && !is_blank(value.start[value.length - 1])),
               "there are no blanks around a value");
    }
}

/* Reads a head that was taken once more. */
static void check_head(const struct request *request, const char *bytes,
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
           "the lines of the fields are among the bytes");
    demand(is(request->target, "/") || lies_in(request->target, bytes, length),
           "the target is among the bytes, if it is not just a slash");
    demand(lies_in(request->query, bytes, length)
               && (request->query.length == 0 || *request->query.start == '?'),
           "a query is among the bytes, and begins with a question mark");
    if (request->target.length > 0 && !is(request->target, "*"))
        check_path(request);
}

/* ------------------------------------------------------------------- body */

/* Returns how many bytes up to the end of a line, which is CR LF and nothing
   else; 0 if the line is none or has no end. */
static size_t line_length(struct text rest) {
    size_t length = 0;

    while (length < rest.length
           && (!is_control(rest.start[length]) || rest.start[length] == '\t'))
        length++;
    if (rest.length - length < 2
        || memcmp(rest.start + length, "\r\n", 2) != 0)
        return 0;
    return length + 2;
}

/* Returns how many bytes a chunk has, from its size to its last CR LF; 0 if
   they are not there or it is none. Notes the size. */
static size_t chunk_length(struct text rest, unsigned long long *size) {
    size_t line = line_length(rest), digits = 0;

    *size = 0;
    while (digits < line && isxdigit((unsigned char)rest.start[digits])) {
        char digit[] = {rest.start[digits++], '\0'};
        *size = *size * 16 + strtoull(digit, NULL, 16);
        if (*size > rest.length)
            return 0;
    }
    if (digits == 0 || line == 0
        || strchr("\r; \t", rest.start[digits]) == NULL)
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

/* Returns how many bytes a chunked body has, 0 if it is not there as a whole
   or is none. RFC 9112, 7.1. */
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

/* Passes over a body that comes in pieces of up to so many bytes; how many it
   is, each piece says itself. */
static size_t skip_pieces(struct body *body, struct text bytes, size_t most) {
    size_t used = 0, piece = 0, taken = 0;

    while (taken == piece && used < bytes.length) {
        piece = piece_of(without(bytes, used), most);
        taken = skip_body(body, bytes.start + used, piece);
        demand(taken <= piece, "a body has no more bytes than have come");
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

/* Passes over a body, in whatever pieces it comes. Returns its bytes. */
static size_t check_body(struct body *body, struct text bytes) {
    const struct body before = *body;
    size_t used = skip_body(body, bytes.start, bytes.length);

    demand(used <= bytes.length, "a body has no more bytes than have come");
    for (size_t most = 1; most <= 256; most *= 16) {
        struct body other = before;
        demand(skip_pieces(&other, bytes, most) == used && same(&other, body),
               "a body is the same in one piece and in several");
    }
    struct body after = *body;
    demand(!is_over(body)
               || (skip_body(&after, bytes.start, bytes.length) == 0
                   && same(&after, body)),
           "when a body is over it stays so");
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

/* ------------------------------------------------------------------ dates */

/* A date means the same when it is written and read again; and whatever its
   form, the first number in it is the day. */
static void check_date(struct text text) {
    char date[DATE_SIZE], copy[64] = "";
    time_t time, again;

    if (text.start == NULL || !parse_date(text, &time))
        return;
    demand(text.length < sizeof copy, "a date has less than 64 bytes");
    memcpy(copy, text.start, text.length);
    write_date(date, time);
    demand(parse_date((struct text){date, strlen(date)}, &again)
               && again == time,
           "a date that is written is read as the same");
    const char *day = copy + strcspn(copy, "0123456789");
    demand(strtol(day, NULL, 10) == strtol(date + 5, NULL, 10),
           "a day is one that its month has");
}

/* Whatever time it is, its date is read as that time again. */
static void check_clock(struct text bytes) {
    unsigned long long number = 0;
    char date[DATE_SIZE];
    time_t again;

    for (size_t at = 0; at < bytes.length; at++)
        number = number * 31 + (unsigned char)bytes.start[at];
    time_t time = (time_t)(number % YEAR_10000);
    write_date(date, time);
    demand(parse_date((struct text){date, strlen(date)}, &again)
               && again == time,
           "every date that is written can be read");
}

/* --------------------------------------------------------------- responses */

/* Returns the value of a field in a head that ends in NUL, or NULL. */
static const char *value_of(const char *head, const char *name) {
    const char *line = head;
    size_t length = strlen(name);

    while ((line = strstr(line, "\r\n")) != NULL) {
        line += 2;
        if (strncmp(line, name, length) == 0
            && strncmp(line + length, ": ", 2) == 0)
            return line + length + 2;
    }
    return NULL;
}

static bool has(const char *head, const char *name, const char *value) {
    const char *found = value_of(head, name);

    return found != NULL && strncmp(found, value, strlen(value)) == 0
           && found[strlen(value)] == '\r';
}

/* A head is a status line and fields, and nothing that a client has sent can
   end a line of it. RFC 9112, 4 and 5. */
static void check_lines(struct text head, int status) {
    char start[sizeof "HTTP/1.1 200 "];

    snprintf(start, sizeof start, "HTTP/1.1 %03d ", status);
    demand(begins(head, start), "a response begins with version and status");
    while (head.length > 0) {
        struct text line = cut(&head, '\n', "every line of a head ends in one");
        demand(line.length > 0 && line.start[--line.length] == '\r',
               "every line of a response ends in CR LF");
        demand(line.length > 0, "an empty line ends a head");
        for (size_t at = 0; at < line.length; at++)
            demand(!is_control(line.start[at]),
                   "there are no control bytes in a response's head");
        if (begins(line, start))
            continue;
        struct text name = cut(&line, ':', "every field has a colon");
        demand(is_a_token(name) && line.length > 1 && *line.start == ' ',
               "a field is a name, a colon, a space and a value");
    }
}

/* What follows a head is as long as it says. */
static void check_content(const struct response *response,
                          const struct request *request, const char *head,
                          size_t follows) {
    const char *length = value_of(head, "Content-Length");
    bool none = response->status == 204 || response->status == 304;

    demand((length == NULL) == none, "all but 204 and 304 have a length");
    demand(none || length[strspn(length, "0123456789")] == '\r',
           "a Content-Length is a number");
    if (response->part_follows)
        demand(follows == 0 && response->body == response->length,
               "before a file there is only a head");
    else
        demand((long long)follows == response->body,
               "what follows the head is the page");
    demand(none || request->method == HEAD
               || strtoll(length, NULL, 10) == response->body,
           "a Content-Length is that of what follows");
    demand((!none && request->method != HEAD) || response->body == 0,
           "nothing follows the answer to HEAD, 204 and 304");
}

/* Only what is asked for can be refused, or cut; the file has what is sent. */
static void check_conditions(const struct response *response,
                             const struct request *request) {
    const struct text *fields = request->fields;
    long long size = response->file->status.st_size;

    switch (response->status) {
    case 200:
        demand(response->start == 0 && response->length == size,
               "200 is for the whole file");
        break;
    case 206:
        demand(response->start >= 0 && response->length > 0
                   && response->length <= size - response->start,
               "a part is in the file");
        break;
    case 304:
        demand(fields[IF_NONE_MATCH].start != NULL
                   || fields[IF_MODIFIED_SINCE].start != NULL,
               "304 answers a condition");
        break;
    case 412:
        demand(fields[IF_MATCH].start != NULL
                   || fields[IF_UNMODIFIED_SINCE].start != NULL,
               "412 answers a condition");
        break;
    default:
        demand(response->status == 416, "no condition has another outcome");
    }
    if (response->status == 206 || response->status == 416)
        demand(request->method == GET && fields[RANGE].start != NULL
                   && response->file->tag[0] != '\0',
               "a part is for who asks for it with GET");
    demand(response->part_follows
               == (request->method == GET && response->status / 100 == 2),
           "a file is sent for GET, and only then");
}

/* Returns the status that the answer has come to have. */
static int check_response(struct response response,
                          const struct request *request) {
    static char bytes[MOST_RESPONSE + 64];

    if (response.file != NULL) {
        apply_conditions(&response, request);
        check_conditions(&response, request);
    }
    memset(bytes + MOST_RESPONSE - 1, '#', sizeof bytes - MOST_RESPONSE + 1);
    const char *end = write_response(bytes, &response, request);
    for (size_t at = MOST_RESPONSE - 1; at < sizeof bytes; at++)
        demand(bytes[at] == '#', "a response has less than MOST_RESPONSE");
    demand(memchr(bytes, '\0', MOST_RESPONSE) == end,
           "there is no NUL in a response");
    char *empty = strstr(bytes, "\r\n\r\n");
    demand(empty != NULL, "an empty line ends a head");
    check_lines((struct text){bytes, (size_t)(empty + 2 - bytes)},
                response.status);
    empty[2] = '\0';
    check_content(&response, request, bytes, (size_t)(end - (empty + 4)));
    demand(has(bytes, "Connection", "close") == !response.persistent,
           "a connection's end is announced");
    const char *location = value_of(bytes, "Location");
    demand((location != NULL) == (response.status == 301),
           "301 leads elsewhere");
    demand(location == NULL || (location[0] == '/' && location[1] != '/'),
           "it leads to another path of this host");
    return response.status;
}

/* Asks for all kinds of files. Returns the status for the usual one. */
static int check_files(const struct request *request) {
    static const long long sizes[] = {SIZE_OF_FILE, 0, 1, 10000, LLONG_MAX};
    static const int others[] = {301, 403, 404, 500, 503};
    struct response response = {.persistent = is_persistent(request)};
    struct file file = {.type = "text/html; charset=utf-8", .tag = TAG};
    int usual = 0;

    write_date(file.modified, MODIFIED);
    file.status.st_mtime = MODIFIED;
    file.status.st_ctime = MODIFIED + 1;  /* it was set, so it is strong */
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (others[i] == 301 && request->path[strlen(request->path) - 1] == '/')
            continue;  /* that path needs no slash */
        response.status = others[i];
        check_response(response, request);
    }
    for (size_t i = sizeof sizes / sizeof *sizes; i-- > 0;) {
        file.status.st_size = sizes[i];
        response.status = 200;
        response.file = &file;
        usual = check_response(response, request);
    }
    file.tag[0] = file.modified[0] = '\0';  /* the list of a directory */
    int status = check_response(response, request);
    demand(status == 200 || status == 304 || status == 412,
           "a list has no ranges");
    return usual;
}

/* Returns the status of the answer to a request. */
static int check_answer(const struct request *request) {
    struct response response = {.persistent = is_persistent(request)};

    switch (request->method) {
    case GET:
    case HEAD:
        return check_files(request);
    case OPTIONS:
        response.status = 204;
        break;
    case NOT_ALLOWED:
        response.status = 405;
        break;
    default:
        response.status = 501;
    }
    return check_response(response, request);
}

/* ---------------------------------------------------------------- requests */

static int check_refusal(int status, const struct request *request) {
    demand(status == 400 || status == 414 || status == 417 || status == 431
               || status == 501 || status == 505,
           "there is such a refusal");
    demand(status == 400 || request->method == HEAD
               || !begins(request->line, "HEAD "),
           "a HEAD that is refused is one, too: its answer has no page");
    return check_response((struct response){.status = status}, request);
}

/* Checks a request and its body. Returns how many bytes that are, 0 if none
   can follow. */
static size_t check_request(const char *bytes, size_t length, int *status) {
    static struct request request;
    long head = parse_request(&request, bytes, length);

    *status = 0;
    check_prefixes(bytes, length, head);
    if (head < 0)
        *status = check_refusal((int)-head, &request);
    if (head <= 0)
        return 0;
    size_t used = (size_t)head;
    demand(used <= length, "a head has no more bytes than have come");
    check_head(&request, bytes, used);
    check_date(request.fields[IF_MODIFIED_SINCE]);
    check_date(request.fields[IF_UNMODIFIED_SINCE]);
    check_date(request.fields[IF_RANGE]);
    struct body body = expect_body(&request);
    used += check_body(&body, (struct text){bytes + used, length - used});
    if (body.state == NONE)
        *status = check_answer(&request);
    else if (body.state == BROKEN)
        *status = check_refusal(400, &request);
    return body.state == NONE ? used : 0;
}

/* ------------------------------------------------------------- connections */

/* A client that sends bytes and takes answers, in pieces of up to so many
   bytes, or whole if that is 0. */
static struct {
    struct text bytes;
    size_t most;
    char *answers;
    size_t end;      /* of the answers */
    bool finished;   /* the server has ended its half */
} client;

static ssize_t receive_piece(int fd, void *buffer, size_t size) {
    size_t piece;

    (void)fd;
    demand(size > 0, "there is room for more of a request");
    if (client.bytes.length == 0)
        return 0;
    piece = piece_of(client.bytes, client.most);
    if (piece > size)
        piece = size;
    memcpy(buffer, client.bytes.start, piece);
    client.bytes = without(client.bytes, piece);
    return (ssize_t)piece;
}

static ssize_t send_piece(int fd, struct iovec parts[2], bool more) {
    size_t length = parts[0].iov_len + parts[1].iov_len, sent = 0;

    (void)fd, (void)more;
    demand(length > 0, "nothing is not sent");
    demand(!client.finished, "nothing is sent after the end");
    if (client.most > 0)
        length = length / 2 + 1;
    if (length > MOST_ANSWERS - client.end)
        length = MOST_ANSWERS - client.end;
    for (int part = 0; part < 2 && sent < length; part++) {
        size_t piece = parts[part].iov_len;
        if (piece > length - sent)
            piece = length - sent;
        if (piece > 0)
            memcpy(client.answers + client.end + sent, parts[part].iov_base,
                   piece);
        sent += piece;
    }
    client.end += sent;
    return (ssize_t)sent;
}

static ssize_t send_file_piece(int fd, int file, long long start,
                               size_t length) {
    static char bytes[16384];
    ssize_t count = pread(file, bytes,
                          length < sizeof bytes ? length : sizeof bytes,
                          (off_t)start);
    struct iovec parts[2] = {{bytes, count > 0 ? (size_t)count : 0}, {NULL, 0}};

    demand(count > 0, "a file has as many bytes as announced");
    return send_piece(fd, parts, false);
}

static void finish(int fd) {
    (void)fd;
    demand(!client.finished, "a stream ends once");
    client.finished = true;
}

/* Lets a client talk to the server. Returns how many bytes the answers have. */
static size_t converse(struct text bytes, size_t most, char *answers) {
    static const struct transport transport = {receive_piece, send_piece,
                                               finish, send_file_piece};
    union address peer = {.in.sin_family = AF_INET};
    struct http http = {.peer = &peer};
    enum http_state state = RECEIVING;

    client.bytes = bytes;
    client.most = most;
    client.answers = answers;
    client.end = 0;
    client.finished = false;
    while (state != CLOSED && client.end < MOST_ANSWERS)
        state = serve_http(&http, 0, &transport);
    demand(client.end == MOST_ANSWERS || client.bytes.length == 0,
           "a connection is closed only when the client has ended");
    end_http(&http);
    return client.end;
}

/* Leaves out what the time decides: dates, and whether a client had to be asked
   for a body. Returns how many bytes are left. */
static size_t leave_out_chance(char *answers, size_t length) {
    static const char date[] = "\r\nDate: ";
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    size_t end = 0, at = 0;

    while (at < length) {
        struct text rest = {answers + at, length - at};
        if (begins(rest, interim))
            at += strlen(interim);
        else if (begins(rest, date))
            at += strlen(date) + DATE_SIZE - 1;
        else
            answers[end++] = answers[at++];
    }
    return end;
}

/* The answers do not depend on how the bytes come, nor on how fast they are
   taken. */
static void check_conversation(struct text bytes) {
    static char answers[2][MOST_ANSWERS];
    size_t whole = converse(bytes, 0, answers[0]);
    size_t pieces = converse(bytes, bytes.length / 256 + 1, answers[1]);
    bool all = whole < MOST_ANSWERS && pieces < MOST_ANSWERS;

    for (size_t at = 0; at + 4 <= bytes.length; at++)
        if (memcmp(bytes.start + at, "100-", 4) == 0)
            return;  /* Expect: a refusal comes before the body, if it can */
    whole = leave_out_chance(answers[0], whole);
    pieces = leave_out_chance(answers[1], pieces);
    size_t length = whole < pieces ? whole : pieces;
    demand((whole == pieces || !all)
               && memcmp(answers[0], answers[1], length) == 0,
           "the answers are the same, in whatever pieces the requests come");
}

static void prepare(void) {
    static bool prepared;

    if (!prepared)
        demand(serve_directory(DIRECTORY, "") && open_log("/dev/null"),
               DIRECTORY " is there, seen from here");
    prepared = true;
}

int check_connection(const char *bytes, size_t length) {
    struct body chunked = {.state = SIZE};
    struct text all = {bytes, length};
    int status = 0, count = 0;
    size_t at = 0, used = 1;

    prepare();
    check_conversation(all);
    check_body(&chunked, all);  /* all of it may be one, or a date, too */
    if (is_plain(all))
        check_date(all);
    check_clock(all);
    while (used > 0 && at < length && count++ < MOST_REQUESTS) {
        used = check_request(bytes + at, length - at, &status);
        at += used;
    }
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    check_connection((const char *)bytes, length);
    return 0;
}
