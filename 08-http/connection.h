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
    REFUSED,  /* it says no more, but hears the client out */
};

struct connection {
    const char *client;     /* its address and port, for the log */
    char *input;            /* what has come and is not answered, or NULL */
    size_t input_length;
    size_t head;            /* bytes of a head whose body has not ended, or 0 */
    struct body body;
    bool more;              /* there may be a whole request in the input */
    char *output;           /* what was not taken yet, or NULL */
    size_t output_length;
    struct file *file;      /* what follows that, or NULL, ... */
    long long next, end;    /* ... from this byte on, up to that */
    enum fate fate;
};

/* Returns whether it has something to send: then nothing is read. */
bool is_sending(const struct connection *connection);

/* Returns whether the client is slow with a head, or with its end: more bytes
   of these give it no more time. */
bool is_late(const struct connection *connection);

/* Returns whether nothing follows what it has to send but the end. */
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
