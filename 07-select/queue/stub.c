/* 07 queue, the assignment: below is 07. Hand out work instead of echoing.
 * Do it:    complete the TODOs in the order of their numbers.
 * Check it: make try-07-queue, in the top folder. */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
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
static void limit_descriptors(void);
static void catch_signals(void);
static bool add_connection(int fd);
static void log_event(const char *event, const struct sockaddr_in *address);
static void serve(int listener, long timeout);
static enum action handle_error(const char *call);

int main(int argc, char *argv[]) {
    struct in_addr ip = {.s_addr = inet_addr("127.0.0.1")};
    in_port_t port = 15441;  /* in host byte order */
    long timeout = 60;  /* seconds without a byte; 0 = for ever */

    parse_options(argc, argv, &ip, &port, &timeout);
    open_standard_streams();
    signal(SIGPIPE, SIG_IGN);  /* let send fail with EPIPE instead */
    limit_descriptors();
    catch_signals();
    int listener = socket(AF_INET, SOCK_STREAM, 0);  /* IPv4, a stream: TCP */
    if (listener == -1)
        handle_error("socket");  /* reports the error and exits */
    if (!add_connection(listener))
        handle_error("fcntl");
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
    serve(listener, timeout);
}

/* TODO 14: a prototype for hand_out (TODO 16). */
static int fill_sets(fd_set *readable, fd_set *writable);
static struct timeval time_until(long long then);
static void handle_readable(int fd, int listener);
static void handle_writable(int client, int listener);
static void check_connections(int listener, long timeout, long long now);
static long long milliseconds(void);

static long long due;  /* when to check the connections at the latest; 0: now */
static int wake_up[2];  /* a pipe: a byte in it ends the program */

/* Waits until sockets are ready, deals with each, and waits again, until a
   signal ends the program: see select(2). */
static void serve(int listener, long timeout) {
    for (;;) {
        fd_set readable, writable;  /* refilled, since select changes them */
        /* TODO 15: call hand_out in every turn. Tested by push_and_pull. */
        int nfds = fill_sets(&readable, &writable);
        struct timeval left = time_until(due);
        if (select(nfds, &readable, &writable, NULL, &left) == -1) {
            handle_error("select");
            continue;
        }
        long long now = milliseconds();  /* before handling, which takes time */
        for (int fd = 0; fd < nfds; fd++) {  /* none is in both sets */
            if (FD_ISSET(fd, &readable))
                handle_readable(fd, listener);
            else if (FD_ISSET(fd, &writable))
                handle_writable(fd, listener);
        }
        check_connections(listener, timeout, now);
    }
}

/* TODO 1: an enum with names for two limits: 1024 bytes in a line, newline
   included, and 1000 pieces in the queue. Another enum,
   for what a client may wait for: work, after PULL, and room for a piece, after
   PUSH. And struct piece, a piece of work: the line WORK that hands it out, and
   its length. */

/* The state of one connection, or of the listener. */
struct connection {
    long long retry_at;       /* when to call again after a shortage, or 0 */
    long long last_activity;  /* when a byte last moved, in milliseconds */
    long long last_check;     /* when unacknowledged was last set */
    int unacknowledged;       /* bytes not acknowledged then */
    bool open;
    /* TODO 2: more members: the bytes received that are not yet a whole line,
       and their number; whether the line being received is too long; whether
       the connection has ended, so that check_connections must remove it; for
       each of the two things that a client can wait for, its turn, or 0 if it
       is not waiting; whether it is working, and on which piece. unsent now
       points to a line that must not change.
       Tested by push_and_pull. */
    char *unsent;             /* bytes received and not sent back, or NULL */
    size_t start, end;        /* unsent[start] to unsent[end - 1] are left */
    struct sockaddr_in peer;
};

static struct connection connections[FD_SETSIZE];  /* indexed by descriptor */
static int highest;  /* the highest descriptor in the table */

/* TODO 3: the queue: an array of pieces, used as a ring; which of them is the
   first, how many are waiting, and how many are under way. A prototype for
   find_next (TODO 17).
   Tested by in_order, full_queue. */
static void accept_clients(int listener);
static int accept_client(int listener, struct sockaddr_in *address);
/* TODO 4: prototypes for the functions in TODOs 5, 8, 9, 12, 13 and 18 in place
   of the next three. */
static bool echo(int client);
static bool send_some(int client, const char *bytes);
static bool save_unsent(int client, const char *bytes);
static long long next_check(int client, long timeout);
static void note_unacknowledged(int client);
static void note_sent(int client);
static void drop_client(int client, int listener, long timeout);
static void remove_connection(int fd, int listener);
static long long earlier(long long one, long long other);
static void wake(int number);
static void close_all(void);
static bool can_log(void);
static const char *name_of(const struct sockaddr_in *address);
static enum action handle_connection_error(const char *call,
                                           struct connection *connection);

/* TODO 16: hand_out. While the queue has room, handle the lines (TODO 9) of the
   client that has waited longest for room. Then, while pieces are waiting, give
   the first one to the client that has waited longest for work. The piece is
   then under way, the client is working, and its time limit begins: set due to
   0, so that check_connections looks at it in this turn. Send it (TODO 12).
   Tested by push_and_pull, one_worker_each, in_order, round_robin, full_queue.
   */

/* TODO 17: find_next. Its parameter says what clients wait for, work or room.
   It returns the client that has waited longest for that, or -1. Skip a client
   to which something is left to send.
   Tested by round_robin, full_queue, eight_hundred. */

/* Fills the sets with the descriptors to wait for, since select leaves only the
   ready ones in them. Returns nfds, the highest descriptor plus 1. */
static int fill_sets(fd_set *readable, fd_set *writable) {
    long long now = milliseconds();

    FD_ZERO(readable);
    FD_ZERO(writable);
    FD_SET(wake_up[0], readable);
    for (int fd = 0; fd <= highest; fd++) {
        struct connection *connection = &connections[fd];
        if (!connection->open || connection->retry_at > now)
            continue;
        /* TODO 19: put a row into the set for reading if nothing is left to
           send and it is not waiting for room, and into the set for writing if
           something is left to send and the connection has not ended: hand_out
           may have failed to send to it.
           Tested by full_queue, full_queue_bounded, eight_hundred. */
        if (connection->unsent == NULL)
            FD_SET(fd, readable);
        else
            FD_SET(fd, writable);  /* read no more until all is sent */
    }
    return highest + 1;  /* the pipe, opened earlier, is lower */
}

/* Handles a descriptor that is readable. */
static void handle_readable(int fd, int listener) {
    if (fd == wake_up[0])
        exit(EXIT_SUCCESS);  /* a signal has arrived */
    else if (fd == listener)
        accept_clients(listener);
    /* TODO 6: receive (TODO 8) instead. Tested by push_and_pull. */
    else if (!echo(fd))
        remove_connection(fd, listener);
}

/* Sends what is left, now that the client's socket has room again. */
static void handle_writable(int client, int listener) {
    /* TODO 7: send_some no longer takes the bytes (TODO 13). If the client is
       not lost, handle the lines that had to wait (TODO 9).
       Tested by answers_unread, faults_*. */
    if (!send_some(client, connections[client].unsent))
        remove_connection(client, listener);
}

/* TODO 5: has_unsent, which returns whether something is left to send to a
   client.
   Tested by push_and_pull, answers_unread. */

/* TODO 8: receive in place of echo, with the same parameters and the same
   result. Call recv(2) to add as many bytes to the array as there is room for.
   If the array is full, the line is too long: note that, and discard the part
   received so far. Then handle the lines received (TODO 9).
   Tested by split_anywhere, too_long_line, line_without_end, recv_*. */

/* Receives what has arrived, and sends back as much of it as the socket takes:
   see recv(2). Returns false when the client has closed its side or is lost. */
static bool echo(int client) {
    static char buffer[256 * 1024];  /* for all clients: see save_unsent */
    struct connection *connection = &connections[client];
    ssize_t received = recv(client, buffer, sizeof buffer, 0);

    if (received == -1)
        return handle_connection_error("recv", connection) != DROP;
    if (received == 0)  /* the client has closed its side */
        return false;
    connection->start = 0;
    connection->end = (size_t)received;
    connection->last_activity = milliseconds();
    return send_some(client, buffer);
}

/* TODO 9: handle_lines, which takes a client, and whether its turn for room has
   come: a turn holds for the first line only. While nothing is left to send,
   the client is not waiting for room, and memchr(3) finds a newline, pass the
   line to handle_line (TODO 10), and send what it returns (TODO 12), or "ERROR"
   if the line was too long. If the line has to wait for room, note its turn
   (TODO 11) and stop. Move the rest to the front with memmove(3).
   Tested by several_at_once, too_long_line, other_lines, full_queue,
   room_in_turn. */

/* TODO 10: handle_line, which takes a client, a line, its length and whether
   the client's turn for room has come, and returns the answer: "" if it follows
   later, NULL if the line has to wait for room. A PUSH without a turn also has
   to wait if other pushers are waiting (TODO 17). The line may hold a NUL: only
   its newline ends it. Also write push, which adds a piece behind all those
   waiting, or returns false if the queue is full: pieces under way count too.
   Tested by other_lines, any_text, pull_twice, done_without_work,
   done_and_left, full_queue, full_queue_bounded, push_behind_others. */

/* TODO 11: take_turn, which notes that a client is waiting for work or for room
   from now on. Its turn is a number larger than any noted before.
   Tested by round_robin. */

/* TODO 12: send_line, which takes a client, a line and its length, notes the
   line as left to send, and sends it (TODO 13). The time limit begins now. If
   the line is empty, do nothing. If the client is lost, mark the connection as
   ended, and let check_connections remove it in this turn.
   Tested by push_and_pull, silent_worker, send_*. */

/* TODO 13: send_some without the parameter for the bytes: send what is left of
   the line. What the socket does not take stays where it is.
   Tested by push_and_pull, answers_unread, send_*. */

/* Sends as many of the bytes as the socket takes, and keeps the others: see
   send(2). Returns false if the client is lost. */
static bool send_some(int client, const char *bytes) {
    struct connection *connection = &connections[client];
    ssize_t sent = send(client, bytes + connection->start,
                        connection->end - connection->start, 0);

    if (sent != -1) {
        connection->start += (size_t)sent;
        connection->last_activity = milliseconds();
        connection->retry_at = 0;
    } else if (handle_connection_error("send", connection) == DROP) {
        return false;
    }
    note_sent(client);
    return save_unsent(client, bytes);  /* all, after RETRY or WAIT */
}

/* TODO 24: remove save_unsent, and its call: the rest of a line stays where it
   is. (No check tests this.) */

/* Saves the unsent bytes in memory of this client's own, since all clients
   share the buffer. Returns false if there is no memory: then only this client
   is lost. */
static bool save_unsent(int client, const char *bytes) {
    struct connection *connection = &connections[client];
    size_t left = connection->end - connection->start;

    if (left == 0) {
        free(connection->unsent);
        connection->unsent = NULL;
    } else if (bytes != connection->unsent) {  /* not saved yet */
        connection->unsent = malloc(left);
        if (connection->unsent == NULL) {
            handle_connection_error("malloc", connection);
            return false;
        }
        memcpy(connection->unsent, bytes + connection->start, left);
        connection->start = 0;
        connection->end = left;
    }
    return true;
}

/* Accepts every waiting client while descriptors last. */
static void accept_clients(int listener) {
    struct sockaddr_in peer;
    int client;

    while ((client = accept_client(listener, &peer)) != -1) {
        if (!add_connection(client)) {
            int number = errno;
            if (can_log())
                fprintf(stderr, "fcntl: %s\n", strerror(number));
            remove_connection(client, listener);
            continue;
        }
        connections[client].peer = peer;
    }
}

/* Takes the next client from the queue: accept(2). Stores its address and
   returns a new socket for it, or -1 if no client can be accepted now. */
static int accept_client(int listener, struct sockaddr_in *address) {
    socklen_t length = sizeof *address;  /* accept overwrites it */
    int client = accept(listener, (struct sockaddr *)address, &length);

    if (client >= FD_SETSIZE) {  /* prlimit(1) has raised the limit since */
        close(client);
        limit_descriptors();
        client = -1;
        errno = EMFILE;
    }
    if (client == -1)
        handle_connection_error("accept", &connections[listener]);
    return client;
}

/* Adds a socket to the table and makes it non-blocking: a call may block even
   after select has reported it ready, see BUGS in select(2). Returns false if
   fcntl fails. */
static bool add_connection(int fd) {
    connections[fd] = (struct connection){
        .open = true,
        .last_activity = milliseconds(),
    };
    if (fd > highest)
        highest = fd;
    due = 0;
    return fcntl(fd, F_SETFL, O_NONBLOCK) != -1;  /* no other flag is set */
}

/* Closes a socket, which frees its row. */
static void remove_connection(int fd, int listener) {
    close(fd);
    /* TODO 22: free nothing, here or in close_all. If the client is working,
       put its piece in front of those waiting: it is no longer under way.
       Tested by worker_leaves, waiting_worker_gets_it, many_give_back. */
    free(connections[fd].unsent);
    connections[fd].open = false;
    while (!connections[highest].open)  /* the listener stays open */
        highest--;
    if (connections[listener].retry_at != 0)  /* accept lacked a descriptor */
        connections[listener].retry_at = milliseconds();
}

/* When due, drops the clients that have moved no byte within the timeout, and
   stores the time of the next check, at most a day later, in due. Bytes that a
   client's kernel has acknowledged since the last check count as moved. */
static void check_connections(int listener, long timeout, long long now) {
    if (now < due)
        return;
    due = now + 24 * 60 * 60 * 1000;
    for (int fd = 0; fd <= highest; fd++) {
        struct connection *connection = &connections[fd];
        /* TODO 20: remove a connection that has ended. Sending may fail while a
           piece is being handed out, or an answer sent, so this is the only
           place that removes such rows.
           Tested by send_*. */
        if (connection->open && connection->retry_at > now)
            due = earlier(due, connection->retry_at);
        /* TODO 21: skip a client that is waiting for work (TODO 18), too.
           Tested by waiting_worker_stays. */
        if (!connection->open || fd == listener || timeout == 0)
            continue;
        if (now >= next_check(fd, timeout))
            note_unacknowledged(fd);
        if (now - connection->last_activity >= 1000 * timeout)
            drop_client(fd, listener, timeout);
        else
            due = earlier(due, next_check(fd, timeout));
    }
}

/* TODO 18: awaits_work, which returns whether a client is waiting for work and
   nothing is left to send to it. Its silence is then not a failure.
   Tested by waiting_worker_stays, worker_does_not_read. */

/* Drops a client that has moved no byte within the timeout. */
static void drop_client(int client, int listener, long timeout) {
    if (can_log())
        fprintf(stderr, "dropped %s: no byte moved for %ld second%s\n",
                name_of(&connections[client].peer), timeout,
                timeout == 1 ? "" : "s");
    remove_connection(client, listener);
}

/* Returns when to check whether a client has timed out: at the end of its
   timeout, and every tenth of it while bytes are unacknowledged, because the
   kernel reports their number, but not when it last changed. */
static long long next_check(int client, long timeout) {
    const struct connection *connection = &connections[client];
    long long limit = connection->last_activity + 1000 * timeout;

    if (connection->unacknowledged > 0)
        return earlier(limit, connection->last_check + 100 * timeout);
    return limit;
}

/* Notes how many bytes the client's kernel has not acknowledged yet: if their
   number has changed, bytes have moved. select reports a socket as writable
   only when a good part of its buffer is free: with a client that reads slowly,
   that may take minutes, although bytes move. */
static void note_unacknowledged(int client) {
    struct connection *connection = &connections[client];
    int before = connection->unacknowledged;
    long long now = milliseconds();

    connection->last_check = now;
    connection->unacknowledged = 0;
#ifdef TIOCOUTQ  /* not POSIX: Linux has it, see SIOCOUTQ in tcp(7) */
    if (ioctl(client, TIOCOUTQ, &connection->unacknowledged) == -1)
        connection->unacknowledged = 0;  /* another system: select decides */
#endif
    if (connection->unacknowledged != before)
        connection->last_activity = now;
}

/* Notes unacknowledged bytes after a send. A small, complete send is not worth
   the ioctl, so a drop may be late. The next check may be due sooner now. */
static void note_sent(int client) {
    const struct connection *connection = &connections[client];

    if (connection->start == connection->end && connection->end <= 4096)
        return;
    note_unacknowledged(client);
    due = 0;
}

/* Returns the earlier of two times. */
static long long earlier(long long one, long long other) {
    return one < other ? one : other;
}

/* Returns the time left until then, at least 0, in the form select takes. */
static struct timeval time_until(long long then) {
    long long now = milliseconds(), left = then > now ? then - now : 0;

    return (struct timeval){.tv_sec = (time_t)(left / 1000),
                            .tv_usec = (suseconds_t)(left % 1000 * 1000)};
}

/* Returns the time in milliseconds, from a clock that is never set back. */
static long long milliseconds(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

/* Keeps every descriptor below FD_SETSIZE, since a set has no room for others:
   accept fails with EMFILE instead. See getrlimit(2). */
static void limit_descriptors(void) {
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
        handle_error("getrlimit");
    if (limit.rlim_cur > FD_SETSIZE)
        limit.rlim_cur = FD_SETSIZE;
    if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
        handle_error("setrlimit");
}

/* Makes SIGINT and SIGTERM write a byte to a pipe that select watches, even if
   they were blocked or ignored when the program was started. A flag set just
   before select would be seen too late; a byte stays in the pipe. */
static void catch_signals(void) {
    struct sigaction action = {.sa_handler = wake, .sa_flags = SA_RESTART};

    if (pipe(wake_up) == -1)
        handle_error("pipe");
    atexit(close_all);
    if (fcntl(wake_up[1], F_SETFL, O_NONBLOCK) == -1)
        handle_error("fcntl");
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGINT, &action, NULL) == -1
        || sigaction(SIGTERM, &action, NULL) == -1)
        handle_error("sigaction");
    if (sigprocmask(SIG_SETMASK, &action.sa_mask, NULL) == -1)
        handle_error("sigprocmask");
}

/* Handles a signal; calls only what signal-safety(7) allows. */
static void wake(int number) {
    int saved = errno;
    ssize_t written = write(wake_up[1], "", 1);  /* any byte: a NUL */

    (void)number;
    (void)written;  /* if the pipe is full, select returns anyway */
    errno = saved;
}

/* Closes everything, on every way out of the program: see atexit(3). */
static void close_all(void) {
    for (int fd = 0; fd <= highest; fd++) {
        /* TODO 23: as TODO 22 says. Tested by ends_in_good_order. */
        if (connections[fd].open) {
            close(fd);
            free(connections[fd].unsent);
        }
    }
    close(wake_up[0]);
    close(wake_up[1]);
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
    fprintf(stderr, "%s %s\n", event, name_of(address));
}

/* Returns ADDRESS:PORT, in a buffer that the next call overwrites. */
static const char *name_of(const struct sockaddr_in *address) {
    static char name[INET_ADDRSTRLEN + 6];
    char host[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, &address->sin_addr, host, sizeof host);
    snprintf(name, sizeof name, "%s:%d", host, ntohs(address->sin_port));
    return name;
}

/* Returns whether standard error can be written to without blocking: a stalled
   reader of our messages must not stall the clients. */
static bool can_log(void) {
    struct timeval at_once = {0};
    fd_set writable;

    FD_ZERO(&writable);
    FD_SET(STDERR_FILENO, &writable);
    return select(STDERR_FILENO + 1, NULL, &writable, NULL, &at_once) != 0;
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
    {E(EAGAIN),       RETRY, "nothing has come yet"},
    {E(EWOULDBLOCK),  RETRY, "nothing has come yet"},
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
    {E(EAGAIN),       RETRY, "the other side has not read yet"},
    {E(EWOULDBLOCK),  RETRY, "the other side has not read yet"},
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
    {"select", 0, STOP, NULL},
    {E(EBADF),  STOP,  "a set has a closed descriptor: a bug in this program"},
    {E(EINTR),  RETRY, "a signal came first"},
    {E(EINVAL), STOP,  "nfds or the timeout is wrong: a bug in this program"},
    {E(ENOMEM), WAIT,  "out of memory"},
    /* TODO 25: nothing calls malloc any more. (No check tests this.) */
    {"malloc", 0, DROP, NULL},
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
    static struct connection none;
    struct timespec tenth = {.tv_nsec = 100000000};
    enum action action = handle_connection_error(call, &none);

    if (action == WAIT)
        nanosleep(&tenth, NULL);  /* select itself lacks memory: wait */
    return action;
}

/* Does the same for a call on a connection, but names its peer and, instead of
   sleeping, sets retry_at to a tenth of a second from now. Only the first
   failure of a shortage is reported: before it, retry_at is 0 or long past. */
static enum action handle_connection_error(const char *call,
                                           struct connection *connection) {
    int number = errno;
    const struct failure *failure = find_failure(call, number);
    bool reported = failure->action == WAIT
                    && milliseconds() < connection->retry_at + 1000;
    char detail[32] = "";

    if (connection->peer.sin_family == AF_INET)
        snprintf(detail, sizeof detail, " (%s)", name_of(&connection->peer));
    if (failure->action == STOP
        || (failure->action != RETRY && !reported && can_log())) {
        if (failure->number == 0)
            fprintf(stderr, "%s: %s%s\n", call, strerror(number), detail);
        else
            fprintf(stderr, "%s: %s: %s%s\n", call, failure->name,
                    failure->meaning, detail);
    }
    if (failure->action == STOP)
        exit(EXIT_FAILURE);
    connection->retry_at = failure->action == WAIT ? milliseconds() + 100 : 0;
    if (failure->action == WAIT)
        due = 0;
    return failure->action;
}
