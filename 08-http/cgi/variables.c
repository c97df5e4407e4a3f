/*
 * The variables that describe the request to a program.
 * SPDX-License-Identifier: 0BSD
 */
#ifdef __linux__
#define _GNU_SOURCE  /* for realpath */
#endif
#include "posix.h"

#include "variables.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"
#define MOST_INHERITED 4096  /* bytes of a variable of the server's own */

/* The fields that do not become variables, or do so under other names. */
static const char *const dropped[] = {
    "Authorization",
    "Connection",
    "Content-Length",
    "Content-Type",
    "Expect",
    "Keep-Alive",
    "Proxy",
    "Proxy-Authorization",
    "Proxy-Connection",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
};

/* ------------------------------------------------------------------ adding */

static void add_bytes(struct variables *variables, const char *bytes,
                      size_t length) {
    size_t left = sizeof variables->bytes - variables->used;
    size_t room = left > 0 ? left - 1 : 0;

    if (length > room)
        length = room;  /* cannot happen: the longest head fits */
    memcpy(variables->bytes + variables->used, bytes, length);
    variables->used += length;
}

/* Begins a variable. The caller adds NAME=value, and calls end_variable. */
static void begin_variable(struct variables *variables) {
    variables->names[variables->count++] = variables->bytes + variables->used;
}

static void end_variable(struct variables *variables) {
    if (variables->used < sizeof variables->bytes)
        variables->bytes[variables->used++] = '\0';
}

static void add_text(struct variables *variables, const char *name,
                     struct text value) {
    begin_variable(variables);
    add_bytes(variables, name, strlen(name));
    add_bytes(variables, "=", 1);
    add_bytes(variables, value.start, value.length);
    end_variable(variables);
}

static void add(struct variables *variables, const char *name,
                const char *value) {
    add_text(variables, name, (struct text){value, strlen(value)});
}

static void add_number(struct variables *variables, const char *name,
                       long long number) {
    char digits[24];

    snprintf(digits, sizeof digits, "%lld", number);
    add(variables, name, digits);
}

/* ------------------------------------------------------------------ fields */

static bool is_dropped(struct text name) {
    if (memchr(name.start, '_', name.length) != NULL)
        return true;
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
        if (is_word(name, dropped[i]))
            return true;
    return false;
}

static bool is_same(struct text one, struct text other) {
    return one.length == other.length
           && strncasecmp(one.start, other.start, one.length) == 0;
}

/* Finds the next field with this name. Returns false if there is none. */
static bool next_of(struct text *lines, struct text name, struct text *value) {
    struct text line;

    while (take_line(lines, &line)) {
        *value = line;
        if (is_same(take_until(value, ':'), name)) {
            *value = trim(*value);
            return true;
        }
    }
    return false;
}

/* Adds HTTP_NAME. Several fields of that name become one list: RFC 3875,
   4.1.18; cookies are separated by semicolons: RFC 6265, 4.2.1. */
static void add_field(struct variables *variables, struct text lines,
                      struct text name) {
    const char *separator = is_word(name, "Cookie") ? "; " : ", ";
    struct text value;
    bool first = true;

    begin_variable(variables);
    add_bytes(variables, "HTTP_", 5);
    for (size_t at = 0; at < name.length; at++) {
        char byte = name.start[at];
        if (byte >= 'a' && byte <= 'z')
            byte = (char)(byte - 'a' + 'A');
        add_bytes(variables, byte == '-' ? "_" : &byte, 1);
    }
    add_bytes(variables, "=", 1);
    while (next_of(&lines, name, &value)) {
        if (!first)
            add_bytes(variables, separator, 2);
        first = false;
        add_bytes(variables, value.start, value.length);
    }
    end_variable(variables);
}

/* Adds one variable for all fields of the same name. */
static void add_fields(struct variables *variables, struct text lines) {
    struct text rest = lines, line, value;

    while (take_line(&rest, &line)) {
        struct text name = take_until(&line, ':');
        struct text before = {lines.start,
                              (size_t)(name.start - lines.start)};
        if (!is_dropped(name) && !next_of(&before, name, &value))
            add_field(variables, lines, name);
    }
}

/* ----------------------------------------------------------------- request */

/* Adds the request's host, or our address if it names none, and our port. */
static void add_server(struct variables *variables,
                       const struct request *request,
                       const union address *local) {
    struct text host = request->fields[HOST];
    union address copy = *local;
    bool six = local->any.sa_family == AF_INET6;

    if (host.length > 0 && *host.start == '[') {
        const char *end = memchr(host.start, ']', host.length);
        if (end != NULL)
            host.length = (size_t)(end + 1 - host.start);
    } else if (host.length > 0) {
        host = take_until(&host, ':');
    }
    if (host.length > 0) {
        add_text(variables, "SERVER_NAME", host);
    } else {
        char name[128];
        snprintf(name, sizeof name, six ? "[%s]" : "%s", host_of(local));
        add(variables, "SERVER_NAME", name);
    }
    add_number(variables, "SERVER_PORT", ntohs(*port_of(&copy)));
}

/* Passes the rest of the path to the script: as PATH_INFO, and as the name of
   the file that it would stand for in the document root. */
static void add_path(struct variables *variables, const struct request *request,
                     const struct script *script) {
    static char name[MAX_NAME];
    const char *rest = request->path + script->length;
    bool directory;

    add_text(variables, "SCRIPT_NAME",
             (struct text){request->path, script->length});
    if (*rest == '\0')
        return;
    add(variables, "PATH_INFO", rest);
    if (!write_name(rest, name, &directory))
        return;
    if (directory)
        strrchr(name, '/')[1] = '\0';  /* in place of index.html */
    name[root_length()] = '\0';
    char *root = realpath(name, NULL);
    name[root_length()] = '/';
    if (root == NULL)
        return;
    begin_variable(variables);
    add_bytes(variables, "PATH_TRANSLATED=", strlen("PATH_TRANSLATED="));
    add_bytes(variables, root, strlen(root));
    add_bytes(variables, name + root_length(), strlen(name + root_length()));
    end_variable(variables);
    free(root);
}

/* Adds the type of the body, and its length. */
static void add_body(struct variables *variables, const struct request *request,
                     long long length) {
    static const struct text type = {"Content-Type", 12};
    struct text lines = request->lines, value;

    if (next_of(&lines, type, &value))
        add_text(variables, "CONTENT_TYPE", value);
    if (length > 0 || request->fields[CONTENT_LENGTH].start != NULL
        || request->chunked)
        add_number(variables, "CONTENT_LENGTH", length);
}

/* Returns the value of one of the server's own variables, or NULL if it is not
   set, or would leave too little room for the request. */
static const char *inherit(const char *name) {
    const char *value = getenv(name);

    return value != NULL && strlen(value) <= MOST_INHERITED ? value : NULL;
}

void set_variables(struct variables *variables, const struct request *request,
                   const struct script *script, long long length,
                   const union address *peer, const union address *local) {
    struct text line = request->line, query = request->query;
    /* The line is valid, so the version is at its end. */
    struct text version = {line.start + line.length - strlen("HTTP/1.1"),
                           strlen("HTTP/1.1")};
    const char *path = inherit("PATH"), *https = inherit("HTTPS");
    struct text method = take_until(&line, ' ');

    variables->count = variables->used = 0;
    if (query.length > 0)  /* without the "?" */
        query = (struct text){query.start + 1, query.length - 1};
    else
        query = (struct text){"", 0};
    add(variables, "PATH", path != NULL ? path : DEFAULT_PATH);
    if (https != NULL)  /* set by tls.c, or by hand behind a TLS proxy */
        add(variables, "HTTPS", https);
    add(variables, "GATEWAY_INTERFACE", "CGI/1.1");
    add(variables, "SERVER_SOFTWARE", "sockets-ladder");
    add_text(variables, "SERVER_PROTOCOL", version);
    add_text(variables, "REQUEST_METHOD", method);
    add_text(variables, "QUERY_STRING", query);
    add(variables, "REMOTE_ADDR", host_of(peer));
    add(variables, "REMOTE_HOST", host_of(peer));
    add_server(variables, request, local);
    add_path(variables, request, script);
    add_body(variables, request, length);
    add_fields(variables, request->lines);
    variables->names[variables->count] = NULL;
}
