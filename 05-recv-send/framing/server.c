/* 05 framing: messages in a stream, each preceded by its length in 4 bytes. The
 * answer to each is the same bytes in reverse order.
 * Run it:   ./server, and in a second terminal:
 *           printf '\0\0\0\3abc' | nc -N 127.0.0.1 15441 | od -c
 * Break it: ./server -t 3, and send half a length, without -N: "recv: EAGAIN:
 *           nothing came within the time limit".
 * SPDX-License-Identifier: 0BSD */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
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
    DROP,   /* this client is lost: close it, serve the others */
};

static void parse_options(int argc, char *argv[], struct in_addr *ip,
                          in_port_t *port, long *timeout);
static void open_standard_streams(void);
static void log_event(const char *event, const struct sockaddr_in *address);
static void serve_client(int client, long timeout);
static enum action handle_error(const char *call);
static enum action handle_retry(const char *call, long *waits);

int main(int argc, char *argv[]) {
    struct in_addr ip = {.s_addr = inet_addr("127.0.0.1")};
    in_port_t port = 15441;  /* in host byte order */
    long timeout = 60;  /* seconds without a byte; 0 = for ever */

    parse_options(argc, argv, &ip, &port, &timeout);
    open_standard_streams();
    signal(SIGPIPE, SIG_IGN);  /* let send fail with EPIPE instead */
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
        serve_client(client, timeout);
        close(client);  /* the listener stays open */
    }
}

enum {
    HEAD = 4,      /* bytes before each message: its length */
    MOST = 65536,  /* bytes of a message */
};

static bool receive_all(int client, char *bytes, size_t size, bool inside);
static ssize_t receive(int client, char *bytes, size_t size);
static size_t length_in(const char *head);
static void reverse(char *bytes, size_t length);
static void reject(int client, size_t length, long timeout);
static bool send_all(int client, const char *bytes, size_t length,
                     long timeout);
static bool set_timeouts(int client, long timeout);
static long long milliseconds(void);

/* Answers the next message: its bytes in reverse order. The length and the
   message are in one buffer, so that one call sends both. Returns false if the
   message is too long, at the end of the stream, or if the client is lost. */
static bool answer_message(int client, long timeout) {
    char frame[HEAD + MOST];

    if (!receive_all(client, frame, HEAD, false))
        return false;
    size_t length = length_in(frame);
    if (length > MOST) {
        reject(client, length, timeout);
        return false;
    }
    if (!receive_all(client, frame + HEAD, length, true))
        return false;
    reverse(frame + HEAD, length);
    return send_all(client, frame, HEAD + length, timeout);
}

/* Receives exactly size bytes, in as many calls as that takes. Returns false at
   the end of the stream, which is an error inside a message, or if the client
   is lost. */
static bool receive_all(int client, char *bytes, size_t size, bool inside) {
    size_t count = 0;

    while (count < size) {
        ssize_t received = receive(client, bytes + count, size - count);
        if (received == 0 && (inside || count > 0))
            fprintf(stderr, "recv: the stream ends inside a message\n");
        if (received <= 0)
            return false;
        count += (size_t)received;
    }
    return true;
}

/* Receives some bytes: recv(2). Returns how many, 0 at the end of the stream,
   -1 if the client is lost. */
static ssize_t receive(int client, char *bytes, size_t size) {
    ssize_t received;

    do
        received = recv(client, bytes, size, 0);
    while (received == -1 && handle_error("recv") != DROP);
    return received;
}

/* Returns the length that 4 bytes in network byte order represent. They are
   copied because a uint32_t may have to be aligned. */
static size_t length_in(const char *head) {
    uint32_t length;

    memcpy(&length, head, sizeof length);
    return ntohl(length);
}

/* Puts the bytes into reverse order. */
static void reverse(char *bytes, size_t length) {
    for (size_t i = 0; i < length / 2; i++) {
        char other = bytes[length - 1 - i];
        bytes[length - 1 - i] = bytes[i];
        bytes[i] = other;
    }
}

/* Answers a length above MOST with the message "too long", and ends the stream.
   Then receives and discards whatever the client still sends, because closing a
   socket with unread bytes sends a reset, which can overtake the answer. */
static void reject(int client, size_t length, long timeout) {
    static const char answer[] = "\0\0\0\10too long";
    char rest[4096];

    fprintf(stderr, "too long: a message of %zu bytes\n", length);
    if (!send_all(client, answer, sizeof answer - 1, timeout))
        return;
    if (shutdown(client, SHUT_WR) == -1)
        perror("shutdown");
    while (receive(client, rest, sizeof rest) > 0)
        continue;
}

/* Sends all of the bytes: send(2) may take only some of them, and fails with
   EAGAIN after a tenth of a second without room. Returns false if the client is
   lost: an error, or no byte sent within the timeout. */
static bool send_all(int client, const char *bytes, size_t length,
                     long timeout) {
    long blocked = 0, waits = 0;  /* tenths of a second without a byte */

    while (length > 0) {
        long long began = milliseconds();
        ssize_t sent = send(client, bytes, length, 0);
        if (sent != -1) {
            bytes += sent;
            length -= (size_t)sent;
            blocked = waits = 0;
        } else if (errno == EAGAIN && milliseconds() - began > 50
                   && ++blocked + waits < 10 * timeout) {
            continue;  /* the client has not read for a tenth of a second */
        } else if (handle_retry("send", &waits) == DROP
                   || (timeout > 0 && blocked + waits >= 10 * timeout)) {
            return false;
        }
    }
    return true;
}

/* Sets the time limits, and answers messages until one is too long, or until
   the client has closed its side or is lost. */
static void serve_client(int client, long timeout) {
    bool connected = set_timeouts(client, timeout);

    while (connected)
        connected = answer_message(client, timeout);
}

/* Limits how long recv and send may block: SO_RCVTIMEO and SO_SNDTIMEO, see
   socket(7). Send is limited to a tenth of a second: a longer limit would hide
   when the last byte was sent. On failure prints why and returns false. */
static bool set_timeouts(int client, long timeout) {
    struct timeval receiving = {.tv_sec = timeout};
    struct timeval sending = {.tv_usec = timeout > 0 ? 100000 : 0};
    socklen_t size = sizeof receiving;

    if (setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &receiving, size) != -1
        && setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &sending, size) != -1)
        return true;
    perror("setsockopt");  /* handle_error would end the server */
    return false;
}

/* Returns the time in milliseconds, from a clock that is never set back. */
static long long milliseconds(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

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
    "usage: server [-a ADDRESS] [-t SECONDS] [PORT]\n"
    "  -a ADDRESS  an IPv4 address of this machine (127.0.0.1)\n"
    "  -t SECONDS  drop a client after SECONDS without a byte; 0 = never (60)\n"
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
static void parse_options(int argc, char *argv[], struct in_addr *ip,
                          in_port_t *port, long *timeout) {
    int option;

    while ((option = getopt(argc, argv, "a:ht:")) != -1) {
        switch (option) {
        case 'a':
            if (inet_pton(AF_INET, optarg, ip) != 1)
                usage_error(optarg);
            break;
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
    if (optind < argc)
        *port = (in_port_t)parse_number(argv[optind++], 65535);
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
    {"bind", 0, STOP, NULL},
    {E(EACCES),        STOP, "ports below 1024 are reserved for root"},
    {E(EADDRINUSE),    STOP, "another socket has this address and port"},
    {E(EADDRNOTAVAIL), STOP, "no interface of this machine has this address"},
    {E(EBADF),         STOP, "not an open descriptor: a bug in this program"},
    {E(EINVAL),        STOP, "already bound, or wrong address length"},
    {E(ENOTSOCK),      STOP, "not a socket: a bug in this program"},
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
    {"recv", 0, DROP, NULL},
    {E(EAGAIN),       DROP,  "nothing came within the time limit"},
    {E(EWOULDBLOCK),  DROP,  "nothing came within the time limit"},
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
    {"send", 0, DROP, NULL},
    {E(EACCES),       DROP,  "no permission to write"},
    {E(EAGAIN),       DROP,  "the other side did not read in time"},
    {E(EWOULDBLOCK),  DROP,  "the other side did not read in time"},
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
