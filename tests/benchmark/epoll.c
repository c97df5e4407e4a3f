/*
 * epoll: the fastest echo server that we know how to write, a yardstick for
 * tests/bench. It runs on Linux, handles only ordinary errors, and has no
 * timeouts.
 */
#define _GNU_SOURCE  /* accept4 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* A client, and the bytes that it has not accepted yet. Without such bytes it
   has no buffer. */
struct client {
    int socket;
    char *bytes;
    size_t start, end;
};

static char buffer[262144];  /* for all clients; a smaller one was slower */
static int events;          /* the epoll descriptor */

static void stop(const char *call) {
    perror(call);
    exit(EXIT_FAILURE);
}

static int open_listener(long port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((in_port_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t length = sizeof address;
    struct epoll_event event = {.events = EPOLLIN};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int on = 1;

    if (listener == -1)
        stop("socket");
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        stop("setsockopt");
    if (bind(listener, (struct sockaddr *)&address, length) == -1)
        stop("bind");
    if (getsockname(listener, (struct sockaddr *)&address, &length) == -1)
        stop("getsockname");
    if (listen(listener, SOMAXCONN) == -1)
        stop("listen");
    if (epoll_ctl(events, EPOLL_CTL_ADD, listener, &event) == -1)
        stop("epoll_ctl");
    fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    return listener;
}

static void accept_clients(int listener) {
    int socket;

    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the kernel keeps client */
    while ((socket = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) != -1) {
        struct client *client = calloc(1, sizeof *client);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = client};
        if (client == NULL)
            stop("calloc");
        client->socket = socket;
        if (epoll_ctl(events, EPOLL_CTL_ADD, socket, &event) == -1)
            stop("epoll_ctl");
    }
    if (errno != EAGAIN && errno != ECONNABORTED)
        stop("accept4");
}

/* Makes epoll report when the client is readable, or writable. */
static bool wait_for(struct client *client, uint32_t what) {
    struct epoll_event event = {.events = what, .data.ptr = client};

    return epoll_ctl(events, EPOLL_CTL_MOD, client->socket, &event) == 0;
}

/* Keeps the bytes that the client does not take now. */
static bool keep(struct client *client, size_t start, size_t end) {
    client->bytes = malloc(end - start);
    if (client->bytes == NULL)
        stop("malloc");
    memcpy(client->bytes, buffer + start, end - start);
    client->start = 0;
    client->end = end - start;
    return wait_for(client, EPOLLOUT);
}

/* Each returns whether the client is still connected. */
static bool echo(struct client *client) {
    ssize_t received = recv(client->socket, buffer, sizeof buffer, 0);

    if (received <= 0)
        return received == -1 && errno == EAGAIN;
    ssize_t sent = send(client->socket, buffer, (size_t)received, 0);
    if (sent == received)
        return true;
    if (sent == -1 && errno != EAGAIN)
        return false;
    return keep(client, sent == -1 ? 0 : (size_t)sent, (size_t)received);
}

static bool send_kept(struct client *client) {
    ssize_t sent = send(client->socket, client->bytes + client->start,
                        client->end - client->start, 0);
    if (sent == -1)
        return errno == EAGAIN;
    client->start += (size_t)sent;
    if (client->start < client->end)
        return true;
    free(client->bytes);
    client->bytes = NULL;
    return wait_for(client, EPOLLIN);
}

int main(int argc, char *argv[]) {
    struct epoll_event ready[256];

    if (argc != 2) {
        fputs("usage: epoll PORT\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    events = epoll_create1(0);
    if (events == -1)
        stop("epoll_create1");
    int listener = open_listener(strtol(argv[1], NULL, 10));
    for (;;) {
        int count = epoll_wait(events, ready, 256, -1);
        if (count == -1 && errno != EINTR)
            stop("epoll_wait");
        for (int number = 0; number < count; number++) {
            struct client *client = ready[number].data.ptr;
            if (client == NULL) {
                accept_clients(listener);
            } else if (!(client->bytes ? send_kept(client) : echo(client))) {
                close(client->socket);
                free(client->bytes);
                free(client);
            }
        }
    }
}
