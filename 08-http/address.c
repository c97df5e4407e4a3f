/*
 * An address of either family: ip(7) and ipv6(7).
 */
#define _POSIX_C_SOURCE 200809L

#include "address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* Parses an IPv6 address, with the zone that a link-local one needs, as every
   interface has the same ones: fe80::1%eth0. RFC 4007, 11. */
static bool parse_in6(const char *text, struct sockaddr_in6 *address) {
    char host[INET6_ADDRSTRLEN];
    size_t length = strcspn(text, "%");

    if (length >= sizeof host)
        return false;
    memcpy(host, text, length);
    host[length] = '\0';
    *address = (struct sockaddr_in6){.sin6_family = AF_INET6};
    if (text[length] == '%') {
        address->sin6_scope_id = if_nametoindex(text + length + 1);
        if (address->sin6_scope_id == 0)
            return false;
    }
    return inet_pton(AF_INET6, host, &address->sin6_addr) == 1;
}

bool parse_address(const char *text, union address *address) {
    in_port_t port = *port_of(address);

    if (!parse_in6(text, &address->in6)) {
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
        unsigned scope = address->in6.sin6_scope_id;
        char zone[IF_NAMESIZE] = "";
        bool zoned = scope != 0 && if_indextoname(scope, zone) != NULL;
        inet_ntop(AF_INET6, &address->in6.sin6_addr, host, sizeof host);
        snprintf(text, ADDRESS_SIZE, "[%s%s%s]:%d", host, zoned ? "%" : "",
                 zone, ntohs(address->in6.sin6_port));
    } else {
        inet_ntop(AF_INET, &address->in.sin_addr, host, sizeof host);
        snprintf(text, ADDRESS_SIZE, "%s:%d", host,
                 ntohs(address->in.sin_port));
    }
}
