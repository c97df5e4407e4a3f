/*
 * An address of either family: ip(7) and ipv6(7).
 */
#define _POSIX_C_SOURCE 200809L

#include "address.h"

#include <arpa/inet.h>
#include <stdio.h>

bool parse_address(const char *text, union address *address) {
    in_port_t port = *port_of(address);

    *address = (union address){.in6 = {.sin6_family = AF_INET6}};
    if (inet_pton(AF_INET6, text, &address->in6.sin6_addr) != 1) {
        *address = (union address){.in = {.sin_family = AF_INET}};
        if (inet_pton(AF_INET, text, &address->in.sin_addr) != 1)
            return false;
    }
    *port_of(address) = port;
    return true;
}

in_port_t *port_of(union address *address) {
    return address->any.sa_family == AF_INET6 ? &address->in6.sin6_port
                                              : &address->in.sin_port;
}

socklen_t size_of(const union address *address) {
    return address->any.sa_family == AF_INET6 ? sizeof address->in6
                                              : sizeof address->in;
}

void write_address(char text[ADDRESS_SIZE], const union address *address) {
    char host[INET6_ADDRSTRLEN];

    if (address->any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &address->in6.sin6_addr, host, sizeof host);
        snprintf(text, ADDRESS_SIZE, "[%s]:%d", host,
                 ntohs(address->in6.sin6_port));
    } else {
        inet_ntop(AF_INET, &address->in.sin_addr, host, sizeof host);
        snprintf(text, ADDRESS_SIZE, "%s:%d", host,
                 ntohs(address->in.sin_port));
    }
}
