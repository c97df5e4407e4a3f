/* 06 connect, the assignment: the skeleton of a client. Make it check an echo.
 * Do it:    complete the TODOs in the order of their numbers. Some of the
 *           code is in ../05-recv-send/server.c already.
 * Check it: make try-06, in the folder above this one. */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
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
    NEXT,   /* this address does not work: try the host's next one */
};

static void parse_options(int argc, char *argv[], long *timeout,
                          const char **host, const char **port);
static void check_standard_streams(void);
/* TODO 1: prototypes for the functions that main calls: connect_to (TODO 4),
   name_of (TODO 6) and exchange (TODO 8). Those for the functions that
   connect_to calls go below main. */

int main(int argc, char *argv[]) {
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC,      /* IPv4 or IPv6 */
        .ai_socktype = SOCK_STREAM,  /* TCP */
    };
    struct addrinfo *addresses;  /* a list: a host may have several */
    const char *host, *port;
    long timeout = 10;  /* seconds without a byte; 0 = for ever */

    parse_options(argc, argv, &timeout, &host, &port);
    check_standard_streams();
    signal(SIGPIPE, SIG_IGN);  /* let send fail with EPIPE instead */
    int error = getaddrinfo(host, port, &hints, &addresses);
    if (error != 0) {  /* not an errno: gai_strerror(3) has the message */
        fprintf(stderr, "getaddrinfo: %s (%s %s)\n",
                error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error),
                host, port);
        return EXIT_FAILURE;
    }
    /* TODO 2: walk the list of addresses: call connect_to (TODO 4) for each,
       until it returns a socket. Before each address but the first, print
       "trying ADDRESS:PORT next" on standard error (no check tests this). If
       all fail, exit with status 1, after freeaddrinfo.
       Tested by every_address, refused_everywhere. */
    freeaddrinfo(addresses);
    /* TODO 3: exchange data with the server, then close the socket (no check
       tests the close).
       Tested by echo_line, bulk. */
    return EXIT_SUCCESS;
}

static enum action handle_error(const char *call);

/* TODO 4: connect_to, which takes an address from the list and the time limit.
   Call socket(2) with the family, type and protocol of the address, then
   set_timeouts (TODO 5), because SO_SNDTIMEO limits connect too, then
   connect(2). Return the socket if that succeeds. If socket or connect fails,
   call handle_address_error (TODO 15). If connect has failed, also close the
   socket: its state is unspecified then. After a RETRY, try the same address
   again, with a new socket. After a NEXT, return -1.
   Tested by every_address, refused_everywhere, socket_*, connect_*. */

/* TODO 5: set_timeouts, which takes the socket and the time limit: as in 05,
   except that SO_SNDTIMEO also gets the limit from the command line, because
   the pieces are small. If setsockopt fails, call handle_error.
   Tested by never_ends, never_reads, setsockopt_fails. */

/* TODO 6: name_of, which takes an address from the list and returns it as text,
   ADDRESS:PORT, in a static buffer. getnameinfo(3) writes an address of any
   family in numbers if you pass the right flags. Put an IPv6 address in
   brackets.
   Tested by every_address. */

static void give_up(const char *reason);
/* TODO 7: prototypes for the functions that exchange calls. */

/* TODO 8: exchange, which takes the server and the time limit. Read a piece of
   the input and send it. Receive until as many bytes have come back: compare
   each part with the same part of what was sent, see memcmp(3), and write it to
   standard output at once. If the server closes too early or sends other bytes,
   give up. Then go on with the next piece, until the input ends. Use pieces of
   4096 bytes, which any socket takes at once: if send had to wait for the
   server to receive, the server might be waiting for the client to receive. At
   the end, shut down the sending side with shutdown(2), so that the server sees
   the end, and receive until the server closes: give up if even one more byte
   arrives.
   Tested by line_by_line, empty_input, half_close, extra_bytes,
   more_than_the_piece, file_input, small_buffers, shutdown_fails, bulk,
   nul_bytes, ends_early, wrong_bytes, one_wrong_byte, closed_output. */

/* TODO 9: send_all, as in 05. There is no DROP here: handle_retry exits if the
   connection is lost, so the only failure left to handle is a shortage. Give up
   when it has lasted as long as the limit. send_all need not measure how long
   it was blocked.
   Tested by partial_send, shortage_ends, shortages_apart, send_*. */

/* TODO 10: receive, which takes the server, a buffer and its size, and returns
   how many bytes recv(2) has stored, 0 at the end of the stream. If recv fails,
   call handle_error; it returns only after a RETRY, so call recv again.
   Tested by partial_receive, byte_by_byte, never_ends, recv_*. */

/* TODO 11: read_input, which takes a buffer and its size: read(2) stores the
   bytes that are available so far and returns their number, 0 at the end of the
   input. write_output, which takes bytes and their number: write(2) may take
   only some, so write the rest. Both fail with EAGAIN if the program's parent
   has set O_NONBLOCK: wait with poll(2) until the descriptor is ready, and call
   again. After EINTR, too, call again; after any other failure, handle_error.
   Tested by input_not_blocking, output_not_blocking, partial_write, full_disk.
   */

/* Reports why the program gives up, and exits. */
static void give_up(const char *reason) {
    fprintf(stderr, "%s\n", reason);
    exit(EXIT_FAILURE);
}

/* Exits if a standard stream is closed, because a socket would get its number.
   Opening /dev/null instead would look like empty input, or hide the echo. */
static void check_standard_streams(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) == -1)
            give_up("standard input, output or error is closed");
}

static const char usage[] =
    "usage: client [-t SECONDS] HOST PORT\n"
    "  -t SECONDS  give up after SECONDS without a byte; 0 = never (10)\n"
    "  PORT        a port from 1 to 65535, or a service name\n";

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
static void parse_options(int argc, char *argv[], long *timeout,
                          const char **host, const char **port) {
    int option;

    while ((option = getopt(argc, argv, "ht:")) != -1) {
        switch (option) {
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
    if (optind + 2 > argc) {
        fprintf(stderr, "HOST or PORT is missing\n%s", usage);
        exit(2);
    }
    if (optind + 2 < argc)
        usage_error(argv[optind + 2]);
    *host = argv[optind];
    *port = argv[optind + 1];
    if (strspn(*port, "0123456789") == strlen(*port)
        && parse_number(*port, 65535) == 0)
        usage_error(*port);
}

struct failure {
    const char *name;    /* of a call or, in the rows below it, of an errno */
    int number;          /* the errno; 0 in a call's row, for any other errno */
    enum action action;
    const char *meaning;
};

#define E(name) #name, (name)  /* "EACCES", EACCES */

static const struct failure failures[] = {
    /* TODO 12: a heading row for socket, with STOP, and the rows of 05. Four
       errors are a NEXT, since another address may work: EACCES, EAFNOSUPPORT,
       EINVAL and EPROTONOSUPPORT.
       Tested by socket_*. */
    /* TODO 13: a heading row for connect, with NEXT, and rows for EACCES,
       EPERM, EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, EALREADY, EBADF,
       ECONNREFUSED, ECONNRESET, EFAULT, EHOSTUNREACH, EINPROGRESS, EINTR,
       EISCONN, ENETUNREACH, ENOTSOCK and ETIMEDOUT. A bug in this program is a
       STOP, EINTR a RETRY, all else a NEXT. EINPROGRESS means here that
       SO_SNDTIMEO has expired.
       Tested by connect_*. */
    /* TODO 14: heading rows for recv and send, with STOP, and the rows of 05.
       There is only one connection, so a DROP of 05 is a STOP here.
       Tested by recv_*, send_*. */
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
   exits if it is STOP or the call has no rows, and otherwise returns it, for
   the caller to take. */
static enum action handle_error(const char *call) {
    /* TODO 15: move this function's body to handle_address_error, which
       takes the call and an address from the list, or NULL. It prints the
       address at the end of the line, in parentheses: (127.0.0.1:15441).
       All that remains in handle_error is a call to it, with NULL.
       Tested by every_address, refused_everywhere, connect_*. */
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

/* TODO 16: handle_retry, as in 05. Tested by send_ENOBUFS, send_ENOMEM. */
