/*
 * 02 bind, the assignment: this is 01. Give its socket an address and a port.
 * Do it:    what the TODOs say, in the order of their numbers.
 * Check it: make try-02, in the folder above this one.
 */
#define _POSIX_C_SOURCE 200809L

/* TODO 1: two headers, for addresses: inet_pton(3) and ip(7) name them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char usage[] =
    /* TODO 2: -a ADDRESS and PORT, both optional, and a line about each: what
       it may be and, in parentheses, what it is if it is left out: 127.0.0.1
       and 15441. */
    "usage: server\n";

enum remedy {  /* what to do about a failed call */
    STOP,   /* nothing sensible is left to do: exit with status 1 */
};

struct failure {
    const char *name;  /* NULL in a table's last row: for any other errno */
    int number;
    enum remedy remedy;
    const char *meaning;
};

#define E(name) #name, (name)

static const struct failure socket_failures[] = {
    {E(EACCES),          STOP, "no permission to create this kind of socket"},
    {E(EAFNOSUPPORT),    STOP, "this system has no such address family"},
    {E(EINVAL),          STOP, "unknown protocol, or flags in the type"},
    {E(EMFILE),          STOP, "this process has no descriptor left"},
    {E(ENFILE),          STOP, "the whole system has no descriptor left"},
    {E(ENOBUFS),         STOP, "not enough memory for a socket"},
    {E(ENOMEM),          STOP, "not enough memory for a socket"},
    {E(EPROTONOSUPPORT), STOP, "no such protocol in this address family"},
    {NULL, 0, STOP, NULL},
};

/* TODO 8: the table bind_failures, for bind(2): EACCES, EADDRINUSE,
   EADDRNOTAVAIL, EBADF, EINVAL and ENOTSOCK. All of them STOP. Another one,
   other_failures, for calls with no table of their own, as getsockname(2):
   it has the last row only. Proved by bind_*. */

/* Says why a call failed, as its table has it, and does about it what can be
   done from here. Returns the remedy, for the caller to do the rest. */
static enum remedy diagnose(const char *call, const struct failure *failure) {
    int number = errno;

    while (failure->name != NULL && failure->number != number)
        failure++;
    if (failure->name == NULL)
        fprintf(stderr, "%s: %s\n", call, strerror(number));
    else
        fprintf(stderr, "%s: %s: %s\n", call, failure->name, failure->meaning);
    if (failure->remedy == STOP)
        exit(EXIT_FAILURE);
    return failure->remedy;
}

/* TODO 9: announce, which takes an event, as "bound to", and a pointer to a
   struct sockaddr_in, and prints both to standard error in one line, the
   address as in 127.0.0.1:15441. inet_ntop(3) makes a text of sin_addr;
   sin_port is in network byte order, see ntohs(3).
   Proved by prints_address. */

/* Ends the program, with status 2, over a wrong argument. */
static void refuse(const char *argument) {
    fprintf(stderr, "not understood: %s\n%s", argument, usage);
    exit(2);
}

/* TODO 3: parse_number, which takes a text and a limit, and returns the
   number from 0 to limit that the text is. It refuses any other text.
   strtol(3) alone is not enough: it takes 80x for 80, and an empty text for
   0. So look at the characters as well. Proved by port_refused. */

/* TODO 4: parse_options returns a struct sockaddr_in now. Start with what it
   is if no option is given, all other members zero: the family is AF_INET,
   the port 15441, the address INADDR_LOOPBACK, the last two in network byte
   order, see htons(3) and htonl(3). Proved by default_port. */
static void parse_options(int argc, char *argv[]) {
    int option;

    while ((option = getopt(argc, argv, "h")) != -1) {
        /* TODO 5: an option more, -a, which has an argument: see getopt(3).
           Its case takes the address from the argument with inet_pton(3),
           which returns 1 if it was one. Refuse it otherwise.
           Proved by address_option, address_refused. */
        switch (option) {
        default:  /* -h, or what getopt has complained of */
            fputs(usage, option == 'h' ? stdout : stderr);
            exit(option == 'h' ? EXIT_SUCCESS : 2);
        }
    }
    /* TODO 6: the first argument left, if there is one, is the port: a number
       up to 65535, in network byte order in the address. A second one is
       refused, as the first is now.
       Proved by port_zero, port_refused, option_refused. */
    if (optind < argc)
        refuse(argv[optind]);
    /* TODO 7: return the address. */
}

int main(int argc, char *argv[]) {
    /* TODO 10: keep the address, and in a socklen_t its length. */
    parse_options(argc, argv);

    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        diagnose("socket", socket_failures);
    /* TODO 11: instead of this line, bind(2) the socket to the address. bind
       takes addresses of any family, so it wants a pointer to a struct
       sockaddr, and a length. It fails if the port is taken, for one:
       diagnose that. For port 0 the kernel has chosen a free one. Have
       getsockname(2) write over the address with what it is now, and announce
       that the socket is "bound to" it.
       Proved by prints_address, port_zero, bind_*. */
    fprintf(stderr, "socket: descriptor %d\n", listener);
    close(listener);
    return EXIT_SUCCESS;
}
