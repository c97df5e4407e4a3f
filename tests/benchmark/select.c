/*
 * select: a server that does only what select() requires, a yardstick for
 * tests/bench. Given a file with a response, it is a web server that answers
 * each request with that response, from memory, in one send; without a file it
 * echoes. It handles only ordinary errors, and drops no silent client.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes not yet sent to a client: in its own buffer, or in the response. */
static struct client {
    char *bytes;
    size_t start, end;
} clients[FD_SETSIZE];

static char buffer[262144];  /* for all clients */
static char *response;       /* head and file, or NULL to echo */
static size_t response_length;
static fd_set readable, writable;  /* what to wait for */
static int highest;                /* highest descriptor in these sets */

static void stop(const char *call) {
    perror(call);
    exit(EXIT_FAILURE);
}

static void read_response(const char *name) {
    struct stat status;
    int fd = open(name, O_RDONLY);

    if (fd == -1 || fstat(fd, &status) == -1)
        stop(name);
    response_length = (size_t)status.st_size;
    response = malloc(response_length);
    if (response == NULL)
        stop("malloc");
    if (read(fd, response, response_length) != (ssize_t)response_length)
        stop("read");
    close(fd);
}

static int open_listener(long port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((in_port_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;

    if (listener == -1)
        stop("socket");
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1
        || setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == -1)
        stop("setsockopt");
    if (bind(listener, (struct sockaddr *)&address, length) == -1)
        stop("bind");
    if (getsockname(listener, (struct sockaddr *)&address, &length) == -1)
        stop("getsockname");
    if (listen(listener, SOMAXCONN) == -1)
        stop("listen");
    if (fcntl(listener, F_SETFL, O_NONBLOCK) == -1)
        stop("fcntl");
    fprintf(stderr, "listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    return listener;
}

static void accept_clients(int listener) {
    int fd;

    while ((fd = accept(listener, NULL, NULL)) != -1) {
        if (fd >= FD_SETSIZE || fcntl(fd, F_SETFL, O_NONBLOCK) == -1)
            stop("fcntl");
        FD_SET(fd, &readable);
        if (fd > highest)
            highest = fd;
    }
    if (errno != EAGAIN && errno != ECONNABORTED)
        stop("accept");
}

static void end_client(int fd) {
    if (clients[fd].bytes != response)
        free(clients[fd].bytes);
    clients[fd] = (struct client){.bytes = NULL};
    FD_CLR(fd, &readable);
    FD_CLR(fd, &writable);
    close(fd);
}

/* Keeps bytes that cannot be sent to the client yet. */
static void keep(int fd, char *bytes, size_t start, size_t end) {
    struct client *client = &clients[fd];

    *client = (struct client){bytes, start, end};
    if (bytes == buffer) {
        client->bytes = malloc(end);
        if (client->bytes == NULL)
            stop("malloc");
        memcpy(client->bytes, bytes, end);
    }
    FD_CLR(fd, &readable);
    FD_SET(fd, &writable);
}

/* Each returns whether the client is still connected. */
static bool answer(int fd) {
    ssize_t received = recv(fd, buffer, sizeof buffer, 0);

    if (received <= 0)
        return received == -1 && errno == EAGAIN;
    char *bytes = response != NULL ? response : buffer;
    size_t length = response != NULL ? response_length : (size_t)received;
    ssize_t sent = send(fd, bytes, length, 0);
    if (sent == (ssize_t)length)
        return true;
    if (sent == -1 && errno != EAGAIN)
        return false;
    keep(fd, bytes, sent == -1 ? 0 : (size_t)sent, length);
    return true;
}

static bool send_kept(int fd) {
    struct client *client = &clients[fd];
    ssize_t sent = send(fd, client->bytes + client->start,
                        client->end - client->start, 0);

    if (sent == -1)
        return errno == EAGAIN;
    client->start += (size_t)sent;
    if (client->start < client->end)
        return true;
    if (client->bytes != response)
        free(client->bytes);
    client->bytes = NULL;
    FD_CLR(fd, &writable);
    FD_SET(fd, &readable);
    return true;
}

int main(int argc, char *argv[]) {
    if (argc != 2 && argc != 3) {
        fputs("usage: select PORT [RESPONSE]\n", stderr);
        return 2;
    }
    if (argc == 3)
        read_response(argv[2]);
    signal(SIGPIPE, SIG_IGN);
    int listener = open_listener(strtol(argv[1], NULL, 10));
    FD_SET(listener, &readable);
    highest = listener;
    for (;;) {
        fd_set to_read = readable, to_write = writable;
        int ready = select(highest + 1, &to_read, &to_write, NULL, NULL);
        if (ready == -1 && errno != EINTR)
            stop("select");
        for (int fd = 0; ready > 0; fd++) {
            bool receives = FD_ISSET(fd, &to_read);
            if (!receives && !FD_ISSET(fd, &to_write))
                continue;
            ready--;
            if (fd == listener)
                accept_clients(listener);
            else if (!(receives ? answer(fd) : send_kept(fd)))
                end_client(fd);
        }
    }
}
