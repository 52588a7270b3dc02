#ifndef KERNELS_TABLES_H
#define KERNELS_TABLES_H

#include "CKernels.h"

// Each overrides the entries that its file implements.
void kernels_fill_scalar(struct kernels *table);
void kernels_fill_avx2(struct kernels *table);
void kernels_fill_avxvnni(struct kernels *table);
void kernels_fill_avx512(struct kernels *table);
void kernels_fill_avx512vnni(struct kernels *table);
void kernels_fill_avx512bf16(struct kernels *table);
void kernels_fill_neon(struct kernels *table);
void kernels_fill_neondotprod(struct kernels *table);
void kernels_fill_neoni8mm(struct kernels *table);
void kernels_fill_neonbf16(struct kernels *table);

#endif
