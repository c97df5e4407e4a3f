/*
 * 06 connect, the assignment: the frame of a client. Have it check an echo.
 * Do it:    what the TODOs say, in the order of their numbers; much of it is
 *           in 05-recv-send/server.c already.
 * Check it: make try-06, in the folder above this one.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: client [-t SECONDS] HOST PORT\n"
    "  -t SECONDS  the silence after which to give up, 0: never (10)\n"
    "  PORT        a port from 1 to 65535, or a service by its name\n";

enum remedy {  /* what to do about a failed call */
    STOP,   /* nothing sensible is left to do: exit with status 1 */
    RETRY,  /* nothing to speak of: call again at once */
    WAIT,   /* a shortage: say so once, call again every tenth of a second */
    NEXT,   /* this address is lost: try the host's next one */
};

struct failure {
    const char *name;  /* NULL in a table's last row: for any other errno */
    int number;
    enum remedy remedy;
    const char *meaning;
};

#define E(name) #name, (name)

/* TODO 1: the table connect_failures, for connect(2): EACCES, EPERM,
   EADDRINUSE, EADDRNOTAVAIL, EAFNOSUPPORT, EAGAIN, EALREADY, EBADF,
   ECONNREFUSED, ECONNRESET, EFAULT, EHOSTUNREACH, EINPROGRESS, EINTR, EISCONN,
   ENETUNREACH, ENOTSOCK and ETIMEDOUT. A bug in this program is a STOP.
   EINTR is a RETRY, but on a new socket. All else is a NEXT, for the host may
   have another address: EINPROGRESS too, for that is what a connect fails with
   when SO_SNDTIMEO has run out. Proved by connect_*. */

/* TODO 2: the table socket_failures of 05, but for four rows that depend on
   the address: EACCES, EAFNOSUPPORT, EINVAL and EPROTONOSUPPORT are a NEXT
   now. Also other_failures, as it is. Proved by socket_*. */

/* TODO 6: the tables recv_failures and send_failures of 05. There is no other
   server to turn to, so a DROP is a STOP here. Proved by recv_*, send_*. */

static long silence = 10;  /* seconds until a silent server is lost, or 0 */

/* TODO 3: waits and diagnose, of 05. The line that diagnose prints for a row
   of a table ends with the server it is about, in parentheses, as in
   (127.0.0.1:15441). A variable of the file holds that text; it is empty until
   an address is tried. */

/* Ends the program, with status 2, over a wrong argument. */
static void refuse(const char *argument) {
    fprintf(stderr, "not understood: %s\n%s", argument, usage);
    exit(2);
}

/* Returns the text as a number from 0 to limit; refuses anything else. */
static long parse_number(const char *text, long limit) {
    size_t digits = strspn(text, "0123456789");
    long number = strtol(text, NULL, 10);

    if (digits == 0 || text[digits] != '\0' || number > limit)
        refuse(text);
    return number;
}

static void parse_options(int argc, char *argv[]) {
    int option;

    while ((option = getopt(argc, argv, "ht:")) != -1) {
        switch (option) {
        case 't':
            silence = parse_number(optarg, 86400);
            break;
        default:  /* -h, or what getopt has complained of */
            fputs(usage, option == 'h' ? stdout : stderr);
            exit(option == 'h' ? EXIT_SUCCESS : 2);
        }
    }
    if (optind + 2 != argc)
        refuse(optind + 2 < argc ? argv[optind + 2] : "no HOST, or no PORT");
    const char *port = argv[optind + 1];
    if (port[strspn(port, "0123456789")] == '\0'
        && parse_number(port, 65535) == 0)
        refuse(port);
}

/* TODO 4: a function that takes an address from the list of getaddrinfo(3)
   and sets the text of TODO 3. getnameinfo(3) writes an address of any family
   in numbers, if it gets the right flags. An IPv6 address goes in brackets.
   Proved by refused_everywhere. */

/* TODO 5: connect_to_any, which takes the list and returns a socket that is
   connected to the first address that answers. For each address: a socket(2)
   of its family and type; the two limits that echo sets in 05, of which
   SO_SNDTIMEO limits connect too; connect(2) to the address. When one of these
   fails, diagnose that and close the socket, since nobody can say what state
   it is in. After a NEXT go on to the next address, after a RETRY try the same
   one. End with status 1 after the last one. If the descriptor is 0, 1 or 2,
   the program was started without a standard stream: end with a message
   before the socket is taken for one.
   Proved by every_address, refused_everywhere, connect_*. */

/* TODO 7: receive and send_all, of 05. diagnose ends the program over all but
   a RETRY and a WAIT, so one matter is left for send_all to return false:
   a shortage that has lasted too long.
   Proved by partial_send, never_ends, recv_*, send_*. */

/* TODO 8: take_echo, which takes the server, the bytes that were sent and how
   many they are. Receive until as many have come back. Compare each piece
   with memcmp(3), at its place in what was sent, and print it to standard
   output at once, see fflush(3). To end early, to send other bytes, and not to
   be printable are errors: a message, and status 1.
   Proved by bulk, nul_bytes, ends_early, wrong_bytes, closed_output. */

/* TODO 9: exchange, which takes the server. read(2) the standard input, which
   returns what has come so far (do not wait for more: a person may wait for
   the echo of a line), send it, take its echo, until the input ends. Then end
   your half of the connection with shutdown(2), so that the server sees the
   end. Wait for the end of its half: a byte more is an error.
   Proved by line_by_line, empty_input, half_close, extra_bytes. */

int main(int argc, char *argv[]) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *addresses;
    parse_options(argc, argv);
    signal(SIGPIPE, SIG_IGN);  /* let send fail with EPIPE instead */
    int error = getaddrinfo(argv[optind], argv[optind + 1], &hints, &addresses);
    if (error != 0) {
        fprintf(stderr, "getaddrinfo: %s (%s %s)\n",
                error == EAI_SYSTEM ? strerror(errno) : gai_strerror(error),
                argv[optind], argv[optind + 1]);
        return EXIT_FAILURE;
    }
    /* TODO 10: connect to one of the addresses. Proved by every_address. */
    freeaddrinfo(addresses);
    /* TODO 11: exchange with the server, and close the socket.
       Proved by echo_line, bulk. */
    return EXIT_SUCCESS;
}
