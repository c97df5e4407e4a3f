/*
 * faults: a preloaded library that makes system calls fail on demand.
 * LADDER_FAULTS names a file of sizeof(struct control) bytes, shared with the
 * test script (harness/faults.py and checks/storm/page.py know its layout). The
 * script writes there which calls are to fail and how, and this library counts
 * there what happened. The script may change its orders while the program runs.
 * There are two kinds of orders. A plan names certain calls of a kind, for any
 * client; an event of a storm is due at a certain place in the calls that are
 * made for one client.
 *
 *     cc -shared -fPIC -o faults.so faults.c -ldl
 *     LADDER_FAULTS=control LD_PRELOAD=./faults.so ./server
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* With _GNU_SOURCE, glibc declares socket addresses as a transparent union,
   which takes any address without a cast. ISO C has no such type. */
#pragma GCC diagnostic ignored "-Wpedantic"

enum kind {
    SOCKET,
    BIND,
    LISTEN,
    ACCEPT,
    CONNECT,
    RECV,
    SEND,
    SELECT,
    SETSOCKOPT,
    GETSOCKNAME,
    SHUTDOWN,
    MALLOC,
    OPEN,
    STAT,
    READ,
    FCNTL,  /* F_SETFL alone */
    PIPE,
    FORK,
    EXECVE,
    WAITPID,
    IOCTL,  /* TIOCOUTQ alone */
    HELPER,  /* set-up calls: limits, a pipe, signals */
    READDIR,
    KINDS,  /* how many there are */
};

/* The orders for one kind of call, and what happened to those calls. */
struct plan {
    int32_t first, last;  /* these calls, counted from 1, fail ... */
    int32_t error;        /* ... with this errno */
    int32_t stop;         /* before this call the program stops (SIGSTOP) */
    int32_t most;         /* no call moves more bytes than this, if not 0 */
    int32_t calls;        /* made so far */
    int32_t injected;     /* failed as ordered */
    int32_t failed;       /* failed without an order: the kernel refused */
    int32_t last_error;   /* errno of the last of these */
    int32_t too_short;    /* accept: a length too small for the address;
                             select: see note_sets */
    int32_t inside;       /* 2 + the descriptor that a call waits for, or 0 */
    int32_t ended;        /* recv: open sockets on which it has returned 0;
                             select: the seconds of its last timeout */
    int32_t again;        /* recv: calls after the end; select: see note_sets */
    int32_t stale;        /* select: see note_timeout */
    int32_t low, high;    /* select: see note_sets; setsockopt: the limits of
                             recv and send in milliseconds + 1 */
};

/* What an event does to the call that it hits. */
enum effect {
    FAILS,     /* it fails; the next one may succeed */
    LASTS,     /* it fails, and so do all others for a while: a shortage */
    LOSES,     /* it fails, and the connection is lost */
    HINDERS,   /* it fails, so a client might get no response */
    SHORTENS,  /* from now on such calls move only a few bytes */
};

struct event {
    int32_t kind, effect;
    int32_t client;    /* its number; 0: of any client */
    int32_t position;  /* after how many bytes or calls: see done */
    int32_t error;     /* an errno */
    int32_t most;      /* SHORTENS: bytes, or 0 for all; LASTS: milliseconds */
    int32_t tries;     /* how many calls it has hit */
    int32_t end;       /* LASTS: when it ends: see milliseconds */
    int32_t over;
};

/* The calls made for one connection. Connections are numbered from 1, in the
   order in which accept or connect makes them; [0] is for calls without one. */
struct client {
    int32_t port;         /* the other side's; it identifies the connection */
    int32_t lost;         /* by an event */
    int32_t done[KINDS];  /* RECV, SEND: bytes; others: calls */
    int32_t most[KINDS];  /* bytes that a call may move, if not 0 */
};

struct storm {
    int32_t raging;      /* if not, no events occur */
    int32_t made;        /* connections */
    int32_t came;        /* planned events that have occurred */
    int32_t planned;
    int32_t hindered;    /* how many of them had the effect HINDERS */
    int32_t edges;       /* the program uses edge triggering (EPOLLET) */
    int32_t blocks;      /* blocks of memory that are allocated and not freed */
    struct client clients[16];
    struct event events[200];
    int32_t order[200];  /* in which they occurred */
};

#define COUNT(array) ((int)(sizeof(array) / sizeof *(array)))

struct control {
    int32_t attached;     /* the process that has loaded this library */
    int32_t descriptors;  /* RLIMIT_NOFILE from main on, if not 0 */
    int32_t user;         /* the user from main on, if not 0 */
    int32_t family, type, protocol;     /* of the first socket() */
    int32_t bound_port, bound_address;  /* of the first bind(), host order */
    char addresses[96];   /* what every host name resolves to, if not empty */
    struct plan plans[KINDS];
    struct storm storm;
};

static struct control *control;
static __thread int current;  /* the client of the last call */
static int16_t clients[1024];  /* their numbers, by descriptor; 0: not known */

/* The real function behind ours. */
#define REAL(type, name, ...)                                           \
    static type (*real)(__VA_ARGS__);                                   \
    if (real == NULL) {                                                 \
        *(void **)&real = dlsym(RTLD_NEXT, name);                       \
    }

__attribute__((constructor)) static void attach(void) {
    const char *path = getenv("LADDER_FAULTS");
    const char *program = getenv("LADDER_PROGRAM");
    if (program != NULL && strcmp(program, program_invocation_short_name) != 0)
        return;  /* this is still the starter, not the program */
    int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (file == -1)
        return;
    void *page = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED,
                      file, 0);
    close(file);
    if (page == MAP_FAILED)
        return;
    control = page;
    prctl(PR_SET_PDEATHSIG, SIGKILL);  /* end when the test ends */
    if (getppid() == 1)
        _exit(1);
    control->attached = getpid();
    if (control->user != 0 && setuid((uid_t)control->user) == -1)
        abort();
    if (control->descriptors != 0) {
        struct rlimit limit = {(rlim_t)control->descriptors,
                               (rlim_t)control->descriptors};
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static __thread int waiting_for;  /* the descriptor of the current call */
static char at_end[1024];  /* descriptors on which recv has returned 0 */

/* Notes that a descriptor is closed, or is a new connection. */
static void forget_end(int descriptor) {
    if (control != NULL && descriptor >= 0 && descriptor < COUNT(at_end)
        && at_end[descriptor]) {
        at_end[descriptor] = 0;
        __atomic_sub_fetch(&control->plans[RECV].ended, 1, __ATOMIC_SEQ_CST);
    }
}

/* Notes that recv has returned 0 for a descriptor. */
static void note_end(int descriptor) {
    if (descriptor >= 0 && descriptor < COUNT(at_end) && !at_end[descriptor]) {
        at_end[descriptor] = 1;
        __atomic_add_fetch(&control->plans[RECV].ended, 1, __ATOMIC_SEQ_CST);
    }
}

/* Notes that a call is about to wait. */
static void enter(enum kind kind, int descriptor) {
    struct plan *plan = &control->plans[kind];

    waiting_for = descriptor;
    plan->inside = descriptor + 2;
    if (kind == RECV && descriptor >= 0 && descriptor < COUNT(at_end)
        && at_end[descriptor])
        plan->again++;
}

/* Counts a call. Returns whether it must fail, and sets errno if so. */
static int ordered(enum kind kind) {
    if (control == NULL)
        return 0;
    struct plan *plan = &control->plans[kind];
    int32_t call = __atomic_add_fetch(&plan->calls, 1, __ATOMIC_SEQ_CST);
    if (call == plan->stop)
        raise(SIGSTOP);
    if (call < plan->first || call > plan->last)
        return 0;
    __atomic_add_fetch(&plan->injected, 1, __ATOMIC_SEQ_CST);
    errno = plan->error;
    return 1;
}

/* Returns the port of the peer, or 0. IPv4 and IPv6 addresses have it in the
   same place. */
static int port_of_peer(int descriptor) {
    struct sockaddr_in address = {0};
    socklen_t size = sizeof address;
    int saved = errno;

    if (getpeername(descriptor, (struct sockaddr *)&address, &size) == -1
        || (address.sin_family != AF_INET && address.sin_family != AF_INET6))
        address.sin_port = 0;
    errno = saved;
    return ntohs(address.sin_port);
}

/* Returns the number of the peer, or -1. After the end of a connection the
   kernel no longer knows its peer, so earlier answers are remembered. */
static int find_client(int descriptor) {
    struct storm *storm = &control->storm;
    int port = port_of_peer(descriptor);

    if (port == 0 && descriptor < COUNT(clients) && clients[descriptor] > 0)
        return clients[descriptor];
    for (int client = 1; port != 0 && client < COUNT(storm->clients); client++)
        if (storm->clients[client].port == port)
            return client;
    return -1;
}

/* Gives a new connection its number. */
static void enroll(int descriptor, int port) {
    if (control == NULL || !control->storm.raging)
        return;
    current = __atomic_add_fetch(&control->storm.made, 1, __ATOMIC_SEQ_CST);
    if (current < COUNT(control->storm.clients))
        control->storm.clients[current].port = port;
    else
        current = -1;
    if (descriptor < COUNT(clients))
        clients[descriptor] = (int16_t)current;
}

/* Returns whether the call blocks without a time limit, and so can never fail
   with EAGAIN. */
static int waits(enum kind kind, int descriptor, int flags) {
    struct timeval limit = {0};
    socklen_t size = sizeof limit;

    if (flags & MSG_DONTWAIT || fcntl(descriptor, F_GETFL) & O_NONBLOCK)
        return 0;
    getsockopt(descriptor, SOL_SOCKET,
               kind == SEND ? SO_SNDTIMEO : SO_RCVTIMEO, &limit, &size);
    return limit.tv_sec == 0 && limit.tv_usec == 0;
}

static int32_t milliseconds(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int32_t)(now.tv_sec % 1000000 * 1000 + now.tv_nsec / 1000000);
}

/* Returns the client whose counters and events apply to a call. */
static struct client *client_for(enum kind kind) {
    struct storm *storm = &control->storm;
    int own = kind == RECV || kind == SEND || kind >= MALLOC;
    int number = own ? current : 0;

    return storm->raging && number >= 0 ? &storm->clients[number] : NULL;
}

/* Returns the next event for this client's calls of a kind, or NULL. */
static struct event *next_event(enum kind kind, const struct client *client) {
    struct storm *storm = &control->storm;

    for (int number = 0; number < storm->planned; number++) {
        struct event *event = &storm->events[number];
        if (event->client == client - storm->clients && !event->over
            && event->kind == (int)kind)
            return client->lost ? NULL : event;
    }
    return NULL;
}

/* Applies an event to a call. Returns whether the call fails; sets errno if
   so. */
static int hit(struct event *event, struct client *client) {
    struct storm *storm = &control->storm;

    if (event->effect == LASTS && event->tries > 0
        && milliseconds() - event->end >= 0) {
        event->over = 1;
        return 0;
    }
    if (event->tries++ == 0) {
        event->end = milliseconds() + event->most;
        storm->order[storm->came++] = (int32_t)(event - storm->events);
    }
    event->over = event->effect != LASTS;
    client->lost |= event->effect == LOSES;
    storm->hindered += event->effect == HINDERS;
    if (event->effect == SHORTENS)
        client->most[event->kind] = event->most;
    else
        errno = event->error;
    return event->effect != SHORTENS;
}

/* Returns whether an event that is due makes a call fail; sets errno if so. */
static int struck(enum kind kind, int descriptor, int flags) {
    struct client *client = client_for(kind);
    struct event *event;

    while (client != NULL && (event = next_event(kind, client)) != NULL
           && event->position <= client->done[kind]) {
        if (event->error == EAGAIN && kind != CONNECT
            && waits(kind, descriptor, flags))
            event->over = 1;
        else if (hit(event, client))
            return 1;
    }
    return 0;
}

/* Returns whether a call fails, by order or event; sets errno if so. */
static int refused(enum kind kind, int descriptor, int flags) {
    if (control == NULL)
        return 0;
    if (kind == RECV || kind == SEND)
        current = control->storm.raging ? find_client(descriptor) : -1;
    if (ordered(kind) || struck(kind, descriptor, flags))
        return 1;
    enter(kind, descriptor);
    return 0;
}

/* Notes what a call has done, or why the kernel has refused it. Returns its
   result. */
static ssize_t noted(enum kind kind, ssize_t result) {
    if (control == NULL)
        return result;
    control->plans[kind].inside = 0;
    if (kind == RECV && result == 0)
        note_end(waiting_for);
    struct client *client = client_for(kind);
    if (result == -1) {
        control->plans[kind].last_error = errno;
        __atomic_add_fetch(&control->plans[kind].failed, 1, __ATOMIC_SEQ_CST);
    } else if (client != NULL) {
        client->done[kind] += kind == RECV || kind == SEND ? (int)result : 1;
    }
    return result;
}

static size_t least(size_t length, int32_t most) {
    return most > 0 && length > (size_t)most ? (size_t)most : length;
}

/* Returns how many of these bytes a call may move. In a storm a call stops at
   the next event, so that the event always has the same place in the stream.
   With edge triggering it does not, because a program might take a short count
   as a sign to wait. */
static size_t clipped(enum kind kind, size_t length, int flags) {
    if (control == NULL)
        return length;
    length = least(length, control->plans[kind].most);
    struct client *client = client_for(kind);
    if (client == NULL || client->lost || control->storm.edges
        || flags & MSG_WAITALL)
        return length;
    struct event *event = kind == READ ? NULL : next_event(kind, client);
    if (event != NULL)
        length = least(length, event->position - client->done[kind]);
    return least(length, client->most[kind]);
}

static int is_socket(int descriptor) {
    int saved = errno, type;
    socklen_t size = sizeof type;
    int result = getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size);
    errno = saved;
    return result == 0;
}

/* Pipes, terminals and sockets have no position. */
static int is_file(int descriptor) {
    int saved = errno;
    int result = lseek(descriptor, 0, SEEK_CUR) != -1;
    errno = saved;
    return result;
}

int socket(int family, int type, int protocol) {
    REAL(int, "socket", int, int, int);
    if (control != NULL && control->plans[SOCKET].calls == 0) {
        control->family = family;
        control->type = type;
        control->protocol = protocol;
    }
    if (refused(SOCKET, -1, 0))
        return -1;
    return (int)noted(SOCKET, real(family, type, protocol));
}

int bind(int descriptor, const struct sockaddr *address, socklen_t length) {
    REAL(int, "bind", int, const struct sockaddr *, socklen_t);
    if (control != NULL && control->plans[BIND].calls == 0
        && address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        control->bound_port = ntohs(in.sin_port);
        control->bound_address = (int32_t)ntohl(in.sin_addr.s_addr);
    }
    if (refused(BIND, descriptor, 0))
        return -1;
    return (int)noted(BIND, real(descriptor, address, length));
}

int listen(int descriptor, int backlog) {
    REAL(int, "listen", int, int);
    if (refused(LISTEN, descriptor, 0))
        return -1;
    return (int)noted(LISTEN, real(descriptor, backlog));
}

/* Notes an address that accept cannot fill in because its length was not set.
   */
static void check_length(const struct sockaddr *address,
                         const socklen_t *length) {
    if (control != NULL && address != NULL && length != NULL
        && *length < sizeof(struct sockaddr_in))
        control->plans[ACCEPT].too_short = 1;
}

/* Gives a number to a client that accept has returned. Returns its socket. */
static int accepted(int descriptor) {
    forget_end(descriptor);
    if (descriptor != -1)
        enroll(descriptor, port_of_peer(descriptor));
    return (int)noted(ACCEPT, descriptor);
}

int accept(int descriptor, struct sockaddr *address, socklen_t *length) {
    REAL(int, "accept", int, struct sockaddr *, socklen_t *);
    check_length(address, length);
    if (refused(ACCEPT, descriptor, 0))
        return -1;
    return accepted(real(descriptor, address, length));
}

int accept4(int descriptor, struct sockaddr *address, socklen_t *length,
            int flags) {
    REAL(int, "accept4", int, struct sockaddr *, socklen_t *, int);
    check_length(address, length);
    if (refused(ACCEPT, descriptor, 0))
        return -1;
    return accepted(real(descriptor, address, length, flags));
}

int connect(int descriptor, const struct sockaddr *address, socklen_t length) {
    REAL(int, "connect", int, const struct sockaddr *, socklen_t);
    if (refused(CONNECT, descriptor, 0))
        return -1;
    struct sockaddr_in peer = {0};
    memcpy(&peer, address, length < sizeof peer ? length : sizeof peer);
    int result = (int)noted(CONNECT, real(descriptor, address, length));
    if (result == 0 || errno == EINPROGRESS)
        enroll(descriptor, ntohs(peer.sin_port));
    return result;
}

/* Notes a time limit of recv or send. */
static void note_limit(int name, const struct timeval *limit) {
    struct plan *plan = &control->plans[SETSOCKOPT];
    int32_t value = (int32_t)(limit->tv_sec * 1000 + limit->tv_usec / 1000 + 1);

    if (name == SO_RCVTIMEO)
        plan->low = value;
    else
        plan->high = value;
}

int setsockopt(int descriptor, int level, int name, const void *value,
               socklen_t length) {
    REAL(int, "setsockopt", int, int, int, const void *, socklen_t);
    if (refused(SETSOCKOPT, descriptor, 0))
        return -1;
    if (control != NULL && level == SOL_SOCKET
        && (name == SO_RCVTIMEO || name == SO_SNDTIMEO)
        && length == sizeof(struct timeval))
        note_limit(name, value);
    return (int)noted(SETSOCKOPT, real(descriptor, level, name, value, length));
}

int getsockname(int descriptor, struct sockaddr *address, socklen_t *length) {
    REAL(int, "getsockname", int, struct sockaddr *, socklen_t *);
    if (refused(GETSOCKNAME, descriptor, 0))
        return -1;
    return (int)noted(GETSOCKNAME, real(descriptor, address, length));
}

int shutdown(int descriptor, int how) {
    REAL(int, "shutdown", int, int);
    if (refused(SHUTDOWN, descriptor, 0))
        return -1;
    return (int)noted(SHUTDOWN, real(descriptor, how));
}

/* Returns the highest descriptor in a set, or -1. */
static int highest_in(const fd_set *set) {
    int descriptor = FD_SETSIZE - 1;

    while (descriptor >= 0 && (set == NULL || !FD_ISSET(descriptor, set)))
        descriptor--;
    return descriptor;
}

static fd_set set_before, set_after;  /* of the last select, for reading */
static struct timeval time_before, time_after;

/* Returns how many descriptors are in a set. */
static int count_in(const fd_set *set) {
    int members = 0;

    for (int descriptor = 0; set != NULL && descriptor < FD_SETSIZE;
         descriptor++)
        members += FD_ISSET(descriptor, set) != 0;
    return members;
}

/* If nfds is too low for a descriptor in a set, stores nfds in low, and the
   descriptor + 1 in high. Counts calls whose set is exactly what the previous
   call left there: only the ready descriptors. Notes in too_short the fewest
   descriptors that a call has had in its sets, plus 1. */
static void note_sets(int count, const fd_set *reading, const fd_set *writing) {
    struct plan *plan = &control->plans[SELECT];
    int highest = highest_in(reading), other = highest_in(writing);
    int members = count_in(reading) + count_in(writing);

    if (plan->too_short == 0 || members + 1 < plan->too_short)
        plan->too_short = members + 1;

    highest = highest > other ? highest : other;
    if (highest >= count) {
        plan->low = count;
        plan->high = highest + 1;
    }
    plan->again += memcmp(reading, &set_after, sizeof *reading) == 0
                   && memcmp(&set_before, &set_after, sizeof *reading) != 0;
    set_before = *reading;
}

/* Counts calls whose timeout is exactly what the previous call left there: the
   time that remained. No program computes the same microsecond by chance. */
static void note_timeout(const struct timeval *timeout) {
    struct plan *plan = &control->plans[SELECT];
    size_t size = sizeof *timeout;

    plan->stale += memcmp(timeout, &time_after, size) == 0
                   && memcmp(&time_before, &time_after, size) != 0
                   && timeout->tv_usec % 1000 != 0;
    time_before = *timeout;
    plan->ended = (int32_t)timeout->tv_sec + (timeout->tv_usec > 0);
}

int select(int count, fd_set *reading, fd_set *writing, fd_set *exceptional,
           struct timeval *timeout) {
    REAL(int, "select", int, fd_set *, fd_set *, fd_set *, struct timeval *);
    if (refused(SELECT, -1, 0))
        return -1;
    if (control != NULL && reading != NULL) {
        note_sets(count, reading, writing);
        if (timeout != NULL)
            note_timeout(timeout);
    }
    int result = (int)noted(SELECT, real(count, reading, writing, exceptional,
                                         timeout));
    if (control != NULL && reading != NULL) {
        set_after = *reading;
        if (timeout != NULL)
            time_after = *timeout;
    }
    return result;
}

int pselect(int count, fd_set *reading, fd_set *writing, fd_set *exceptional,
            const struct timespec *timeout, const sigset_t *mask) {
    REAL(int, "pselect", int, fd_set *, fd_set *, fd_set *,
         const struct timespec *, const sigset_t *);
    if (refused(SELECT, -1, 0))
        return -1;
    if (control != NULL && reading != NULL)
        note_sets(count, reading, writing);
    int result = (int)noted(SELECT, real(count, reading, writing, exceptional,
                                         timeout, mask));
    if (control != NULL && reading != NULL)
        set_after = *reading;
    return result;
}

int close(int descriptor) {
    REAL(int, "close", int);
    forget_end(descriptor);
    return real(descriptor);
}

/* With edge triggering, a program is notified once. If we shorten a call, the
   program has to be notified again, which the kernel does not do (epoll(7)). */
int epoll_ctl(int descriptor, int operation, int file,
              struct epoll_event *event) {
    REAL(int, "epoll_ctl", int, int, int, struct epoll_event *);
    if (control != NULL && event != NULL && event->events & EPOLLET)
        control->storm.edges = 1;
    return real(descriptor, operation, file, event);
}

/*
 * All ways to receive are one kind of call, and so are all ways to send. read
 * and write are counted on sockets; read is counted on files too, as another
 * kind. A call with MSG_PEEK is not counted.
 */
ssize_t recv(int descriptor, void *buffer, size_t length, int flags) {
    REAL(ssize_t, "recv", int, void *, size_t, int);
    if (flags & MSG_PEEK)
        return real(descriptor, buffer, length, flags);
    if (refused(RECV, descriptor, flags))
        return -1;
    return noted(RECV, real(descriptor, buffer, clipped(RECV, length, flags),
                            flags));
}

ssize_t recvfrom(int descriptor, void *buffer, size_t length, int flags,
                 struct sockaddr *address, socklen_t *size) {
    REAL(ssize_t, "recvfrom", int, void *, size_t, int, struct sockaddr *,
         socklen_t *);
    if (flags & MSG_PEEK)
        return real(descriptor, buffer, length, flags, address, size);
    if (refused(RECV, descriptor, flags))
        return -1;
    return noted(RECV, real(descriptor, buffer, clipped(RECV, length, flags),
                            flags, address, size));
}

ssize_t read(int descriptor, void *buffer, size_t length) {
    REAL(ssize_t, "read", int, void *, size_t);
    enum kind kind = is_socket(descriptor) ? RECV : READ;
    if (kind == READ && !is_file(descriptor))
        return real(descriptor, buffer, length);
    if (refused(kind, descriptor, 0))
        return -1;
    return noted(kind, real(descriptor, buffer, clipped(kind, length, 0)));
}

ssize_t send(int descriptor, const void *bytes, size_t length, int flags) {
    REAL(ssize_t, "send", int, const void *, size_t, int);
    if (refused(SEND, descriptor, flags))
        return -1;
    return noted(SEND, real(descriptor, bytes, clipped(SEND, length, flags),
                            flags));
}

ssize_t sendto(int descriptor, const void *bytes, size_t length, int flags,
               const struct sockaddr *address, socklen_t size) {
    REAL(ssize_t, "sendto", int, const void *, size_t, int,
         const struct sockaddr *, socklen_t);
    if (refused(SEND, descriptor, flags))
        return -1;
    return noted(SEND, real(descriptor, bytes, clipped(SEND, length, flags),
                            flags, address, size));
}

ssize_t write(int descriptor, const void *bytes, size_t length) {
    REAL(ssize_t, "write", int, const void *, size_t);
    if (!is_socket(descriptor))
        return real(descriptor, bytes, length);
    if (refused(SEND, descriptor, 0))
        return -1;
    return noted(SEND, real(descriptor, bytes, clipped(SEND, length, 0)));
}

/* Returns the message if a call may move all of it. Otherwise returns part: a
   copy whose only piece is *piece, the first piece or the beginning of it. */
static const struct msghdr *cut(enum kind kind, const struct msghdr *message,
                                int flags, struct msghdr *part,
                                struct iovec *piece) {
    size_t length = 0, number = 0;

    for (size_t next = 0; next < message->msg_iovlen; next++)
        length += message->msg_iov[next].iov_len;
    size_t most = clipped(kind, length, flags);
    if (most == length)
        return message;
    while (message->msg_iov[number].iov_len == 0)
        number++;
    *piece = message->msg_iov[number];
    piece->iov_len = least(piece->iov_len, (int32_t)most);
    *part = *message;
    part->msg_iov = piece;
    part->msg_iovlen = 1;
    return part;
}

ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags) {
    REAL(ssize_t, "sendmsg", int, const struct msghdr *, int);
    struct msghdr part;
    struct iovec piece;
    if (refused(SEND, descriptor, flags))
        return -1;
    message = cut(SEND, message, flags, &part, &piece);
    return noted(SEND, real(descriptor, message, flags));
}

ssize_t recvmsg(int descriptor, struct msghdr *message, int flags) {
    REAL(ssize_t, "recvmsg", int, struct msghdr *, int);
    struct msghdr part;
    struct iovec piece;
    if (flags & MSG_PEEK)
        return real(descriptor, message, flags);
    if (refused(RECV, descriptor, flags))
        return -1;
    part = *cut(RECV, message, flags, &part, &piece);
    ssize_t result = noted(RECV, real(descriptor, &part, flags));
    part.msg_iov = message->msg_iov;
    part.msg_iovlen = message->msg_iovlen;
    *message = part;
    return result;
}

ssize_t writev(int descriptor, const struct iovec *pieces, int count) {
    REAL(ssize_t, "writev", int, const struct iovec *, int);
    struct msghdr message = {.msg_iov = (struct iovec *)pieces,
                             .msg_iovlen = (size_t)count};
    return is_socket(descriptor) ? sendmsg(descriptor, &message, 0)
                                 : real(descriptor, pieces, count);
}

ssize_t readv(int descriptor, const struct iovec *pieces, int count) {
    REAL(ssize_t, "readv", int, const struct iovec *, int);
    struct msghdr message = {.msg_iov = (struct iovec *)pieces,
                             .msg_iovlen = (size_t)count};
    return is_socket(descriptor) ? recvmsg(descriptor, &message, 0)
                                 : real(descriptor, pieces, count);
}

/* -D_FORTIFY_SOURCE turns recv and read into these. */
ssize_t __recv_chk(int descriptor, void *buffer, size_t length, size_t size,
                   int flags) {
    return length > size ? (abort(), -1)
                         : recv(descriptor, buffer, length, flags);
}

ssize_t __read_chk(int descriptor, void *buffer, size_t length, size_t size) {
    return length > size ? (abort(), -1) : read(descriptor, buffer, length);
}

/*
 * With control->addresses set, say "::1 127.0.0.1", every name that is not a
 * numeric address resolves to these, in this order. The lists that the real
 * function returns are joined into one, which glibc's freeaddrinfo can free.
 */
int getaddrinfo(const char *host, const char *service,
                const struct addrinfo *hints, struct addrinfo **result) {
    REAL(int, "getaddrinfo", const char *, const char *,
         const struct addrinfo *, struct addrinfo **);
    char list[sizeof control->addresses], *rest;
    struct addrinfo **end = result;
    unsigned char number[16];

    if (control == NULL || control->addresses[0] == '\0' || host == NULL
        || inet_pton(AF_INET, host, number) == 1
        || inet_pton(AF_INET6, host, number) == 1)
        return real(host, service, hints, result);
    memcpy(list, control->addresses, sizeof list);
    list[sizeof list - 1] = '\0';
    *result = NULL;
    for (char *address = strtok_r(list, " ", &rest); address != NULL;
         address = strtok_r(NULL, " ", &rest)) {
        int error = real(address, service, hints, end);
        if (error != 0)
            return error;
        while (*end != NULL)
            end = &(*end)->ai_next;
    }
    return 0;
}

/* ---------------------------------------------------------- memory */

/* A sanitizer's functions, if the program was built with one. A sanitizer needs
   memory before anything else works, and looks for leaks itself. */
#define THEIRS __attribute__((weak))
THEIRS void *__interceptor_malloc(size_t size);
THEIRS void *__interceptor_calloc(size_t count, size_t size);
THEIRS void *__interceptor_realloc(void *block, size_t size);
THEIRS void __interceptor_free(void *block);

static void *(*real_malloc)(size_t), *(*real_calloc)(size_t, size_t),
    *(*real_realloc)(void *, size_t);
static void (*real_free)(void *);

/* Returns whether the real functions are known. While dlsym looks them up, it
   might call ours: such a call must fail. */
static int memory_known(void) {
    static int looking;

    if (real_free != NULL || looking)
        return real_free != NULL;
    looking = 1;
    *(void **)&real_malloc = dlsym(RTLD_NEXT, "malloc");
    *(void **)&real_calloc = dlsym(RTLD_NEXT, "calloc");
    *(void **)&real_realloc = dlsym(RTLD_NEXT, "realloc");
    *(void **)&real_free = dlsym(RTLD_NEXT, "free");
    return 1;
}

static int memory_refused(void) {
    if (!memory_known() || refused(MALLOC, -1, 0))
        return 1;
    noted(MALLOC, 0);
    return 0;
}

/* Counts the blocks of this process, but not those of a child that it forks. */
static void *counted(void *block, int32_t change) {
    if (block != NULL && control != NULL && getpid() == control->attached)
        __atomic_add_fetch(&control->storm.blocks, change, __ATOMIC_SEQ_CST);
    return block;
}

void *malloc(size_t size) {
    if (__interceptor_malloc != NULL)
        return __interceptor_malloc(size);
    return memory_refused() ? NULL : counted(real_malloc(size), 1);
}

void *calloc(size_t count, size_t size) {
    if (__interceptor_calloc != NULL)
        return __interceptor_calloc(count, size);
    return memory_refused() ? NULL : counted(real_calloc(count, size), 1);
}

void *realloc(void *block, size_t size) {
    if (__interceptor_realloc != NULL)
        return __interceptor_realloc(block, size);
    if (memory_refused())
        return NULL;
    if (size == 0)
        counted(block, -1);
    void *result = real_realloc(block, size);
    return block == NULL ? counted(result, 1) : result;
}

void free(void *block) {
    if (__interceptor_free != NULL) {
        __interceptor_free(block);
        return;
    }
    if (!memory_known())
        return;
    counted(block, -1);
    real_free(block);
}

/* ---------------------------------------------------------- flags */

#define FCNTL_CALL(name)                                                      \
    int name(int descriptor, int command, ...) {                              \
        REAL(int, #name, int, int, ...);                                      \
        va_list rest;                                                         \
        va_start(rest, command);                                              \
        void *argument = va_arg(rest, void *);                                \
        va_end(rest);                                                         \
        if (command == F_SETFL && control != NULL && ordered(FCNTL))          \
            return -1;                                                        \
        return real(descriptor, command, argument);                           \
    }

FCNTL_CALL(fcntl)
#ifdef __GLIBC__
FCNTL_CALL(fcntl64)
#endif

#ifdef __GLIBC__
#define RESOURCE __rlimit_resource_t
#else
#define RESOURCE int
#endif

/* Returns whether a set-up call must fail. */
static int helper_fails(void) {
    return control != NULL && ordered(HELPER);
}

#define LIMIT_CALLS(bits)                                                    \
    int getrlimit##bits(RESOURCE kind, struct rlimit##bits *limit) {         \
        REAL(int, "getrlimit" #bits, RESOURCE, struct rlimit##bits *)        \
        return helper_fails() ? -1 : real(kind, limit);                      \
    }                                                                        \
    int setrlimit##bits(RESOURCE kind, const struct rlimit##bits *limit) {   \
        REAL(int, "setrlimit" #bits, RESOURCE, const struct rlimit##bits *)  \
        return helper_fails() ? -1 : real(kind, limit);                      \
    }

LIMIT_CALLS()
#ifdef __GLIBC__
LIMIT_CALLS(64)
#endif

int sigaction(int number, const struct sigaction *action,
              struct sigaction *before) {
    REAL(int, "sigaction", int, const struct sigaction *, struct sigaction *);
    return helper_fails() ? -1 : real(number, action, before);
}

int sigprocmask(int how, const sigset_t *mask, sigset_t *before) {
    REAL(int, "sigprocmask", int, const sigset_t *, sigset_t *);
    return helper_fails() ? -1 : real(how, mask, before);
}

#ifdef __GLIBC__
typedef unsigned long ioctl_request;
#else
typedef int ioctl_request;  /* as in POSIX: musl */
#endif

int ioctl(int descriptor, ioctl_request request, ...) {
    REAL(int, "ioctl", int, ioctl_request, ...);
    va_list rest;
    va_start(rest, request);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    if (request == TIOCOUTQ && control != NULL && ordered(IOCTL))
        return -1;
    return real(descriptor, request, argument);
}

/* ---------------------------------------------------------- files */

static int mode_of(int flags, va_list rest) {
    int makes = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE;
    return makes ? va_arg(rest, int) : 0;
}

/* Each call has a twin whose name ends in 64, for large files. */
#define FILE_CALLS(bits)                                                      \
    int open##bits(const char *path, int flags, ...) {                        \
        REAL(int, "open" #bits, const char *, int, ...);                      \
        va_list rest;                                                         \
        va_start(rest, flags);                                                \
        int mode = mode_of(flags, rest);                                      \
        va_end(rest);                                                         \
        return refused(OPEN, -1, 0) ? -1                                      \
            : (int)noted(OPEN, real(path, flags, mode));                      \
    }                                                                         \
    int openat##bits(int directory, const char *path, int flags, ...) {       \
        REAL(int, "openat" #bits, int, const char *, int, ...);               \
        va_list rest;                                                         \
        va_start(rest, flags);                                                \
        int mode = mode_of(flags, rest);                                      \
        va_end(rest);                                                         \
        return refused(OPEN, -1, 0) ? -1                                      \
            : (int)noted(OPEN, real(directory, path, flags, mode));           \
    }                                                                         \
    int fstat##bits(int descriptor, struct stat##bits *status) {              \
        REAL(int, "fstat" #bits, int, struct stat##bits *);                   \
        return refused(STAT, descriptor, 0) ? -1                              \
            : (int)noted(STAT, real(descriptor, status));                     \
    }                                                                         \
    int fstatat##bits(int directory, const char *restrict path,               \
                      struct stat##bits *restrict status, int flags) {        \
        REAL(int, "fstatat" #bits, int, const char *, struct stat##bits *,    \
             int);                                                            \
        return refused(STAT, -1, 0) ? -1                                      \
            : (int)noted(STAT, real(directory, path, status, flags));         \
    }                                                                         \
    int lstat##bits(const char *restrict path,                                \
                    struct stat##bits *restrict status) {                     \
        REAL(int, "lstat" #bits, const char *, struct stat##bits *);          \
        return refused(STAT, -1, 0) ? -1                                      \
            : (int)noted(STAT, real(path, status));                           \
    }                                                                         \
    int stat##bits(const char *restrict path,                                 \
                   struct stat##bits *restrict status) {                      \
        REAL(int, "stat" #bits, const char *, struct stat##bits *);           \
        return refused(STAT, -1, 0) ? -1                                      \
            : (int)noted(STAT, real(path, status));                           \
    }                                                                         \
    ssize_t pread##bits(int descriptor, void *buffer, size_t length,          \
                        off##bits##_t place) {                                \
        REAL(ssize_t, "pread" #bits, int, void *, size_t, off##bits##_t);     \
        if (refused(READ, descriptor, 0))                                     \
            return -1;                                                        \
        length = clipped(READ, length, 0);                                    \
        return noted(READ, real(descriptor, buffer, length, place));          \
    }                                                                         \
    ssize_t sendfile##bits(int descriptor, int file, off##bits##_t *place,    \
                           size_t length) {                                   \
        REAL(ssize_t, "sendfile" #bits, int, int, off##bits##_t *, size_t);   \
        if (refused(SEND, descriptor, 0))                                     \
            return -1;                                                        \
        length = clipped(SEND, length, 0);                                    \
        return noted(SEND, real(descriptor, file, place, length));            \
    }

FILE_CALLS()
#ifdef __GLIBC__
FILE_CALLS(64)

ssize_t __pread_chk(int descriptor, void *buffer, size_t length, off_t place,
                    size_t size) {
    return length > size ? (abort(), -1)
                         : pread(descriptor, buffer, length, place);
}

ssize_t __pread64_chk(int descriptor, void *buffer, size_t length,
                      off64_t place, size_t size) {
    return length > size ? (abort(), -1)
                         : pread64(descriptor, buffer, length, place);
}
#endif

#define READDIR_CALL(bits)                                                    \
    struct dirent##bits *readdir##bits(DIR *directory) {                      \
        REAL(struct dirent##bits *, "readdir" #bits, DIR *)                   \
        return control != NULL && ordered(READDIR) ? NULL : real(directory);  \
    }

READDIR_CALL()
#ifdef __GLIBC__
READDIR_CALL(64)
#endif

/* ---------------------------------------------------------- processes */

int pipe(int descriptors[2]) {
    REAL(int, "pipe", int *);
    if (helper_fails())
        return -1;
    return refused(PIPE, -1, 0) ? -1 : (int)noted(PIPE, real(descriptors));
}

/* The child counts its calls in the same page. */
pid_t fork(void) {
    REAL(pid_t, "fork", void);
    return refused(FORK, -1, 0) ? -1 : (pid_t)noted(FORK, real());
}

int execve(const char *path, char *const arguments[],
           char *const variables[]) {
    REAL(int, "execve", const char *, char *const *, char *const *);
    if (refused(EXECVE, -1, 0))
        return -1;
    return (int)noted(EXECVE, real(path, arguments, variables));
}

pid_t waitpid(pid_t process, int *status, int options) {
    REAL(pid_t, "waitpid", pid_t, int *, int);
    if (refused(WAITPID, -1, 0))
        return -1;
    return (pid_t)noted(WAITPID, real(process, status, options));
}
