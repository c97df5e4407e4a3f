/*
 * 01 socket, the assignment: ask the kernel for a socket, and say what it is.
 * Do it:    what the TODOs say, in the order of their numbers.
 * Check it: make try-01, in the folder above this one.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char usage[] =
    "usage: server\n";

enum remedy {  /* what to do about a failed call */
    STOP,   /* nothing sensible is left to do: exit with status 1 */
};

struct failure {
    const char *name;  /* NULL in a table's last row: for any other errno */
    int number;
    enum remedy remedy;
    const char *meaning;
};

#define E(name) #name, (name)

/* TODO 1: the table socket_failures, of struct failure: a row for each errno
   of socket(2), which are EACCES, EAFNOSUPPORT, EINVAL, EMFILE, ENFILE,
   ENOBUFS, ENOMEM and EPROTONOSUPPORT. E fills in the first two members of a
   row, as E(EINTR) would for EINTR. The remedy is STOP in all of them, since
   nothing can be done without a socket. The meaning is what you would tell a
   person. A last row without a name stands for any other errno.
   Proved by socket_*. */

/* TODO 2: diagnose, which takes the name of a call that has failed and that
   call's table. errno says why it failed, until another call changes it: so
   read it first. Look it up in the table, and print CALL: ENAME: meaning to
   standard error, in one line; for an errno in no row, CALL: and the text of
   strerror(3). End the program with status 1 if the remedy is STOP. Return
   the remedy: the stages to come have others.
   Proved by socket_*. */

/* Ends the program, with status 2, over a wrong argument. */
static void refuse(const char *argument) {
    fprintf(stderr, "not understood: %s\n%s", argument, usage);
    exit(2);
}

static void parse_options(int argc, char *argv[]) {
    int option;

    while ((option = getopt(argc, argv, "h")) != -1) {
        switch (option) {
        default:  /* -h, or what getopt has complained of */
            fputs(usage, option == 'h' ? stdout : stderr);
            exit(option == 'h' ? EXIT_SUCCESS : 2);
        }
    }
    if (optind < argc)
        refuse(argv[optind]);
}

int main(int argc, char *argv[]) {
    parse_options(argc, argv);

    /* TODO 3: call socket(2) for a stream socket of the IPv4 family, and let
       it choose the protocol. It returns a descriptor, or -1 if it failed:
       diagnose that. Print "socket: descriptor" and the number to standard
       error, since standard output is for data, and close the socket.
       Proved by prints_descriptor, stream_socket, socket_*. */
    return EXIT_SUCCESS;
}
