/*
 * An IPv4 or IPv6 address, as text and as the socket calls take it.
 * SPDX-License-Identifier: 0BSD
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

union address {
    struct sockaddr any;  /* sa_family says which of the others is in use */
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* Parses an address and leaves the port as it is. Returns false if the text is
   not an address. */
bool parse_address(const char *text, union address *address);

/* Returns a pointer to the port, which is in network byte order. */
in_port_t *port_of(union address *address);

/* Returns the size of the family's structure in bytes, for bind(2). */
socklen_t size_of(const union address *address);

/* Returns the address without the port: 127.0.0.1, ::1, fe80::1%lo. The next
   call overwrites it. */
const char *host_of(const union address *address);

/* Returns the address and the port: 127.0.0.1:15441, [::1]:15441,
   [fe80::1%lo]:15441. The next call overwrites it. */
const char *name_of(const union address *address);

#endif
