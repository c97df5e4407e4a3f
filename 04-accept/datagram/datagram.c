/* 04 datagram: SOCK_DGRAM. Each message travels alone, so recvfrom and sendto
 * take the place of listen and accept. With -c, the client.
 * Run it:   ./datagram, and in a second terminal: echo hello | ./datagram -c
 * Break it: stop the server with Ctrl-Z: "no answer yet from 127.0.0.1:15441".
 *           End it: "recvfrom: ECONNREFUSED: no socket has ...".
 * SPDX-License-Identifier: 0BSD */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum action {  /* what to do about a failed call */
    STOP,   /* nothing sensible is left to do: exit with status 1 */
    RETRY,  /* an ordinary failure: call again */
    WAIT,   /* a shortage: report it once, call again every tenth of a second */
    DROP,   /* this message is lost: the server goes on, the client ends */
};

static void parse_options(int argc, char *argv[], struct in_addr *ip,
                          in_port_t *port, bool *client, long *timeout);
static void open_standard_streams(void);
static void log_event(const char *event, const struct sockaddr_in *address);
static void ask_each_line(int server, const struct sockaddr_in *address,
                          long timeout);
static void echo_message(int fd);
static enum action handle_error(const char *call);
static enum action handle_retry(const char *call, long *waits);

int main(int argc, char *argv[]) {
    struct in_addr ip = {.s_addr = inet_addr("127.0.0.1")};
    in_port_t port = 15441;  /* in host byte order */
    bool client = false;
    long timeout = 1;  /* seconds until the client asks again */

    parse_options(argc, argv, &ip, &port, &client, &timeout);
    open_standard_streams();
    signal(SIGPIPE, SIG_IGN);  /* let write fail with EPIPE instead */
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd == -1)
        handle_error("socket");  /* reports the error and exits */
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = ip,
                                  .sin_port = htons(port)};  /* network order */
    if (client) {
        if (connect(fd, (struct sockaddr *)&address, sizeof address) == -1)
            handle_error("connect");
        ask_each_line(fd, &address, timeout);
        close(fd);
        return EXIT_SUCCESS;
    }
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == -1)
        handle_error("bind");
    socklen_t length = sizeof address;  /* getsockname overwrites it */
    if (getsockname(fd, (struct sockaddr *)&address, &length) == -1)
        handle_error("getsockname");
    log_event("bound to", &address);
    for (;;)
        echo_message(fd);
}

/* More than the longest message, which has 65,507 bytes: an IPv4 datagram has
   at most 65,535, of which the headers of IPv4 and UDP take 20 and 8. */
#define SIZE 65536

/* Receives the next message, which may be empty, and sends it back to its
   sender: recvfrom(2), sendto(2). */
static void echo_message(int fd) {
    static char message[SIZE];
    static long waits;  /* tenths of a second in the current shortage */
    struct sockaddr_in peer;
    struct sockaddr *sender = (struct sockaddr *)&peer;
    socklen_t length = sizeof peer;
    ssize_t received = recvfrom(fd, message, SIZE, 0, sender, &length);

    if (received == -1) {
        handle_retry("recvfrom", &waits);
        return;
    }
    waits = 0;
    while (sendto(fd, message, (size_t)received, 0, sender, length) == -1
           && handle_retry("sendto", &waits) != DROP)
        continue;
    waits = 0;
}

static bool read_line(char *line, size_t size, size_t *length);
static void write_line(const char *line, size_t length);
static bool ask(int server, const char *request, size_t length, long timeout);
static bool send_request(int server, const char *request, size_t length,
                         long long end);
static void limit_wait(int server, long long end);
static long long milliseconds(void);

/* Sends each line of standard input as a request, and prints its answer. A
   request begins with its number, in network byte order: without it, a late
   answer to one line could be taken for the answer to the next. Exits if a
   request has been sent four times without an answer. */
static void ask_each_line(int server, const struct sockaddr_in *address,
                          long timeout) {
    static char request[SIZE];
    uint32_t count = 0, number;
    char *line = request + sizeof number;
    size_t length;

    while (read_line(line, SIZE - sizeof number, &length)) {
        number = htonl(++count);
        memcpy(request, &number, sizeof number);
        for (int tries = 1;
             !ask(server, request, sizeof number + length, timeout); tries++) {
            log_event(tries < 4 ? "no answer yet from" : "no answer from",
                      address);
            if (tries == 4)
                exit(EXIT_FAILURE);
        }
        write_line(line, length);
    }
}

/* Sends a request, and waits at most timeout seconds for its answer, which has
   the same bytes. Skips any other message: a late answer to another request, or
   a damaged one. The socket is connected, so the kernel has dropped messages
   from any other sender. Returns whether the answer has arrived. */
static bool ask(int server, const char *request, size_t length, long timeout) {
    static char answer[SIZE];
    static long waits;  /* tenths of a second in the current shortage */
    long long end = milliseconds() + 1000LL * timeout;

    if (!send_request(server, request, length, end))
        return false;
    do {
        limit_wait(server, end);
        ssize_t received = recvfrom(server, answer, SIZE, 0, NULL, NULL);
        if (received == -1 && handle_retry("recvfrom", &waits) == DROP)
            exit(EXIT_FAILURE);
        if (received != -1)
            waits = 0;
        if (received == (ssize_t)length && memcmp(answer, request, length) == 0)
            return true;
    } while (milliseconds() < end);
    return false;
}

/* Sends a request. Returns false if a shortage lasts until the time is up. */
static bool send_request(int server, const char *request, size_t length,
                         long long end) {
    static long waits;  /* tenths of a second in the current shortage */

    while (sendto(server, request, length, 0, NULL, 0) == -1) {
        if (handle_retry("sendto", &waits) == DROP)
            exit(EXIT_FAILURE);
        if (milliseconds() >= end)
            return false;
    }
    waits = 0;
    return true;
}

/* Limits recvfrom to the time left, but to no less than a millisecond, because
   0 would mean no limit. See SO_RCVTIMEO in socket(7). */
static void limit_wait(int server, long long end) {
    long left = (long)(end - milliseconds());
    struct timeval limit = {.tv_usec = 1000};

    if (left > 0) {
        limit.tv_sec = left / 1000;
        limit.tv_usec = (suseconds_t)(left % 1000 * 1000);
    }
    if (setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == -1)
        handle_error("setsockopt");
}

/* Returns the time in milliseconds, from a clock that is never set back. */
static long long milliseconds(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return 1000LL * now.tv_sec + now.tv_nsec / 1000000;
}

/* Reads a line, without its newline. Stops when the buffer is full: no message
   can be that long. Returns false at the end of the input. */
static bool read_line(char *line, size_t size, size_t *length) {
    int byte;

    *length = 0;
    while ((byte = getchar()) != EOF && byte != '\n' && *length < size)
        line[(*length)++] = (char)byte;
    if (ferror(stdin))
        handle_error("read");
    return byte != EOF || *length > 0;
}

/* Prints a line, and its newline. */
static void write_line(const char *line, size_t length) {
    if (fwrite(line, 1, length, stdout) < length || putchar('\n') == EOF
        || fflush(stdout) == EOF)
        handle_error("write");
}

/* Opens /dev/null for each standard stream that is closed. Otherwise a socket
   could become descriptor 2, and error messages would go to its peer. */
static void open_standard_streams(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", O_RDWR) == -1)
            handle_error("open");
}

/* Prints an event and the address it is about. */
static void log_event(const char *event, const struct sockaddr_in *address) {
    char host[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &address->sin_addr, host, sizeof host);
    fprintf(stderr, "%s %s:%d\n", event, host, ntohs(address->sin_port));
}

static const char usage[] =
    "usage: datagram [-a ADDRESS] [PORT]\n"
    "       datagram -c [-a ADDRESS] [-t SECONDS] [PORT]\n"
    "  -c          be the client: send each line of standard input\n"
    "  -a ADDRESS  the server's IPv4 address (127.0.0.1)\n"
    "  -t SECONDS  ask again after SECONDS, from 1 to 86400 (1)\n"
    "  PORT        the server's port from 1 to 65535 (15441); without -c,\n"
    "              0 = any free one\n";

/* Rejects an argument: prints the usage and exits with status 2. */
static void usage_error(const char *argument) {
    fprintf(stderr, "invalid argument: '%s'\n%s", argument, usage);
    exit(2);
}

/* Returns the number that the text stands for, from 0 to limit. Rejects any
   other text, including blanks and signs, which strtol would accept. */
static long parse_number(const char *text, long limit) {
    size_t digits = strspn(text, "0123456789");
    long number = strtol(text, NULL, 10);

    if (digits == 0 || text[digits] != '\0' || number > limit)
        usage_error(text);
    return number;
}

/* Parses the command line; exits on an error. */
static void parse_options(int argc, char *argv[], struct in_addr *ip,
                          in_port_t *port, bool *client, long *timeout) {
    int option;

    while ((option = getopt(argc, argv, "a:cht:")) != -1) {
        switch (option) {
        case 'a':
            if (inet_pton(AF_INET, optarg, ip) != 1)
                usage_error(optarg);
            break;
        case 'c':
            *client = true;
            break;
        case 'h':
            if (fputs(usage, stdout) == EOF || fflush(stdout) == EOF)
                handle_error("write");
            exit(EXIT_SUCCESS);
        case 't':
            *timeout = parse_number(optarg, 86400);
            break;
        default:  /* getopt has reported the error */
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (optind < argc)
        *port = (in_port_t)parse_number(argv[optind++], 65535);
    if (optind < argc)
        usage_error(argv[optind]);
    if (*timeout == 0 || (*client && *port == 0))
        usage_error("0");
}

struct failure {
    const char *name;    /* of a call or, in the rows below it, of an errno */
    int number;          /* the errno; 0 in a call's row, for any other errno */
    enum action action;
    const char *meaning;
};

#define E(name) #name, (name)  /* "EACCES", EACCES */

static const struct failure failures[] = {
    {"socket", 0, STOP, NULL},
    {E(EACCES),          STOP, "no permission to create this kind of socket"},
    {E(EAFNOSUPPORT),    STOP, "this system has no such address family"},
    {E(EINVAL),          STOP, "unknown protocol, or an invalid type"},
    {E(EMFILE),          STOP, "this process has no descriptor left"},
    {E(ENFILE),          STOP, "the whole system has no descriptor left"},
    {E(ENOBUFS),         STOP, "not enough memory for a socket"},
    {E(ENOMEM),          STOP, "not enough memory for a socket"},
    {E(EPROTONOSUPPORT), STOP, "no such protocol of this family and type"},
    {"bind", 0, STOP, NULL},
    {E(EACCES),        STOP, "ports below 1024 are reserved for root"},
    {E(EADDRINUSE),    STOP, "another socket has this address and port"},
    {E(EADDRNOTAVAIL), STOP, "no interface of this machine has this address"},
    {E(EBADF),         STOP, "not an open descriptor: a bug in this program"},
    {E(EINVAL),        STOP, "already bound, or wrong address length"},
    {E(ENOTSOCK),      STOP, "not a socket: a bug in this program"},
    {"recvfrom", 0, WAIT, NULL},
    {E(EAGAIN),       RETRY, "nothing came within the time limit"},
    {E(EWOULDBLOCK),  RETRY, "nothing came within the time limit"},
    {E(EBADF),        STOP,  "not an open descriptor: a bug in this program"},
    {E(ECONNREFUSED), DROP,  "no socket has the destination port"},
    {E(EFAULT),       STOP,  "a bad pointer: a bug in this program"},
    {E(EHOSTUNREACH), DROP,  "no route to the host, or a firewall rejects it"},
    {E(EINTR),        RETRY, "a signal came before any message"},
    {E(EINVAL),       STOP,  "an invalid argument: a bug in this program"},
    {E(ENETUNREACH),  DROP,  "no route to the network"},
    {E(ENOMEM),       WAIT,  "out of memory"},
    {E(ENOTCONN),     STOP,  "not connected: a bug in this program"},
    {E(ENOTSOCK),     STOP,  "not a socket: a bug in this program"},
    {"sendto", 0, DROP, NULL},
    {E(EACCES),       DROP,  "a broadcast address, or no permission"},
    {E(EAGAIN),       WAIT,  "the send buffer is full, or no port is free"},
    {E(EWOULDBLOCK),  WAIT,  "the send buffer is full, or no port is free"},
    {E(EBADF),        STOP,  "not an open descriptor: a bug in this program"},
    {E(ECONNREFUSED), DROP,  "no socket has the destination port"},
    {E(ECONNRESET),   DROP,  "the other side reset the connection"},
    {E(EDESTADDRREQ), STOP,  "no address and no peer: a bug in this program"},
    {E(EFAULT),       STOP,  "a bad pointer: a bug in this program"},
    {E(EHOSTUNREACH), DROP,  "no route to the host, or a firewall rejects it"},
    {E(EINTR),        RETRY, "a signal came before the message was sent"},
    {E(EINVAL),       DROP,  "an invalid argument, such as port 0"},
    {E(EISCONN),      STOP,  "connected already: a bug in this program"},
    {E(EMSGSIZE),     DROP,  "longer than a datagram can be"},
    {E(ENETUNREACH),  DROP,  "no route to the network"},
    {E(ENOBUFS),      WAIT,  "the network's output queue is full"},
    {E(ENOMEM),       WAIT,  "out of memory"},
    {E(ENOTCONN),     STOP,  "not connected: a bug in this program"},
    {E(ENOTSOCK),     STOP,  "not a socket: a bug in this program"},
    {E(EOPNOTSUPP),   STOP,  "a wrong flag: a bug in this program"},
    {E(EPERM),        DROP,  "a firewall rule forbids it"},
    {E(EPIPE),        STOP,  "closed for sending: a bug in this program"},
    {NULL, 0, STOP, NULL},  /* any other call */
};

/* Returns an errno's row below its call or, if it has none, the call's row. */
static const struct failure *find_failure(const char *call, int number) {
    const struct failure *heading = failures;

    while (heading->name != NULL && strcmp(heading->name, call) != 0)
        heading++;
    if (heading->name == NULL)
        return heading;
    const struct failure *row = heading + 1;
    while (row->number != 0 && row->number != number)
        row++;
    return row->number != 0 ? row : heading;
}

/* Looks errno up under the call. Reports the reason unless the action is RETRY,
   exits if it is STOP, and otherwise returns it, for the caller to take. */
static enum action handle_error(const char *call) {
    int number = errno;
    const struct failure *failure = find_failure(call, number);

    if (failure->number == 0)
        fprintf(stderr, "%s: %s\n", call, strerror(number));
    else if (failure->action != RETRY)
        fprintf(stderr, "%s: %s: %s\n", call, failure->name, failure->meaning);
    if (failure->action == STOP)
        exit(EXIT_FAILURE);
    return failure->action;
}

/* Does the same for a call that is repeated. In a shortage, sleeps a tenth of
   a second, adds one to waits, and reports the shortage only when it begins. */
static enum action handle_retry(const char *call, long *waits) {
    struct timespec tenth = {.tv_nsec = 100000000};
    enum action action = find_failure(call, errno)->action;

    if (action != WAIT || *waits == 0)
        handle_error(call);
    if (action == WAIT) {
        nanosleep(&tenth, NULL);
        ++*waits;
    }
    return action;
}
