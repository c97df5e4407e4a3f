/*
 * 05 recv, send, the assignment: this is 04. Send back what its clients send.
 * Do it:    what the TODOs say, in the order of their numbers.
 * Check it: make try-05, in the folder above this one.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
/* TODO 1: three headers, of signal(2), of bool and of struct timeval. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: server [-a ADDRESS] [PORT]\n"
    /* TODO 2: -t SECONDS, optional, in the line above and in one of its own:
       the silence after which a client is lost, 0 for never, 60 if it is left
       out. */
    "  -a ADDRESS  an IPv4 address of this machine (127.0.0.1)\n"
    "  PORT        a port from 1 to 65535, or 0 for any free one (15441)\n";

enum remedy {  /* what to do about a failed call */
    STOP,   /* nothing sensible is left to do: exit with status 1 */
    RETRY,  /* nothing to speak of: call again at once */
    WAIT,   /* a shortage: say so once, call again every tenth of a second */
    /* TODO 6: a remedy more, DROP: this client is lost, close its socket and
       serve the next one. */
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

static const struct failure accept_failures[] = {
    {E(EAGAIN),       RETRY, "no connection is waiting"},
    {E(EWOULDBLOCK),  RETRY, "no connection is waiting"},
    {E(EBADF),        STOP,  "not an open descriptor: a bug in this program"},
    {E(ECONNABORTED), RETRY, "the client left before we took its connection"},
    {E(EINTR),        RETRY, "a signal came before a connection did"},
    {E(EINVAL),       STOP,  "not a listening socket: a bug in this program"},
    {E(EMFILE),       WAIT,  "this process has no descriptor left"},
    {E(ENFILE),       WAIT,  "the whole system has no descriptor left"},
    {E(ENOTSOCK),     STOP,  "not a socket: a bug in this program"},
    {E(EOPNOTSUPP),   WAIT,  "not SOCK_STREAM, or an error of the network"},
    {E(EFAULT),       STOP,  "a bad pointer: a bug in this program"},
    {E(ENOBUFS),      WAIT,  "not enough memory for a connection"},
    {E(ENOMEM),       WAIT,  "not enough memory for a connection"},
    {E(EPROTO),       RETRY, "protocol error"},
    {E(EPERM),        RETRY, "a firewall rule forbids the connection"},
    {E(ENETDOWN),     RETRY, "Linux: a network error of the new connection"},
    {E(ENOPROTOOPT),  RETRY, "Linux: a network error of the new connection"},
#ifdef ENONET  /* these two are Linux's own */
    {E(EHOSTDOWN),    RETRY, "Linux: a network error of the new connection"},
    {E(ENONET),       RETRY, "Linux: a network error of the new connection"},
#endif
    {E(EHOSTUNREACH), RETRY, "Linux: a network error of the new connection"},
    {E(ENETUNREACH),  RETRY, "Linux: a network error of the new connection"},
    {NULL, 0, STOP, NULL},
};

/* TODO 7: the table recv_failures, for recv(2): EAGAIN, EWOULDBLOCK, EBADF,
   ECONNREFUSED, ECONNRESET, EFAULT, EINTR, EINVAL, ENOMEM, ENOTCONN, ENOTSOCK
   and ETIMEDOUT. The socket is one client's, so any of them may cost that
   client, and none the server. EINTR costs nobody anything. The last row is a
   DROP as well. Proved by recv_*. */

/* TODO 8: the table send_failures, for send(2), by the same rule: EACCES,
   EAGAIN, EWOULDBLOCK, EBADF, ECONNRESET, EDESTADDRREQ, EFAULT, EINTR,
   EINVAL, EISCONN, EMSGSIZE, ENOBUFS, ENOMEM, ENOTCONN, ENOTSOCK,
   EOPNOTSUPP, EPIPE and ETIMEDOUT. Two of them are shortages, which may
   pass. Proved by send_*. */

/* For calls that have no table of their own. */
static const struct failure other_failures[] = {{NULL, 0, STOP, NULL}};

/* TODO 3: a variable for what -t says, 60 until then. */
static long waits;  /* of a tenth of a second, so far in this shortage */

/* Says why a call failed, as its table has it, and does about it what can be
   done from here. Returns the remedy, for the caller to do the rest. */
static enum remedy diagnose(const char *call, const struct failure *failure) {
    int number = errno;

    while (failure->name != NULL && failure->number != number)
        failure++;
    if (failure->name == NULL)
        fprintf(stderr, "%s: %s\n", call, strerror(number));
    else if (failure->remedy != RETRY && (failure->remedy != WAIT || !waits))
        fprintf(stderr, "%s: %s: %s\n", call, failure->name, failure->meaning);
    if (failure->remedy == STOP)
        exit(EXIT_FAILURE);
    if (failure->remedy == WAIT) {
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        waits++;
    }
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
        /* TODO 4: an option more, -t, which has an argument.
           Proved by recv_EAGAIN. */
        switch (option) {
        case 'a':
            if (inet_pton(AF_INET, optarg, &address.sin_addr) != 1)
                refuse(optarg);
            break;
        /* TODO 5: take the seconds from the argument: a number up to 86400, a
           day. Proved by seconds_refused, recv_EAGAIN. */
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

/* Waits for a client. Returns its socket, and its address. See accept(2). */
static int accept_client(int listener, struct sockaddr_in *address) {
    waits = 0;
    for (;;) {
        socklen_t length = sizeof *address;
        int client = accept(listener, (struct sockaddr *)address, &length);
        if (client != -1)
            return client;
        diagnose("accept", accept_failures);  /* comes back to try again */
    }
}

/* TODO 9: receive, which takes a client, a buffer and its size, and returns
   what recv(2) does: how many bytes came, at least one and perhaps fewer than
   fit; 0 if the client has ended and no byte will ever come; -1 if it is
   lost. When recv fails, diagnose that, and after a RETRY call it again.
   Proved by recv_*, stop_and_continue. */

/* TODO 10: send_all, which takes a client, bytes and how many they are, and
   returns whether they were all sent. send(2) returns how many it has taken.
   That may be a part: then send the rest, from where it stopped. When it
   fails, diagnose that. The client is lost if the remedy is DROP, or if a
   shortage has lasted as long as -t says (0 is never); bytes that were taken
   end a shortage.
   Proved by partial_send, slow_reader, shortage_ends, send_*. */

/* TODO 11: echo, which takes a client. Limit its silence first: setsockopt(2)
   with SO_RCVTIMEO and SO_SNDTIMEO, each a struct timeval, see socket(7);
   recv and send fail with EAGAIN when it is over. If that cannot be set, say
   so, and leave the client. Then receive, and send back as many bytes as
   came, until the client ends or is lost. They are bytes, not a string: a NUL
   is one like any other, and none stands at the end.
   Proved by echo_line, echo_one_byte, echo_nul, half_close, client_resets,
   recv_EAGAIN, send_EAGAIN. */

int main(int argc, char *argv[]) {
    struct sockaddr_in address = parse_options(argc, argv);
    socklen_t length = sizeof address;

    /* TODO 12: to send to a client that is gone raises SIGPIPE, which ends the
       program. Ignore it with signal(2): send then fails with EPIPE.
       Proved by send_EPIPE. */
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        diagnose("socket", socket_failures);
    int on = 1;  /* bind even while ended connections linger in TIME_WAIT */
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        diagnose("setsockopt", other_failures);
    if (bind(listener, (struct sockaddr *)&address, length) == -1)
        diagnose("bind", bind_failures);
    if (getsockname(listener, (struct sockaddr *)&address, &length) == -1)
        diagnose("getsockname", other_failures);
    if (listen(listener, SOMAXCONN) == -1)
        diagnose("listen", listen_failures);
    announce("listening on", &address);
    for (;;) {
        struct sockaddr_in client_address;
        int client = accept_client(listener, &client_address);
        announce("accepted", &client_address);
        /* TODO 13: echo. Proved by echo_line, many_in_turn. */
        close(client);
    }
}
