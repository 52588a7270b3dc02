// Products of matrices of bytes: FEAT_I8MM (ARMv8.6; Neoverse V1 and N2, Cortex-A510 and later, Apple M2).
#include "tables.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#include <string.h>
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
#pragma clang attribute push(__attribute__((target("i8mm"))), apply_to = function)

// usmmla: 32 products, so at best 64 a cycle where a core begins two of them (128 on Neoverse V1).
#define PRODUCT product_u8_neoni8mm
#define ELEMENT uint8_t
#define WEIGHT int8_t
#define SUM int32_t
#define GROUP 4
#define R int32x4_t
#define rcast(floats) vreinterpretq_s32_f32(floats)
#define rfloats(sums) vreinterpretq_f32_s32(sums)
#define rdot(sums, rows, columns) vusmmlaq_s32(sums, rows, vreinterpretq_s8_u8(columns))
#include "neon_matrix.inc"

void kernels_fill_neoni8mm(struct kernels *table) {
    table->activation_levels = 255;
    table->product_u8 = product_u8_neoni8mm;
}

#pragma clang attribute pop
#endif
