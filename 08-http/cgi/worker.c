/*
 * A program that is running already.
 * SPDX-License-Identifier: 0BSD
 */
#include "posix.h"

#include "worker.h"

#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MOST_AT_ONCE 4096  /* bytes that any socket takes */

/* Room for the message that carries two descriptors: cmsg(3). */
union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(2 * sizeof(int))];
};

/* Connects to a worker. Returns the socket, or -1. */
static int connect_to(const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(name) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, name);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd == -1)
        return -1;
    if (fcntl(fd, F_SETFL, O_NONBLOCK) == 0
        && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* Sends the variables, and with them the descriptors: SCM_RIGHTS in unix(7).
   Returns false if they are not all taken at once. */
static bool send_all(int fd, const struct variables *variables, int input,
                     int output) {
    int descriptors[2] = {input, output};
    int room = 2 * (int)sizeof variables->bytes;
    union control control = {.bytes = {0}};
    struct iovec bytes = {(void *)variables->bytes, variables->used};
    struct msghdr message = {
        .msg_iov = &bytes,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        .msg_controllen = sizeof control.bytes,
    };
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);

    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof descriptors);
    memcpy(CMSG_DATA(head), descriptors, sizeof descriptors);
    if (variables->used > MOST_AT_ONCE
        && setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == -1)
        return false;
    ssize_t sent = sendmsg(fd, &message, 0);
    if (sent >= 0 && sent < (ssize_t)variables->used)
        errno = EMSGSIZE;
    return sent == (ssize_t)variables->used;
}

int call_worker(const char *name, const struct variables *variables, int input,
                int output) {
    int status = 0, fd = connect_to(name);

    if (fd == -1)
        return status_of_failure("connect", name);
    if (!send_all(fd, variables, input, output))
        status = status_of_failure("sendmsg", name);
    close(fd);
    return status;
}
