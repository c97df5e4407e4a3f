/*
 * 01 socket: ask the kernel for a socket, one end of a future connection.
 * Run it:   ./server
 * Break it: change SOCK_STREAM to SOCK_RDM, or 0 to 17, which is UDP.
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

/* Says why a call failed, as its table has it, and does about it what can be
   done from here. Returns the remedy, for the caller to do the rest. */
static enum remedy diagnose(const char *call, const struct failure *failure) {
    int number = errno;

    while (failure->name != NULL && failure->number != number)
        failure++;
    if (failure->name == NULL)
        fprintf(stderr, "%s: %s\n", call, strerror(number));
    else
        fprintf(stderr, "%s: %s: %s\n", call, failure->name, failure->meaning);
    if (failure->remedy == STOP)
        exit(EXIT_FAILURE);
    return failure->remedy;
}

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

    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener == -1)
        diagnose("socket", socket_failures);
    fprintf(stderr, "socket: descriptor %d\n", listener);
    close(listener);
    return EXIT_SUCCESS;
}
