/*
 * A program that is running already.
 * SPDX-License-Identifier: 0BSD
 */
#include "posix.h"

#include "worker.h"

#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MOST_AT_ONCE 4096  /* bytes that any socket accepts in one call */

/* Room for the message that carries a descriptor: cmsg(3). */
union control {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
};

/* Connects to a worker. The socket does not block, no program inherits it, and
   select can watch it. Returns it, or -1. */
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
    errno = EMFILE;  /* prlimit(1) has raised the limit since */
    if (fd < FD_SETSIZE && fcntl(fd, F_SETFL, O_NONBLOCK) == 0
        && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0
        && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* Adds a descriptor to a message: SCM_RIGHTS in unix(7). */
static void attach(struct msghdr *message, union control *control, int fd) {
    message->msg_control = control->bytes;
    message->msg_controllen = sizeof control->bytes;
    struct cmsghdr *head = CMSG_FIRSTHDR(message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(head), &fd, sizeof fd);
}

/* Sends the variables, an empty one that marks their end, and with them the
   body's descriptor, if there is a body. Returns false if one call cannot send
   all of this. */
static bool send_all(int fd, const struct variables *variables, int body) {
    int room = 2 * (int)sizeof variables->bytes;
    union control control = {.bytes = {0}};
    struct iovec parts[2] = {{(void *)variables->bytes, variables->used},
                             {(char[]){'\0'}, 1}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    size_t length = variables->used + 1;

    if (body != -1)
        attach(&message, &control, body);
    if (length > MOST_AT_ONCE
        && setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room) == -1)
        return false;
    ssize_t sent = sendmsg(fd, &message, 0);
    if (sent >= 0 && (size_t)sent < length)
        errno = EMSGSIZE;
    return sent == (ssize_t)length;
}

int call_worker(const char *name, const struct variables *variables, int body,
                int *output) {
    int fd = connect_to(name);

    if (fd == -1)
        return status_of_failure("connect", name);
    if (send_all(fd, variables, body)) {
        *output = fd;
        return 0;
    }
    int status = status_of_failure("sendmsg", name);
    close(fd);
    return status;
}
