/*
 * An IPv4 or IPv6 address: ip(7) and ipv6(7).
 * SPDX-License-Identifier: 0BSD
 */
#define _POSIX_C_SOURCE 200809L

#include "address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

/* Parses an IPv6 address. A link-local address needs a zone (fe80::1%eth0),
   since it may exist on several interfaces. RFC 4007, 11. */
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
    if (inet_pton(AF_INET6, host, &address->sin6_addr) != 1)
        return false;
    if (address->sin6_scope_id != 0
        || !IN6_IS_ADDR_LINKLOCAL(&address->sin6_addr))
        return true;
    fputs("a link-local address needs an interface: fe80::1%eth0\n", stderr);
    return false;
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

const char *host_of(const union address *address) {
    static char host[INET6_ADDRSTRLEN + sizeof "%" + IF_NAMESIZE];

    if (address->any.sa_family == AF_INET6) {
        unsigned scope = address->in6.sin6_scope_id;
        inet_ntop(AF_INET6, &address->in6.sin6_addr, host, INET6_ADDRSTRLEN);
        char *zone = strchr(host, '\0');
        if (scope != 0 && if_indextoname(scope, zone + 1) != NULL)
            *zone = '%';
    } else {
        inet_ntop(AF_INET, &address->in.sin_addr, host, INET_ADDRSTRLEN);
    }
    return host;
}

const char *name_of(const union address *address) {
    static char name[INET6_ADDRSTRLEN + IF_NAMESIZE + sizeof "[%]:65535"];
    bool six = address->any.sa_family == AF_INET6;

    snprintf(name, sizeof name, six ? "[%s]:%d" : "%s:%d", host_of(address),
             ntohs(six ? address->in6.sin6_port : address->in.sin_port));
    return name;
}
