/*
 * 04 accept, the assignment: this is 03. Take the clients from its queue.
 * Do it:    what the TODOs say, in the order of their numbers.
 * Check it: make try-04, in the folder above this one.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
/* TODO 1: the header of nanosleep(2). */
#include <unistd.h>

static const char usage[] =
    "usage: server [-a ADDRESS] [PORT]\n"
    "  -a ADDRESS  an IPv4 address of this machine (127.0.0.1)\n"
    "  PORT        a port from 1 to 65535, or 0 for any free one (15441)\n";

enum remedy {  /* what to do about a failed call */
    STOP,   /* nothing sensible is left to do: exit with status 1 */
    /* TODO 2: two remedies for what may pass. RETRY is to call again at once
       and to print nothing. WAIT is for a shortage: to print one line, and to
       call again every tenth of a second. */
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

static const struct failure bind_failures[] = {
    {E(EACCES),        STOP, "ports below 1024 are reserved for root"},
    {E(EADDRINUSE),    STOP, "another socket has this address and port"},
    {E(EADDRNOTAVAIL), STOP, "no interface of this machine has this address"},
    {E(EBADF),         STOP, "not an open descriptor: a bug in this program"},
    {E(EINVAL),        STOP, "bound already, or a wrong length of the address"},
    {E(ENOTSOCK),      STOP, "not a socket: a bug in this program"},
    {NULL, 0, STOP, NULL},
};

static const struct failure listen_failures[] = {
    {E(EADDRINUSE), STOP, "another socket listens on this port already"},
    {E(EBADF),      STOP, "not an open descriptor: a bug in this program"},
    {E(ENOTSOCK),   STOP, "not a socket: a bug in this program"},
    {E(EOPNOTSUPP), STOP, "this type of socket cannot listen"},
    {NULL, 0, STOP, NULL},
};

/* TODO 3: the table accept_failures, for accept(2): EAGAIN, EWOULDBLOCK,
   EBADF, ECONNABORTED, EINTR, EINVAL, EMFILE, ENFILE, ENOTSOCK, EOPNOTSUPP,
   EFAULT, ENOBUFS, ENOMEM, EPROTO, EPERM; and what Linux passes on from the
   network of the new connection: ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET,
   EHOSTUNREACH, ENETUNREACH. Neither EHOSTDOWN nor ENONET is in POSIX, so ask
   with #ifdef. What costs the new connection only is a RETRY, a shortage is
   a WAIT, a bug in this program a STOP. EOPNOTSUPP may be the network's or a
   bug, so it is a WAIT. Proved by accept_*. */

/* For calls that have no table of their own. */
static const struct failure other_failures[] = {{NULL, 0, STOP, NULL}};

/* TODO 4: a variable that counts the waits of the present shortage: 0 while
   there is none. */

/* Says why a call failed, as its table has it, and does about it what can be
   done from here. Returns the remedy, for the caller to do the rest. */
static enum remedy diagnose(const char *call, const struct failure *failure) {
    int number = errno;

    while (failure->name != NULL && failure->number != number)
        failure++;
    if (failure->name == NULL)
        fprintf(stderr, "%s: %s\n", call, strerror(number));
    /* TODO 5: print nothing for a RETRY, and for a WAIT only if it is the
       first of its shortage. Proved by accept_EINTR, accept_EMFILE. */
    else
        fprintf(stderr, "%s: %s: %s\n", call, failure->name, failure->meaning);
    if (failure->remedy == STOP)
        exit(EXIT_FAILURE);
    /* TODO 6: carry out a WAIT: count it, and sleep for a tenth of a second
       with nanosleep(2). A loop without a sleep would use the processor up.
       Proved by accept_EMFILE, accept_ENFILE. */
    return failure->remedy;
}

/* Tells of an event, and the address that it is about. */
static void announce(const char *event, const struct sockaddr_in *address) {
    char host[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &address->sin_addr, host, sizeof host);
    fprintf(stderr, "%s %s:%d\n", event, host, ntohs(address->sin_port));
}

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

static struct sockaddr_in parse_options(int argc, char *argv[]) {
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(15441),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int option;

    while ((option = getopt(argc, argv, "a:h")) != -1) {
        switch (option) {
        case 'a':
            if (inet_pton(AF_INET, optarg, &address.sin_addr) != 1)
                refuse(optarg);
            break;
        default:  /* -h, or what getopt has complained of */
            fputs(usage, option == 'h' ? stdout : stderr);
            exit(option == 'h' ? EXIT_SUCCESS : 2);
        }
    }
    if (optind < argc)
        address.sin_port =
            htons((in_port_t)parse_number(argv[optind++], 65535));
    if (optind < argc)
        refuse(argv[optind]);
    return address;
}

/* TODO 7: accept_client, which takes the listener and a pointer to an
   address, and returns the socket of the next client. accept(2) waits for
   one, and writes the client's address over the address. The length is both
   a question and an answer: the size of the address before every call, the
   length of the client's after it. When accept fails, diagnose that and,
   unless it was a STOP, call it again. The count of TODO 4 starts again with
   each client. Proved by accepted_line, accept_*. */

int main(int argc, char *argv[]) {
    struct sockaddr_in address = parse_options(argc, argv);
    socklen_t length = sizeof address;

    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        diagnose("socket", socket_failures);
    /* TODO 8: connections that this program has closed linger in TIME_WAIT
       for a minute, and bind fails with EADDRINUSE for as long. Have it bind
       all the same: setsockopt(2) with SO_REUSEADDR, an int, of SOL_SOCKET,
       see socket(7). Diagnose a failure. Proved by restart_at_once. */
    if (bind(listener, (struct sockaddr *)&address, length) == -1)
        diagnose("bind", bind_failures);
    if (getsockname(listener, (struct sockaddr *)&address, &length) == -1)
        diagnose("getsockname", other_failures);
    if (listen(listener, SOMAXCONN) == -1)
        diagnose("listen", listen_failures);
    announce("listening on", &address);
    /* TODO 9: instead of these lines, and for ever: take the next client,
       announce that it is "accepted" from its address, close its socket. A
       descriptor that stays open is lost, and there are not many.
       Proved by accepted_line, closes_at_once, descriptors_closed. */
    pause();  /* until a signal ends the program */
    close(listener);
    return EXIT_SUCCESS;
}
