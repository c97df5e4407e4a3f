/* 04 accept, the assignment: below is 03. Take the clients from its queue.
 * Do it:    complete the TODOs in the order of their numbers.
 * Check it: make try-04, in the folder above this one. */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
/* TODO 1: the header for nanosleep(2), which TODO 9 needs. */
#include <unistd.h>

enum action {  /* what to do about a failed call */
    STOP,   /* nothing sensible is left to do: exit with status 1 */
    /* TODO 2: two more actions, for failures that may pass. RETRY: call again
       at once and print nothing. WAIT, for a shortage: print one line, and call
       again every tenth of a second. */
};

static void parse_options(int argc, char *argv[], struct in_addr *ip,
                          in_port_t *port);
static void open_standard_streams(void);
static void log_event(const char *event, const struct sockaddr_in *address);
static enum action handle_error(const char *call);
/* TODO 3: a prototype for handle_retry (TODO 9). */

int main(int argc, char *argv[]) {
    struct in_addr ip = {.s_addr = inet_addr("127.0.0.1")};
    in_port_t port = 15441;  /* in host byte order */

    parse_options(argc, argv, &ip, &port);
    open_standard_streams();
    int listener = socket(AF_INET, SOCK_STREAM, 0);  /* IPv4, a stream: TCP */
    if (listener == -1)
        handle_error("socket");  /* reports the error and exits */
    /* TODO 4: a connection that this program has closed stays in TIME_WAIT for
       about a minute, and meanwhile bind fails with EADDRINUSE. Tell bind to
       ignore such connections: with setsockopt(2), set the option SO_REUSEADDR,
       at the level SOL_SOCKET, to 1, an int; see socket(7). If that fails, call
       handle_error.
       Tested by restart_at_once, setsockopt_fails. */
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
    /* TODO 5: in this loop, instead of pausing: accept(2) waits for a client,
       stores its address, and returns a new socket for it. Set the length to
       the size of the address before every call, because accept overwrites it
       (no check tests this after the first call). Log the event "accepted" with
       the client's address, and close its socket: one that stays open uses up a
       descriptor, and there are not many. If accept fails, call handle_retry
       (TODO 9) with a pointer to a count of waits, a long that keeps its value
       from turn to turn, and call accept again. A success ends the shortage:
       set the count back to 0.
       Tested by accepted_line, closes_at_once, descriptors_closed, accept_*. */
    for (;;)
        pause();  /* until a signal ends the program */
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
    /* TODO 6: a heading row for accept, with WAIT: a server that has clients
       must not end because of an errno that it does not know. Rows for EAGAIN,
       EWOULDBLOCK, EBADF, ECONNABORTED, EINTR, EINVAL, EMFILE, ENFILE,
       ENOTSOCK, EOPNOTSUPP, EFAULT, ENOBUFS, ENOMEM, EPROTO, EPERM, ENETDOWN,
       ENOPROTOOPT, EHOSTUNREACH, ENETUNREACH and, between #ifdef ENONET and
       #endif, EHOSTDOWN and ENONET. A shortage is a WAIT, a bug in this program
       a STOP. An error that costs only the new connection is a RETRY, and so
       are EAGAIN, EWOULDBLOCK and EINTR: no connection has come yet.
       EOPNOTSUPP is a WAIT: the cause can be a bug or the network.
       Tested by accept_*. */
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

/* TODO 7: correct the comment below: not every action is a STOP now (TODO 6),
   and a RETRY prints nothing (TODO 8). */
/* Looks errno up under the call, reports the reason, and exits if the action is
   STOP, as all are so far. Later stages use the action that it returns. */
static enum action handle_error(const char *call) {
    int number = errno;
    const struct failure *failure = find_failure(call, number);

    if (failure->number == 0)
        fprintf(stderr, "%s: %s\n", call, strerror(number));
    /* TODO 8: make this an else if: a RETRY prints nothing.
       Tested by accept_EINTR, accept_ECONNABORTED. */
    else
        fprintf(stderr, "%s: %s: %s\n", call, failure->name, failure->meaning);
    if (failure->action == STOP)
        exit(EXIT_FAILURE);
    return failure->action;
}
/* TODO 9: handle_retry, which takes the name of a call and a pointer to a count
   of waits (a long), and returns the action that find_failure finds for errno.
   For a WAIT, call handle_error only if the count is 0, so that a shortage
   prints one line; then sleep a tenth of a second, see nanosleep(2), and add
   one to the count. Without this sleep, the loop would keep the processor busy.
   For any other action, just call handle_error.
   Tested by accept_EMFILE, accept_ENFILE, accept_unlisted. */
