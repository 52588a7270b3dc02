#ifndef CENTRIES_H
#define CENTRIES_H

#include <stddef.h>

/// What one run of a kernel does: the multiplications and additions of a product, else 0; the bytes that it must read and write once.
struct entry_work {
    double operations, bytes;
};

/// The name of the `index`-th entry of kernels.def; NULL after the last.
const char *entry_name(size_t index);

/// The precision of a product's numbers, "fp32", "bf16" or "int8".
const char *entry_precision(size_t index);

/// Runs the `index`-th kernel of an instruction set `times` times on rows that fit a level-1 or small level-2 cache.
struct entry_work entry_run(size_t index, const char *isa, size_t times);

#endif
