/*
 * Media types: RFC 9110, 8.3.
 */
#ifndef TYPE_H
#define TYPE_H

/* Returns the media type that the name of a file stands for. */
const char *type_of(const char *name);

#endif
