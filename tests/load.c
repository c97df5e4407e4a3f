/*
 * load: keeps an echo server busy, and looks at every byte that comes back.
 * tests/bench uses it; by hand, 64 connections for 2 seconds, on Linux:
 *     cc -O2 -o /tmp/load tests/load.c
 *     /tmp/load round 127.0.0.1 15441 64 1000 2
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: load [-s] MODE ADDRESS PORT CONNECTIONS BYTES SECONDS\n"
    "  round  sends messages of so many BYTES; the next one when all of the\n"
    "         last one has come back\n"
    "  bulk   sends without a pause, with BYTES on the way at the most\n"
    "  idle   sends one message (none if BYTES is 0), and keeps silent until\n"
    "         standard input ends\n"
    "  -s     step by step: does so for SECONDS for each line of standard\n"
    "         input, until that ends\n"
    "ADDRESS is one of this machine's own: 127.something.\n";

enum mode { ROUND, BULK, IDLE };

/* Each stream is the same circle of bytes, entered at a place of its own. The
   circle's length is a prime number and the bytes are random, so that bytes of
   another connection, or from another place in the stream, are found out. */
enum { CIRCLE = 65521, STRIDE = 7919, CHUNK = 65536, PATIENCE = 10 };

static unsigned char circle[CIRCLE + CHUNK];  /* more than once round */
static unsigned char buffer[CHUNK];

struct connection {
    int socket;
    uint64_t place;           /* where it entered the circle */
    uint64_t goal;            /* the bytes that are to be sent by now */
    uint64_t sent, received;  /* those that were */
};

static enum mode mode;
static struct connection *connections;
static long count;                         /* of connections */
static uint64_t bytes;                     /* of a message, or on the way */
static uint64_t all_goals, all_received;   /* of all connections */
static int events;                         /* the epoll descriptor */

/* Ends the program with a line: which connection, and what is wrong. */
static void fail(const struct connection *connection, const char *what) {
    fprintf(stderr, "load: connection %ld, after %llu bytes sent and %llu "
            "received: %s\n", (long)(connection - connections),
            (unsigned long long)connection->sent,
            (unsigned long long)connection->received, what);
    exit(EXIT_FAILURE);
}

static void fail_call(const struct connection *connection, const char *call) {
    char what[128];

    snprintf(what, sizeof what, "%s: %s", call, strerror(errno));
    fail(connection, what);
}

static double clock_seconds(void) {
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fill_circle(void) {
    uint32_t random = 2463534242;  /* xorshift32: any start but 0 */

    for (size_t at = 0; at < sizeof circle; at++) {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        circle[at] = at < CIRCLE ? (unsigned char)random : circle[at - CIRCLE];
    }
}

/* Finds what a connection's stream has from a byte on, up to a chunk of it. */
static const unsigned char *stream(const struct connection *connection,
                                   uint64_t from) {
    return circle + (connection->place + from) % CIRCLE;
}

/* Says which of the bytes just received is the first wrong one. */
static void fail_byte(struct connection *connection, size_t length) {
    const unsigned char *right = stream(connection, connection->received);
    char what[64];
    size_t at = 0;

    while (at + 1 < length && buffer[at] == right[at])
        at++;
    connection->received += at;
    snprintf(what, sizeof what, "the next byte is 0x%02x and not 0x%02x",
             buffer[at], right[at]);
    fail(connection, what);
}

/* Moves the goal on as the mode has it, and sends what the socket takes. If
   that is not all, then an echo is on the way, and we come by again. */
static void send_more(struct connection *connection, bool more) {
    uint64_t goal = connection->goal;

    if (more && mode == BULK)
        goal = connection->received + bytes;
    else if (more && goal == connection->received)
        goal += bytes;
    all_goals += goal - connection->goal;
    connection->goal = goal;
    while (connection->sent < goal) {
        uint64_t left = goal - connection->sent;
        ssize_t sent = send(connection->socket,
                            stream(connection, connection->sent),
                            left < CHUNK ? (size_t)left : CHUNK,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent == -1 && errno == EAGAIN)
            return;
        if (sent == -1)
            fail_call(connection, "send");
        connection->sent += (uint64_t)sent;
    }
}

/* Takes what has come, and looks at it. */
static void receive(struct connection *connection) {
    ssize_t got = recv(connection->socket, buffer, CHUNK, MSG_DONTWAIT);
    size_t length = (size_t)got;

    if (got == -1 && errno == EAGAIN)
        return;
    if (got == -1)
        fail_call(connection, "recv");
    if (got == 0)
        fail(connection, "the server has ended it too early");
    if (connection->received + length > connection->sent)
        fail(connection, "more has come back than was sent");
    if (memcmp(buffer, stream(connection, connection->received), length) != 0)
        fail_byte(connection, length);
    connection->received += length;
    all_received += length;
}

/* The server has gone silent: finds out towards whom. */
static void fail_silence(void) {
    struct connection *connection = connections;

    while (connection->received == connection->goal)
        connection++;
    fail(connection, "nothing has come back for a while");
}

/* Finds the connections on which something has come. To look again for a while
   is quicker than to be woken up: the server is to be waited for, not load. */
static int wait_for_echoes(struct epoll_event *ready, int most) {
    int found = 0;

    for (int tries = 0; found == 0 && tries < 500; tries++)
        found = epoll_wait(events, ready, most, 0);
    if (found == 0)
        found = epoll_wait(events, ready, most, PATIENCE * 1000);
    if (found == 0)
        fail_silence();
    return found;
}

/* Keeps the server busy until then, and takes what is still on the way. Returns
   how many bytes had come back by then. */
static uint64_t exchange(double end) {
    struct epoll_event ready[256];
    uint64_t before = all_received, moved = 0;
    bool more = true;

    for (long number = 0; bytes > 0 && number < count; number++)
        send_more(&connections[number], true);
    while (more || all_received < all_goals) {
        if (more && clock_seconds() >= end) {
            more = false;
            moved = all_received - before;
            continue;
        }
        int found = wait_for_echoes(ready, 256);
        for (int number = 0; number < found; number++) {
            receive(ready[number].data.ptr);
            send_more(ready[number].data.ptr, more);
        }
    }
    return moved;
}

/* Keeps the server busy for so long, and says what came of it. */
static void measure(double seconds) {
    uint64_t moved = exchange(clock_seconds() + seconds);

    if (mode == ROUND)
        printf("%llu round trips in %.3f seconds\n",
               (unsigned long long)(moved / bytes), seconds);
    else
        printf("%.1f MB in %.3f seconds, %.1f MB a second\n",
               (double)moved / 1e6, seconds, (double)moved / 1e6 / seconds);
}

/* Makes a connection. No call on it is to take long. */
static void open_connection(struct connection *connection,
                            const struct sockaddr_in *address) {
    struct timeval limit = {.tv_sec = PATIENCE};
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    int server = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;

    connection->socket = server;
    connection->place = (uint64_t)(connection - connections) * STRIDE;
    if (server == -1)
        fail_call(connection, "socket");
    if (setsockopt(server, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == -1
        || setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &limit,
                      sizeof limit) == -1
        || setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == -1)
        fail_call(connection, "setsockopt");
    if (connect(server, (const struct sockaddr *)address,
                sizeof *address) == -1)
        fail_call(connection, "connect");
    if (epoll_ctl(events, EPOLL_CTL_ADD, server, &event) == -1)
        fail_call(connection, "epoll_ctl");
}

/* Ends all sending halves. The server has nothing to add, and ends too. */
static void close_all(void) {
    char byte;

    for (long number = 0; number < count; number++) {
        receive(&connections[number]);
        if (shutdown(connections[number].socket, SHUT_WR) == -1)
            fail_call(&connections[number], "shutdown");
    }
    for (long number = 0; number < count; number++) {
        ssize_t got = recv(connections[number].socket, &byte, 1, 0);
        if (got == -1)
            fail_call(&connections[number], "recv, at the end");
        if (got == 1)
            fail(&connections[number], "more has come back than was sent");
        close(connections[number].socket);
    }
}

/* Waits for a line of standard input. Returns false at its end. */
static bool next_line(void) {
    int character;

    fflush(stdout);
    do
        character = getchar();
    while (character != '\n' && character != EOF);
    return character != EOF;
}

static void refuse(const char *argument) {
    fprintf(stderr, "load: not understood: '%s'\n%s", argument, usage);
    exit(2);
}

static double parse_number(const char *text, double least, double most) {
    char *end;
    double number = strtod(text, &end);

    if (end == text || *end != '\0' || !(number >= least && number <= most))
        refuse(text);
    return number;
}

static enum mode parse_mode(const char *text) {
    if (strcmp(text, "round") != 0 && strcmp(text, "bulk") != 0
        && strcmp(text, "idle") != 0)
        refuse(text);
    return *text == 'r' ? ROUND : *text == 'b' ? BULK : IDLE;
}

/* Nothing but this machine is ever put under load. */
static struct sockaddr_in parse_address(const char *host, const char *port) {
    struct sockaddr_in address = {.sin_family = AF_INET};

    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        refuse(host);
    if (ntohl(address.sin_addr.s_addr) >> 24 != 127) {
        fprintf(stderr, "load: %s is not a loopback address, as 127.0.0.1 is\n",
                host);
        exit(2);
    }
    address.sin_port = htons((in_port_t)parse_number(port, 1, 65535));
    return address;
}

int main(int argc, char *argv[]) {
    bool steps = argc == 8 && strcmp(argv[1], "-s") == 0;

    if (argc != 7 + steps) {
        fputs(usage, stderr);
        return 2;
    }
    argv += steps;
    mode = parse_mode(argv[1]);
    struct sockaddr_in address = parse_address(argv[2], argv[3]);
    count = (long)parse_number(argv[4], 1, 60000);
    bytes = (uint64_t)parse_number(argv[5], mode != IDLE, 1 << 24);
    double seconds = parse_number(argv[6], mode != IDLE ? 0.001 : 0, 3600);

    fill_circle();
    connections = calloc((size_t)count, sizeof *connections);
    events = epoll_create1(0);
    if (connections == NULL || events == -1) {
        perror("load");
        return EXIT_FAILURE;
    }
    for (long number = 0; number < count; number++)
        open_connection(&connections[number], &address);
    exchange(0);  /* a first message each: now the server has all of them */
    printf("%ld connected\n", count);
    if (mode != IDLE && !steps)
        measure(seconds);
    while ((mode == IDLE || steps) && next_line())
        if (mode != IDLE)
            measure(seconds);
    close_all();
    return EXIT_SUCCESS;
}
