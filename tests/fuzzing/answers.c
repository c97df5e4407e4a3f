/*
 * The target for everything that is made from a request: dates, conditions,
 * ranges and response heads, for invented files of all kinds.
 */
#include "posix.h"

#include "demand.h"
#include "fuzz.h"
#include "second.h"

#include "date.h"
#include "response.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_REQUESTS 8  /* parsed in one input, at most */
#define YEAR_10000 253402300800ULL

/* The existing file. The corpus and the dictionary contain its tag and date. */
#define TAG "\"a-b-c.d\""
#define MODIFIED 784111777  /* Sun, 06 Nov 1994 08:49:37 GMT */
#define SIZE_OF_FILE 13

/* ------------------------------------------------------------------ dates */

/* A date survives being parsed, formatted and parsed again, and its day of the
   month, the first number in every format, is the same in the new date. */
static void check_date(struct text text) {
    char date[DATE_SIZE], copy[64] = "";
    time_t time, again;

    if (text.start == NULL || !parse_date(text, &time))
        return;
    demand(text.length < sizeof copy, "a date has fewer than 64 bytes");
    memcpy(copy, text.start, text.length);
    write_date(date, time);
    demand(parse_date((struct text){date, strlen(date)}, &again)
               && again == time,
           "a date that was written is read back unchanged");
    const char *day = copy + strcspn(copy, "0123456789");
    demand(strtol(day, NULL, 10) == strtol(date + 5, NULL, 10),
           "a day exists in its month");
}

/* Any time survives being formatted and parsed again. */
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

/* A head is a status line and fields, and no bytes from a client can end one of
   its lines. RFC 9112, 4 and 5. */
static void check_lines(struct text head, int status) {
    char start[sizeof "HTTP/1.1 200 "];

    snprintf(start, sizeof start, "HTTP/1.1 %03d ", status);
    demand(begins(head, start), "a response begins with version and status");
    while (head.length > 0) {
        struct text line = cut(&head, '\n', "every line of a head has an end");
        demand(line.length > 0 && line.start[--line.length] == '\r',
               "every line of a head ends in CR LF");
        demand(line.length > 0, "an empty line ends a head");
        for (size_t at = 0; at < line.length; at++)
            demand(!is_control_character(line.start[at]),
                   "there are no control bytes in a response's head");
        if (begins(line, start))
            continue;
        struct text name = cut(&line, ':', "every field has a colon");
        demand(is_a_token(name) && line.length > 1 && *line.start == ' ',
               "a field is a name, a colon, a space and a value");
    }
}

/* The content after a head has the length that the head announces. */
static void check_content(const struct response *response,
                          const struct request *request, const char *head,
                          size_t follows) {
    const char *length = value_of(head, "Content-Length");
    long long number = length == NULL ? -1 : strtoll(length, NULL, 10);
    bool none = response->status == 204 || response->status == 304;

    demand((length == NULL) == none, "all but 204 and 304 have a length");
    demand(length == NULL || length[strspn(length, "0123456789")] == '\r',
           "a Content-Length is a number");
    if (response->part_follows)
        demand(follows == 0 && response->body == response->length,
               "only a head precedes a file");
    else
        demand((long long)follows == response->body,
               "the head is followed by the page");
    demand(none || request->method == HEAD
               || number == response->body,
           "Content-Length is the length of what follows");
    demand((!none && request->method != HEAD) || response->body == 0,
           "a 204, a 304 and the answer to HEAD have no body");
}

/* A response is partial or refused only if the request allows it, and only
   bytes of the file are sent. */
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
               "a part lies within the file");
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
               "only GET with Range gets a part");
    demand(response->part_follows
               == (request->method == GET && response->status / 100 == 2),
           "a file is sent for a successful GET, and for nothing else");
}

/* Returns the status of the response. */
static int check_response(struct response response,
                          const struct request *request) {
    static char bytes[MOST_RESPONSE + 64];

    if (response.file != NULL) {
        apply_conditions(&response, request);
        check_conditions(&response, request);
    }
    memset(bytes + MOST_RESPONSE - 1, '#', sizeof bytes - MOST_RESPONSE + 1);
    char *end = write_response(bytes, &response, request);
    for (size_t at = MOST_RESPONSE - 1; at < sizeof bytes; at++)
        demand(bytes[at] == '#', "a response is shorter than MOST_RESPONSE");
    *end = '\0';
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
           "a 301 leads to another path of this host");
    return response.status;
}

/* Requests files of all kinds. Returns the status for the ordinary file. */
static int check_files(const struct request *request) {
    static const long long sizes[] = {SIZE_OF_FILE, 0, 1, 10000, LLONG_MAX};
    static const int others[] = {301, 403, 404, 500, 503};
    struct response response = {.persistent = is_persistent(request)};
    struct file file = {.type = "text/html; charset=utf-8", .tag = TAG};
    int usual = 0;

    write_date(file.modified, MODIFIED);
    file.status.st_mtime = MODIFIED;
    file.status.st_ctime = MODIFIED + 1;  /* later, so the date is strong */
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (others[i] == 301 && request->path[strlen(request->path) - 1] == '/')
            continue;  /* that path needs no slash */
        response.status = others[i];
        check_response(response, request);
    }
    for (size_t i = sizeof sizes / sizeof *sizes; i-- > 0;) {
        file.status.st_size = sizes[i];
        file.fields_length = 0;  /* another file */
        response.status = 200;
        response.file = &file;
        usual = check_response(response, request);
    }
    file.tag[0] = file.modified[0] = '\0';  /* the list of a directory */
    file.fields_length = 0;
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
           "the answer to a rejected HEAD has no page either");
    return check_response((struct response){.status = status}, request);
}

/* Checks a request and its body. Returns their length, or 0 if no other
   request can follow. */
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
    demand(used <= length, "a head has no more bytes than have arrived");
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

int check_answers(const char *bytes, size_t length) {
    struct text all = {bytes, length};
    int status = 0, count = 0;
    size_t at = 0, used = 1;

    if (is_plain(all))
        check_date(all);  /* the whole input may be one date */
    check_clock(all);
    while (used > 0 && at < length && count++ < MOST_REQUESTS) {
        used = check_request(bytes + at, length - at, &status);
        at += used;
    }
    return status;
}
