/*
 * The HTTP side of a connection: receive_requests, parse_request (request.c),
 * find_file (file.c), write_response (response.c), send_output. All connections
 * share one set of buffers: a call copies what it leaves for the next one.
 * SPDX-License-Identifier: 0BSD
 */
#include "posix.h"

#include "http.h"

#include "content.h"
#include "file.h"
#include "log.h"
#include "request.h"
#include "response.h"

#include <stdlib.h>
#include <string.h>

#define BATCH 16384              /* send after this many bytes of responses */
#define MOST_COPIED 4096         /* bytes of content copied into a batch */
#define PIECE 262144             /* bytes of a file read at a time */
#define MOST_DISCARDED 67108864  /* bytes after the last response */

/* The working memory of one call. */
struct buffers {
    char input[2 * MAX_HEAD];  /* a head and some of its body, or more heads */
    size_t received, used;     /* bytes of input: all, and those handled */
    char output[PIECE];        /* far more than BATCH + MOST_RESPONSE */
    size_t written;
};

/* Returns the input that has not been handled yet. */
static struct text rest_of_input(const struct buffers *buffers) {
    return (struct text){buffers->input + buffers->used,
                         buffers->received - buffers->used};
}

/* ---------------------------------------------------------------- memory */

/* Replaces the saved input or output with a copy of these bytes. If there is no
   memory for it, the connection is closed. */
static void save(struct http *http, char **saved, size_t *saved_length,
                 const char *bytes, size_t length) {
    char *before = *saved;  /* the bytes may be part of it */

    *saved = length > 0 ? malloc(length) : NULL;
    *saved_length = *saved != NULL ? length : 0;
    if (*saved != NULL) {
        memcpy(*saved, bytes, length);
    } else if (length > 0) {
        report_failure("malloc", NULL, NULL, name_of(http->peer));
        http->state = CLOSED;
    }
    free(before);
}

/* Saves the input that has not been handled. If the body of a request is
   incomplete, only its head is needed. */
static void save_input(struct http *http, const struct buffers *buffers) {
    struct text rest = rest_of_input(buffers);

    if (http->head > 0 && http->list == NULL)
        rest.length = http->head;
    if (rest.length > 0 || http->input != NULL)
        save(http, &http->input, &http->input_length, rest.start, rest.length);
}

static void load_input(const struct http *http, struct buffers *buffers) {
    if (http->input_length > 0)
        memcpy(buffers->input, http->input, http->input_length);
    buffers->received = http->input_length;
}

void end_http(struct http *http) {
    free(http->input);
    free(http->output);
    if (http->file != NULL)
        release_file(http->file);
    if (http->list != NULL)
        free_list(http->list);
    *http = (struct http){.peer = http->peer, .state = CLOSED};
}

/* --------------------------------------------------------------- responses */

/* Adds a response to the output. */
static void add_response(struct http *http, struct buffers *buffers,
                         struct response *response,
                         const struct request *request) {
    char *end = write_response(buffers->output + buffers->written, response,
                               request);
    struct file *file = response->file;

    if (response->part_follows && file->content != NULL
        && response->length <= MOST_COPIED) {
        memcpy(end, file->content + response->start, (size_t)response->length);
        end += response->length;
    } else if (response->part_follows) {
        http->file = file;
        http->next = response->start;
        http->end = response->start + response->length;
    }
    if (file != NULL && http->file != file)
        release_file(file);
    buffers->written = (size_t)(end - buffers->output);
    http->closing = !response->persistent;
    log_request(http->peer, request, response->status, response->body);
}

/* Finds the response to a request. The response's status is 0 while a list is
   being made. */
static struct response find_response(struct http *http,
                                     const struct request *request) {
    struct response response = {.persistent = is_persistent(request)};

    if (request->method == OPTIONS)
        response.status = 204;
    else if (request->method == NOT_ALLOWED)
        response.status = 405;
    else if (request->method == UNKNOWN)
        response.status = 501;
    else if (http->list == NULL)
        response.status = find_file(request->path, &response.file, &http->list);
    if (http->list != NULL)
        response.status = continue_list(&http->list, &response.file);
    if (response.status == 200)
        apply_conditions(&response, request);
    return response;
}

/* ---------------------------------------------------------------- requests */

/* Answers Expect: 100-continue with 100, or with the final response if that is
   an error. RFC 9110, 10.1.1. Returns whether to receive the body. */
static bool ask_for_body(struct http *http, struct buffers *buffers,
                         const struct request *request) {
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct response response = find_response(http, request);

    if (response.status >= 400) {
        response.persistent = false;  /* the body may or may not follow */
        add_response(http, buffers, &response, request);
        return false;
    }
    if (response.file != NULL)
        release_file(response.file);
    if (http->list != NULL)
        free_list(http->list);
    http->list = NULL;
    memcpy(buffers->output + buffers->written, interim, sizeof interim - 1);
    buffers->written += sizeof interim - 1;
    return true;
}

/* Parses a head once it is complete. The response to a malformed head is the
   last, since the start of the next request is unknown. Returns whether there
   is a request to handle. */
static bool take_head(struct http *http, struct buffers *buffers,
                      struct request *request) {
    struct text rest = rest_of_input(buffers);
    long head = parse_request(request, rest.start, rest.length);

    if (head < 0) {
        struct response error = {.status = (int)-head};
        add_response(http, buffers, &error, request);
    }
    if (head <= 0)
        return false;
    http->progress = true;
    http->body = expect_body(request);
    http->body_length = http->body_new = 0;
    if (http->body.state != NONE && (size_t)head == rest.length
        && !request->http10 && request->fields[EXPECT].start != NULL
        && !ask_for_body(http, buffers, request))
        return false;
    http->head = (size_t)head;
    return true;
}

/* Skips what has been received of the body, and notes progress once it has
   grown enough. Returns how many bytes belong to the request. */
static size_t skip_request(struct http *http, const struct buffers *buffers) {
    struct text rest = rest_of_input(buffers);
    size_t skipped = skip_body(&http->body, rest.start + http->head,
                               rest.length - http->head);
    size_t enough = http->body_length < 4 ? 2 : http->body_length / 2;

    http->body_new += skipped;
    if (http->body_new >= enough || http->body_new >= 1024) {
        http->progress = true;
        http->body_length += http->body_new;
        http->body_new = 0;
    }
    return http->head + skipped;
}

/* Moves a head over its body, which is not needed, to keep only the head. */
static void move_head(struct http *http, struct buffers *buffers, size_t size) {
    char *bytes = buffers->input + buffers->used;
    size_t skipped = size - http->head;

    memmove(bytes + skipped, bytes, http->head);
    buffers->used += skipped;
}

/* Answers the request at the start of the input once its body is complete. The
   head is saved until then, and while a list is made. Returns whether to handle
   the next request now: after an uncached file, other clients come first. */
static bool take_request(struct http *http, struct buffers *buffers) {
    static struct request request;  /* large: its path has MAX_TARGET bytes */
    bool begins = http->head == 0;

    if (begins && !take_head(http, buffers, &request))
        return false;
    size_t size = http->body.state == NONE ? http->head
                                           : skip_request(http, buffers);
    if (http->body.state != NONE && http->body.state != BROKEN)
        return false;
    if (!begins)
        parse_request(&request, buffers->input + buffers->used, http->head);
    struct response response = http->body.state == NONE
                                   ? find_response(http, &request)
                                   : (struct response){.status = 400};
    http->more = true;
    if (response.status == 0) {
        http->progress = true;
        move_head(http, buffers, size);
        return false;
    }
    http->head = 0;
    buffers->used += size;
    bool quick = response.file == NULL || response.file->cached;
    add_response(http, buffers, &response, &request);
    return quick;
}

/* Answers the requests received, until there is enough to send. */
static void answer_requests(struct http *http, struct buffers *buffers) {
    bool next = true;

    while (next && buffers->used < buffers->received && !http->closing
           && http->file == NULL && buffers->written < BATCH) {
        if (http->head == 0)
            buffers->used += count_empty_lines(rest_of_input(buffers));
        http->more = false;
        next = take_request(http, buffers);
    }
    if (http->closing)
        buffers->used = buffers->received;  /* RFC 9112, 9.6: ignore it */
    http->more &= buffers->used < buffers->received;
    save_input(http, buffers);
}

/* ------------------------------------------------------------- the socket */

/* Returns whether a request has begun. Empty lines before it do not count, nor
   does a CR, which may be part of one. */
static bool has_begun(const struct http *http) {
    return http->input_length > 0 && *http->input != '\r';
}

/* Receives and answers requests. Returns whether any byte was received. */
static bool receive_requests(struct http *http, struct buffers *buffers, int fd,
                             const struct transport *transport) {
    bool waited = !has_begun(http);

    load_input(http, buffers);
    ssize_t count = transport->receive(fd, buffers->input + buffers->received,
                                       sizeof buffers->input
                                           - buffers->received);
    if (count <= 0) {
        http->state = count == 0 ? CLOSED : http->state;
        return false;
    }
    buffers->received += (size_t)count;
    answer_requests(http, buffers);
    http->progress |= waited && has_begun(http);
    return true;
}

/* Discards what the client sends after its last response, up to a limit.
   Closing the socket with such bytes unread would reset the connection, and the
   reset could destroy the response on its way: RFC 9112, 9.6. */
static void discard(struct http *http, struct buffers *buffers, int fd,
                    const struct transport *transport) {
    ssize_t count = transport->receive(fd, buffers->input,
                                       sizeof buffers->input);

    if (count > 0)
        http->discarded += (size_t)count;
    if (count == 0 || http->discarded > MOST_DISCARDED)
        http->state = CLOSED;
}

/* Sends a head, then bytes of a file. Returns as transport->send does. */
static ssize_t send_by_descriptor(const struct http *http, struct iovec *parts,
                                  int fd, const struct transport *transport) {
    long long left = http->end - http->next;
    ssize_t sent = 0;

    if (parts->iov_len > 0)
        sent = transport->send(fd, parts, true);
    if (sent < (ssize_t)parts->iov_len)
        return sent;
    ssize_t count = transport->send_file(fd, http->file->fd, http->next,
                                         left < PIECE ? (size_t)left : PIECE);
    if (count == -1)
        return sent > 0 ? sent : -1;
    return count > 0 ? sent + count : 0;
}

/* Does the same from memory; first reads bytes of a file if necessary. */
static ssize_t send_by_copy(const struct http *http, struct buffers *buffers,
                            struct iovec *parts, int fd,
                            const struct transport *transport) {
    size_t room = sizeof buffers->output - buffers->written;
    long long left = http->end - http->next;

    if (http->file != NULL)
        parts[1] = read_part(http->file, http->next,
                             buffers->output + buffers->written,
                             left < (long long)room ? (size_t)left : room);
    if (parts[0].iov_len + parts[1].iov_len == 0)
        return 0;  /* the head has announced more */
    left -= (long long)parts[1].iov_len;
    bool end_follows = http->closing && left == 0;  /* end of the stream */
    return transport->send(fd, parts, end_follows);
}

/* Sends as much of the output, and of the file that follows it, as the socket
   takes. */
static void send_output(struct http *http, struct buffers *buffers, int fd,
                        const struct transport *transport) {
    struct iovec parts[2] = {{buffers->output, buffers->written}, {NULL, 0}};
    ssize_t count;

    if (http->output_length > 0)
        parts[0] = (struct iovec){http->output, http->output_length};
    if (http->file != NULL && http->file->copied
        && transport->send_file != NULL)
        count = send_by_descriptor(http, parts, fd, transport);
    else
        count = send_by_copy(http, buffers, parts, fd, transport);
    if (count == 0) {
        http->state = CLOSED;
        return;
    }
    size_t sent = count == -1 ? 0 : (size_t)count;
    http->progress |= sent > 0;
    size_t taken = sent < parts->iov_len ? sent : parts->iov_len;
    if (taken < parts->iov_len || http->output != NULL)
        save(http, &http->output, &http->output_length,
             (char *)parts->iov_base + taken, parts->iov_len - taken);
    http->next += (long long)(sent - taken);
    if (http->file != NULL && http->next == http->end) {
        release_file(http->file);
        http->file = NULL;
    }
}

/* ------------------------------------------------------------------ a turn */

static bool has_output(const struct http *http) {
    return http->output_length > 0 || http->file != NULL;
}

enum http_state serve_http(struct http *http, int fd,
                           const struct transport *transport) {
    static struct buffers buffers;

    http->progress = false;
    buffers.received = buffers.used = buffers.written = 0;
    if (http->state == LINGERING) {
        discard(http, &buffers, fd, transport);
        return http->state;
    }
    if (http->state == RECEIVING) {
        if (!receive_requests(http, &buffers, fd, transport))
            return http->state;
    } else if (!has_output(http)) {
        load_input(http, &buffers);
        answer_requests(http, &buffers);
    }
    if (http->state != CLOSED && (buffers.written > 0 || has_output(http)))
        send_output(http, &buffers, fd, transport);
    if (http->state == CLOSED)
        return CLOSED;
    if (has_output(http) || http->more) {
        http->state = SENDING;
    } else if (!http->closing) {
        http->state = RECEIVING;
    } else {
        transport->finish(fd);
        http->state = LINGERING;
    }
    return http->state;
}
