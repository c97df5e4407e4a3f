/*
 * 05 recv, send: echo what a client sends until it ends, then take the next.
 * Run it:   ./server, and in a second terminal: nc 127.0.0.1 15441
 * Break it: ./server -t 3, connect, and type nothing.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
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
    "usage: server [-a ADDRESS] [-t SECONDS] [PORT]\n"
    "  -a ADDRESS  an IPv4 address of this machine (127.0.0.1)\n"
    "  -t SECONDS  the silence after which a client is lost, 0: never (60)\n"
    "  PORT        a port from 1 to 65535, or 0 for any free one (15441)\n";

enum remedy {  /* what to do about a failed call */
    STOP,   /* nothing sensible is left to do: exit with status 1 */
    RETRY,  /* nothing to speak of: call again at once */
    WAIT,   /* a shortage: say so once, call again every tenth of a second */
    DROP,   /* this client is lost: close it, serve the others */
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

static const struct failure recv_failures[] = {
    {E(EAGAIN),       DROP,  "nothing has come in time"},
    {E(EWOULDBLOCK),  DROP,  "nothing has come in time"},
    {E(EBADF),        DROP,  "not an open descriptor: a bug in this program"},
    {E(ECONNREFUSED), DROP,  "the other host refused the connection"},
    {E(ECONNRESET),   DROP,  "the other side reset the connection"},
    {E(EFAULT),       DROP,  "a bad pointer: a bug in this program"},
    {E(EINTR),        RETRY, "a signal came before any data"},
    {E(EINVAL),       DROP,  "an invalid argument: a bug in this program"},
    {E(ENOMEM),       DROP,  "out of memory"},
    {E(ENOTCONN),     DROP,  "the socket is not connected"},
    {E(ENOTSOCK),     DROP,  "not a socket: a bug in this program"},
    {E(ETIMEDOUT),    DROP,  "the other side stopped answering"},
    {NULL, 0, DROP, NULL},
};

static const struct failure send_failures[] = {
    {E(EACCES),       DROP,  "no permission to write"},
    {E(EAGAIN),       DROP,  "nothing could be sent in time"},
    {E(EWOULDBLOCK),  DROP,  "nothing could be sent in time"},
    {E(EBADF),        DROP,  "not an open descriptor: a bug in this program"},
    {E(ECONNRESET),   DROP,  "the other side reset the connection"},
    {E(EDESTADDRREQ), DROP,  "no peer is set"},
    {E(EFAULT),       DROP,  "a bad pointer: a bug in this program"},
    {E(EINTR),        RETRY, "a signal came before any data was sent"},
    {E(EINVAL),       DROP,  "an invalid argument: a bug in this program"},
    {E(EISCONN),      DROP,  "connected already, and an address was given"},
    {E(EMSGSIZE),     DROP,  "too long to send in one piece"},
    {E(ENOBUFS),      WAIT,  "the network's output queue is full"},
    {E(ENOMEM),       WAIT,  "out of memory"},
    {E(ENOTCONN),     DROP,  "the socket is not connected"},
    {E(ENOTSOCK),     DROP,  "not a socket: a bug in this program"},
    {E(EOPNOTSUPP),   DROP,  "a flag does not suit this type of socket"},
    {E(EPIPE),        DROP,  "the connection is closed for sending"},
    {E(ETIMEDOUT),    DROP,  "the other side stopped answering"},
    {NULL, 0, DROP, NULL},
};

/* For calls that have no table of their own. */
static const struct failure other_failures[] = {{NULL, 0, STOP, NULL}};

static long silence = 60;  /* seconds until a silent client is lost, or 0 */
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

    while ((option = getopt(argc, argv, "a:ht:")) != -1) {
        switch (option) {
        case 'a':
            if (inet_pton(AF_INET, optarg, &address.sin_addr) != 1)
                refuse(optarg);
            break;
        case 't':
            silence = parse_number(optarg, 86400);
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

/* Waits for bytes. Returns how many, 0 at the end, -1 if lost. See recv(2). */
static ssize_t receive(int client, char *buffer, size_t size) {
    ssize_t received;

    do
        received = recv(client, buffer, size, 0);
    while (received == -1 && diagnose("recv", recv_failures) == RETRY);
    return received;
}

/* Sends it all, though send(2) may take only a part. Returns false if lost. */
static bool send_all(int client, const char *bytes, size_t length) {
    waits = 0;
    while (length > 0) {
        ssize_t sent = send(client, bytes, length, 0);
        if (sent != -1) {
            bytes += sent;
            length -= (size_t)sent;
            waits = 0;
        } else if (diagnose("send", send_failures) == DROP
                   || (silence > 0 && waits >= 10 * silence)) {
            return false;
        }
    }
    return true;
}

/* Sends back what the client sends, until it ends or is lost. */
static void echo(int client) {
    struct timeval limit = {.tv_sec = silence};  /* see socket(7) */
    socklen_t size = sizeof limit;
    char buffer[65536];
    ssize_t received;

    if (setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, size) == -1
        || setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &limit, size) == -1) {
        perror("setsockopt");
        return;
    }
    do
        received = receive(client, buffer, sizeof buffer);
    while (received > 0 && send_all(client, buffer, (size_t)received));
}

int main(int argc, char *argv[]) {
    struct sockaddr_in address = parse_options(argc, argv);
    socklen_t length = sizeof address;

    signal(SIGPIPE, SIG_IGN);  /* let send fail with EPIPE instead */
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
        echo(client);
        close(client);
    }
}
