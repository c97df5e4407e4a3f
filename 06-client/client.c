/*
 * 06 connect: the other end. Sends its input, checks and prints the echo.
 * Run it:   ../05-recv-send/server, and elsewhere: ./client localhost 15441
 * Break it: stop the server with Ctrl-C, then type another line.
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

static const struct failure socket_failures[] = {
    {E(EACCES),          NEXT, "no permission to create this kind of socket"},
    {E(EAFNOSUPPORT),    NEXT, "this system has no such address family"},
    {E(EINVAL),          NEXT, "unknown protocol, or flags in the type"},
    {E(EMFILE),          STOP, "this process has no descriptor left"},
    {E(ENFILE),          STOP, "the whole system has no descriptor left"},
    {E(ENOBUFS),         STOP, "not enough memory for a socket"},
    {E(ENOMEM),          STOP, "not enough memory for a socket"},
    {E(EPROTONOSUPPORT), NEXT, "no such protocol in this address family"},
    {NULL, 0, STOP, NULL},
};

static const struct failure connect_failures[] = {
    {E(EACCES),        NEXT,  "no permission, or a broadcast address"},
    {E(EPERM),         NEXT,  "a firewall forbids it, or a broadcast address"},
    {E(EADDRINUSE),    NEXT,  "the local address is in use"},
    {E(EADDRNOTAVAIL), NEXT,  "no local port is free, or no such address"},
    {E(EAFNOSUPPORT),  NEXT,  "the address is of another family"},
    {E(EAGAIN),        NEXT,  "no local port or route entry is free"},
    {E(EALREADY),      NEXT,  "an earlier attempt has not ended yet"},
    {E(EBADF),         STOP,  "not an open descriptor: a bug in this program"},
    {E(ECONNREFUSED),  NEXT,  "nothing listens there"},
    {E(ECONNRESET),    NEXT,  "the other side reset the connection"},
    {E(EFAULT),        STOP,  "a bad pointer: a bug in this program"},
    {E(EHOSTUNREACH),  NEXT,  "no route to the host"},
    {E(EINPROGRESS),   NEXT,  "no answer in time"},
    {E(EINTR),         RETRY, "a signal came first: start over, a new socket"},
    {E(EISCONN),       STOP,  "connected already: a bug in this program"},
    {E(ENETUNREACH),   NEXT,  "no route to the network"},
    {E(ENOTSOCK),      STOP,  "not a socket: a bug in this program"},
    {E(ETIMEDOUT),     NEXT,  "no answer"},
    {NULL, 0, NEXT, NULL},
};

static const struct failure recv_failures[] = {
    {E(EAGAIN),       STOP,  "nothing has come in time"},
    {E(EWOULDBLOCK),  STOP,  "nothing has come in time"},
    {E(EBADF),        STOP,  "not an open descriptor: a bug in this program"},
    {E(ECONNREFUSED), STOP,  "the other host refused the connection"},
    {E(ECONNRESET),   STOP,  "the other side reset the connection"},
    {E(EFAULT),       STOP,  "a bad pointer: a bug in this program"},
    {E(EINTR),        RETRY, "a signal came before any data"},
    {E(EINVAL),       STOP,  "an invalid argument: a bug in this program"},
    {E(ENOMEM),       STOP,  "out of memory"},
    {E(ENOTCONN),     STOP,  "the socket is not connected"},
    {E(ENOTSOCK),     STOP,  "not a socket: a bug in this program"},
    {E(ETIMEDOUT),    STOP,  "the other side stopped answering"},
    {NULL, 0, STOP, NULL},
};

static const struct failure send_failures[] = {
    {E(EACCES),       STOP,  "no permission to write"},
    {E(EAGAIN),       STOP,  "nothing could be sent in time"},
    {E(EWOULDBLOCK),  STOP,  "nothing could be sent in time"},
    {E(EBADF),        STOP,  "not an open descriptor: a bug in this program"},
    {E(ECONNRESET),   STOP,  "the other side reset the connection"},
    {E(EDESTADDRREQ), STOP,  "no peer is set"},
    {E(EFAULT),       STOP,  "a bad pointer: a bug in this program"},
    {E(EINTR),        RETRY, "a signal came before any data was sent"},
    {E(EINVAL),       STOP,  "an invalid argument: a bug in this program"},
    {E(EISCONN),      STOP,  "connected already, and an address was given"},
    {E(EMSGSIZE),     STOP,  "too long to send in one piece"},
    {E(ENOBUFS),      WAIT,  "the network's output queue is full"},
    {E(ENOMEM),       WAIT,  "out of memory"},
    {E(ENOTCONN),     STOP,  "the socket is not connected"},
    {E(ENOTSOCK),     STOP,  "not a socket: a bug in this program"},
    {E(EOPNOTSUPP),   STOP,  "a flag does not suit this type of socket"},
    {E(EPIPE),        STOP,  "the connection is closed for sending"},
    {E(ETIMEDOUT),    STOP,  "the other side stopped answering"},
    {NULL, 0, STOP, NULL},
};

/* For calls that have no table of their own. */
static const struct failure other_failures[] = {{NULL, 0, STOP, NULL}};

static long silence = 10;  /* seconds until a silent server is lost, or 0 */
static char server_name[80];  /* " (127.0.0.1:80)" or " ([::1]:80)" */
static long waits;  /* of a tenth of a second, so far in this shortage */

/* Says why a call failed, as its table has it, and does about it what can be
   done from here. Returns the remedy, for the caller to do the rest. */
static enum remedy diagnose(const char *call, const struct failure *failure) {
    int number = errno;

    while (failure->name != NULL && failure->number != number)
        failure++;
    if (failure->name == NULL)
        fprintf(stderr, "%s: %s%s\n", call, strerror(number),
                failure->remedy == NEXT ? server_name : "");
    else if (failure->remedy != RETRY && (failure->remedy != WAIT || !waits))
        fprintf(stderr, "%s: %s: %s%s\n", call, failure->name, failure->meaning,
                server_name);
    if (failure->remedy == STOP)
        exit(EXIT_FAILURE);
    if (failure->remedy == WAIT) {
        nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        waits++;
    }
    return failure->remedy;
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

/* Waits for bytes. Returns how many, 0 at the end, -1 if lost. See recv(2). */
static ssize_t receive(int server, char *buffer, size_t size) {
    ssize_t received;

    do
        received = recv(server, buffer, size, 0);
    while (received == -1 && diagnose("recv", recv_failures) == RETRY);
    return received;
}

/* Sends it all, though send(2) may take only a part. Returns success. */
static bool send_all(int server, const char *bytes, size_t length) {
    waits = 0;
    while (length > 0) {
        ssize_t sent = send(server, bytes, length, 0);
        if (sent != -1) {
            bytes += sent;
            length -= (size_t)sent;
            waits = 0;
        } else if (diagnose("send", send_failures) == STOP
                   || (silence > 0 && waits >= 10 * silence)) {
            return false;
        }
    }
    return true;
}

static void name_server(const struct addrinfo *address) {
    char host[64] = "?", port[8] = "?";
    getnameinfo(address->ai_addr, address->ai_addrlen, host, sizeof host,
                port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(server_name, sizeof server_name,
             strchr(host, ':') ? " ([%s]:%s)" : " (%s:%s)", host, port);
}

/* Ends the program: the echo is wrong, or cannot be had. */
static void reject(const char *reason) {
    fprintf(stderr, "echo: %s%s\n", reason, server_name);
    exit(EXIT_FAILURE);
}

/* Connects to the first address that answers, or exits. See connect(2). */
static int connect_to_any(const struct addrinfo *address) {
    struct timeval limit = {.tv_sec = silence};  /* on Linux connect's, too */
    socklen_t size = sizeof limit;

    while (address != NULL) {
        enum remedy remedy = STOP;
        name_server(address);
        int server = socket(address->ai_family, address->ai_socktype,
                            address->ai_protocol);
        if (server == -1)
            remedy = diagnose("socket", socket_failures);
        else if (server <= STDERR_FILENO)
            reject("standard input, output or error is closed");
        else if (setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &limit, size) == -1
            || setsockopt(server, SOL_SOCKET, SO_SNDTIMEO, &limit, size) == -1)
            diagnose("setsockopt", other_failures);
        else if (connect(server, address->ai_addr, address->ai_addrlen) == -1)
            remedy = diagnose("connect", connect_failures);
        else
            return server;
        if (server != -1)
            close(server);
        if (remedy == NEXT)
            address = address->ai_next;
    }
    exit(EXIT_FAILURE);
}

/* Waits until all that was sent has come back, and prints it. */
static void take_echo(int server, const char *sent, size_t length) {
    char echo[65536];  /* as large as what was sent */

    while (length > 0) {
        ssize_t received = receive(server, echo, length);
        size_t count = received > 0 ? (size_t)received : 0;
        if (count == 0 || memcmp(echo, sent, count) != 0)
            reject(count == 0 ? "it ended early" : "other bytes came back");
        if (fwrite(echo, 1, count, stdout) < count || fflush(stdout) != 0)
            diagnose("write", other_failures);
        sent += count;
        length -= count;
    }
}

/* Sends the input as it comes, piece by piece, each after the last's echo. */
static void exchange(int server) {
    char input[65536];
    ssize_t length;

    while ((length = read(STDIN_FILENO, input, sizeof input)) > 0) {
        if (!send_all(server, input, (size_t)length))
            reject("the shortage lasted too long");
        take_echo(server, input, (size_t)length);
    }
    if (length == -1)
        diagnose("read", other_failures);
    if (shutdown(server, SHUT_WR) == -1)
        diagnose("shutdown", other_failures);
    if (receive(server, input, sizeof input) > 0)
        reject("more came back than was sent");
}

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
    int server = connect_to_any(addresses);
    freeaddrinfo(addresses);
    exchange(server);
    close(server);
    return EXIT_SUCCESS;
}
