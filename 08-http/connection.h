/*
 * A connection: bytes in, bytes out, and it never sees its socket. Between two
 * requests it needs no more memory than this.
 */
#ifndef CONNECTION_H
#define CONNECTION_H

#include "body.h"
#include "file.h"

#include <stdbool.h>
#include <stddef.h>

/* What is to become of a connection when all is sent. */
enum fate {
    STAYS,
    ENDS,
    LINGERS,  /* it says no more, but hears the client out: RFC 9112, 9.6 */
    LOST,     /* it ends now, whatever is not sent */
};

struct connection {
    const char *client;     /* its address and port, for the log */
    char *input;            /* what has come and is not answered, or NULL */
    size_t input_length;
    size_t head;            /* bytes of a head whose body has not ended, or 0 */
    size_t heard;           /* bytes that have come while it lingers */
    struct body body;
    bool more;              /* there may be a whole request in the input */
    bool slow;              /* the last answer was not at hand: others first */
    char *output;           /* what was not taken yet, or NULL */
    size_t output_length;
    struct file *file;      /* what follows that, or NULL, ... */
    long long next, end;    /* ... from this byte on, up to that */
    enum fate fate;
};

/* Returns whether it has something to send: then nothing is read. */
bool is_sending(const struct connection *connection);

/* Returns whether the client owes the rest of a head, or has nothing to say any
   more: to send some bytes then does not gain it time. */
bool is_late(const struct connection *connection);

/* Returns whether this connection ends when all is sent. */
bool is_last(const struct connection *connection);

/* Returns where to put bytes of the client, and how many there may be. */
char *input_place(const struct connection *connection, size_t *room);

/* Takes as many bytes as have been put there. */
void take_input(struct connection *connection, size_t length);

/*
 * Answers what has come, as far as possible. Returns the next bytes to send,
 * and how many they are, perhaps none; or NULL if the connection is lost.
 * They are there until note_output is called, which has to follow at once.
 */
const char *next_output(struct connection *connection, size_t *length);

/* Notes that so many of them were sent. Returns what is to become of it. */
enum fate note_output(struct connection *connection, size_t length);

/* Frees what it holds. */
void end_connection(struct connection *connection);

#endif
