/*
 * faults: a library to preload, which makes system calls fail to order.
 * LADDER_FAULTS names a file of sizeof(struct control) bytes, shared with the
 * test script (tests/harness.py knows its layout): there stands which calls
 * are to fail and how, and there this library counts what happened. The script
 * may change its orders while the program runs.
 *
 *     cc -shared -fPIC -o faults.so faults.c -ldl
 *     LADDER_FAULTS=control LD_PRELOAD=./faults.so ./server
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum kind {
    SOCKET, BIND, LISTEN, ACCEPT, CONNECT, RECV, SEND, SELECT, SETSOCKOPT,
    GETSOCKNAME, SHUTDOWN, KINDS
};

/* The orders for one kind of call, and what became of them. */
struct plan {
    int32_t first, last;  /* of these calls, counted from 1, each fails ... */
    int32_t error;        /* ... with this errno */
    int32_t stop;         /* before this call the program stops (SIGSTOP) */
    int32_t most;         /* no call moves more bytes than this, if not 0 */
    int32_t calls;        /* made so far */
    int32_t injected;     /* failed to order */
    int32_t failed;       /* failed of themselves: the kernel refused */
    int32_t last_error;   /* errno of the last of these */
    int32_t too_short;    /* accept: an address, but no length for it */
    int32_t unused[6];
};

struct control {
    int32_t attached;     /* the process that has loaded this library */
    int32_t descriptors;  /* RLIMIT_NOFILE from the start of main, if not 0 */
    int32_t user;         /* the user to be from the start of main, if not 0 */
    int32_t family, type, protocol;    /* of the first socket() */
    int32_t bound_port, bound_address; /* of the first bind(), host order */
    char addresses[96];   /* what every host name stands for, if not empty */
    struct plan plans[KINDS];
};

static struct control *control;

/* The real function behind ours. */
#define REAL(type, name, ...)                                           \
    static type (*real)(__VA_ARGS__);                                   \
    if (real == NULL)                                                   \
        *(void **)&real = dlsym(RTLD_NEXT, name)

__attribute__((constructor)) static void attach(void) {
    const char *path = getenv("LADDER_FAULTS");
    int file = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (file == -1)
        return;
    void *page = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED,
                      file, 0);
    close(file);
    if (page == MAP_FAILED)
        return;
    control = page;
    prctl(PR_SET_PDEATHSIG, SIGKILL);  /* do not outlive the test */
    if (getppid() == 1)
        _exit(1);
    control->attached = getpid();
    if (control->user != 0 && setuid((uid_t)control->user) == -1)
        abort();
    if (control->descriptors != 0) {
        struct rlimit limit = {(rlim_t)control->descriptors,
                               (rlim_t)control->descriptors};
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Counts a call. Returns whether it fails to order, and sets errno if so. */
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

/* Notes a failure of the kernel's. Returns the call's result. */
static ssize_t noted(enum kind kind, ssize_t result) {
    if (result == -1 && control != NULL) {
        control->plans[kind].last_error = errno;
        __atomic_add_fetch(&control->plans[kind].failed, 1, __ATOMIC_SEQ_CST);
    }
    return result;
}

/* How many of so many bytes a call may move. */
static size_t clipped(enum kind kind, size_t length) {
    int32_t most = control == NULL ? 0 : control->plans[kind].most;
    return most > 0 && length > (size_t)most ? (size_t)most : length;
}

static int is_socket(int descriptor) {
    int saved = errno;
    struct stat status;
    int result = fstat(descriptor, &status) == 0 && S_ISSOCK(status.st_mode);
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
    if (ordered(SOCKET))
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
    if (ordered(BIND))
        return -1;
    return (int)noted(BIND, real(descriptor, address, length));
}

int listen(int descriptor, int backlog) {
    REAL(int, "listen", int, int);
    return ordered(LISTEN) ? -1 : (int)noted(LISTEN, real(descriptor, backlog));
}

/* Notes an address that accept cannot fill in: its length was not set. */
static void check_length(const struct sockaddr *address,
                         const socklen_t *length) {
    if (control != NULL && address != NULL && length != NULL
        && *length < sizeof(struct sockaddr_in))
        control->plans[ACCEPT].too_short = 1;
}

int accept(int descriptor, struct sockaddr *address, socklen_t *length) {
    REAL(int, "accept", int, struct sockaddr *, socklen_t *);
    check_length(address, length);
    if (ordered(ACCEPT))
        return -1;
    return (int)noted(ACCEPT, real(descriptor, address, length));
}

int accept4(int descriptor, struct sockaddr *address, socklen_t *length,
            int flags) {
    REAL(int, "accept4", int, struct sockaddr *, socklen_t *, int);
    check_length(address, length);
    if (ordered(ACCEPT))
        return -1;
    return (int)noted(ACCEPT, real(descriptor, address, length, flags));
}

int connect(int descriptor, const struct sockaddr *address, socklen_t length) {
    REAL(int, "connect", int, const struct sockaddr *, socklen_t);
    if (ordered(CONNECT))
        return -1;
    return (int)noted(CONNECT, real(descriptor, address, length));
}

int setsockopt(int descriptor, int level, int name, const void *value,
               socklen_t length) {
    REAL(int, "setsockopt", int, int, int, const void *, socklen_t);
    if (ordered(SETSOCKOPT))
        return -1;
    return (int)noted(SETSOCKOPT, real(descriptor, level, name, value, length));
}

int getsockname(int descriptor, struct sockaddr *address, socklen_t *length) {
    REAL(int, "getsockname", int, struct sockaddr *, socklen_t *);
    if (ordered(GETSOCKNAME))
        return -1;
    return (int)noted(GETSOCKNAME, real(descriptor, address, length));
}

int shutdown(int descriptor, int how) {
    REAL(int, "shutdown", int, int);
    return ordered(SHUTDOWN) ? -1 : (int)noted(SHUTDOWN, real(descriptor, how));
}

int select(int count, fd_set *reading, fd_set *writing, fd_set *exceptional,
           struct timeval *timeout) {
    REAL(int, "select", int, fd_set *, fd_set *, fd_set *, struct timeval *);
    if (ordered(SELECT))
        return -1;
    return (int)noted(SELECT,
                      real(count, reading, writing, exceptional, timeout));
}

int pselect(int count, fd_set *reading, fd_set *writing, fd_set *exceptional,
            const struct timespec *timeout, const sigset_t *mask) {
    REAL(int, "pselect", int, fd_set *, fd_set *, fd_set *,
         const struct timespec *, const sigset_t *);
    if (ordered(SELECT))
        return -1;
    return (int)noted(SELECT,
                      real(count, reading, writing, exceptional, timeout, mask));
}

/*
 * However a program receives and sends, it is one kind of call each. read and
 * write count on sockets alone.
 */
ssize_t recv(int descriptor, void *buffer, size_t length, int flags) {
    REAL(ssize_t, "recv", int, void *, size_t, int);
    if (ordered(RECV))
        return -1;
    return noted(RECV, real(descriptor, buffer, clipped(RECV, length), flags));
}

ssize_t recvfrom(int descriptor, void *buffer, size_t length, int flags,
                 struct sockaddr *address, socklen_t *size) {
    REAL(ssize_t, "recvfrom", int, void *, size_t, int, struct sockaddr *,
         socklen_t *);
    if (ordered(RECV))
        return -1;
    return noted(RECV, real(descriptor, buffer, clipped(RECV, length), flags,
                            address, size));
}

ssize_t read(int descriptor, void *buffer, size_t length) {
    REAL(ssize_t, "read", int, void *, size_t);
    if (!is_socket(descriptor))
        return real(descriptor, buffer, length);
    if (ordered(RECV))
        return -1;
    return noted(RECV, real(descriptor, buffer, clipped(RECV, length)));
}

ssize_t recvmsg(int descriptor, struct msghdr *message, int flags) {
    REAL(ssize_t, "recvmsg", int, struct msghdr *, int);
    return ordered(RECV) ? -1 : noted(RECV, real(descriptor, message, flags));
}

ssize_t send(int descriptor, const void *bytes, size_t length, int flags) {
    REAL(ssize_t, "send", int, const void *, size_t, int);
    if (ordered(SEND))
        return -1;
    return noted(SEND, real(descriptor, bytes, clipped(SEND, length), flags));
}

ssize_t sendto(int descriptor, const void *bytes, size_t length, int flags,
               const struct sockaddr *address, socklen_t size) {
    REAL(ssize_t, "sendto", int, const void *, size_t, int,
         const struct sockaddr *, socklen_t);
    if (ordered(SEND))
        return -1;
    return noted(SEND, real(descriptor, bytes, clipped(SEND, length), flags,
                            address, size));
}

ssize_t write(int descriptor, const void *bytes, size_t length) {
    REAL(ssize_t, "write", int, const void *, size_t);
    if (!is_socket(descriptor))
        return real(descriptor, bytes, length);
    if (ordered(SEND))
        return -1;
    return noted(SEND, real(descriptor, bytes, clipped(SEND, length)));
}

ssize_t sendmsg(int descriptor, const struct msghdr *message, int flags) {
    REAL(ssize_t, "sendmsg", int, const struct msghdr *, int);
    return ordered(SEND) ? -1 : noted(SEND, real(descriptor, message, flags));
}

/* What -D_FORTIFY_SOURCE makes of recv and read. */
ssize_t __recv_chk(int descriptor, void *buffer, size_t length, size_t size,
                   int flags) {
    return length > size ? (abort(), -1)
                         : recv(descriptor, buffer, length, flags);
}

ssize_t __read_chk(int descriptor, void *buffer, size_t length, size_t size) {
    return length > size ? (abort(), -1) : read(descriptor, buffer, length);
}

/*
 * With control->addresses set, say "::1 127.0.0.1", every name but a number
 * has these addresses, in this order: the lists that the real function makes
 * of each are strung together, as glibc's freeaddrinfo frees them.
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
