/* 06 rpc, the assignment: below is 06. Send each line of the input as a
 * request, and print the line that answers it.
 * Do it:    complete the TODOs in the order of their numbers.
 * Check it: make try-06-rpc, in the top folder. */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
/* TODO 1: one more header, stdbool.h. */
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
    /* TODO 2: one more action, DROP: this connection is lost; ask again on a
       new one. */
    NEXT,   /* this address does not work: try the host's next one */
};

static void parse_options(int argc, char *argv[], long *timeout,
                          const char **host, const char **port);
static void check_standard_streams(void);
static int connect_to(const struct addrinfo *address, long timeout);
static const char *name_of(const struct addrinfo *address);
/* TODO 3: ask_all (TODO 7) in place of exchange. */
static void exchange(int server, long timeout);

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
    /* TODO 4: ask_all in place of the loop, exchange and close: it connects
       when it has a request, and needs the addresses until the last request.
       Tested by empty_input. */
    int server = -1;
    for (struct addrinfo *address = addresses; address != NULL && server == -1;
         address = address->ai_next) {
        if (address != addresses)
            fprintf(stderr, "trying %s next\n", name_of(address));
        server = connect_to(address, timeout);
    }
    freeaddrinfo(addresses);
    if (server == -1)  /* each failure has been reported */
        return EXIT_FAILURE;
    exchange(server, timeout);
    close(server);
    return EXIT_SUCCESS;
}

static void set_timeouts(int server, long timeout);
static enum action handle_error(const char *call);
static enum action handle_address_error(const char *call,
                                        const struct addrinfo *address);

/* Connects to an address: connect(2). Returns the socket, or -1 if this address
   fails. If a signal interrupts the call (Ctrl-Z, then fg), tries again with
   a new socket. Only select or poll could wait for the old one to connect. */
static int connect_to(const struct addrinfo *address, long timeout) {
    enum action action;

    do {
        int server = socket(address->ai_family, address->ai_socktype,
                            address->ai_protocol);
        if (server == -1) {
            handle_address_error("socket", address);  /* exits, or NEXT */
            return -1;
        }
        set_timeouts(server, timeout);
        if (connect(server, address->ai_addr, address->ai_addrlen) == 0)
            return server;
        action = handle_address_error("connect", address);  /* RETRY, NEXT */
        close(server);
    } while (action == RETRY);
    return -1;
}

/* Limits how long recv and send may block: SO_RCVTIMEO and SO_SNDTIMEO, see
   socket(7). On Linux SO_SNDTIMEO also limits connect, which then fails with
   EINPROGRESS. */
static void set_timeouts(int server, long timeout) {
    struct timeval limit = {.tv_sec = timeout};
    socklen_t size = sizeof limit;

    if (setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &limit, size) == -1
        || setsockopt(server, SOL_SOCKET, SO_SNDTIMEO, &limit, size) == -1)
        handle_error("setsockopt");
}

/* Returns ADDRESS:PORT, in a buffer that the next call overwrites. */
static const char *name_of(const struct addrinfo *address) {
    static char name[80];
    char host[64] = "?", port[8] = "?";

    getnameinfo(address->ai_addr, address->ai_addrlen, host, sizeof host,
                port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(name, sizeof name, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host,
             port);
    return name;
}

/* TODO 5: names for two numbers, in an enum: the 4096 bytes that a line may
   have, and the four tries. And a struct for the bytes received so far: an
   array as long as a line may be, and how many bytes are in it. */

static void give_up(const char *reason);
/* TODO 6: prototypes for the functions in TODOs 8 to 15. send_all returns a
   bool; remove receive. */
static void send_all(int server, const char *bytes, size_t length,
                     long timeout);
static size_t receive(int server, char *buffer, size_t size);
static size_t read_input(char *buffer, size_t size);
static void write_output(const char *bytes, size_t length);
static enum action handle_retry(const char *call, long *waits);

/* TODO 7: ask_all, which takes the addresses and the time limit. For each line
   of the input (TODO 8) call ask (TODO 10), then remove the line from the
   buffer with memmove(3), because more may have been read after it. At the end
   of the input call disconnect (TODO 12).
   Tested by answers, one_connection, one_at_a_time. */

/* TODO 8: read_line, which takes the buffer of the input. Call read_input until
   a line is complete (TODO 9), and return its length. If the buffer is full,
   give up: "request: longer than 4096 bytes". At the end of the input, give the
   last line a newline if it has none; if nothing is left, return 0.
   Tested by answers, no_final_newline, request_too_long. */

/* TODO 9: line_length, which takes a buffer, and returns the length of its
   first line, newline included, or 0 if there is no newline: see memchr(3).
   Tested by answers, nul_bytes. */

/* TODO 10: ask, which takes a pointer to the connection (a socket, or -1), the
   request and its length, the addresses and the time limit. A connection that
   is not quiet (TODO 11) is of no use: disconnect. Then try until there is an
   answer: connect if there is no connection (TODO 14), send the request,
   receive the answer (TODO 15); if any of these fails, disconnect. Before each
   try but the first, wait (TODO 13). Write the answer's line to standard
   output. If more than that line has been received, disconnect: the rest is not
   the answer to the next request.
   Tested by answers, closed_unread, closed_after_request, closed_within_answer,
   two_answers_at_once, two_answers. */

/* TODO 11: is_quiet, which takes the connection, and returns whether nothing
   has arrived on it: poll(2) with a timeout of 0 finds data, the end and errors
   alike.
   Tested by two_answers, two_answers_and_half. */

/* TODO 12: disconnect, which takes a pointer to the connection, closes it if
   there is one, and stores -1.
   Tested by closed_after_request, sockets_closed. */

/* TODO 13: wait_before_try, which takes the number of failed tries. After the
   fourth, give up: "no answer: the server has vanished four times". Otherwise
   print "asking again in 0.1 seconds", and sleep for that time; the next two
   waits are 0.2 and 0.4 seconds.
   Tested by gives_up, waits_grow. */

/* TODO 14: connect_to_any, which takes the addresses and the time limit: the
   loop that was in main. Return the socket. If all addresses have failed,
   return -1 instead of exiting, because the server may come back.
   Tested by refused_at_first. */

/* TODO 15: receive_line, which takes the connection and a buffer, and first
   empties the buffer. Receive until a line is complete; return its length. If
   the stream ends before that, print "answer: the server closed the connection
   too early", and return 0. If recv fails, call handle_error, and return 0
   unless the action is RETRY. If the buffer is full, give up: "answer: longer
   than 4096 bytes".
   Tested by split_answer, closed_within_answer, answer_too_long, recv_*. */

/* TODO 16: remove the next function, exchange. */

/* Sends the input, and checks and prints its echo, piece by piece. A piece is
   small enough for any socket buffer. With larger ones both sides could block
   in send, each waiting for the other to receive. */
static void exchange(int server, long timeout) {
    char piece[4096], echo[sizeof piece];
    size_t length, received;

    while ((length = read_input(piece, sizeof piece)) > 0) {
        send_all(server, piece, length, timeout);
        for (size_t echoed = 0; echoed < length; echoed += received) {
            received = receive(server, echo, length - echoed);
            if (received == 0)
                give_up("echo: the server closed the connection too early");
            if (memcmp(echo, piece + echoed, received) != 0)
                give_up("echo: the server sent other bytes than it had "
                        "received");
            write_output(echo, received);
        }
    }
    if (shutdown(server, SHUT_WR) == -1)  /* the server's recv returns 0 */
        handle_error("shutdown");
    if (receive(server, echo, sizeof echo) > 0)
        give_up("echo: the server sent more than it had received");
}

/* TODO 17: send_all returns a bool: whether all of the bytes have been sent.
   Remove the function after it, receive.
   Tested by send_*. */

/* Sends all of the bytes, though a call to send(2) may take only some. Exits if
   that fails, or if a shortage lasts as long as timeout. */
static void send_all(int server, const char *bytes, size_t length,
                     long timeout) {
    long limit = 10 * timeout;  /* tenths of a second; 0 = none */
    long waits = 0;  /* tenths of a second in the current shortage */

    while (length > 0) {
        ssize_t sent = send(server, bytes, length, 0);
        if (sent != -1) {
            bytes += sent;
            length -= (size_t)sent;
            waits = 0;
            /* TODO 18: return false if the connection is lost or the shortage
               has lasted too long, and true at the end of the function.
               Tested by send_*. */
        } else {
            handle_retry("send", &waits);
            if (limit > 0 && waits >= limit)
                give_up("send: the shortage lasted too long");
        }
    }
}

/* Receives some bytes: recv(2). Returns how many; 0 = the end of the stream. */
static size_t receive(int server, char *buffer, size_t size) {
    ssize_t received;

    while ((received = recv(server, buffer, size, 0)) == -1)
        handle_error("recv");  /* returns after EINTR, otherwise exits */
    return (size_t)received;
}

/* Handles a failed read or write on a standard stream. If the stream does not
   block, waits until it is ready: poll(2). Returns if the caller should try
   again; otherwise exits. */
static void handle_stream_error(const char *call, int fd, short events) {
    struct pollfd stream = {.fd = fd, .events = events};

    if (errno == EAGAIN)  /* our parent has set O_NONBLOCK */
        poll(&stream, 1, -1);
    else if (errno != EINTR)
        handle_error(call);
}

/* Reads some of the input: read(2). Returns how many bytes, 0 at the end. */
static size_t read_input(char *buffer, size_t size) {
    ssize_t length;

    while ((length = read(STDIN_FILENO, buffer, size)) == -1)
        handle_stream_error("read", STDIN_FILENO, POLLIN);
    return (size_t)length;
}

/* Writes all of the bytes to standard output: write(2). */
static void write_output(const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = write(STDOUT_FILENO, bytes, length);
        if (written != -1) {
            bytes += written;
            length -= (size_t)written;
        } else {
            handle_stream_error("write", STDOUT_FILENO, POLLOUT);
        }
    }
}

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
    {"socket", 0, STOP, NULL},
    {E(EACCES),          NEXT, "no permission to create this kind of socket"},
    {E(EAFNOSUPPORT),    NEXT, "this system has no such address family"},
    {E(EINVAL),          NEXT, "unknown protocol, or an invalid type"},
    {E(EMFILE),          STOP, "this process has no descriptor left"},
    {E(ENFILE),          STOP, "the whole system has no descriptor left"},
    {E(ENOBUFS),         STOP, "not enough memory for a socket"},
    {E(ENOMEM),          STOP, "not enough memory for a socket"},
    {E(EPROTONOSUPPORT), NEXT, "no such protocol of this family and type"},
    {"connect", 0, NEXT, NULL},  /* EINPROGRESS: see set_timeouts */
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
    {E(EINPROGRESS),   NEXT,  "no answer within the time limit"},
    {E(EINTR),         RETRY, "a signal came first: try a new socket"},
    {E(EISCONN),       STOP,  "connected already: a bug in this program"},
    {E(ENETUNREACH),   NEXT,  "no route to the network"},
    {E(ENOTSOCK),      STOP,  "not a socket: a bug in this program"},
    {E(ETIMEDOUT),     NEXT,  "no answer"},
    /* TODO 19: in the rows of recv and send, DROP in place of each STOP.
       Tested by recv_*, send_*. */
    {"recv", 0, STOP, NULL},
    {E(EAGAIN),       STOP,  "nothing came within the time limit"},
    {E(EWOULDBLOCK),  STOP,  "nothing came within the time limit"},
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
    {"send", 0, STOP, NULL},
    {E(EACCES),       STOP,  "no permission to write"},
    {E(EAGAIN),       STOP,  "the other side did not read in time"},
    {E(EWOULDBLOCK),  STOP,  "the other side did not read in time"},
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
    return handle_address_error(call, NULL);
}

/* Like handle_error, but adds the address, if it is not NULL, to the report. */
static enum action handle_address_error(const char *call,
                                        const struct addrinfo *address) {
    int number = errno;
    const struct failure *failure = find_failure(call, number);
    char detail[88] = "";

    if (address != NULL)
        snprintf(detail, sizeof detail, " (%s)", name_of(address));
    if (failure->number == 0)
        fprintf(stderr, "%s: %s%s\n", call, strerror(number), detail);
    else if (failure->action != RETRY)
        fprintf(stderr, "%s: %s: %s%s\n", call, failure->name, failure->meaning,
                detail);
    if (failure->action == STOP)
        exit(EXIT_FAILURE);
    return failure->action;
}

/* Calls handle_error for a call that is tried again. In a shortage it sleeps a
   tenth of a second, adds one to waits, and reports the shortage only when it
   begins. */
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
