/*
 * 08 HTTP:  files in place of an echo; http.c turns requests into responses.
 * Run it:   ./server, and in a browser: http://127.0.0.1:15441/
 * Break it: printf 'GET / HTTP/1.1\r\nHost : x\r\n\r\n' | nc 127.0.0.1 15441
 */
#include "posix.h"

#include "address.h"
#include "cache.h"
#include "http.h"
#include "log.h"
#include "tree.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef MSG_MORE  /* Linux's way to let the end travel with the last bytes */
#define MSG_MORE 0
#endif
#define SPARE 3  /* descriptors for files, if there are no others left */

static const char usage[] =
    "usage: server [-a ADDRESS] [-t SECONDS] [-d DIRECTORY] [-l LOGFILE] "
    "[PORT]\n"
    "  -a ADDRESS  an address of this machine, IPv4 or IPv6 (127.0.0.1)\n"
    "  -t SECONDS  the silence after which a client is lost, 0: never (60)\n"
    "  -d DIRECTORY\n"
    "              what is served (www beside the program)\n"
    "  -l LOGFILE  is told of each request; -: standard output (nobody is)\n"
    "  PORT        a port from 1 to 65535, or 0 for any free one (15441)\n";

enum remedy {  /* what to do about a failed call */
    STOP,   /* nothing sensible is left to do: exit with status 1 */
    RETRY,  /* nothing to speak of: call again when select says so */
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
    {E(EAGAIN),       RETRY, "nothing has come in time"},
    {E(EWOULDBLOCK),  RETRY, "nothing has come in time"},
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
    {E(EAGAIN),       RETRY, "nothing could be sent in time"},
    {E(EWOULDBLOCK),  RETRY, "nothing could be sent in time"},
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

static const struct failure select_failures[] = {
    {E(EBADF),  STOP,  "a set has a closed descriptor: a bug in this program"},
    {E(EINTR),  RETRY, "a signal came first"},
    {E(EINVAL), STOP,  "nfds or the timeout is wrong: a bug in this program"},
    {E(ENOMEM), WAIT,  "out of memory"},
    {NULL, 0, STOP, NULL},
};

/* For calls that have no table of their own. */
static const struct failure other_failures[] = {{NULL, 0, STOP, NULL}};

static long silence = 60;  /* seconds until a silent client is lost, or 0 */
static const char *directory, *log_file;  /* as the options say, or NULL */

/* What there is to know of a socket. */
struct client {
    bool open;
    char name[ADDRESS_SIZE];
    struct http http;
    long long moved;    /* when its last byte came or went */
    long long wait;     /* in a shortage: when to call again; else 0 */
};

static struct client clients[FD_SETSIZE];  /* by their descriptors */
static int highest;     /* of the descriptors in the table */
static int current;     /* the one that a call is made for */
static long long now;   /* in milliseconds */
static int wake_up[2];  /* a pipe; signals write their numbers to it */

/* Returns whom a failed call is about, in parentheses. */
static const char *detail(void) {
    static char text[sizeof " ()" + sizeof clients->name];

    snprintf(text, sizeof text, " (%s)", clients[current].name);
    return clients[current].open ? text : "";
}

/* Returns whether standard error takes a line: nobody waits for its reader. */
static bool can_tell(void) {
    struct timeval at_once = {0};
    fd_set writing;

    FD_ZERO(&writing);
    FD_SET(STDERR_FILENO, &writing);
    return select(STDERR_FILENO + 1, NULL, &writing, NULL, &at_once) != 0;
}

/* Says why a call failed, as its table has it, and does about it what can be
   done from here. Returns the remedy, for the caller to do the rest. */
static enum remedy diagnose(const char *call, const struct failure *failure) {
    int number = errno;

    while (failure->name != NULL && failure->number != number)
        failure++;
    if (failure->remedy == RETRY || !can_tell()
        || (failure->remedy == WAIT && clients[current].wait != 0))
        ;  /* nothing to tell, nobody to tell it to, or told already */
    else if (failure->name == NULL)
        fprintf(stderr, "%s: %s%s\n", call, strerror(number), detail());
    else
        fprintf(stderr, "%s: %s: %s%s\n", call, failure->name,
                failure->meaning, detail());
    if (failure->remedy == STOP)
        exit(EXIT_FAILURE);
    if (failure->remedy == WAIT)
        clients[current].wait = now + 100;
    return failure->remedy;
}

/* Tells of an event, and the address that it is about. */
static void announce(const char *event, const union address *address) {
    char name[ADDRESS_SIZE];

    write_address(name, address);
    fprintf(stderr, "%s %s\n", event, name);
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

static union address parse_options(int argc, char *argv[]) {
    union address address = {
        .in.sin_family = AF_INET,
        .in.sin_port = htons(15441),
        .in.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int option;

    while ((option = getopt(argc, argv, "a:d:hl:t:")) != -1) {
        switch (option) {
        case 'a':
            if (!parse_address(optarg, &address))
                refuse(optarg);
            break;
        case 'd':
            directory = optarg;
            break;
        case 'l':
            log_file = optarg;
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
        *port_of(&address) =
            htons((in_port_t)parse_number(argv[optind++], 65535));
    if (optind < argc)
        refuse(argv[optind]);
    return address;
}

/* Looks at the clock. */
static long long milliseconds(void) {
    struct timespec reading;

    clock_gettime(CLOCK_MONOTONIC, &reading);
    return reading.tv_sec * 1000LL + reading.tv_nsec / 1000000;
}

/* Takes a signal at any moment; the pipe keeps it until select looks. */
static void wake(int number) {
    int saved = errno;
    char byte = (char)number;
    ssize_t written = write(wake_up[1], &byte, 1);

    (void)written;
    errno = saved;
}

/* Closes everything, on every way out of the program. */
static void close_all(void) {
    for (int descriptor = 0; descriptor <= highest; descriptor++)
        if (clients[descriptor].open) {
            end_http(&clients[descriptor].http);
            close(descriptor);
        }
    close(wake_up[0]);
    close(wake_up[1]);
    empty_cache();
    close_log();
}

/* Sees to it that no descriptor is too high for a set, that SIGINT and SIGTERM
   end the program in good order, and SIGHUP only makes it look at its log. */
static void prepare(void) {
    struct sigaction action = {.sa_handler = wake, .sa_flags = SA_RESTART};
    struct rlimit limit;

    sigemptyset(&action.sa_mask);
    if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
        diagnose("getrlimit", other_failures);
    if (limit.rlim_cur > FD_SETSIZE)
        limit.rlim_cur = FD_SETSIZE;
    if (limit.rlim_max < limit.rlim_cur + SPARE)
        limit.rlim_cur = limit.rlim_max - SPARE;
    if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
        diagnose("setrlimit", other_failures);
    if (pipe(wake_up) == -1)
        diagnose("pipe", other_failures);
    atexit(close_all);
    if (fcntl(wake_up[1], F_SETFL, O_NONBLOCK) == -1)
        diagnose("fcntl", other_failures);
    if (sigaction(SIGINT, &action, NULL) == -1
        || sigaction(SIGTERM, &action, NULL) == -1
        || (log_file != NULL && sigaction(SIGHUP, &action, NULL) == -1))
        diagnose("sigaction", other_failures);
}

/* Puts a socket into the table. It is not to block. Returns success. */
static bool enter(int descriptor, const union address *address) {
    struct client *client = &clients[descriptor];

    *client = (struct client){.open = true, .moved = now};
    write_address(client->name, address);
    client->http.client = client->name;
    if (descriptor > highest)
        highest = descriptor;
    return fcntl(descriptor, F_SETFL, O_NONBLOCK) != -1;
}

/* Takes a client from the queue. Returns its socket and its address, or -1. */
static int accept_client(int listener, union address *address) {
    socklen_t length = sizeof *address;
    int client = accept(listener, &address->any, &length);

    if (client >= FD_SETSIZE) {  /* prlimit(1) has raised the limit since */
        close(client);
        client = -1;
        errno = EMFILE;
    }
    if (client == -1 && diagnose("accept", accept_failures) != WAIT)
        clients[listener].wait = 0;
    return client;
}

/* Receives as recv(2) does. Returns 0 also if the client is lost, -1 only if
   nothing has come. */
static ssize_t receive(int client, void *buffer, size_t size) {
    ssize_t count = recv(client, buffer, size, 0);

    return count == -1 && diagnose("recv", recv_failures) == DROP ? 0 : count;
}

/* Sends two parts, of which the second may be empty. Returns how many bytes
   were taken, 0 if the client is lost, -1 if none can be taken now. */
static ssize_t send_some(int client, struct iovec parts[2], bool last) {
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    int flags = last ? MSG_MORE : 0;  /* the end travels with the last bytes */
    ssize_t count = parts[1].iov_len > 0
                        ? sendmsg(client, &message, flags)
                        : send(client, parts->iov_base, parts->iov_len, flags);

    if (count != -1)
        clients[client].wait = 0;
    return count == -1 && diagnose("send", send_failures) == DROP ? 0 : count;
}

static void finish(int client) {
    shutdown(client, SHUT_WR);
}

/* Serves a client that is ready. Returns false if it is done or lost. */
static bool serve(int client) {
    static const struct transport transport = {receive, send_some, finish};
    struct http *http = &clients[client].http;
    enum http_state state = serve_http(http, client, &transport);

    if (http->progress)
        clients[client].moved = now;
    return state != CLOSED;
}

/* Closes a client. If there was no descriptor for others, now there is one. */
static void leave(int client, int listener) {
    end_http(&clients[client].http);
    close(client);
    clients[client].open = false;
    if (clients[listener].wait != 0)
        clients[listener].wait = now;
    while (!clients[highest].open)
        highest--;
}

/* Fills the sets with the sockets that select is to wait for. Returns how long
   it may, or NULL for as long as it takes. */
static struct timeval *watch(int listener, fd_set *reading, fd_set *writing,
                             struct timeval *limit) {
    long long next = flush_log(now);  /* when something has to be done anyhow */

    FD_ZERO(reading);
    FD_ZERO(writing);
    FD_SET(wake_up[0], reading);
    for (int descriptor = 0; descriptor <= highest; descriptor++) {
        struct client *client = &clients[descriptor];
        if (!client->open)
            continue;
        if (client->wait <= now)
            FD_SET(descriptor,
                   client->http.state == SENDING ? writing : reading);
        else if (client->wait < next)
            next = client->wait;
        if (descriptor != listener && silence > 0
            && client->moved + 1000 * silence < next)
            next = client->moved + 1000 * silence;
    }
    if (next == LLONG_MAX)
        return NULL;
    long long delay = next > now ? next - now : 0;
    limit->tv_sec = (time_t)(delay / 1000);
    limit->tv_usec = (suseconds_t)(delay % 1000 * 1000);
    return limit;
}

/* Takes in all who wait, as many as there are descriptors for. */
static void accept_all(int listener) {
    union address address;
    int client;

    while ((client = accept_client(listener, &address)) != -1) {
        if (!enter(client, &address)) {
            perror("fcntl");
            leave(client, listener);
        }
    }
}

/* Serves a client that is ready, or drops one that was silent too long. */
static void attend(int client, bool ready, int listener) {
    if (ready && !serve(client)) {
        leave(client, listener);
    } else if (silence > 0 && now - clients[client].moved >= 1000 * silence) {
        if (can_tell())
            fprintf(stderr, "dropped %s: silent for %ld seconds\n",
                    clients[client].name, silence);
        leave(client, listener);
    }
}

/* Learns which signal came. Returns whether to go on. */
static bool heed(void) {
    char number = 0;

    if (read(wake_up[0], &number, 1) != 1 || number != SIGHUP)
        return false;
    reopen_log();
    return true;
}

/* Waits until something can be done, and does it. Returns false at the end. */
static bool take_turn(int listener) {
    fd_set reading, writing;
    struct timeval limit;
    struct timeval *timeout = watch(listener, &reading, &writing, &limit);
    int count = select(highest + 1, &reading, &writing, NULL, timeout);

    now = milliseconds();
    begin_turn();
    current = wake_up[0];  /* its row is free, for select itself */
    if (count == -1) {
        if (diagnose("select", select_failures) == WAIT)
            nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
        return true;
    }
    clients[current].wait = 0;
    current = listener;
    if (FD_ISSET(listener, &reading))
        accept_all(listener);
    while (++current <= highest)
        if (clients[current].open)
            attend(current,
                   FD_ISSET(current, &reading) || FD_ISSET(current, &writing),
                   listener);
    return !FD_ISSET(wake_up[0], &reading) || heed();
}

int main(int argc, char *argv[]) {
    union address address = parse_options(argc, argv);
    socklen_t length = size_of(&address);

    signal(SIGPIPE, SIG_IGN);  /* let send fail with EPIPE instead */
    signal(SIGXFSZ, SIG_IGN);  /* and a write beyond `ulimit -f` with EFBIG */
    if (!serve_directory(directory, argv[0]))
        exit(EXIT_FAILURE);
    prepare();
    if (log_file != NULL && !open_log(log_file))
        exit(EXIT_FAILURE);
    int listener = socket(address.any.sa_family, SOCK_STREAM, 0);
    if (listener == -1)
        diagnose("socket", socket_failures);
    else if (!enter(listener, &address))
        diagnose("fcntl", other_failures);
    int on = 1;  /* bind even while ended connections linger in TIME_WAIT */
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == -1)
        diagnose("setsockopt", other_failures);
    /* Clients inherit this: no end of an answer waits to be acknowledged. */
    if (setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == -1)
        diagnose("setsockopt", other_failures);
    if (bind(listener, &address.any, length) == -1)
        diagnose("bind", bind_failures);
    if (getsockname(listener, &address.any, &length) == -1)
        diagnose("getsockname", other_failures);
    if (listen(listener, SOMAXCONN) == -1)
        diagnose("listen", listen_failures);
    announce("listening on", &address);
    enter(listener, &address);  /* again: now its port is known */
    while (take_turn(listener))
        continue;
    return EXIT_SUCCESS;
}
