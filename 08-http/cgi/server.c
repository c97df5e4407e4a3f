/* 08 HTTP with programs that make responses: cgi.c starts them.
 * Run it:   ./server -c scripts, and in a browser: http://127.0.0.1:15441/cgi/
 * Break it: let a script sleep for longer than -t: its client gets a 504.
 * SPDX-License-Identifier: 0BSD */
#include "posix.h"

#include "address.h"
#include "http.h"
#include "log.h"
#include "process.h"
#include "running.h"
#include "script.h"
#include "tree.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#ifdef __linux__
#include <sys/sendfile.h>
#endif
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum action {  /* what to do about a failed call */
    STOP,   /* nothing sensible is left to do: exit with status 1 */
    RETRY,  /* an ordinary failure: call again */
    WAIT,   /* a shortage: report it once, call again every tenth of a second */
    DROP,   /* this client is lost: close it, serve the others */
};

static void parse_options(int argc, char *argv[],
                          union address *address, long *timeout,
                          const char **directory, const char **log_file);
static void open_standard_streams(void);
static void limit_descriptors(void);
static void catch_signals(void);
static void start_log(const char *log_file);
static bool add_connection(int fd);
static void log_event(const char *event, const union address *address);
static void serve(int listener, long timeout);
static enum action handle_error(const char *call);

int main(int argc, char *argv[]) {
    union address address = {
        .in.sin_family = AF_INET,
        .in.sin_port = htons(15441),  /* in network byte order */
        .in.sin_addr.s_addr = inet_addr("127.0.0.1"),
    };
    long timeout = 60;  /* seconds without a byte; 0 = for ever */
    const char *directory = NULL, *log_file = NULL;

    parse_options(argc, argv, &address, &timeout, &directory, &log_file);
    open_standard_streams();
    signal(SIGPIPE, SIG_IGN);  /* let send fail with EPIPE instead */
    signal(SIGXFSZ, SIG_IGN);  /* and write with EFBIG: see ulimit -f */
    if (!prepare_scripts() || !serve_directory(directory, argv[0]))
        exit(EXIT_FAILURE);
    limit_descriptors();
    catch_signals();
    start_log(log_file);
    int listener = socket(address.any.sa_family, SOCK_STREAM, 0);
    if (listener == -1)
        handle_error("socket");  /* reports the error and exits */
    if (!add_connection(listener))
        handle_error("fcntl");
    int on = 1;  /* bind even if old connections on the port are in TIME_WAIT */
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        handle_error("setsockopt");
    /* Do not delay a response's end: tcp(7). Accepted sockets inherit this. */
    if (setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == -1)
        handle_error("setsockopt");
    if (bind(listener, (struct sockaddr *)&address, size_of(&address)) == -1)
        handle_error("bind");
    socklen_t length = sizeof address;  /* getsockname overwrites it */
    if (getsockname(listener, (struct sockaddr *)&address, &length) == -1)
        handle_error("getsockname");
    if (listen(listener, SOMAXCONN) == -1)  /* how many clients may wait */
        handle_error("listen");
    log_event("listening on", &address);
    serve(listener, timeout);
}

static int fill_sets(fd_set *readable, fd_set *writable, bool busy);
static struct timeval time_until(long long then);
static void handle_signal(void);
static void handle_readable(int fd, int listener);
static void handle_writable(int client, int listener);
static void check_connections(int listener, long timeout, long long now);
static long long milliseconds(void);

static long long due;  /* when to check the connections at the latest; 0: now */
static int wake_up[2];  /* a pipe: the numbers of signals */

/* Waits until sockets are ready, deals with each, and waits again, until a
   signal ends the program: see select(2). While more than eight sockets are
   ready at a time, select looks at the quiet ones only every 10 ms, since each
   socket in a set takes time. */
static void serve(int listener, long timeout) {
    long long watched = 0;  /* when select last looked at all sockets */
    int ready = 0;

    for (;;) {
        fd_set readable, writable;  /* refilled, since select changes them */
        bool busy = ready > 8 && milliseconds() < watched + 10;
        int nfds = fill_sets(&readable, &writable, busy);
        struct timeval left = time_until(busy ? 0 : due);
        ready = select(nfds, &readable, &writable, NULL, &left);
        if (ready == -1) {
            handle_error("select");
            continue;
        }
        begin_turn();  /* let the cache check each file once a turn */
        if (!busy)
            watched = milliseconds();  /* before handling, which takes time */
        for (int fd = 0; fd < nfds; fd++) {  /* none is in both sets */
            if (FD_ISSET(fd, &readable))
                handle_readable(fd, listener);
            else if (FD_ISSET(fd, &writable))
                handle_writable(fd, listener);
        }
        check_connections(listener, timeout, watched);
    }
}

/* The state of one connection, or of the listener. */
struct connection {
    long long retry_at;       /* when to call again after a shortage, or 0 */
    long long last_activity;  /* when a byte last moved, in milliseconds */
    long long last_check;     /* when unacknowledged was last set */
    int unacknowledged;       /* bytes not acknowledged then */
    bool open;
    struct http http;
    union address peer;
};

static struct connection connections[FD_SETSIZE];  /* indexed by descriptor */
static int highest;  /* the highest descriptor in the table */

static void accept_clients(int listener);
static int accept_client(int listener, union address *address);
static bool serve_client(int client);
static ssize_t receive(int fd, void *buffer, size_t size);
static ssize_t send_parts(int fd, struct iovec parts[2], bool more);
static ssize_t check_sent(int fd, ssize_t sent);
static ssize_t send_file(int fd, int file, long long start, size_t length);
static void finish(int fd);
static long long next_check(int client, long timeout);
static void note_unacknowledged(int client);
static void note_sent(int client, ssize_t sent);
static void drop_client(int client, int listener, long timeout);
static void remove_connection(int fd, int listener);
static long long earlier(long long one, long long other);
static void wake(int number);
static void close_all(void);
static bool can_log(void);
static enum action handle_connection_error(const char *call,
                                           struct connection *connection);

/* Fills the sets with the descriptors to wait for, since select leaves only the
   ready ones in them; when busy, leaves out clients that have made no progress
   for a tenth of a second. Returns nfds, the highest descriptor plus 1: a
   client's, or that of a program's output. */
static int fill_sets(fd_set *readable, fd_set *writable, bool busy) {
    long long now = milliseconds();
    int output = -1;

    due = earlier(due, flush_log(now));
    FD_ZERO(readable);
    FD_ZERO(writable);
    FD_SET(wake_up[0], readable);
    for (int fd = 0; fd <= highest; fd++) {
        struct connection *connection = &connections[fd];
        if (!connection->open || connection->retry_at > now)
            continue;
        if (busy && now - connection->last_activity > 100)
            continue;
        if (connection->http.state == RUNNING)
            output = watch_output(&connection->http, fd, readable, output);
        else if (connection->http.state != SENDING)
            FD_SET(fd, readable);
        else
            FD_SET(fd, writable);  /* read no more until all is sent */
    }
    return (output > highest ? output : highest) + 1;
}

/* Handles the signals whose numbers are in the pipe: there may be one for each
   program that has ended. */
static void handle_signal(void) {
    char numbers[256];
    ssize_t count = read(wake_up[0], numbers, sizeof numbers);

    for (ssize_t i = 0; i < count; i++) {
        if (numbers[i] == SIGHUP)
            reopen_log();
        else if (numbers[i] == SIGCHLD)
            reap_processes();
        else
            exit(EXIT_SUCCESS);
    }
    if (count <= 0)
        exit(EXIT_SUCCESS);
}

/* Handles a descriptor that is readable. If it has no row in the table,
   it is the output of a client's program. */
static void handle_readable(int fd, int listener) {
    int client = connections[fd].open ? fd : client_of(fd);

    if (fd == wake_up[0])
        handle_signal();
    else if (fd == listener)
        accept_clients(listener);
    else if (connections[client].open && !serve_client(client))
        remove_connection(client, listener);
}

/* Sends what is left, now that the client's socket has room again. */
static void handle_writable(int client, int listener) {
    if (connections[client].open && !serve_client(client))
        remove_connection(client, listener);
}

/* Receives requests, or sends what is left of responses: see http.h. While
   something is left, nothing is received, so a client that stops reading is no
   longer read from. Returns false when the client is served or lost. */
static bool serve_client(int client) {
    static const struct transport transport = {receive, send_parts, finish,
                                               send_file};
    struct connection *connection = &connections[client];
    enum http_state state = serve_http(&connection->http, client, &transport);

    if (connection->http.progress)
        connection->last_activity = milliseconds();
    due = 0;  /* the time limit may have changed: see limit_of */
    return state != CLOSED;
}

/* Receives: recv(2). Returns 0 at the end of the stream or if the client is
   lost, and -1 if no byte has arrived yet. */
static ssize_t receive(int fd, void *buffer, size_t size) {
    struct connection *connection = &connections[fd];
    ssize_t received = recv(fd, buffer, size, 0);
    enum action action = RETRY;

    if (received == -1)
        action = handle_connection_error("recv", connection);
    return action == DROP ? 0 : received;
}

#ifndef MSG_MORE  /* Linux: more follows, so fill the packet first: send(2) */
#define MSG_MORE 0
#endif

/* Sends two parts, of which the second may be empty: send(2). Returns 0 if the
   client is lost, and -1 if no byte can be sent yet. */
static ssize_t send_parts(int fd, struct iovec parts[2], bool more) {
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    int flags = more ? MSG_MORE : 0;
    ssize_t sent = parts[1].iov_len > 0
                       ? sendmsg(fd, &message, flags)
                       : send(fd, parts[0].iov_base, parts[0].iov_len, flags);

    return check_sent(fd, sent);
}

/* Checks the result of a send. Returns it, or 0 if the client is lost. */
static ssize_t check_sent(int fd, ssize_t sent) {
    struct connection *connection = &connections[fd];
    enum action action = RETRY;

    if (sent != -1)
        connection->retry_at = 0;
    else
        action = handle_connection_error("send", connection);
    note_sent(fd, sent);
    return action == DROP ? 0 : sent;
}

/* Sends bytes of a file straight from the kernel's memory, without a copy:
   sendfile(2). Systems other than Linux have a different call, or none: on
   those, content.c creates no file to send. */
static ssize_t send_file(int fd, int file, long long start, size_t length) {
#ifdef __linux__
    off_t offset = (off_t)start;

    return check_sent(fd, sendfile(fd, file, &offset, length));
#else
    (void)fd, (void)file, (void)start, (void)length;
    return 0;
#endif
}

/* Ends our half of the stream: shutdown(2). */
static void finish(int fd) {
    shutdown(fd, SHUT_WR);
}

/* Accepts every waiting client while descriptors last. */
static void accept_clients(int listener) {
    union address peer;
    int client;

    connections[listener].last_activity = milliseconds();  /* not quiet */
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
static int accept_client(int listener, union address *address) {
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
   after select has reported it ready, see BUGS in select(2). No program that
   we start inherits it. Returns false if fcntl fails. */
static bool add_connection(int fd) {
    connections[fd] = (struct connection){
        .open = true,
        .last_activity = milliseconds(),
        .http.peer = &connections[fd].peer,
    };
    if (fd > highest)
        highest = fd;
    due = 0;
    return fcntl(fd, F_SETFL, O_NONBLOCK) != -1  /* no other flag is set */
           && fcntl(fd, F_SETFD, FD_CLOEXEC) != -1;
}

/* Closes a socket, which frees its row. */
static void remove_connection(int fd, int listener) {
    close(fd);
    end_http(&connections[fd].http);
    connections[fd].open = false;
    while (!connections[highest].open)  /* the listener stays open */
        highest--;
    if (connections[listener].retry_at != 0)  /* accept lacked a descriptor */
        connections[listener].retry_at = milliseconds();
}

/* When due, drops the clients that have moved no byte within the timeout, and
   stores the time of the next check, at most a day later, in due. Bytes that a
   client's kernel has acknowledged since the last check count as moved. A
   program that has written nothing for that long is killed, and its client gets
   a 504. */
static void check_connections(int listener, long timeout, long long now) {
    if (now < due)
        return;
    due = now + 24 * 60 * 60 * 1000;
    for (int fd = 0; fd <= highest; fd++) {
        struct connection *connection = &connections[fd];
        long limit = limit_of(&connection->http, timeout);
        if (connection->open && connection->retry_at > now)
            due = earlier(due, connection->retry_at);
        if (!connection->open || fd == listener || limit == 0)
            continue;
        if (now >= next_check(fd, limit))
            note_unacknowledged(fd);
        if (now - connection->last_activity >= 1000 * limit
            && stop_program(&connection->http))
            connection->last_activity = now;
        if (now - connection->last_activity >= 1000 * limit)
            drop_client(fd, listener, limit);
        else
            due = earlier(due, next_check(fd, limit));
    }
}

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

/* Notes unacknowledged bytes after a send. A small send is not worth
   the ioctl, so a drop may be late. The next check may be due sooner now. */
static void note_sent(int client, ssize_t sent) {
    if (sent != -1 && sent <= 16384)
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
   accept fails with EMFILE instead. The numbers above the limit are for files,
   which are in no set: tree.c raises the limit for them. See getrlimit(2). */
static void limit_descriptors(void) {
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
        handle_error("getrlimit");
    if (limit.rlim_cur > FD_SETSIZE)
        limit.rlim_cur = FD_SETSIZE;
    if (limit.rlim_max < limit.rlim_cur + SPARE)
        limit.rlim_cur = limit.rlim_max - SPARE;
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
    if (fcntl(wake_up[1], F_SETFL, O_NONBLOCK) == -1
        || fcntl(wake_up[0], F_SETFD, FD_CLOEXEC) == -1
        || fcntl(wake_up[1], F_SETFD, FD_CLOEXEC) == -1)
        handle_error("fcntl");
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGINT, &action, NULL) == -1
        || sigaction(SIGTERM, &action, NULL) == -1
        || sigaction(SIGCHLD, &action, NULL) == -1)
        handle_error("sigaction");
    if (sigprocmask(SIG_SETMASK, &action.sa_mask, NULL) == -1)
        handle_error("sigprocmask");
}

/* Opens the log, if there is one. SIGHUP reopens it, after another program has
   renamed its file. */
static void start_log(const char *log_file) {
    struct sigaction action = {.sa_handler = wake, .sa_flags = SA_RESTART};

    if (log_file == NULL)
        return;
    if (!open_log(log_file))
        exit(EXIT_FAILURE);
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGHUP, &action, NULL) == -1)
        handle_error("sigaction");
}

/* Handles a signal; calls only what signal-safety(7) allows. */
static void wake(int number) {
    int saved = errno;
    char byte = (char)number;
    ssize_t written = write(wake_up[1], &byte, 1);

    (void)written;  /* if the pipe is full, select returns anyway */
    errno = saved;
}

/* Closes everything, on every way out of the program: see atexit(3). */
static void close_all(void) {
    for (int fd = 0; fd <= highest; fd++) {
        if (connections[fd].open) {
            close(fd);
            end_http(&connections[fd].http);
        }
    }
    end_processes();
    close(wake_up[0]);
    close(wake_up[1]);
    empty_cache();
    close_log();
}

/* Opens /dev/null for each standard stream that is closed. Otherwise a socket
   could become descriptor 2, and error messages would go to its peer. */
static void open_standard_streams(void) {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) == -1 && open("/dev/null", O_RDWR) == -1)
            handle_error("open");
}

/* Prints an event and the address it is about. */
static void log_event(const char *event, const union address *address) {
    fprintf(stderr, "%s %s\n", event, name_of(address));
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
    "usage: server [-a ADDRESS] [-t SECONDS] [-d DIRECTORY] [-l LOGFILE]\n"
    "              [-c SCRIPTS] [PORT]\n"
    "  -a ADDRESS  an IPv4 or IPv6 address of this machine (127.0.0.1)\n"
    "  -t SECONDS  drop a client after SECONDS without a byte; 0 = never (60)\n"
    "  -d DIRECTORY\n"
    "              serve the files in it (www beside the program)\n"
    "  -l LOGFILE  log each request here; - for standard output (default: no "
    "log)\n"
    "  -c SCRIPTS  run the scripts of this folder below /cgi/, or this one "
    "script\n"
    "              for all of /cgi (default: none)\n"
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
static void parse_options(int argc, char *argv[],
                          union address *address, long *timeout,
                          const char **directory, const char **log_file) {
    int option;

    while ((option = getopt(argc, argv, "a:c:d:hl:t:")) != -1) {
        switch (option) {
        case 'a':
            if (!parse_address(optarg, address))
                usage_error(optarg);
            break;
        case 'c':
            if (!serve_scripts(optarg))
                exit(EXIT_FAILURE);
            break;
        case 'd':
            *directory = optarg;
            break;
        case 'h':
            if (fputs(usage, stdout) == EOF || fflush(stdout) == EOF)
                handle_error("write");
            exit(EXIT_SUCCESS);
        case 'l':
            *log_file = optarg;
            break;
        case 't':
            *timeout = parse_number(optarg, 86400);
            break;
        default:  /* getopt has reported the error */
            fputs(usage, stderr);
            exit(2);
        }
    }
    if (optind < argc)
        *port_of(address) =
            htons((in_port_t)parse_number(argv[optind++], 65535));
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
    char detail[80] = "";

    if (connection->peer.any.sa_family != AF_UNSPEC)
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
