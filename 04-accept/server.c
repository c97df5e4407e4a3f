/* 04 accept: wait for the next client, and get a socket for it alone.
 * Run it:   ./server, and in a second terminal: nc 127.0.0.1 15441 </dev/null
 * Break it: (ulimit -n 4; ./server) leaves no descriptor for a client: at once,
 *           "accept: EMFILE: this process has no descriptor left".
 * SPDX-License-Identifier: 0BSD */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum action {  /* what to do about a failed call */
    STOP,   /* nothing sensible is left to do: exit with status 1 */
    RETRY,  /* an ordinary failure: call again */
    WAIT,   /* a shortage: report it once, call again every tenth of a second */
};

static void parse_options(int argc, char *argv[], struct in_addr *ip,
                          in_port_t *port);
static void open_standard_streams(void);
static void log_event(const char *event, const struct sockaddr_in *address);
static enum action handle_error(const char *call);
static enum action handle_retry(const char *call, long *waits);

int main(int argc, char *argv[]) {
    struct in_addr ip = {.s_addr = inet_addr("127.0.0.1")};
    in_port_t port = 15441;  /* in host byte order */

    parse_options(argc, argv, &ip, &port);
    open_standard_streams();
    int listener = socket(AF_INET, SOCK_STREAM, 0);  /* IPv4, a stream: TCP */
    if (listener == -1)
        handle_error("socket");  /* reports the error and exits */
    int on = 1;  /* bind even if old connections on the port are in TIME_WAIT */
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        handle_error("setsockopt");
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = ip,
                                  .sin_port = htons(port)};  /* network order */
    if (bind(listener, (struct sockaddr *)&address, sizeof address) == -1)
        handle_error("bind");
    socklen_t length = sizeof address;  /* getsockname overwrites it */
    if (getsockname(listener, (struct sockaddr *)&address, &length) == -1)
        handle_error("getsockname");
    if (listen(listener, SOMAXCONN) == -1)  /* how many clients may wait */
        handle_error("listen");
    log_event("listening on", &address);
    long waits = 0;  /* tenths of a second in the current shortage */
    for (;;) {  /* accept returns a new socket for each client */
        struct sockaddr_in peer;  /* the client's address */
        socklen_t peer_length = sizeof peer;  /* accept overwrites it */
        int client = accept(listener, (struct sockaddr *)&peer, &peer_length);
        if (client == -1) {
            handle_retry("accept", &waits);  /* exits, or returns: try again */
            continue;
        }
        waits = 0;
        log_event("accepted", &peer);
        close(client);  /* the listener stays open */
    }
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
    "usage: server [-a ADDRESS] [PORT]\n"
    "  -a ADDRESS  an IPv4 address of this machine (127.0.0.1)\n"
    "  PORT        a port from 1 to 65535; 0 = any free one (15441)\n";

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
                          in_port_t *port) {
    int option;

    while ((option = getopt(argc, argv, "a:h")) != -1) {
        switch (option) {
        case 'a':
            if (inet_pton(AF_INET, optarg, ip) != 1)
                usage_error(optarg);
            break;
        case 'h':
            if (fputs(usage, stdout) == EOF || fflush(stdout) == EOF)
                handle_error("write");
            exit(EXIT_SUCCESS);
        default:  /* getopt has reported the error */
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (optind < argc)
        *port = (in_port_t)parse_number(argv[optind++], 65535);
    if (optind < argc)
        usage_error(argv[optind]);
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
    {"listen", 0, STOP, NULL},
    {E(EADDRINUSE), STOP, "another socket listens on this port already"},
    {E(EBADF),      STOP, "not an open descriptor: a bug in this program"},
    {E(ENOTSOCK),   STOP, "not a socket: a bug in this program"},
    {E(EOPNOTSUPP), STOP, "this type of socket cannot listen"},
    {"accept", 0, WAIT, NULL},
    {E(EAGAIN),       RETRY, "no connection is waiting"},
    {E(EWOULDBLOCK),  RETRY, "no connection is waiting"},
    {E(EBADF),        STOP,  "not an open descriptor: a bug in this program"},
    {E(ECONNABORTED), RETRY, "the client left before we took its connection"},
    {E(EINTR),        RETRY, "a signal came before a connection did"},
    {E(EINVAL),       STOP,  "not a listening socket: a bug in this program"},
    {E(EMFILE),       WAIT,  "this process has no descriptor left"},
    {E(ENFILE),       WAIT,  "the whole system has no descriptor left"},
    {E(ENOTSOCK),     STOP,  "not a socket: a bug in this program"},
    {E(EOPNOTSUPP),   WAIT,  "not SOCK_STREAM, or (Linux) a network error"},
    {E(EFAULT),       STOP,  "a bad pointer: a bug in this program"},
    {E(ENOBUFS),      WAIT,  "not enough memory for a connection"},
    {E(ENOMEM),       WAIT,  "not enough memory for a connection"},
    {E(EPROTO),       RETRY, "protocol error"},
    {E(EPERM),        RETRY, "a firewall rule forbids the connection"},
    {E(ENETDOWN),     RETRY, "Linux: a network error of the connection"},
    {E(ENOPROTOOPT),  RETRY, "Linux: a network error of the connection"},
#ifdef ENONET  /* Linux has both; POSIX has neither */
    {E(EHOSTDOWN),    RETRY, "Linux: a network error of the connection"},
    {E(ENONET),       RETRY, "Linux: a network error of the connection"},
#endif
    {E(EHOSTUNREACH), RETRY, "Linux: a network error of the connection"},
    {E(ENETUNREACH),  RETRY, "Linux: a network error of the connection"},
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
