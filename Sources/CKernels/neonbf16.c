// Products of matrices of bfloat16: FEAT_BF16 (ARMv8.6; Neoverse V1 and N2, Cortex-A510 and later, Apple M2).
#include "tables.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#include <string.h>
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
#pragma clang attribute push(__attribute__((target("bf16"))), apply_to = function)

// bfmmla: 16 products, so at best 32 a cycle where a core begins two of them (64 on Neoverse V1). It rounds sums of two products to odd.
#define PRODUCT product_bf16_neonbf16
#define ELEMENT uint16_t
#define WEIGHT uint16_t
#define SUM float
#define GROUP 2
#define R float32x4_t
#define rcast(floats) (floats)
#define rfloats(sums) (sums)
#define rdot(sums, rows, columns) vbfmmlaq_f32(sums, vreinterpretq_bf16_u8(rows), vreinterpretq_bf16_u8(columns))
#include "neon_matrix.inc"

void kernels_fill_neonbf16(struct kernels *table) {
    table->element_of_bf16 = KERNELS_BF16;
    table->product_bf16 = product_bf16_neonbf16;
}

#pragma clang attribute pop
#endif
