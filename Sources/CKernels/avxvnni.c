// AVX-VNNI: Alder Lake and later, its small cores (N100) among them, Zen 5. Four products of bytes, or two of 16-bit
// integers, and their sum in one instruction.
#include "tables.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
#pragma clang attribute push(__attribute__((target("avx2,avxvnni"))), apply_to = function)

// vpdpbusd on 32 bytes: 32 products, so at best 64 a cycle where a core begins two of them (32 on Gracemont).
#define PRODUCT product_u8_avxvnni
#define rdot(sums, quad, weights) _mm256_dpbusd_avx_epi32(sums, quad, weights)
#include "avx2_bytes.inc"

#define PRODUCT product_s16_avxvnni
#define rdot(sums, pair, weights) _mm256_dpwssd_avx_epi32(sums, pair, weights)
#include "avx2_words.inc"

void kernels_fill_avxvnni(struct kernels *table) {
    table->activation_levels = 255;
    table->weight_levels = 128;
    table->has_byte_dots = 1;
    table->product_s16 = product_s16_avxvnni;
    table->product_u8 = product_u8_avxvnni;
}

#pragma clang attribute pop
#endif
