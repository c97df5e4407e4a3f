/*
 * Tests how 08-http/cgi reads the output of a script: whatever the script
 * writes, the client gets one head, whose lines every client reads in the same
 * way. With -DREPLAY this program reads files; otherwise libFuzzer makes up the
 * inputs. The name of a file begins with the status that its head must have;
 * 000 means that the head is incomplete.
 */
#define _POSIX_C_SOURCE 200809L

#include "head.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void demand(bool is_so, const char *what) {
    if (!is_so) {
        fprintf(stderr, "failed: %s\n", what);
        abort();
    }
}

/* Checks that a text has no byte that could end a line or a string. */
static void demand_clean(const char *text, size_t length) {
    for (size_t at = 0; at < length; at++) {
        unsigned char byte = (unsigned char)text[at];
        demand((byte >= ' ' || byte == '\t') && byte != 127,
               "no control character reaches the client");
    }
}

static bool is_name_byte(unsigned char byte) {
    return byte < 128 && byte != '\0'
           && (isalnum(byte) || strchr("!#$%&'*+-.^_`|~", byte) != NULL);
}

/* Checks that a line is a field, and not one that the server sets itself. */
static void demand_field(const char *line, size_t length) {
    static const char *const own[] = {"Content-Length:", "Transfer-Encoding:",
                                      "Connection:", "Date:", "Status:"};
    size_t name = 0;

    demand_clean(line, length);
    while (name < length && is_name_byte((unsigned char)line[name]))
        name++;
    demand(name > 0 && name < length && line[name] == ':',
           "a line of the head is a name and a colon");
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        demand(length < strlen(own[i])
                   || strncasecmp(line, own[i], strlen(own[i])) != 0,
               "a script cannot set the server's own fields");
}

/* Checks that the client gets only fields, each ending in CR LF. */
static void check_fields(const struct head *head, size_t length) {
    char *fields = malloc(2 * length + 1);

    demand(fields != NULL, "there is memory");
    const char *end = write_fields(fields, head), *line = fields;
    demand(end <= fields + 2 * length, "the output is at most twice the input");
    while (line < end) {
        const char *stop = memchr(line, '\r', (size_t)(end - line));
        demand(stop != NULL && stop + 1 < end && stop[1] == '\n',
               "each line ends in CR LF");
        demand_field(line, (size_t)(stop - line));
        line = stop + 2;
    }
    free(fields);
}

/* Checks that the result is the same when the output arrives in pieces. */
static void check_prefixes(const char *bytes, size_t length, long end) {
    struct head head;
    size_t step = length / 64 + 1;

    for (size_t part = 0; part < length; part += step) {
        long result = parse_head(&head, bytes, part);
        demand(result == 0 || (end == -1 && result == -1)
                   || (end > 0 && part >= (size_t)end && result == end),
               "a head means the same, however it is split");
    }
}

static int check_head(const char *bytes, size_t length) {
    struct head head;
    long end = parse_head(&head, bytes, length);

    demand(end >= -1 && end <= (long)length, "the head is part of the output");
    check_prefixes(bytes, length, end);
    if (end == 0)
        return 0;
    if (end == -1) {
        demand(head.fault != NULL, "a malformed head has a reason");
        return 500;
    }
    demand(bytes[end - 1] == '\n', "the head ends with a newline");
    demand(head.status >= 200 && head.status <= 599, "the status is final");
    demand(head.length >= -1, "the length is a number");
    demand_clean(head.reason.start == NULL ? "" : head.reason.start,
                 head.reason.length);
    check_fields(&head, length);
    return head.status;
}

#ifdef REPLAY

int main(int count, char *paths[]) {
    for (int i = 1; i < count; i++) {
        static char bytes[65536];
        FILE *file = fopen(paths[i], "rb");
        demand(file != NULL, "the file can be read");
        size_t length = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        printf("%s\n", paths[i]);
        fflush(stdout);
        const char *slash = strrchr(paths[i], '/');
        long expected = strtol(slash == NULL ? paths[i] : slash + 1, NULL, 10);
        demand(check_head(bytes, length) == expected,
               "the status is the one in the file's name");
    }
    return 0;
}

#else

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    check_head((const char *)bytes, length);
    return 0;
}

#endif
