/*
 * A connection while a program answers its request.
 * SPDX-License-Identifier: 0BSD
 */
#include "posix.h"

#include "relay.h"

#include "log.h"

int find_program(struct http *http, const struct request *request) {
    bool late = http->cgi == NULL && http->body.state == NONE
                && (request->chunked || request->length > 0);
    int status = http->cgi == NULL ? begin_cgi(&http->cgi, request) : 0;

    if (status == 0 && late)
        status = 503;  /* begin_cgi had failed, so the body is lost */
    if (status == 0 && http->body.state == NONE)
        status = run_cgi(http->cgi, request, http->socket, http->peer);
    if (status != 0)
        end_cgi(http);
    return status;
}

size_t receive_body(struct http *http, const char *bytes, size_t length) {
    return http->cgi == NULL
               ? skip_body(&http->body, bytes, length)
               : take_body(http->cgi, &http->body, bytes, length);
}

int fault_of_body(const struct http *http) {
    int status = http->cgi == NULL ? 0 : progress_of(http->cgi)->status;

    return status == 0 && http->body.state == BROKEN ? 400 : status;
}

void end_cgi(struct http *http) {
    if (http->cgi != NULL)
        free_cgi(http->cgi);
    http->cgi = NULL;
}

bool reject_body(struct http *http, struct buffers *buffers, int status,
                 const struct request *request) {
    struct response error = {.status = status};

    http->head = 0;
    end_cgi(http);
    add_response(http, buffers, &error, request);
    return false;
}

bool has_room(const struct http *http) {
    return !http->ended && http->input_length < 2 * MAX_HEAD;
}

/* Ends the response of a program, whether complete or failed, and marks its
   request, at the start of the input, as handled. */
static void finish_program(struct http *http, struct buffers *buffers,
                           const struct request *request) {
    struct progress progress = *progress_of(http->cgi);
    struct response response = {.status = progress.status,
                                .persistent = is_persistent(request)};

    end_cgi(http);
    buffers->used += http->head;
    http->head = 0;
    http->more = buffers->used < buffers->received;
    if (progress.failed) {
        add_response(http, buffers, &response, request);
        return;
    }
    http->closing = !progress.persistent;
    http->state = progress.broken ? CLOSED : http->state;
    log_request(http->peer, request, progress.status, progress.body);
}

/* Receives what a client sends while a program runs for it: further requests,
   or the end of its stream. */
static void receive_meanwhile(struct http *http, struct buffers *buffers,
                              int fd, const struct transport *transport) {
    ssize_t count = transport->receive(fd, buffers->input + buffers->received,
                                       sizeof buffers->input
                                           - buffers->received);

    if (count > 0)
        buffers->received += (size_t)count;
    http->ended = count == 0;
    http->progress |= http->ended;
}

void relay(struct http *http, struct buffers *buffers, int fd,
           const struct transport *transport) {
    static struct request request;

    load_input(http, buffers);
    parse_request(&request, buffers->input, http->head);
    char *end = continue_cgi(http->cgi, &request, buffers->output);
    const struct progress *progress = progress_of(http->cgi);
    buffers->written = (size_t)(end - buffers->output);
    http->progress |= progress->moved;
    if (progress->over || progress->failed || progress->broken)
        finish_program(http, buffers, &request);
    else if (!progress->moved && has_room(http))
        receive_meanwhile(http, buffers, fd, transport);
    if (http->closing)
        buffers->used = buffers->received;
    save_input(http, buffers);
}
