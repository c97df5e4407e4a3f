/* 04 datagram, the assignment: below is 04. Make it a UDP server and client,
 * which exchange messages without a connection.
 * Do it:    complete the TODOs in the order of their numbers. README.md says
 *           exactly what the program has to do.
 * Check it: make try-04-datagram, in the top folder. */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
/* TODO 1: four more headers: for signal, bool, uint32_t and struct timeval. */
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
    /* TODO 2: one more action, DROP: this message is lost. The server goes on
       with the next one, and the client exits with status 1.
       Tested by sendto_ECONNREFUSED, sendto_unlisted. */
};

/* TODO 3: two more parameters, as in TODO 12. */
static void parse_options(int argc, char *argv[], struct in_addr *ip,
                          in_port_t *port);
static void open_standard_streams(void);
static void log_event(const char *event, const struct sockaddr_in *address);
/* TODO 4: prototypes for echo_message (TODO 8) and ask_each_line (TODO 9). */
static enum action handle_error(const char *call);
static enum action handle_retry(const char *call, long *waits);

int main(int argc, char *argv[]) {
    struct in_addr ip = {.s_addr = inet_addr("127.0.0.1")};
    in_port_t port = 15441;  /* in host byte order */
    /* TODO 5: variables for -c (a client) and -t (its time limit, 1 second).
       Pass pointers to both to parse_options below (TODO 12). */

    parse_options(argc, argv, &ip, &port);
    open_standard_streams();
    /* TODO 6: ignore SIGPIPE, use SOCK_DGRAM (UDP), and no SO_REUSEADDR. With
       -c, do not bind the socket: once address is filled in below, connect(2)
       the socket to that address (the kernel then drops messages from others),
       call ask_each_line (TODO 9), close the socket and return.
       Tested by echo_message, port_not_shared, client_line, strangers,
       output_closed. */
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
    /* TODO 7: replace the rest of main: log "bound to" with the address, and
       call echo_message (TODO 8) in an endless loop.
       Tested by bound_line, message_boundaries. */
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

/* TODO 8: echo_message, which takes the socket. recvfrom(2) returns one
   message, and stores its sender's address: set the length to the size of the
   address before every call. sendto(2) sends the same bytes to that address. A
   message has from 0 to 65,507 bytes, and recvfrom drops what does not fit into
   the buffer, so give it 65,536 bytes. It is too large for the stack of some
   systems: make it static. If recvfrom or sendto fails, call handle_retry with
   a count of waits, a static one for each of the two, which lasts from message
   to message; a success sets it back to 0. If the action for sendto is DROP, go
   on with the next message.
   Tested by longest_message, empty_message, every_byte, to_its_sender,
   sender_gone, recvfrom_*, sendto_*. */

/* TODO 9: ask_each_line, which takes the socket, the server's address and the
   time limit. For each line of standard input it makes a request: the number of
   the line, a uint32_t in network byte order (htonl), and then the line without
   its newline. Call ask (TODO 10) until it returns true; then print the line
   and a newline, call fflush(3), and read the next line. Before asking again
   log the event "no answer yet from" with the server's address; after the
   fourth failure log "no answer from" and exit with status 1. Read the line
   with getchar(3), since the line may contain any bytes, into a static buffer
   of 65,536 bytes: a line that fills it is too long for any message, and sendto
   rejects it. The last line may lack its newline. If reading or writing fails,
   call handle_error with "read" or "write".
   Tested by client_line, client_lines, client_types, last_line, any_line,
   longest_line, line_too_long, no_lines, gives_up, output_fails. */

/* TODO 10: ask, which takes the socket, a request and its length, and the time
   limit. It sends the request, and receives until the answer arrives (return
   true) or the time is up (return false). The answer is a message with the same
   bytes as the request: skip any other. On a connected socket sendto takes NULL
   and 0 for the address, and recvfrom NULL twice. Exit after a DROP. In a
   shortage, try again until the time is up.
   Before each recvfrom set SO_RCVTIMEO (a struct timeval; see socket(7)) to the
   remaining time; recvfrom then fails with EAGAIN when the time is up. The
   value 0 would mean no limit. clock_gettime(2) with CLOCK_MONOTONIC returns
   the time.
   Tested by asks_again, answered_at_last, answer_twice, answers_late,
   damaged_answers, junk_buys_no_time, stopped_meanwhile, client_idle,
   recvfrom_*, sendto_*. */

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
    /* TODO 11: the usage of server and client, as in README.md: the program is
       called datagram, and -c and -t have a line each.
       Tested by help_printed. */
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
/* TODO 12: two more parameters, pointers to a bool and to a long. */
static void parse_options(int argc, char *argv[], struct in_addr *ip,
                          in_port_t *port) {
    int option;

    /* TODO 13: two more options: c, and t, which takes an argument.
       Tested by client_line, asks_again. */
    while ((option = getopt(argc, argv, "a:h")) != -1) {
        switch (option) {
        case 'a':
            if (inet_pton(AF_INET, optarg, ip) != 1)
                usage_error(optarg);
            break;
        /* TODO 14: -c, for the client.
           Tested by client_line. */
        case 'h':
            if (fputs(usage, stdout) == EOF || fflush(stdout) == EOF)
                handle_error("write");
            exit(EXIT_SUCCESS);
        /* TODO 15: -t, a number up to 86400.
           Tested by asks_again. */
        default:  /* getopt has reported the error */
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (optind < argc)
        *port = (in_port_t)parse_number(argv[optind++], 65535);
    if (optind < argc)
        usage_error(argv[optind]);
    /* TODO 16: reject -t 0, and port 0 for the client: no server has that port.
       Tested by wrong_arguments. */
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
    /* TODO 17: a heading row for recvfrom, with WAIT, and one for sendto, with
       DROP, in place of listen and accept. The rows of each are in README.md,
       with their actions.
       Tested by recvfrom_*, sendto_*. */
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
