/*
 * waiting: measures the cost of waiting for 64 busy descriptors among many idle
 * ones, with select, poll, epoll and io_uring (Linux) or kqueue (BSDs, macOS).
 *
 *     cc -O2 -o /tmp/waiting tests/benchmark/waiting.c
 *     /tmp/waiting 64 1000 10000     64 busy of 1000, then of 10000
 * With libkqueue, which stands in for kqueue on Linux:
 *     cc -O2 -DHAS_KQUEUE -o /tmp/waiting tests/benchmark/waiting.c -lkqueue
 *
 * In each turn a byte is sent to every busy descriptor, and the program waits
 * for the bytes and receives them all. The result is the processor time of a
 * turn, including sending and receiving, because some ways of waiting do their
 * work when a byte arrives, not during the wait. If all descriptors are busy,
 * the ways differ little.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <linux/io_uring.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#endif
#if defined(__APPLE__) || defined(__FreeBSD__) || defined(__OpenBSD__)         \
    || defined(__NetBSD__)
#define HAS_KQUEUE
#endif
#ifdef HAS_KQUEUE
#include <sys/event.h>
#endif

#define MOST 20000  /* descriptors */
#define TURNS 300

static int fds[MOST];    /* all sockets */
static int peers[MOST];  /* of the busy ones */
static int count, busy, highest;

static void stop(const char *call) {
    perror(call);
    exit(EXIT_FAILURE);
}

/* Receives the byte that has arrived at a ready descriptor. */
static void take(int fd) {
    char byte;

    if (recv(fd, &byte, 1, 0) != 1)
        stop("recv");
}

/* ------------------------------------------------- the ways: begin and wait */

/* Each wait stores the ready descriptors, and returns how many there are. */

static bool begin_select(void) {
    return highest < FD_SETSIZE;
}

static int wait_select(int *ready) {
    fd_set set;
    int found = 0;

    FD_ZERO(&set);
    for (int i = 0; i < count; i++)
        FD_SET(fds[i], &set);
    if (select(highest + 1, &set, NULL, NULL, NULL) == -1)
        stop("select");
    for (int i = 0; i < count; i++)
        if (FD_ISSET(fds[i], &set))
            ready[found++] = fds[i];
    return found;
}

static struct pollfd polled[MOST];

static bool begin_poll(void) {
    for (int i = 0; i < count; i++)
        polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
    return true;
}

static int wait_poll(int *ready) {
    int found = 0;

    if (poll(polled, (nfds_t)count, -1) == -1)
        stop("poll");
    for (int i = 0; i < count; i++)
        if (polled[i].revents != 0)
            ready[found++] = polled[i].fd;
    return found;
}

#ifdef __linux__
static int queue;

static bool begin_epoll(void) {
    queue = epoll_create1(0);
    for (int i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};
        if (epoll_ctl(queue, EPOLL_CTL_ADD, fds[i], &event) == -1)
            stop("epoll_ctl");
    }
    return true;
}

static int wait_epoll(int *ready) {
    static struct epoll_event events[MOST];
    int found = epoll_wait(queue, events, MOST, -1);

    for (int i = 0; i < found; i++)
        ready[i] = events[i].data.fd;
    return found;
}

/* The two rings that the kernel and the program share: see io_uring(7). */
static struct {
    int fd;
    unsigned *head, *tail, mask;             /* of completions */
    struct io_uring_cqe *completions;
    unsigned *last, last_mask, *array;       /* of submissions */
    struct io_uring_sqe *submissions;
    unsigned added;
} ring;

/* Asks for a report each time a descriptor becomes readable. */
static void add_request(int fd) {
    unsigned at = *ring.last & ring.last_mask;

    ring.submissions[at] = (struct io_uring_sqe){
        .opcode = IORING_OP_POLL_ADD,
        .fd = fd,
        .poll32_events = POLLIN,
        .len = IORING_POLL_ADD_MULTI,
        .user_data = (unsigned)fd,
    };
    ring.array[at] = at;
    __atomic_store_n(ring.last, *ring.last + 1, __ATOMIC_RELEASE);
    ring.added++;
}

static void enter(unsigned least) {
    long done = syscall(SYS_io_uring_enter, ring.fd, ring.added, least,
                        IORING_ENTER_GETEVENTS, NULL, 0);

    if (done == -1)
        stop("io_uring_enter");
    ring.added = 0;
}

static bool begin_uring(void) {
    struct io_uring_params made = {.flags = IORING_SETUP_CQSIZE,
                                   .cq_entries = 32768};

    ring.fd = (int)syscall(SYS_io_uring_setup, 256, &made);
    if (ring.fd == -1)
        return false;
    size_t size = made.cq_off.cqes + made.cq_entries * sizeof *ring.completions;
    char *base = mmap(NULL, size, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_POPULATE, ring.fd, IORING_OFF_SQ_RING);
    ring.submissions = mmap(NULL, made.sq_entries * sizeof *ring.submissions,
                            PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
                            ring.fd, IORING_OFF_SQES);
    if (base == MAP_FAILED || ring.submissions == MAP_FAILED
        || !(made.features & IORING_FEAT_SINGLE_MMAP))
        return false;
    ring.head = (unsigned *)(void *)(base + made.cq_off.head);
    ring.tail = (unsigned *)(void *)(base + made.cq_off.tail);
    ring.mask = made.cq_entries - 1;
    ring.completions = (struct io_uring_cqe *)(void *)(base + made.cq_off.cqes);
    ring.last = (unsigned *)(void *)(base + made.sq_off.tail);
    ring.last_mask = made.sq_entries - 1;
    ring.array = (unsigned *)(void *)(base + made.sq_off.array);
    for (int i = 0; i < count; i++) {
        add_request(fds[i]);
        if (ring.added == 256)
            enter(0);
    }
    enter(0);
    return true;
}

static int wait_uring(int *ready) {
    int found = 0;

    enter(1);
    unsigned head = *ring.head;
    unsigned tail = __atomic_load_n(ring.tail, __ATOMIC_ACQUIRE);
    for (; head != tail; head++) {
        struct io_uring_cqe *done = &ring.completions[head & ring.mask];
        ready[found++] = (int)done->user_data;
        if (!(done->flags & IORING_CQE_F_MORE))
            add_request((int)done->user_data);
    }
    __atomic_store_n(ring.head, head, __ATOMIC_RELEASE);
    return found;
}
#endif

#ifdef HAS_KQUEUE
static int queue;

static bool begin_kqueue(void) {
    queue = kqueue();
    for (int i = 0; i < count; i++) {
        struct kevent event;
        EV_SET(&event, fds[i], EVFILT_READ, EV_ADD, 0, 0, 0);
        if (kevent(queue, &event, 1, NULL, 0, NULL) == -1)
            stop("kevent");
    }
    return true;
}

static int wait_kqueue(int *ready) {
    static struct kevent events[MOST];
    int found = kevent(queue, NULL, 0, events, MOST, NULL);

    for (int i = 0; i < found; i++)
        ready[i] = (int)events[i].ident;
    return found;
}
#endif

static const struct way {
    const char *name;
    bool (*begin)(void);
    int (*wait)(int *ready);
} ways[] = {
    {"select", begin_select, wait_select},
    {"poll", begin_poll, wait_poll},
#ifdef __linux__
    {"epoll", begin_epoll, wait_epoll},
    {"io_uring", begin_uring, wait_uring},
#endif
#ifdef HAS_KQUEUE
    {"kqueue", begin_kqueue, wait_kqueue},
#endif
};

/* --------------------------------------------------------- the measurement */

/* Returns the processor time of this process so far, in microseconds. */
static double used(void) {
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

/* Returns the time that a turn takes, in microseconds. */
static double measure(const struct way *way) {
    static int ready[MOST];
    double began = used();

    for (int turn = 0; turn < TURNS; turn++) {
        for (int i = 0; i < busy; i++)
            if (send(peers[i], "x", 1, 0) != 1)
                stop("send");
        for (int left = busy; left > 0;) {
            int found = way->wait(ready);
            for (int i = 0; i < found; i++)
                take(ready[i]);
            left -= found;
        }
    }
    return (used() - began) / TURNS;
}

/* Opens this many sockets: the busy ones, which have a peer, are spread among
   idle ones, to which nothing is ever sent. */
static void open_sockets(int many) {
    int opened = 0;

    for (count = 0; count < many; count++) {
        int pair[2] = {-1, -1};
        if (opened < busy && count % (many / busy) == 0) {
            if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
                stop("socketpair");
            peers[opened++] = pair[1];
        } else {
            pair[0] = socket(AF_INET, SOCK_DGRAM, 0);
            if (pair[0] == -1)
                stop("socket");
        }
        fds[count] = pair[0];
        if (pair[0] > highest)
            highest = pair[0];
    }
}

/* Measures one way of waiting five times, and prints the median. */
static void print_row(const struct way *way) {
    double times[5] = {0};
    int tries = (int)(sizeof times / sizeof *times);

    if (!way->begin()) {
        printf("%-9s %6d: not possible here\n", way->name, count);
        exit(EXIT_SUCCESS);
    }
    for (int i = 0; i < tries; i++) {
        double time = measure(way);
        int at = i;
        for (; at > 0 && times[at - 1] > time; at--)
            times[at] = times[at - 1];
        times[at] = time;
    }
    printf("%-9s %6d: %8.1f us a turn, %6.2f us for each busy one\n",
           way->name, count, times[tries / 2], times[tries / 2] / busy);
}

int main(int argc, char *argv[]) {
    struct rlimit limit;

    busy = argc > 2 ? atoi(argv[1]) : 0;
    if (busy <= 0) {
        fputs("usage: waiting BUSY COUNT...\n", stderr);
        return 2;
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
        stop("getrlimit");
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
        stop("setrlimit");
    for (int i = 2; i < argc; i++) {
        int many = atoi(argv[i]);
        if (many < busy || many > MOST)
            many = many < busy ? busy : MOST;
        for (size_t at = 0; at < sizeof ways / sizeof *ways; at++) {
            fflush(stdout);  /* each way runs in its own process */
            pid_t child = fork();
            if (child == 0) {
                open_sockets(many);
                print_row(&ways[at]);
                return EXIT_SUCCESS;
            }
            while (waitpid(child, NULL, 0) == -1 && errno == EINTR)
                continue;
        }
    }
    return EXIT_SUCCESS;
}
