#ifndef GUARDED_H
#define GUARDED_H

#include <stddef.h>

/// Memory that ends right before a page that faults, with canaries in front.
struct guarded {
    void *data;
    size_t bytes;
    unsigned char *pages;
    size_t extent;
};

struct guarded guarded_make(size_t bytes);

/// Returns 0 where something wrote in front of the data.
int guarded_free(struct guarded *block);

#endif
