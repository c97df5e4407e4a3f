/*
 * An address of either family, as text and as the calls want it.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

union address {
    struct sockaddr any;  /* whose family tells which of the two it is */
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

#define ADDRESS_SIZE (INET6_ADDRSTRLEN + sizeof "[]:65535")

/* Reads an address, and leaves the port. Returns false if it is none. */
bool parse_address(const char *text, union address *address);

/* Returns the place of its port, which is in network byte order. */
in_port_t *port_of(union address *address);

/* Returns how many bytes of the union it takes: bind(2) wants to know. */
socklen_t size_of(const union address *address);

/* Writes it as people do: 127.0.0.1:15441 or [::1]:15441. */
void write_address(char text[ADDRESS_SIZE], const union address *address);

#endif
