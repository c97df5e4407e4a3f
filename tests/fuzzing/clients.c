/*
 * The target for the whole server except its sockets. Several clients talk to
 * it in turn, a few bytes at a time; each must get the same answers as when
 * it is alone and sends everything at once.
 */
#include "posix.h"

#include "demand.h"
#include "fuzz.h"

#include "date.h"
#include "http.h"
#include "log.h"
#include "tree.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

#define MOST_CLIENTS 3
#define MOST_ANSWERS 400000  /* bytes to compare */
#define DIRECTORY "site"

struct client {
    struct text bytes;     /* to be sent */
    bool open;
    bool finished;         /* the server has ended its half */
    struct http http;
    char answers[MOST_ANSWERS];
    size_t end;            /* of the answers */
};

static struct client alone[MOST_CLIENTS], together[MOST_CLIENTS];
static struct client *clients;  /* the clients, by their descriptors */
static bool in_pieces;          /* they send and receive a little at a time */
static uint64_t chance;         /* random state, seeded from the input */

/* --------------------------------------------------------------- transport */

/* Returns a number from 0 up to most - 1. */
static size_t choose(size_t most) {
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return (size_t)(chance % most);
}

/* Returns how many bytes pass at once, possibly none. Small numbers are as
   likely as large ones. */
static size_t choose_piece(size_t most) {
    size_t piece = in_pieces ? choose((size_t)2 << choose(18)) : most;

    return piece < most ? piece : most;
}

static ssize_t receive_piece(int fd, void *buffer, size_t size) {
    struct client *client = &clients[fd];
    size_t piece;

    demand(size > 0, "there is room for more of a request");
    if (client->bytes.length == 0)
        return 0;
    piece = choose_piece(client->bytes.length < size ? client->bytes.length
                                                     : size);
    memcpy(buffer, client->bytes.start, piece);
    client->bytes = without(client->bytes, piece);
    return piece == 0 ? -1 : (ssize_t)piece;
}

static ssize_t send_piece(int fd, struct iovec parts[2], bool more) {
    struct client *client = &clients[fd];
    size_t length = parts[0].iov_len + parts[1].iov_len, sent = 0;

    (void)more;
    demand(length > 0, "no empty send is made");
    demand(!client->finished, "nothing is sent after the end");
    length = choose_piece(length);
    if (length > MOST_ANSWERS - client->end)
        length = MOST_ANSWERS - client->end;
    for (int part = 0; part < 2 && sent < length; part++) {
        size_t piece = parts[part].iov_len;
        if (piece > length - sent)
            piece = length - sent;
        if (piece > 0)
            memcpy(client->answers + client->end + sent, parts[part].iov_base,
                   piece);
        sent += piece;
    }
    client->end += sent;
    return length == 0 ? -1 : (ssize_t)sent;
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
    demand(!clients[fd].finished, "a stream ends once");
    clients[fd].finished = true;
}

/* ------------------------------------------------------------ conversations */

/* Lets the server serve a client once, and removes a client that is done. */
static void serve(int fd) {
    static const struct transport transport = {receive_piece, send_piece,
                                               finish, send_file_piece};
    struct client *client = &clients[fd];
    enum http_state state;

    begin_turn();
    state = serve_http(&client->http, fd, &transport);
    if (state != CLOSED && client->end < MOST_ANSWERS)
        return;
    demand(client->end == MOST_ANSWERS || client->bytes.length == 0,
           "a connection is closed only when the client has ended");
    end_http(&client->http);
    client->open = false;
}

static void begin(struct client *client, struct text bytes) {
    static const union address peer = {.in.sin_family = AF_INET};

    client->bytes = bytes;
    client->open = true;
    client->finished = false;
    client->http = (struct http){.peer = &peer};
    client->end = 0;
}

/* Removes what depends on the time: dates, and interim responses. */
static void leave_out_chance(struct client *client) {
    static const char date[] = "\r\nDate: ";
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    char *bytes = client->answers;
    size_t end = 0, at = 0;

    while (at < client->end) {
        struct text rest = {bytes + at, client->end - at};
        if (begins(rest, interim))
            at += strlen(interim);
        else if (begins(rest, date))
            at += strlen(date) + DATE_SIZE - 1;
        else
            bytes[end++] = bytes[at++];
    }
    client->end = end;
}

/* Removes the bytes of the next client from an input. */
static struct text take_client(struct text *rest, bool last) {
    struct text bytes = {rest->start, 0};
    size_t length = strlen(CLIENTS_END);

    while (bytes.length < rest->length
           && (last || !begins(without(*rest, bytes.length), CLIENTS_END)))
        bytes.length++;
    *rest = without(*rest, bytes.length < rest->length ? bytes.length + length
                                                       : rest->length);
    return bytes;
}

static bool may_expect(struct text bytes) {
    for (; bytes.length >= 4; bytes = without(bytes, 1))
        if (memcmp(bytes.start, "100-", 4) == 0)
            return true;
    return false;
}

static void compare(struct client *one, struct client *other) {
    bool all = one->end < MOST_ANSWERS && other->end < MOST_ANSWERS;

    leave_out_chance(one);
    leave_out_chance(other);
    size_t length = one->end < other->end ? one->end : other->end;
    demand((one->end == other->end || !all)
               && memcmp(one->answers, other->answers, length) == 0,
           "the answers are the same, however the requests are split, and "
           "whatever other clients do");
}

static void prepare(void) {
    static bool prepared;

    if (!prepared)
        demand(serve_directory(DIRECTORY, "") && open_log("/dev/null"),
               "there is a folder " DIRECTORY " here");
    prepared = true;
}

void check_clients(const char *bytes, size_t length) {
    struct text rest = {bytes, length}, streams[MOST_CLIENTS];
    int count = 0, left;

    prepare();
    chance = 14695981039346656037U;
    for (size_t at = 0; at < length; at++)
        chance = (chance ^ (unsigned char)bytes[at]) * 1099511628211U;
    chance |= 1;
    do {
        streams[count] = take_client(&rest, count == MOST_CLIENTS - 1);
    } while (++count < MOST_CLIENTS && rest.length > 0);
    in_pieces = false;
    clients = alone;
    for (int fd = 0; fd < count; fd++)
        for (begin(&alone[fd], streams[fd]); alone[fd].open;)
            serve(fd);
    in_pieces = true;
    clients = together;
    for (int fd = 0; fd < count; fd++)
        begin(&together[fd], streams[fd]);
    for (left = count; left > 0;) {
        int fd = (int)choose((size_t)count);
        if (together[fd].open) {
            serve(fd);
            left -= !together[fd].open;
        }
    }
    for (int fd = 0; fd < count; fd++)
        if (!may_expect(streams[fd]))  /* a refusal may precede the body */
            compare(&alone[fd], &together[fd]);
}
