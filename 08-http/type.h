/*
 * Media types: RFC 9110, 8.3.
 */
#ifndef TYPE_H
#define TYPE_H

/* Returns the type of a file by the end of its name. */
const char *type_of(const char *name);

#endif
