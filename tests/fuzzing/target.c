/*
 * The entry point of libFuzzer: TARGET is one of fuzz.h.
 */
#include "fuzz.h"

#include <stdint.h>

#ifndef TARGET
#define TARGET check_parsers
#endif

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length) {
    TARGET((const char *)bytes, length);
    return 0;
}
