/* 02 bind, the assignment: below is 01. Give its socket an address and a port.
 * Do it:    complete the TODOs in the order of their numbers.
 * Check it: make try-02, in the folder above this one. */
#define _POSIX_C_SOURCE 200809L

/* TODO 1: two headers for addresses: inet_pton(3) names one, ip(7) the
   other. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum action {  /* what to do about a failed call */
    STOP,   /* nothing sensible is left to do: exit with status 1 */
};

/* TODO 2: prototypes: log_event is new (TODO 5), and parse_options gets two
   pointers, to a struct in_addr and to an in_port_t (TODO 7). */
static void parse_options(int argc, char *argv[]);
static void open_standard_streams(void);
static enum action handle_error(const char *call);

int main(int argc, char *argv[]) {
    /* TODO 3: the IP address 127.0.0.1, a struct in_addr: its member s_addr
       gets what inet_addr(3) returns, which is in network byte order. And the
       port 15441, an in_port_t, in host byte order for now. Pass pointers to
       both to parse_options below (TODO 7).
       Tested by default_port. */
    parse_options(argc, argv);
    open_standard_streams();
    int listener = socket(AF_INET, SOCK_STREAM, 0);  /* IPv4, a stream: TCP */
    if (listener == -1)
        handle_error("socket");  /* reports the error and exits */
    /* TODO 4: instead of this line: an initialised struct sockaddr_in with the
       family, the IP address and the port, which htons(3) converts to network
       byte order. The initialiser sets every other member to zero (no check
       tests this). Then bind(2) the socket to this address. bind takes
       addresses of every family, hence a pointer to struct sockaddr (cast
       yours) and a length. Then ask getsockname(2) for the address that the
       socket has now: for port 0 the kernel has chosen a port. getsockname also
       takes a pointer to a socklen_t, which must hold the size of your
       structure before the call. If a call fails, call handle_error. Then log
       the event "bound to" with the address.
       Tested by prints_address, port_zero, getsockname_fails, bind_*. */
    fprintf(stderr, "socket: descriptor %d\n", listener);
    close(listener);
    return EXIT_SUCCESS;
}

/* Opens /dev/null for each standard stream that is closed. Otherwise a socket
   could become descriptor 2, and error messages would go to its peer. */
static void open_standard_streams(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", O_RDWR) == -1)
            handle_error("open");
}

/* TODO 5: log_event, which takes an event, such as "bound to", and a pointer to
   a struct sockaddr_in. It prints both to standard error on one line, with the
   address in the form 127.0.0.1:15441. inet_ntop(3) turns sin_addr into text;
   sin_port is in network byte order, see ntohs(3).
   Tested by prints_address. */

static const char usage[] =
    /* TODO 6: add [-a ADDRESS] and [PORT], both optional, to this line. Below
       it, a line about each: what it may be and, in parentheses, its default.
       Tested by usage_help. */
    "usage: server\n";

/* Rejects an argument: prints the usage and exits with status 2. */
static void usage_error(const char *argument) {
    fprintf(stderr, "invalid argument: '%s'\n%s", argument, usage);
    exit(2);
}

/* TODO 7: parse_number, which takes a string and a limit and returns the number
   from 0 to limit that the string represents, or calls usage_error. strtol(3)
   is not enough: it skips blanks, accepts a sign, and takes 80x for 80 and ""
   for 0. So check first that the string consists of one or more digits. And
   give parse_options the parameters of TODO 2.
   Tested by port_refused. */
/* Parses the command line; exits on an error. */
static void parse_options(int argc, char *argv[]) {
    int option;

    /* TODO 8: one more option, -a, which takes an argument: see getopt(3).
       Tested by address_option. */
    while ((option = getopt(argc, argv, "h")) != -1) {
        switch (option) {
        /* TODO 9: for -a, convert the argument with inet_pton(3), which stores
           the IP address, and returns 1 if the argument is an IPv4 address. If
           it is not, call usage_error.
           Tested by address_option, address_refused, network_byte_order. */
        case 'h':
            if (fputs(usage, stdout) == EOF || fflush(stdout) == EOF)
                handle_error("write");
            exit(EXIT_SUCCESS);
        default:  /* getopt has reported the error */
            fputs(usage, stderr);
            exit(2);
        }
    }
    /* TODO 10: the first remaining argument, if any, is the port: a number up
       to 65535. Cast it to in_port_t, and store it: main converts it to network
       byte order (TODO 4). Any further argument is an error.
       Tested by port_zero, port_refused, network_byte_order. */
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
    /* TODO 11: a heading row for bind, and a row for each errno of bind(2):
       EACCES, EADDRINUSE, EADDRNOTAVAIL, EBADF, EINVAL, ENOTSOCK. The action is
       STOP. getsockname gets no rows: it should never fail.
       Tested by bind_*. */
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

/* Looks errno up under the call, reports the reason, and exits if the action is
   STOP, as all are so far. Later stages use the action that it returns. */
static enum action handle_error(const char *call) {
    int number = errno;
    const struct failure *failure = find_failure(call, number);

    if (failure->number == 0)
        fprintf(stderr, "%s: %s\n", call, strerror(number));
    else
        fprintf(stderr, "%s: %s: %s\n", call, failure->name, failure->meaning);
    if (failure->action == STOP)
        exit(EXIT_FAILURE);
    return failure->action;
}
