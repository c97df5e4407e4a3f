/*
 * 07 select, the assignment: this is 05. Serve all its clients at once.
 * Do it:    what the TODOs say, in the order of their numbers.
 * Check it: make try-07, in the folder above this one.
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
/* TODO 1: the headers of fcntl(2), LLONG_MAX, setrlimit(2) and select(2). */
#include <fcntl.h>
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

enum action {  /* what to do about a failed call */
    STOP,   /* nothing sensible is left to do: exit with status 1 */
    RETRY,  /* an ordinary failure: call again */
    WAIT,   /* a shortage: report it once, call again every tenth of a second */
    DROP,   /* this client is lost: close it, serve the others */
};

static void parse_options(int argc, char *argv[],
                          struct sockaddr_in *address, long *timeout);
static void open_standard_streams(void);
static void log_event(const char *event, const struct sockaddr_in *address);
static int accept_client(int listener, struct sockaddr_in *address);
static void echo(int client, long timeout);
static enum action handle_error(const char *call);

int main(int argc, char *argv[]) {
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(15441),
        .sin_addr.s_addr = inet_addr("127.0.0.1"),
    };
    socklen_t length = sizeof address;
    long timeout = 60;  /* seconds without a byte; 0 = for ever */

    parse_options(argc, argv, &address, &timeout);
    open_standard_streams();
    signal(SIGPIPE, SIG_IGN);  /* let send fail with EPIPE instead */
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        handle_error("socket");
    int on = 1;  /* bind even if old connections of the port are in TIME_WAIT */
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        handle_error("setsockopt");
    if (bind(listener, (struct sockaddr *)&address, length) == -1)
        handle_error("bind");
    if (getsockname(listener, (struct sockaddr *)&address, &length) == -1)
        handle_error("getsockname");
    if (listen(listener, SOMAXCONN) == -1)
        handle_error("listen");
    log_event("listening on", &address);
    for (;;) {
        struct sockaddr_in peer;
        int client = accept_client(listener, &peer);
        if (client == -1)
            continue;
        log_event("accepted", &peer);
        echo(client, timeout);
        close(client);
    }
}

static bool set_timeouts(int client, long timeout);
static bool send_all(int client, const char *bytes, size_t length,
                     long timeout);
static long long milliseconds(void);
static enum action handle_retry(const char *call, long *waits);

/* Sends back what a client sends, until it closes or fails: see recv(2). */
static void echo(int client, long timeout) {
    char buffer[65536];
    bool open = set_timeouts(client, timeout);

    while (open) {
        ssize_t received = recv(client, buffer, sizeof buffer, 0);
        if (received > 0)
            open = send_all(client, buffer, (size_t)received, timeout);
        else if (received == 0)  /* the client has closed its side */
            open = false;
        else
            open = handle_error("recv") != DROP;
    }
}

/* Sends all of the bytes, though a call of send(2) may take only some of them.
   It fails with EAGAIN whenever it has waited for a tenth of a second. Returns
   false if the client is lost: an error, or no byte sent for the timeout. */
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
                   && ++blocked < 10 * timeout) {
            continue;  /* the client has not read for a tenth of a second */
        } else if (handle_retry("send", &waits) == DROP
                   || (timeout > 0 && waits >= 10 * timeout)) {
            return false;
        }
    }
    return true;
}

/* Limits how long recv and send may block: SO_RCVTIMEO and SO_SNDTIMEO, see
   socket(7). For send that is a tenth of a second, so that send_all can tell
   how long no byte was sent. Returns false, after a message, on failure. */
static bool set_timeouts(int client, long timeout) {
    struct timeval receiving = {.tv_sec = timeout};
    struct timeval sending = {.tv_usec = timeout > 0 ? 100000 : 0};
    socklen_t size = sizeof receiving;

    if (setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &receiving, size) != -1
        && setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &sending, size) != -1)
        return true;
    perror("setsockopt");
    return false;
}

/* Returns the time in milliseconds, on a clock that nobody sets. */
static long long milliseconds(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Takes the next client from the queue: accept(2). Stores its address and
   returns its socket, or -1 if no client can be accepted now. */
static int accept_client(int listener, struct sockaddr_in *address) {
    static long waits;  /* tenths of a second in the present shortage */
    socklen_t length = sizeof *address;
    int client = accept(listener, (struct sockaddr *)address, &length);

    if (client == -1)
        handle_retry("accept", &waits);
    else
        waits = 0;
    return client;
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
   other text: blanks and signs too, which strtol would skip. */
static long parse_number(const char *text, long limit) {
    size_t digits = strspn(text, "0123456789");
    long number = strtol(text, NULL, 10);

    if (digits == 0 || text[digits] != '\0' || number > limit)
        usage_error(text);
    return number;
}

/* Parses the command line; exits on an error. */
static void parse_options(int argc, char *argv[],
                          struct sockaddr_in *address, long *timeout) {
    int option;

    while ((option = getopt(argc, argv, "a:ht:")) != -1) {
        switch (option) {
        case 'a':
            if (inet_pton(AF_INET, optarg, &address->sin_addr) != 1)
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
        address->sin_port =
            htons((in_port_t)parse_number(argv[optind++], 65535));
    if (optind < argc)
        usage_error(argv[optind]);
}
    /* TODO 2: a RETRY is no longer made at once: if nothing has come yet,
       nothing will have come a moment later. It is to call again when select
       says so. The name stays, and the comment should tell. */

struct failure {
    const char *name;    /* of a call, or of an errno that it may fail with */
    int number;          /* the errno; 0 in a call's row: any other errno */
    enum action action;
    const char *meaning;
};

#define E(name) #name, (name)  /* "EACCES", EACCES */

static const struct failure failures[] = {
    {"socket", 0, STOP, NULL},
    {E(EACCES),          STOP, "no permission to create this kind of socket"},
    {E(EAFNOSUPPORT),    STOP, "this system has no such address family"},
    {E(EINVAL),          STOP, "unknown protocol, or flags in the type"},
    {E(EMFILE),          STOP, "this process has no descriptor left"},
    {E(ENFILE),          STOP, "the whole system has no descriptor left"},
    {E(ENOBUFS),         STOP, "not enough memory for a socket"},
    {E(ENOMEM),          STOP, "not enough memory for a socket"},
    {E(EPROTONOSUPPORT), STOP, "no such protocol in this address family"},
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
#ifdef ENONET  /* only Linux has these two */
    {E(EHOSTDOWN),    RETRY, "Linux: a network error of the connection"},
    {E(ENONET),       RETRY, "Linux: a network error of the connection"},
#endif
    {E(EHOSTUNREACH), RETRY, "Linux: a network error of the connection"},
    {E(ENETUNREACH),  RETRY, "Linux: a network error of the connection"},
    {"recv", 0, DROP, NULL},
    {E(EAGAIN),       DROP,  "nothing came within the time limit"},
    {E(EWOULDBLOCK),  DROP,  "nothing came within the time limit"},
    /* TODO 3: sockets will not block any more. So EAGAIN and EWOULDBLOCK
       become an ordinary thing, and cost nobody anything.
       Proved by recv_EAGAIN, recv_EWOULDBLOCK. */
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
    /* TODO 4: here, too. Proved by send_EAGAIN, send_EWOULDBLOCK. */
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

/* TODO 5: the table select_failures, for select(2): EBADF, EINTR, EINVAL and
   ENOMEM. A bug in this program is a STOP, a signal a RETRY, a shortage a
   WAIT. Proved by select_*. */

/* Returns the row of an errno below its call, or else the call's own row. */
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
/* TODO 6: struct client, for what the stack remembered in 05 and what has to
   last from one turn of the loop to the next now: whether a socket is open,
   what messages call it (127.0.0.1:51234), and which part of its buffer is
   still to be sent. A table of FD_SETSIZE of these, in which a client's
   descriptor is its index, and a buffer of 64 KB for each: static memory costs
   nothing until it is touched. Two variables: the highest descriptor in the
   table, which select has to know, and the one that a call is being made for,
   which diagnose has to know. What TODOs 18, 19 and 23 need can wait. */
        /* TODO 22: there are many clients now, so say whom it is about. Both
           lines are to end with the name of TODO 6 in parentheses, as in
           (127.0.0.1:51234), if the call was made for a socket of the table.
           And the clients must not wait for whoever reads standard error, be
           it a pipe that is full: before you print, ask select whether it can
           be written to, with no time to wait. If not, say nothing.
           Proved by messages_unread. */
    /* TODO 23: one socket's shortage must not make the others wait. So do not
       sleep. Note in the table until when that socket is to rest, a tenth of a
       second from now. Until then watch leaves it out of the sets, for select
       would find it ready again and again; the timeout lasts no longer than
       that. Print one line a shortage, which is over when the call succeeds,
       or fails for another reason: this is known from the table as well, and
       nothing needs waits any more. A client that leaves frees a descriptor,
       so the listener need not rest on. Proved by accept_EMFILE, send_ENOBUFS,
       shortage_ends, out_of_descriptors, more_than_fit. */
}

/* Looks errno up under the call, reports the reason, and exits if the action is
   STOP. Otherwise returns the action, which the caller must take. */
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

/* The same for a call that is tried again: in a shortage it sleeps a tenth of
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
/* TODO 18: milliseconds, which returns the time by clock_gettime(2), of
   CLOCK_MONOTONIC, since the time of day can be set. Keep it in a variable,
   looking at the clock once a turn, when select returns. Note in the table
   when a client came, and when it last moved a byte. If that is as long ago as
   -t says (0 is never), print "dropped ADDRESS:PORT: silent for N seconds" and
   leave it. For this select has to return in time: watch finds out when the
   first client will be due, and returns how long that is, as the timeout;
   NULL if there is nothing to wait for, and never a tick.
   Proved by shortage_ends, silent_client, client_never_reads, talker_stays,
   slow_reader_stays, zero_is_never, no_tick. */

/* TODO 19: SIGINT and SIGTERM are to end the program in good order. They come
   at any moment: between a look at a flag and the wait in select, too, and
   then a flag would be seen too late. But a pipe(2), whose reading end watch
   puts into the set, keeps what is in it. So write wake, the handler, which
   writes a byte to it. It may not call much else, see signal-safety(7), and
   leaves errno as it was. take_turn returns false when the pipe is ready to be
   read. And close_all, which closes all that is open, for atexit(3).
   Proved by ends_in_good_order, ends_under_load. */

/* TODO 20: prepare, which makes the pipe, sets the handler for both signals
   with sigaction(2), and has close_all called at the end. It also sees to it
   that no descriptor is FD_SETSIZE or more: a set has no room for that, and
   FD_SET would write beside the set without a word. The kernel will help: let
   it give out no such descriptor, by getrlimit(2) and setrlimit(2), with
   RLIMIT_NOFILE. accept fails with EMFILE instead, which you can deal with.
   Diagnose every failure. Proved by more_than_fit, ends_in_good_order. */

/* TODO 7: enter, which takes a socket and its address and puts it into the
   table: open, with a name (inet_ntop(3), snprintf(3)) and nothing to be sent.
   Then have it not block: fcntl(2) with F_SETFL and O_NONBLOCK. What select
   found ready may prove not to be, and a send of more than fits would wait:
   either would make all clients wait for one. Return whether that succeeded.
   Proved by reader_awaited_by_nobody. */

    /* TODO 8: wait no more. Call accept(2) once, diagnose a failure whatever
       it is, and return the result: -1 if there is nobody to be taken.
       Proved by all_at_once, accept_*. */
    /* TODO 9: take a struct client, and call recv(2) once, into its buffer,
       which is empty. Note in the table how much has come. Return false at the
       end, or if the remedy is DROP. After any other failure the client is as
       it was. Proved by ends_with_the_client, half_close, recv_*. */
    /* TODO 10: send_some, in place of this one. It takes a struct client, and
       calls send(2) once, with what is still to be sent. Note in the table how
       much was taken: the rest has to wait for another turn. Return false if
       the remedy is DROP. Proved by partial_send, send_*. */
    /* TODO 11: do what can be done for a client in one turn, and return
       whether it goes on. No limits, which mean nothing to a socket that does
       not block, and no loop. Receive, unless something is still to be sent;
       then send at once. So a client that does not read its echo is not read
       from, and one buffer is enough for it. Proved by echo_line, slow_reader,
       not_read_while_it_does_not_read. */
/* TODO 12: leave, which takes a client out of the table and closes its socket.
   Another descriptor may be the highest then.
   Proved by descriptors_closed, nothing_remains. */

/* TODO 13: watch, which takes two sets, for reading and for writing, and fills
   them with what is open. Do so for every turn, FD_ZERO first, then FD_SET, as
   select leaves in a set only what is ready. A client for which something is
   still to be sent is waited for to write, everybody else, the listener too,
   to read. Nobody is in both sets: a socket can nearly always be written to,
   and select would return at once, for ever.
   Proved by all_at_once, waits_quietly. */

/* TODO 14: accept_all, which takes the listener, and enters clients until
   nobody is to be taken. If one cannot be entered, say so, and leave it.
   Proved by waiting_clients, many_in_turn. */

/* TODO 15: take_turn, which takes the listener. Fill the sets and call
   select(2): for the highest descriptor plus 1, without a set of exceptions,
   and with NULL for the timeout as yet: for as long as it takes. If it fails,
   the sets mean nothing: diagnose that, after a WAIT sleep for a tenth of a
   second, and leave the rest to the next turn. Else ask FD_ISSET about each
   socket in the table. If the listener is ready, accept all; if a client is,
   echo, and leave it if it does not go on. Return true.
   Proved by all_at_once, storm, select_*. */

    /* TODO 21: prepare, before there is a socket.
       Proved by ends_in_good_order, more_than_fit. */
    /* TODO 16: enter the listener. It must not block either: a client can be
       gone again between select and accept. Diagnose a failure. */
    /* TODO 17: instead of these lines, enter the listener again, whose address
       is known only now, for its name. Take turns for as long as that returns
       true. Then end with status 0. Proved by all_at_once, echo_line. */
