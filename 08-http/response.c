/*
 * The head of a response: a request and a file in, bytes out.
 * SPDX-License-Identifier: 0BSD
 */
#include "posix.h"

#include "response.h"

#include "page.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const struct phrase {
    int status;
    const char *title;  /* of the error page, and in the status line */
    const char *text;   /* of the error page, or NULL if there is none */
} phrases[] = {
    {200, "200 OK", NULL},
    {204, "204 No Content", NULL},
    {206, "206 Partial Content", NULL},
    {301, "301 Moved Permanently",
     "The address of a directory ends in a slash."},
    {304, "304 Not Modified", NULL},
    {400, "400 Bad Request", "This is not valid HTTP."},
    {403, "403 Forbidden", "The server has no permission to read this file."},
    {404, "404 Not Found", "There is no file with this name."},
    {405, "405 Method Not Allowed", "Only GET, HEAD and OPTIONS are allowed."},
    {412, "412 Precondition Failed", "The file has changed since then."},
    {414, "414 URI Too Long", "The address is too long."},
    {416, "416 Range Not Satisfiable", "The file is shorter than the range."},
    {417, "417 Expectation Failed", "Only 100-continue can be expected."},
    {431, "431 Request Header Fields Too Large", "The head is too long."},
    {501, "501 Not Implemented", "This method or coding is not supported."},
    {503, "503 Service Unavailable",
     "A resource is exhausted. Try again soon."},
    {505, "505 HTTP Version Not Supported", "This server supports HTTP/1.1."},
    {500, "500 Internal Server Error", "The server could not read the file."},
};

/* ------------------------------------------------------------- conditions */

/* Returns whether a list of entity tags contains this one. A weak comparison
   ignores W/ before a tag. RFC 9110, 8.8.3. */
static bool list_has(struct text list, const char *tag, bool weak) {
    const char *at = list.start, *end = list.start + list.length;

    if (is_word(list, "*"))
        return true;
    while ((at = memchr(at, '"', (size_t)(end - at))) != NULL) {
        const char *close = memchr(at + 1, '"', (size_t)(end - at - 1));
        if (close == NULL)
            break;
        size_t length = (size_t)(close - at) + 1;
        bool is_weak = at > list.start && at[-1] == '/';
        if (length == strlen(tag) && memcmp(at, tag, length) == 0
            && (weak || !is_weak))
            return true;
        at = close + 1;
    }
    return false;
}

static bool has_tag(const struct request *request, enum field field,
                    const struct file *file, bool weak) {
    struct text lines = request->lines, list;

    while (next_value(&lines, field, &list))
        if (list_has(list, file->tag, weak))
            return true;
    return false;
}

/* Returns whether a file was changed after a date. If its modification time is
   in the future, the time of the inode's last change (ctime), which only this
   system's clock can set, is used instead. */
static bool is_later(const struct file *file, time_t date) {
    time_t changed = file->status.st_mtime;

    if (changed > time(NULL))
        changed = file->status.st_ctime;
    return changed > date;
}

/* Evaluates the preconditions in the order of RFC 9110, 13.2.2. The list of a
   directory has no tag and no date: only * matches, and dates are ignored. */
static int precondition(const struct request *request,
                        const struct file *file) {
    const struct text *fields = request->fields;
    bool dated = file->modified[0] != '\0';
    time_t date;

    if (fields[IF_MATCH].start != NULL) {
        if (!has_tag(request, IF_MATCH, file, false))
            return 412;
    } else if (dated && fields[IF_UNMODIFIED_SINCE].start != NULL) {
        if (parse_date(fields[IF_UNMODIFIED_SINCE], &date)
            && is_later(file, date))
            return 412;
    }
    if (fields[IF_NONE_MATCH].start != NULL) {
        if (has_tag(request, IF_NONE_MATCH, file, true))
            return 304;
    } else if (dated && fields[IF_MODIFIED_SINCE].start != NULL) {
        if (parse_date(fields[IF_MODIFIED_SINCE], &date)
            && !is_later(file, date))
            return 304;
    }
    return 200;
}

/* Returns whether a file's date identifies only one version. Usually it does
   not: writes within a second share a date. RFC 9110, 13.1.5, 8.8.2.2. It does
   if a program (tar, rsync, touch -d) has set it to a whole second: after a
   write the time has a fraction of a second, or equals the ctime. */
static bool has_strong_date(const struct file *file) {
    return file->status.st_mtim.tv_nsec == 0
           && file->status.st_ctime > file->status.st_mtime;
}

/* Returns whether a range of this version of the file is requested. */
static bool range_applies(const struct request *request,
                          const struct file *file) {
    struct text lines = request->lines, value;
    time_t date;

    if (request->method != GET || request->fields[RANGE].start == NULL
        || !next_value(&lines, RANGE, &value)
        || next_value(&lines, RANGE, &value) || file->tag[0] == '\0')
        return false;
    value = request->fields[IF_RANGE];
    if (value.start == NULL)
        return true;
    if (parse_date(value, &date))
        return date == file->status.st_mtime && has_strong_date(file);
    return !is_word(value, "*") && list_has(value, file->tag, false);
}

/* Finds the range that a field asks for. More than one range, or an invalid
   one, is ignored: the response is the whole file. RFC 9110, 14.2. */
static int find_range(struct response *response, struct text field) {
    unsigned long long size = (unsigned long long)response->length;
    unsigned long long first, last = size - 1;
    struct text unit = {field.start, strlen("bytes=")};
    const char *dash = memchr(field.start, '-', field.length);

    if (field.length < unit.length || !is_word(unit, "bytes=") || dash == NULL)
        return 200;
    const char *start = field.start + unit.length;
    const char *end = field.start + field.length;
    struct text before = {start, (size_t)(dash - start)};
    struct text after = {dash + 1, (size_t)(end - dash - 1)};
    if (before.length == 0) {  /* "-5": the last five bytes */
        if (!parse_digits(after, &first))
            return 200;
        if (size == 0 && first > 0)
            return 200;  /* all of an empty file */
        if (first == 0)
            return 416;
        first = first < size ? size - first : 0;
    } else if (!parse_digits(before, &first)
               || (after.length > 0 && !parse_digits(after, &last))
               || (after.length > 0 && last < first)) {
        return 200;
    }
    if (first >= size)
        return 416;
    if (last >= size)
        last = size - 1;
    response->start = (long long)first;
    response->length = (long long)(last - first + 1);
    return 206;
}

void apply_conditions(struct response *response,
                      const struct request *request) {
    struct file *file = response->file;

    response->start = 0;
    response->length = file->status.st_size;
    response->status = precondition(request, file);
    if (response->status == 200 && range_applies(request, file))
        response->status = find_range(response, request->fields[RANGE]);
    if (request->method == GET
        && (response->status == 200 || response->status == 206)) {
        response->part_follows = true;
        response->body = response->length;
    }
}

/* ------------------------------------------------------------------- head */

static const struct phrase *phrase_of(int status) {
    const struct phrase *phrase = phrases;

    while (phrase->status != status && phrase->status != 500)
        phrase++;
    return phrase;
}

/* Writes the fields that all responses share; formats them once a second. */
static char *write_common_fields(char *to) {
    static char fields[128];
    static size_t length;
    static time_t last = -1;
    time_t now = time(NULL);

    if (now != last) {
        char date[DATE_SIZE];
        write_date(date, now);
        length = (size_t)snprintf(fields, sizeof fields,
                                  "Server: sockets-ladder\r\nDate: %s\r\n",
                                  date);
        last = now;
    }
    memcpy(to, fields, length);
    return to + length;
}

/* Copies a string without its NUL. Returns the end of the copy. Inline, so that
   a literal is copied by a few instructions. */
static inline char *append(char *to, const char *string) {
    size_t length = strlen(string);

    memcpy(to, string, length);
    return to + length;
}

/* Writes a number. snprintf would take longer than the rest of the head. */
static char *write_number(char *to, long long number) {
    unsigned long long left = (unsigned long long)number;
    char digits[20];
    size_t count = 0;

    do {
        digits[count++] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    while (count > 0)
        *to++ = digits[--count];
    return to;
}

/* RFC 9112, 9.3: by default 1.1 stays open and 1.0 closes. */
static char *write_connection(char *to, const struct response *response,
                              const struct request *request) {
    if (!response->persistent)
        return append(to, "Connection: close\r\n");
    return request->http10 ? append(to, "Connection: keep-alive\r\n") : to;
}

static char *write_range(char *to, const struct response *response) {
    to = append(to, "Content-Range: bytes ");
    if (response->status == 206) {
        to = write_number(to, response->start);
        *to++ = '-';
        to = write_number(to, response->start + response->length - 1);
    } else {
        *to++ = '*';
    }
    *to++ = '/';
    to = write_number(to, response->file->status.st_size);
    return append(to, "\r\n");
}

static set_of_bytes address_bytes =
    "................................"
    ".!..$%&'()*+,-./0123456789:;.=.?"
    "@ABCDEFGHIJKLMNOPQRSTUVWXYZ...._"
    ".abcdefghijklmnopqrstuvwxyz...~.";

/* Escapes what a path or a query must not contain: RFC 3986, 3.3 and 3.4. Some
   browsers would read a backslash as a slash. */
static char *write_text(char *to, struct text text) {
    for (size_t at = 0; at < text.length; at++) {
        char byte = text.start[at];
        if (is_in(address_bytes, byte))
            *to++ = byte;
        else
            to += sprintf(to, "%%%02X", (unsigned char)byte);
    }
    return to;
}

/* Writes the address of the directory: the target with a slash at its end. "//"
   at its start would name another host. */
static char *write_location(char *to, const struct request *request) {
    struct text target = request->target;

    while (target.length > 1 && target.start[1] == '/') {
        target.start++;
        target.length--;
    }
    to = write_text(append(to, "Location: "), target);
    to = write_text(append(to, "/"), request->query);
    return append(to, "\r\n");
}

/* no-cache: a browser may store the file, but must ask before each use whether
   it has changed. Otherwise it could use its copy for a tenth of the file's
   age, and would not show an edit: RFC 9111, 4.2.2 and 5.2.2.4. */
static char *format_file_fields(char *to, const struct response *response) {
    const struct file *file = response->file;

    if (response->status != 304) {
        to = append(append(to, "Content-Type: "), file->type);
        to = append(to, "\r\nContent-Length: ");
        to = write_number(to, response->length);
        to = append(to, "\r\nX-Content-Type-Options: nosniff\r\n");
    }
    to = append(to, "Cache-Control: no-cache\r\n");
    if (file->modified[0] != '\0')
        to = append(append(append(to, "Last-Modified: "), file->modified),
                    "\r\n");
    if (file->tag[0] == '\0')
        return to;
    to = append(append(to, "ETag: "), file->tag);
    return append(to, "\r\nAccept-Ranges: bytes\r\n");
}

/* Writes the fields of a file. Those of a response with the whole file are the
   same for every client, so they are formatted only once. */
static char *write_file_fields(char *to, const struct response *response) {
    struct file *file = response->file;

    if (response->status != 200)
        return format_file_fields(to, response);
    if (file->fields_length == 0)
        file->fields_length =
            (size_t)(format_file_fields(file->fields, response) - file->fields);
    memcpy(to, file->fields, file->fields_length);
    return to + file->fields_length;
}

/* Writes the fields of an error page, the empty line, and the page. */
static char *write_error_page(char *to, struct response *response,
                              const struct request *request) {
    const struct phrase *phrase = phrase_of(response->status);
    static const char form[] =
        PAGE_START
        "<title>%s</title>\n<h1>%s</h1>\n<p>%s</p>\n";
    char page[512];
    int length = snprintf(page, sizeof page, form, phrase->title,
                          phrase->title, phrase->text);

    to = append(to, "Content-Type: text/html; charset=utf-8\r\n");
    to = write_number(append(to, "Content-Length: "), length);
    to = append(to, "\r\nX-Content-Type-Options: nosniff\r\n\r\n");
    if (request->method == HEAD)
        return to;
    response->body = length;
    return append(to, page);
}

char *write_response(char *to, struct response *response,
                     const struct request *request) {
    const struct phrase *phrase = phrase_of(response->status);

    to = append(append(append(to, "HTTP/1.1 "), phrase->title), "\r\n");
    to = write_common_fields(to);
    to = write_connection(to, response, request);
    if (response->status == 204 || response->status == 405)
        to = append(to, "Allow: GET, HEAD, OPTIONS\r\n");
    if (response->status == 503)
        to = append(to, "Retry-After: 1\r\n");
    if (response->status == 206 || response->status == 416)
        to = write_range(to, response);
    if (response->status == 301)
        to = write_location(to, request);
    if (phrase->text != NULL)
        return write_error_page(to, response, request);
    if (response->file != NULL)
        to = write_file_fields(to, response);
    return append(to, "\r\n");
}
