/*
 * load: keeps an echo server or a web server busy, and checks every byte that
 * comes back. tests/bench uses it; by hand, 64 connections for 2 seconds, on
 * Linux:
 *     cc -O2 -o /tmp/load tests/benchmark/load.c
 *     /tmp/load round 127.0.0.1 15441 64 1000 2
 */
#define _POSIX_C_SOURCE 200809L

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: load [-s] [-i IDLE] MODE ADDRESS PORT CLIENTS BYTES SECONDS\n"
    "       load file BYTES\n"
    "MODE for an echo server:\n"
    "  round  sends messages of BYTES bytes, each after all of the previous\n"
    "         one has come back\n"
    "  bulk   sends without a pause, with at most BYTES on the way\n"
    "  idle   sends one message (none if BYTES is 0), and keeps silent until\n"
    "         standard input ends\n"
    "MODE for a web server:\n"
    "  get    asks for /BYTES.html, a file of BYTES bytes, and again when\n"
    "         all of it has arrived\n"
    "  once   does the same on a new connection each time\n"
    "  zipf   asks for one of /BYTES-0.html to /BYTES-999.html: for the Nth,\n"
    "         1/N as often as for the first\n"
    "  file   only writes the content that /BYTES.html must have\n"
    "  -s     step by step: works for SECONDS after each line of standard\n"
    "         input, until that ends\n"
    "  -i     keeps IDLE more connections open, which send once and then rest\n"
    "ADDRESS is a loopback address: 127.something.\n";

enum mode {
    ROUND,
    BULK,
    IDLE,
    GET,
    ONCE,
    ZIPF,
};

/* Each stream is the same circle of bytes, started at a different place. The
   circle's length is prime and the bytes are random, so bytes of another
   connection, or of another place in the stream, are detected. */
enum {
    CIRCLE = 65521,
    STRIDE = 7919,
    CHUNK = 65536,
    PATIENCE = 10,     /* seconds */
    HEAD_MOST = 1024,  /* bytes of a response's head */
    WAITS = 1 << 20,   /* microseconds: about a second */
    FILES = 1000,      /* to ask for in a Zipf order */
};

static unsigned char circle[CIRCLE + CHUNK];  /* its start follows its end */
static unsigned char buffer[CHUNK + 1];       /* a '\0' follows a head */

struct connection {
    int socket;
    uint64_t place;           /* where the stream starts on the circle */
    uint64_t goal;            /* how many bytes to send in total, so far */
    uint64_t sent, received;  /* the bytes moved so far */

    /* Of a web server only. There goal and received count bytes of files, and
       sent counts bytes of requests. */
    enum {
        HEAD,
        BODY,
        END,
    } awaited;                /* what must arrive next */
    bool last;                /* the server closes it after this response */
    uint64_t file;            /* its rank in the Zipf order */
    double asked;             /* when it was asked for, in seconds */
    size_t kept;              /* bytes of a head that arrives in pieces */
    char head[HEAD_MOST];
};

static enum mode mode;
static struct connection *connections;
static long count;                         /* of busy connections */
static long idle;                          /* how many rest */
static uint64_t bytes;                     /* of a message, or on the way */
static uint64_t all_goals, all_received;   /* of all connections */
static int events;                         /* the epoll descriptor */
static struct sockaddr_in address;         /* the server's */

/* Of a web server only: */
static const char *host, *port;
static double shares[FILES];       /* each file's share, plus all before it */
static long ending;                /* connections that the server must close */
static uint64_t answers;           /* responses that came, ... */
static uint32_t waits[WAITS];      /* and their waits in microseconds */

/* Exits with a line that says which connection failed, and how. */
static void fail(const struct connection *connection, const char *what) {
    fprintf(stderr, "load: connection %ld, after %llu bytes sent and %llu "
                    "received: %s\n",
            (long)(connection - connections),
            (unsigned long long)connection->sent,
            (unsigned long long)connection->received, what);
    exit(EXIT_FAILURE);
}

static void fail_call(const struct connection *connection, const char *call) {
    char what[128];

    snprintf(what, sizeof what, "%s: %s", call, strerror(errno));
    fail(connection, what);
}

static double clock_seconds(void) {
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void fill_circle(void) {
    uint32_t random = 2463534242;  /* xorshift32: any start but 0 */

    for (size_t at = 0; at < sizeof circle; at++) {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        circle[at] = at < CIRCLE ? (unsigned char)random : circle[at - CIRCLE];
    }
}

static bool is_web(void) {
    return mode == GET || mode == ONCE || mode == ZIPF;
}

static void fill_shares(void) {
    double sum = 0;

    for (int file = 0; file < FILES; file++)
        shares[file] = sum += 1.0 / (file + 1);
}

/* Draws a file. The numbers are the same in every run. */
static uint64_t draw_file(void) {
    static uint32_t random = 2463534242;
    size_t low = 0, high = FILES - 1;

    random ^= random << 13;
    random ^= random >> 17;
    random ^= random << 5;
    double drawn = random / 4294967296.0 * shares[FILES - 1];
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (shares[middle] > drawn)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

/* Finds the bytes of a stream at a position, at most a chunk. A web server's
   stream is one file after another, all of the same size. */
static const unsigned char *stream(const struct connection *connection,
                                   uint64_t from) {
    if (is_web() && bytes > 0)
        return circle + (from % bytes + connection->file * STRIDE) % CIRCLE;
    return circle + (connection->place + from) % CIRCLE;
}

/* Reports the first wrong byte of those just received. */
static void fail_byte(struct connection *connection, const unsigned char *got,
                      size_t length) {
    const unsigned char *right = stream(connection, connection->received);
    char what[64];
    size_t at = 0;

    while (at + 1 < length && got[at] == right[at])
        at++;
    connection->received += at;
    snprintf(what, sizeof what, "the next byte is 0x%02x and not 0x%02x",
             got[at], right[at]);
    fail(connection, what);
}

/* Makes a connection, and has epoll watch it. */
static void open_connection(struct connection *connection) {
    struct timeval limit = {.tv_sec = PATIENCE};
    socklen_t size = sizeof limit, length = sizeof address;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    int server = socket(AF_INET, SOCK_STREAM, 0);
    int on = 1;

    connection->socket = server;
    connection->place = (uint64_t)(connection - connections) * STRIDE;
    if (server == -1)
        fail_call(connection, "socket");
    if (setsockopt(server, SOL_SOCKET, SO_SNDTIMEO, &limit, size) == -1
        || setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &limit, size) == -1
        || setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == -1)
        fail_call(connection, "setsockopt");
    if (connect(server, (const struct sockaddr *)&address, length) == -1)
        fail_call(connection, "connect");
    if (epoll_ctl(events, EPOLL_CTL_ADD, server, &event) == -1)
        fail_call(connection, "epoll_ctl");
}

/* Decides how much to send next, and sends what the socket takes. If that is
   not everything, the rest is sent when the next echo arrives. */
static void send_more(struct connection *connection, bool more) {
    uint64_t goal = connection->goal;

    if (more && mode == BULK)
        goal = connection->received + bytes;
    else if (more && goal == connection->received)
        goal += bytes;
    all_goals += goal - connection->goal;
    connection->goal = goal;
    while (connection->sent < goal) {
        uint64_t left = goal - connection->sent;
        ssize_t sent = send(connection->socket,
                            stream(connection, connection->sent),
                            left < CHUNK ? (size_t)left : CHUNK,
                            MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent == -1 && errno == EAGAIN)
            return;
        if (sent == -1)
            fail_call(connection, "send");
        connection->sent += (uint64_t)sent;
    }
}

/* Requests the file again. */
static void ask(struct connection *connection, bool more) {
    char request[128], number[16] = "";

    if (!more || connection->goal != connection->received
        || connection->awaited == END)
        return;
    if (mode == ZIPF) {
        connection->file = draw_file();
        snprintf(number, sizeof number, "-%d", (int)connection->file);
    }
    int written = snprintf(
        request, sizeof request,
        "GET /%llu%s.html HTTP/1.1\r\nHost: %s:%s\r\n%s\r\n",
        (unsigned long long)bytes, number, host, port,
        mode == ONCE ? "Connection: close\r\n" : "");
    size_t length = (size_t)written;
    connection->asked = clock_seconds();
    if (connection->socket == -1)
        open_connection(connection);
    if (send(connection->socket, request, length, MSG_NOSIGNAL)
        != (ssize_t)length)
        fail_call(connection, "send");
    connection->sent += length;
    connection->goal += bytes;
    all_goals += bytes;
}

/* Sends what is due. */
static void go_on(struct connection *connection, bool more) {
    if (is_web())
        ask(connection, more);
    else
        send_more(connection, more);
}

/* Receives into the buffer. Returns the number of bytes: 0 at the end of the
   stream, -1 if nothing has arrived yet. */
static ssize_t take(const struct connection *connection, size_t behind) {
    ssize_t got = recv(connection->socket, buffer + behind, CHUNK - behind,
                       MSG_DONTWAIT);
    if (got == -1 && errno != EAGAIN)
        fail_call(connection, "recv");
    if (got == 0 && connection->awaited != END)
        fail(connection, "the server has ended it too early");
    return got;
}

/* Compares the next bytes of the stream. */
static void look_at(struct connection *connection, const unsigned char *got,
                    size_t length) {
    if (memcmp(got, stream(connection, connection->received), length) != 0)
        fail_byte(connection, got, length);
    connection->received += length;
    all_received += length;
}

static void receive_echo(struct connection *connection) {
    ssize_t got = take(connection, 0);

    if (got == -1)
        return;
    if (connection->received + (size_t)got > connection->sent)
        fail(connection, "more has come back than was sent");
    look_at(connection, buffer, (size_t)got);
}

/* Finds the value of a field in a head. */
static const char *find_field(const char *line, const char *name) {
    while ((line = strchr(line, '\n')) != NULL) {
        line++;
        if (strncasecmp(line, name, strlen(name)) == 0) {
            line += strlen(name);
            return line + strspn(line, " \t");
        }
    }
    return NULL;
}

/* Reads the head of a response from the start of the buffer. Returns its
   length, or 0 if it is incomplete: then it is saved for the next call. */
static size_t read_head(struct connection *connection, size_t length) {
    char *head = (char *)buffer;

    head[length] = '\0';
    char *end = strstr(head, "\r\n\r\n");
    if (end == NULL && length > HEAD_MOST)
        fail(connection, "the head of the answer is too long");
    connection->kept = end == NULL ? length : 0;
    memcpy(connection->head, head, connection->kept);
    if (end == NULL)
        return 0;

    *end = '\0';
    const char *size = find_field(head, "Content-Length:");
    const char *option = find_field(head, "Connection:");
    if (strncmp(head, "HTTP/1.1 200 ", 13) != 0) {
        head[strcspn(head, "\r\n")] = '\0';
        fail(connection, head);
    }
    if (size == NULL || strtoull(size, NULL, 10) != bytes)
        fail(connection, "Content-Length is missing or wrong");
    connection->last = mode == ONCE
        || (option != NULL && strncasecmp(option, "close", 5) == 0);
    connection->awaited = BODY;
    return (size_t)(end + 4 - head);
}

/* The whole response has arrived. */
static void count_answer(struct connection *connection) {
    double wait = 1e6 * (clock_seconds() - connection->asked);

    connection->awaited = HEAD;
    waits[wait < WAITS ? (size_t)wait : WAITS - 1]++;
    answers++;
}

/* Closes a connection that the server has closed, as announced. */
static void drop(struct connection *connection) {
    close(connection->socket);
    connection->socket = -1;
    ending--;
    count_answer(connection);
}

/* Reads as much of a response as has arrived, and checks it. */
static void receive_answer(struct connection *connection) {
    size_t start = 0, kept = connection->kept;
    ssize_t got;

    memcpy(buffer, connection->head, kept);
    got = take(connection, kept);
    if (got == -1)
        return;
    if (got == 0) {
        drop(connection);
        return;
    }
    size_t length = kept + (size_t)got;
    if (connection->awaited == HEAD) {
        start = read_head(connection, length);
        if (start == 0)
            return;
    }
    if (length - start > connection->goal - connection->received)
        fail(connection, "the response is longer than the file");
    look_at(connection, buffer + start, length - start);
    if (connection->received < connection->goal)
        return;
    if (connection->last) {
        connection->awaited = END;
        ending++;
    } else {
        count_answer(connection);
    }
}

/* Reports a connection left waiting after the server has stopped sending. */
static void fail_silence(void) {
    struct connection *connection = connections;

    while (connection->received == connection->goal
           && connection->awaited != END)
        connection++;
    fail(connection, connection->awaited == END
         ? "the server does not end it"
         : "nothing has come back for a while");
}

/* Finds the connections that are readable. Polls for a while before it sleeps:
   waking up is slow, and the server must not have to wait for this program. */
static int wait_for_echoes(struct epoll_event *ready, int most) {
    int found = 0;

    for (int tries = 0; found == 0 && tries < 500; tries++)
        found = epoll_wait(events, ready, most, 0);
    if (found == 0)
        found = epoll_wait(events, ready, most, PATIENCE * 1000);
    if (found == 0)
        fail_silence();
    return found;
}

/* Keeps the server busy until this time, then receives what is still on the
   way. Returns how many bytes had arrived by then. */
static uint64_t exchange(double end) {
    struct epoll_event ready[256];
    uint64_t before = all_received, moved = 0;
    bool more = true;

    for (long number = 0; bytes > 0 && number < count; number++)
        go_on(&connections[number], true);
    while (more || all_received < all_goals || ending > 0) {
        if (more && clock_seconds() >= end) {
            more = false;
            moved = all_received - before;
            continue;
        }
        int found = wait_for_echoes(ready, 256);
        for (int number = 0; number < found; number++) {
            if (is_web())
                receive_answer(ready[number].data.ptr);
            else
                receive_echo(ready[number].data.ptr);
            go_on(ready[number].data.ptr, more);
        }
    }
    return moved;
}

/* Returns the microseconds within which this fraction of the responses had
   arrived. */
static long wait_of(double part) {
    uint64_t sum = 0;
    long wait = -1;

    while (wait < WAITS - 1 && (double)sum <= part * (double)answers)
        sum += waits[++wait];
    return wait;
}

/* Keeps the server busy for this long, and prints the result. */
static void measure(double seconds) {
    answers = 0;
    memset(waits, 0, sizeof waits);
    uint64_t moved = exchange(clock_seconds() + seconds);

    if (is_web())
        printf("%llu requests, %.3f MB in %.3f seconds, half of them within "
               "%ld microseconds, 99 of 100 within %ld\n",
               (unsigned long long)(moved / bytes), (double)moved / 1e6,
               seconds, wait_of(0.5), wait_of(0.99));
    else if (mode == ROUND)
        printf("%llu round trips in %.3f seconds\n",
               (unsigned long long)(moved / bytes), seconds);
    else
        printf("%.1f MB in %.3f seconds, %.1f MB a second\n",
               (double)moved / 1e6, seconds, (double)moved / 1e6 / seconds);
}

/* Shuts down all sending halves. The server has nothing more to send, so it
   closes the connections. */
static void close_all(void) {
    char byte;

    for (long number = 0; number < count + idle; number++)
        if (connections[number].socket != -1
            && shutdown(connections[number].socket, SHUT_WR) == -1)
            fail_call(&connections[number], "shutdown");
    for (long number = 0; number < count + idle; number++) {
        if (connections[number].socket == -1)
            continue;
        ssize_t got = recv(connections[number].socket, &byte, 1, 0);
        if (got == -1)
            fail_call(&connections[number], "recv, at the end");
        if (got == 1)
            fail(&connections[number], "more has come back than was sent");
        close(connections[number].socket);
    }
}

/* Waits for a line of standard input. Returns false at its end. */
static bool next_line(void) {
    int character;

    fflush(stdout);
    do
        character = getchar();
    while (character != '\n' && character != EOF);
    return character != EOF;
}

static void refuse(const char *argument) {
    fprintf(stderr, "load: not understood: '%s'\n%s", argument, usage);
    exit(2);
}

static double parse_number(const char *text, double least, double most) {
    char *end;
    double number = strtod(text, &end);

    if (end == text || *end != '\0' || !(number >= least && number <= most))
        refuse(text);
    return number;
}

static enum mode parse_mode(const char *text) {
    static const char *const names[] = {"round", "bulk", "idle", "get",
                                        "once", "zipf"};

    for (int number = ROUND; number <= ZIPF; number++)
        if (strcmp(text, names[number]) == 0)
            return (enum mode)number;
    refuse(text);
    return ROUND;
}

/* Only a server on this machine may be put under load. */
static void parse_address(void) {
    address.sin_family = AF_INET;
    if (inet_pton(AF_INET, host, &address.sin_addr) != 1)
        refuse(host);
    if (ntohl(address.sin_addr.s_addr) >> 24 != 127) {
        fprintf(stderr,
                "load: %s is not a loopback address such as 127.0.0.1\n", host);
        exit(2);
    }
    address.sin_port = htons((in_port_t)parse_number(port, 1, 65535));
}

/* Writes the content that the web server's file must have. */
static int write_file(void) {
    for (uint64_t at = 0; at < bytes; at += CHUNK)
        fwrite(circle + at % CIRCLE, 1,
               bytes - at < CHUNK ? (size_t)(bytes - at) : CHUNK, stdout);
    if (fflush(stdout) == 0)
        return EXIT_SUCCESS;
    perror("load");
    return EXIT_FAILURE;
}

/* Makes all connections: the busy ones are spread among the idle ones. */
static void open_connections(void) {
    long all = count + idle, busy = 0;

    connections = calloc((size_t)all, sizeof *connections);
    events = epoll_create1(0);
    if (connections == NULL || events == -1) {
        perror("load");
        exit(EXIT_FAILURE);
    }
    for (long number = 0; number < all; number++) {
        if ((number + 1) * count / all > busy)
            open_connection(&connections[busy++]);
        else
            open_connection(&connections[count + number - busy]);
    }
}

/* Sends a first message on each connection, so that the server accepts all. */
static void greet(void) {
    long busy = count;

    count += idle;
    exchange(0);
    count = busy;
    printf("%ld connected\n", count + idle);
}

int main(int argc, char *argv[]) {
    bool steps = false;
    int option;

    fill_circle();
    while ((option = getopt(argc, argv, "si:")) != -1) {
        if (option == '?')
            return 2;
        if (option == 'i')
            idle = (long)parse_number(optarg, 0, 60000);
        steps |= option == 's';
    }
    argc -= optind;
    argv += optind;
    if (argc == 2 && strcmp(argv[0], "file") == 0) {
        bytes = (uint64_t)parse_number(argv[1], 1, 1 << 24);
        return write_file();
    }
    if (argc != 6) {
        fputs(usage, stderr);
        return 2;
    }
    mode = parse_mode(argv[0]);
    host = argv[1];
    port = argv[2];
    parse_address();
    count = (long)parse_number(argv[3], 1, 60000);
    bytes = (uint64_t)parse_number(argv[4], mode != IDLE, 1 << 24);
    double seconds = parse_number(argv[5], mode != IDLE ? 0.001 : 0, 3600);

    fill_shares();
    open_connections();
    greet();
    if (mode != IDLE && !steps)
        measure(seconds);
    while ((mode == IDLE || steps) && next_line())
        if (mode != IDLE)
            measure(seconds);
    close_all();
    return EXIT_SUCCESS;
}
