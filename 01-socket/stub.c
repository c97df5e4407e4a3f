/* 01 socket, the assignment: ask the kernel for a socket.
 * Do it:    complete the TODOs in the order of their numbers.
 * Check it: make try-01, in the folder above this one. */
#define _POSIX_C_SOURCE 200809L

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

static void parse_options(int argc, char *argv[]);
static void open_standard_streams(void);
static enum action handle_error(const char *call);

int main(int argc, char *argv[]) {
    parse_options(argc, argv);
    open_standard_streams();

    /* TODO 1: call socket(2) for a stream socket of the IPv4 family; protocol 0
       leaves the choice of TCP to the kernel. It returns a descriptor, or -1 if
       it fails: then call handle_error with the name of the call. Print
       "socket: descriptor 3" with the real number to standard error, because
       standard output is for data. Then close(2) the socket (no check tests
       this).
       Tested by prints_descriptor, stream_socket, socket_*. */
    return EXIT_SUCCESS;
}

/* Opens /dev/null for each standard stream that is closed. Otherwise a socket
   could become descriptor 2, and error messages would go to its peer. */
static void open_standard_streams(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", O_RDWR) == -1)
            handle_error("open");
}

static const char usage[] =
    "usage: server\n";

/* Rejects an argument: prints the usage and exits with status 2. */
static void usage_error(const char *argument) {
    fprintf(stderr, "invalid argument: '%s'\n%s", argument, usage);
    exit(2);
}

/* Parses the command line; exits on an error. */
static void parse_options(int argc, char *argv[]) {
    int option;

    while ((option = getopt(argc, argv, "h")) != -1) {
        switch (option) {
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
    /* TODO 2: a heading row for socket: the call's name in quotes, 0, STOP and
       NULL. Below it, a row for each errno of socket(2): EACCES, EAFNOSUPPORT,
       EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPROTONOSUPPORT. E(EINTR), for
       example, fills in the first two members of a row. The action is always
       STOP: without a socket there is nothing to do. The meaning explains the
       errno in a few words.
       Tested by socket_*. */
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

    /* TODO 3: print one line to standard error: CALL: ENAME: meaning, from the
       row. If the row's number is 0, the errno has no row: print CALL: and the
       text of strerror(3). Use number, not errno: fprintf may change errno.
       If the action is STOP, exit(3) with EXIT_FAILURE.
       Tested by usage_not_written, socket_*. */
    return failure->action;
}
