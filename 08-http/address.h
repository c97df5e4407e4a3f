/*
 * An address of either family, as text and as the socket calls take it.
 */
#ifndef ADDRESS_H
#define ADDRESS_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

union address {
    struct sockaddr any;  /* its family says which of the two it is */
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

#define ADDRESS_SIZE (INET6_ADDRSTRLEN + IF_NAMESIZE + sizeof "[%]:65535")

/* Parses an address and leaves the port as it is. Returns false if the text is
   no address. */
bool parse_address(const char *text, union address *address);

/* Returns where its port is, in network byte order. */
in_port_t *port_of(union address *address);

/* Returns how many bytes of the union it takes, for bind(2). */
socklen_t size_of(const union address *address);

/* Writes it as people do: 127.0.0.1:15441, [::1]:15441, [fe80::1%lo]:15441. */
void write_address(char text[ADDRESS_SIZE], const union address *address);

#endif
