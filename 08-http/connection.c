/*
 * A connection: from the bytes of requests to the bytes of answers. All share
 * one buffer for each; what has to wait is copied away.
 */
#define _POSIX_C_SOURCE 200809L

#include "connection.h"

#include "kept.h"
#include "log.h"
#include "request.h"
#include "response.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 16384          /* bytes of answers after which they are sent */
#define PIECE 262144         /* bytes sent at once: they fit a cache */
#define MOST_HEARD 67108864  /* bytes from a client that is told no more */

static char input[2 * MAX_HEAD];  /* a head, and some of its body */
static char output[PIECE];  /* a batch and MOST_RESPONSE are far less */

/* Returns a copy of bytes that have to wait, or NULL if there is no memory for
   it, which costs this client its connection. */
static char *copy(struct connection *connection, const char *bytes,
                  size_t length) {
    char *copied = malloc(length);

    if (copied != NULL)
        return memcpy(copied, bytes, length);
    tell("malloc", NULL, NULL, connection->client);
    end_connection(connection);
    connection->fate = LOST;
    return NULL;
}

bool is_sending(const struct connection *connection) {
    return connection->output_length > 0 || connection->file != NULL
           || connection->more;
}

bool is_late(const struct connection *connection) {
    return connection->fate != STAYS
           || (connection->input_length > 0 && connection->head == 0);
}

bool is_last(const struct connection *connection) {
    return connection->fate != STAYS;
}

/* ------------------------------------------------------------------ answer */

/* Writes an answer behind those that wait to be sent. */
static void add_answer(struct connection *connection,
                       struct response *response,
                       const struct request *request) {
    char *end = write_response(output + connection->output_length, response,
                               request);
    struct file *file = response->file;

    if (response->part_follows && file->content != NULL) {
        memcpy(end, file->content + response->start, (size_t)response->length);
        end += response->length;
    } else if (response->part_follows) {
        connection->file = file;
        connection->next = response->start;
        connection->end = response->start + response->length;
    }
    if (file != NULL && connection->file != file)
        release_file(file);
    connection->output_length = (size_t)(end - output);
    if (!response->stays)  /* what is short has arrived before the close */
        connection->fate = connection->file == NULL ? ENDS : LINGERS;
    log_request(connection->client, request, response->status, response->body);
}

/* Answers a request that has come whole. */
static void serve_request(struct connection *connection,
                          const struct request *request) {
    struct response response = {.status = 200, .stays = stays(request)};

    if (request->method == OPTIONS)
        response.status = 204;
    else if (request->method == NOT_ALLOWED)
        response.status = 405;
    else if (request->method == UNKNOWN)
        response.status = 501;
    else
        response.status = find_file(request->path, &response.file);
    if (response.status == 200)
        apply_conditions(&response, request);
    connection->slow = response.file != NULL && !response.file->kept;
    add_answer(connection, &response, request);
}

/* Answers what is no request. What follows it cannot be understood, either. */
static void answer_error(struct connection *connection, int status,
                         const struct request *request) {
    struct response response = {.status = status};

    add_answer(connection, &response, request);
    connection->fate = LINGERS;
}

/* Asks for a body, if the client waits for that: RFC 9110, 10.1.1. */
static void ask_for_body(struct connection *connection,
                         const struct request *request) {
    static const char please[] = "HTTP/1.1 100 Continue\r\n\r\n";

    if (request->old || request->fields[EXPECT].start == NULL)
        return;
    memcpy(output + connection->output_length, please, sizeof please - 1);
    connection->output_length += sizeof please - 1;
}

/* Answers the request that the input begins with. Returns how many bytes it
   has, 0 if its end has not come. Its body is passed over first, and meanwhile
   the head has to wait. */
static size_t take_request(struct connection *connection, const char *bytes,
                           size_t length) {
    static struct request request;
    bool begins = connection->head == 0;

    if (begins) {
        long head = parse_request(&request, bytes, length);
        if (head < 0)
            answer_error(connection, (int)-head, &request);
        if (head <= 0)
            return head < 0 ? length : 0;
        connection->head = (size_t)head;
        connection->body = expect_body(&request);
        if (connection->body.state != NONE && connection->head == length)
            ask_for_body(connection, &request);
    }
    size_t used = connection->head;
    used += skip_body(&connection->body, bytes + used, length - used);
    if (connection->body.state != NONE && connection->body.state != BROKEN)
        return 0;
    if (!begins)
        parse_request(&request, bytes, connection->head);
    connection->head = 0;
    if (connection->body.state == BROKEN)
        answer_error(connection, 400, &request);
    else
        serve_request(connection, &request);
    return used;
}

/* Keeps what has come and is not answered: of a request whose body has not
   ended, only the head. */
static void keep_input(struct connection *connection, const char *bytes,
                       size_t length) {
    char *before = connection->input;

    if (connection->head > 0)
        length = connection->head;
    connection->input = NULL;
    connection->input_length = length;
    if (length > 0)
        connection->input = copy(connection, bytes, length);
    if (before != input)
        free(before);
}

/* Hears out a client that is told no more. Nobody listens for ever. */
static void hear_out(struct connection *connection, size_t length) {
    connection->heard += length;
    connection->fate = connection->heard > MOST_HEARD ? LOST : LINGERS;
}

/* Answers requests in the input until there is enough to send. */
static void answer_input(struct connection *connection) {
    size_t length = connection->input_length, used = 0, taken = 1;

    if (connection->input != input && length > 0)
        memcpy(input, connection->input, length);
    connection->slow = false;
    while (taken > 0 && used < length && connection->fate == STAYS
           && connection->file == NULL && !connection->slow
           && connection->output_length < BATCH) {
        if (used > 0)
            begin_turn();  /* this one may have come later than the first */
        if (connection->head == 0)
            used += count_empty_lines((struct text){input + used,
                                                    length - used});
        taken = take_request(connection, input + used, length - used);
        used += taken;
    }
    connection->more = taken > 0 && used < length;
    if (connection->fate != STAYS) {
        if (used < length)
            hear_out(connection, length - used);
        connection->more = false;
        used = length;
    }
    keep_input(connection, input + used, length - used);
}

/* -------------------------------------------------------------------- input */

char *input_place(const struct connection *connection, size_t *room) {
    if (connection->input_length > 0)
        memcpy(input, connection->input, connection->input_length);
    *room = sizeof input - connection->input_length;
    return input + connection->input_length;
}

void take_input(struct connection *connection, size_t length) {
    free(connection->input);
    connection->input = input;
    connection->input_length += length;
}

/* ------------------------------------------------------------------- output */

/* Reads what follows in the file. Returns how many bytes that are: none if the
   file has become shorter than its head says. */
static size_t read_file(struct connection *connection, char *to, size_t room) {
    long long left = connection->end - connection->next;
    size_t wanted = left < (long long)room ? (size_t)left : room;
    ssize_t count;

    do {
        count = pread(connection->file->descriptor, to, wanted,
                      (off_t)connection->next);
    } while (count == -1 && errno == EINTR);
    if (count == -1)
        tell("pread", NULL, NULL, connection->file->name);
    return count == -1 ? 0 : (size_t)count;
}

const char *next_output(struct connection *connection, size_t *length) {
    if (connection->output_length > 0)
        memcpy(output, connection->output, connection->output_length);
    else if (connection->file == NULL)
        answer_input(connection);
    *length = connection->output_length;
    if (connection->file != NULL)
        *length += read_file(connection, output + *length,
                             sizeof output - *length);
    if (*length == 0 && connection->file != NULL)
        connection->fate = LOST;
    if (connection->fate == LOST)
        return NULL;
    return output;
}

enum fate note_output(struct connection *connection, size_t length) {
    size_t waiting = connection->output_length;
    size_t sent = length < waiting ? length : waiting;
    size_t left = waiting - sent;
    char *before = connection->output;

    connection->output_length = left;
    connection->output = NULL;
    if (left > 0)
        connection->output = copy(connection, output + sent, left);
    free(before);
    connection->next += (long long)(length - sent);
    if (connection->file != NULL && connection->next == connection->end) {
        release_file(connection->file);
        connection->file = NULL;
    }
    if (connection->fate == LOST)
        return LOST;
    return is_sending(connection) ? STAYS : connection->fate;
}

void end_connection(struct connection *connection) {
    if (connection->input != input)
        free(connection->input);
    free(connection->output);
    if (connection->file != NULL)
        release_file(connection->file);
    *connection = (struct connection){.client = connection->client};
}
