#ifndef KERNEL_CHECKS_H
#define KERNEL_CHECKS_H

#include <stddef.h>

/// The name of the `index`-th entry of kernels.def; NULL after the last.
const char *kernel_check_name(size_t index);

/// Runs the `index`-th kernel of an instruction set against the scalar one: odd sizes, unaligned pointers, gaps between rows, memory
/// that ends at a page that must not be touched.
///
/// Returns 1, or 0 and what differed in `message`.
int kernel_check_run(size_t index, const char *isa, char *message, size_t capacity);

#endif
