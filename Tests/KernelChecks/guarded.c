#define _GNU_SOURCE
#include "guarded.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const unsigned char canary = 0xa5;

struct guarded guarded_make(size_t bytes) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t extent = (bytes + page) / page * page + page;
    unsigned char *pages = mmap(NULL, extent, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages + extent - page, page, PROT_NONE)) {
        perror("guarded_make");
        exit(71);
    }
    memset(pages, canary, extent - page);
    return (struct guarded){pages + extent - page - bytes, bytes, pages, extent};
}

int guarded_free(struct guarded *block) {
    int whole = 1;
    for (unsigned char *p = block->pages; p < (unsigned char *)block->data; p++)
        whole &= *p == canary;
    munmap(block->pages, block->extent);
    return whole;
}
