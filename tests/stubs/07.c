/* 07 select, the assignment: below is 05. Serve all its clients at once.
 * Do it:    complete the TODOs in the order of their numbers. Each begins with
 *           its step: after the last TODO of a step, build and try the program.
 * Check it: make try-07, in the folder above this one. */
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
/* TODO 1: Step 1: the header for select(2). Later steps: nothing needs
   <sys/time.h> after step 4; step 6 needs the header for ioctl(2), step 8 the
   one for getrlimit(2). */
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
/* TODO 2: Step 1: a prototype for serve (TODO 4) in place of that of
   serve_client. Directly below main, next to the others, echo and accept_client
   (TODO 6) need prototypes. Later steps need three more here, for
   add_connection (step 2), limit_descriptors (step 8) and catch_signals (step
   9).
   Tested by all_at_once. */
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
    /* TODO 32: Step 8: call limit_descriptors. Tested by more_than_fit. */
    /* TODO 38: Step 9: call catch_signals. Tested by ends_in_good_order. */
    int listener = socket(AF_INET, SOCK_STREAM, 0);  /* IPv4, a stream: TCP */
    if (listener == -1)
        handle_error("socket");  /* reports the error and exits */
    /* TODO 9: Step 2: add the listener to the table. Tested by all_at_once. */
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
    /* TODO 3: Step 1: move waits and the lines about accept to accept_client
       (TODO 6), and in place of the rest of main call serve.
       Tested by all_at_once. */
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

static bool send_all(int client, const char *bytes, size_t length,
                     long timeout);
static bool set_timeouts(int client, long timeout);
static long long milliseconds(void);

/* TODO 4: Step 1: serve, which takes the listener and the time limit. Keep an
   fd_set of what to watch: first the listener alone, see FD_ZERO and FD_SET. In
   an endless loop, call select(2) with FD_SETSIZE for nfds, a copy of the set
   for reading, because select leaves only the ready descriptors in it, and NULL
   for the rest. If it fails, call handle_error and begin the next turn: the
   contents of the sets are undefined then. Otherwise test every descriptor
   with FD_ISSET, and handle it if it is ready (TODO 5).
   Tested by all_at_once, last_is_served, waiting_clients, descriptors_closed.
   */

/* TODO 5: Step 1: in serve, if the listener is ready, call accept_client (TODO
   6). Unless it returns -1, set the client's limits with set_timeouts, and add
   the client to the set, or close it if set_timeouts fails. Delete
   serve_client. Do not log clients: there may be many. If a client is ready,
   call echo, but only once: others are waiting, too. If echo returns false,
   take the client out of the set and close it.
   Tested by all_at_once, echo_line, half_close, recv_ECONNRESET. */

/* TODO 7: Step 2: the table. struct connection is the state of one connection:
   so far, whether it is open. Then a static array of FD_SETSIZE such
   structures, in which a connection's index is its descriptor, and the highest
   descriptor that is open. Later steps add members: what a connection has to
   remember from one turn to the next.
   Tested by all_at_once, descriptors_closed. */

/* TODO 13: Step 3: more members of a row: a buffer of 64 KB for what has been
   received from the client; where in it the bytes still to be sent begin and
   end; a count of waits, for send; and the time when a byte last moved (see
   milliseconds).
   Tested by bits_shared, partial_send. */

/* TODO 27: Step 7: accept_client, echo and send_some no longer sleep in a
   shortage, because all clients would wait. Instead of a count of waits a row
   notes when to try again, in milliseconds; 0 if there is no shortage. Until
   then fill_sets leaves the row out of the sets: otherwise select would return
   at once, again and again. check_connections must not set due later than any
   of these times, the listener's included, even if the limit is 0.
   Tested by shortage_shared, accept_EMFILE, send_ENOBUFS. */

/* TODO 10: Step 2: fill_sets, which takes a set for reading, fills it with the
   descriptors of all open rows, and returns nfds: the highest descriptor plus
   1. serve calls it before every select, and needs neither the copy nor FD_CLR
   any more.
   Tested by all_at_once, waits_quietly. */

/* TODO 14: Step 3: fill_sets takes a second set, for writing. A row with
   something left to send goes only into that set, every other row only into the
   first: a socket can nearly always be written to, so with every row in the set
   for writing, select would always return at once. In serve, give select both
   sets, and call handle_readable or handle_writable (TODO 15), according to the
   set in which a descriptor is left.
   Tested by bits_shared, waits_quietly. */

/* TODO 24: Step 5: select needs a timeout, a struct timeval: the time until the
   connections have to be checked, not a fixed interval. A static variable, due,
   holds the time of that check in milliseconds; it starts at 0, meaning now.
   time_until, which takes such a time, returns the time left until then as a
   struct timeval, or 0 if it has passed. Call it in every turn, because select
   may change the timeval. After select, serve gets the time, and at the end of
   each turn it passes this time to check_connections (TODO 23), because bytes
   that have arrived since then may not have been received yet. handle_readable,
   handle_writable, echo and send_some lose their parameter for the limit, which
   no longer ends a send.
   Tested by silent_client, no_tick, talker_stays, bytes_in_a_long_turn. */

/* TODO 11: Step 2: handle_readable, which takes a ready descriptor, the
   listener and the time limit, and does what serve did with it in step 1: call
   accept_clients if it is the listener; otherwise call echo, and
   remove_connection if echo returns false. accept_clients accepts one client,
   adds it to the table, and sets its limits; if that fails, it removes the
   client.
   Tested by all_at_once, waiting_clients, many_in_turn. */

/* TODO 40: Step 9: fill_sets puts the reading end of the pipe into its first
   set. If that end is ready, handle_readable ends the program with exit(3) and
   status 0 before it does anything else, since the pipe has no row.
   Tested by ends_in_good_order, ends_under_load, ends_unread. */

/* TODO 26: Step 6: note_sent, which takes a client, calls note_unacknowledged
   (TODO 25) whenever more than 4 KB were to be sent, or send did not take all;
   after any other send an ioctl is too costly. send_some calls note_sent unless
   the client is lost. The row also remembers when the number of unacknowledged
   bytes was noted. While that number is not 0, the client is to be checked a
   tenth of the time limit later, but never after the limit itself. Write two
   functions: next_check returns that time for check_connections, and earlier
   returns the earlier of two times. The next check may now be due sooner, so
   note_sent sets due to 0. When a client's check is due, check_connections
   notes the number again before it looks at the limit.
   Tested by acknowledged, acknowledged_in_time, slow_reader_stays,
   unread_in_a_shortage. */

/* Receives the bytes that have arrived, and sends them all back: see recv(2).
   They can be half a line or several lines: TCP carries bytes, not messages.
   Returns false when the client has closed its side or is lost. */
static bool echo(int client, long timeout) {
    char buffer[65536];
    ssize_t received = recv(client, buffer, sizeof buffer, 0);

    if (received == -1)
        return handle_error("recv") != DROP;
    if (received == 0)  /* the client has closed its side */
        return false;
    return send_all(client, buffer, (size_t)received, timeout);
}

/* TODO 15: Step 3: send_some instead of send_all. echo receives into the row's
   buffer and calls send_some, which takes the client and the time limit. It
   calls send(2) once, with all that is left, and notes how much was taken; the
   rest waits until select reports the client as writable. handle_writable,
   which takes the client and the time limit, calls send_some again, and
   remove_connection if that returns false. So nothing is received from a client
   that does not read, and one buffer is enough for it. If recv or send has
   moved bytes, note the time. As before, the client is lost after a DROP, or if
   send fails and no byte has moved for as long as the time limit.
   Tested by bits_shared, partial_send, slow_reader, send_EPIPE. */

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

/* TODO 35: Step 8: the buffers of all rows take 64 MB. Instead, echo receives
   into one static buffer of 256 KB for all, and a row has only a pointer, NULL
   if nothing is left to send. send_some also takes the bytes: echo passes it
   this buffer, handle_writable what is left. At its end send_some calls
   save_unsent, which takes the client and the bytes. If some are left, it
   copies them to memory from malloc(3), unless they are there already; they are
   sent from there in later turns. If none are left, it frees the memory;
   remove_connection frees it too. If there is no memory, the client is lost.
   Tested by not_read_while_it_does_not_read, nothing_remains, partial_send. */

/* TODO 19: Step 4: accept_clients accepts until accept_client returns -1, since
   accept does not wait for a client any more.
   Tested by waiting_clients, many_in_turn. */

/* TODO 6: Step 1: accept_client, which takes the listener and a pointer to an
   address (step 5 will keep it). It accepts one client as the loop in main did;
   the count of waits is static, so that it lasts from call to call. It returns
   the client's socket, or -1 if accept must be called again.
   Tested by all_at_once, waiting_clients. */

/* TODO 30: Step 7: accept_client no longer needs a count: it passes the
   listener's row to handle_connection_error. A success need not reset the row's
   time: in the end accept fails with EAGAIN, and that resets it.
   Tested by accept_EMFILE. */

/* TODO 34: Step 8: another process may have raised the limit on descriptors:
   see prlimit(1). If the descriptor from accept is too high for a set,
   accept_client closes it, calls limit_descriptors again, and continues as if
   accept had failed with EMFILE. Tested by limit_raised. */

/* TODO 8: Step 2: add_connection, which takes a socket and gives it a row in
   the table, with all other members zero. remove_connection, which takes a
   socket, closes it and frees its row. Both keep the highest open
   descriptor up to date.
   Tested by all_at_once, descriptors_closed. */

/* TODO 18: Step 4: add_connection makes the socket non-blocking: see F_SETFL
   and O_NONBLOCK in fcntl(2). A call may block even after select has reported
   the socket as ready, see BUGS in select(2); a send may also block if there is
   too little room. Then all clients would wait. add_connection returns whether
   fcntl succeeded. If not, call handle_error for the listener; for a client,
   only call perror(3) and remove the client.
   Tested by reader_awaited_by_nobody. */

/* TODO 21: Step 5: add_connection notes the time, too: a new client's limit
   begins then. It may end before all others, so add_connection sets due to 0
   (TODO 24). A row also keeps the peer's address: accept_clients stores it in
   the row after add_connection has succeeded.
   Tested by silent_client, talker_stays, slow_reader_stays. */

/* TODO 31: Step 7: if recv or send fails, echo and send_some pass the client's
   row to handle_connection_error; a send that moves bytes ends the shortage.
   remove_connection and its callers take the listener, too: close frees a
   descriptor, so after it a listener in a shortage can accept again at once.
   Tested by shortage_shared, out_of_descriptors, room_after_timeout. */

/* TODO 23: Step 5: check_connections, which takes the listener, the time limit
   in seconds, and the time. Before due it returns at once. Otherwise it calls
   drop_client, a function of its own, for each client that has moved no byte
   for as long as the limit, and stores in due the earliest time at which the
   limit of one of the others ends, at most a day from now. It skips the
   listener, and drops nobody if the limit is 0. drop_client takes the client
   and the limit, prints "dropped 127.0.0.1:51234: no byte moved for 60 seconds"
   (or "1 second") and removes the client.
   Tested by silent_client, client_never_reads, zero_is_never, shortage_ends. */

/* TODO 25: Step 6: note_unacknowledged, which takes a client, notes in its row
   how many bytes the peer's kernel has not acknowledged yet. If this number has
   changed, bytes have moved, at an unknown time: note the current time as that
   of the last byte. ioctl(2) with TIOCOUTQ stores the number, an int; tcp(7)
   calls it SIOCOUTQ. Not every system has this: put the call between #ifdef and
   #endif. Without the call, or if it fails, the number is 0.
   Tested by acknowledged. */

/* TODO 17: Step 4: remove set_timeouts: its limits have no effect on a socket
   that does not block. accept_clients no longer needs the time limit. (No check
   tests this.) */

/* Sets the time limits, and serves the client until it has closed its side or
   is lost. */
static void serve_client(int client, long timeout) {
    bool connected = set_timeouts(client, timeout);

    while (connected)
        connected = echo(client, timeout);
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

/* TODO 33: Step 8: limit_descriptors. A set has room for descriptors below
   FD_SETSIZE; given a higher one, FD_SET silently writes outside the set.
   So keep the kernel from creating such a descriptor: with getrlimit(2) and
   setrlimit(2), lower the soft limit RLIMIT_NOFILE to FD_SETSIZE, unless it is
   lower already. accept then fails with EMFILE, which step 7 handles. If a
   call fails, call handle_error.
   Tested by more_than_fit. */

/* TODO 39: Step 9: catch_signals and the handler, wake. If wake only set a
   flag, a signal that came between the check of the flag and select would not
   interrupt it. So make a pipe(2) whose writing end does not block; let wake
   write a byte to it: the byte stays there until select sees it. wake may call
   few other functions, see signal-safety(7), and leaves errno as it was.
   Install it for SIGINT and SIGTERM with sigaction(2) and SA_RESTART, and
   unblock every signal: sigprocmask(2). If a call fails, call handle_error.
   Tested by ends_in_good_order, signal_before_select, handler_does_not_wait,
   fcntl_fails_at_the_start. */

/* TODO 41: Step 9: close_all, which closes everything that is open and frees
   all memory. Have catch_signals register it with atexit(3), so that it is
   called on every way out. (valgrind shows whether it works: make memcheck.)
   Tested by ends_in_good_order. */

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

    /* TODO 22: Step 5: other messages need the text ADDRESS:PORT, too. name_of
       makes it as these lines do, with snprintf(3) in a static buffer, and
       returns it; log_event prints it.
       Tested by listening_line, silent_client. */
    inet_ntop(AF_INET, &address->sin_addr, host, sizeof host);
    fprintf(stderr, "%s %s:%d\n", event, host, ntohs(address->sin_port));
}

/* TODO 37: Step 8: can_log, which returns whether standard error can take a
   line at once, so that the clients do not wait for a reader of our messages.
   Call select with a timeout of zero; if it fails, return true. If can_log
   returns false, drop_client, accept_clients and handle_connection_error print
   nothing, except before the program exits.
   Tested by messages_unread. */

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
    /* TODO 20: Step 4: EAGAIN and EWOULDBLOCK are ordinary results here, too:
       nothing has been received yet.
       Tested by recv_EAGAIN, recv_EWOULDBLOCK. */
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
    /* TODO 16: Step 3: EAGAIN and EWOULDBLOCK now only mean that the client has
       not read yet: an ordinary result, and the call will be repeated.
       Tested by send_EAGAIN, send_EWOULDBLOCK. */
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
    /* TODO 12: Step 2: a heading row for select, with STOP, and rows for EBADF,
       EINTR and EINVAL: see the lesson (its row for ENOMEM is for TODO 28).
       Tested by select_EBADF, select_EINTR, select_EINVAL. */
    /* TODO 36: Step 8: a heading row for malloc, with DROP: without it, a
       failing malloc would end the server.
       Tested by malloc_fails. */
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
    /* TODO 28: Step 7: move this function's body to handle_connection_error,
       which takes the call, and a pointer to the connection's row. It reports a
       shortage only when it begins: when the time of TODO 27 is 0, or more than
       a second ago. If the row has a peer's address (sin_family is AF_INET; the
       listener's row has none), it prints the address at the end of the line,
       in parentheses: (127.0.0.1:51234). handle_error calls it with a static
       row of its own, in which no member is set; after a WAIT, handle_error
       sleeps a tenth of a second: without select, nothing else can be done.
       Give select a row for ENOMEM, with WAIT.
       Tested by accept_EMFILE, send_ENOBUFS, send_EPIPE, select_ENOMEM. */
    const struct failure *failure = find_failure(call, number);

    if (failure->number == 0)
        fprintf(stderr, "%s: %s\n", call, strerror(number));
    else if (failure->action != RETRY)
        fprintf(stderr, "%s: %s: %s\n", call, failure->name, failure->meaning);
    if (failure->action == STOP)
        exit(EXIT_FAILURE);
    /* TODO 29: Step 7: set the time in the row: after a WAIT to a tenth of a
       second from now, otherwise to 0. After a WAIT set due to 0, too. Remove
       handle_retry and its prototype.
       Tested by shortage_shared, accept_EMFILE, send_ENOBUFS. */
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
