// AVX-512 VNNI: Cascade Lake and later, Zen 4 and later. Four products of bytes, or two of 16-bit integers, and their sum
// in one instruction.
#include "tables.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))), apply_to = function)

// vpdpbusd on 64 bytes: 64 products, so at best 128 a cycle where a core begins two of them.
#define PRODUCT product_u8_avx512vnni
#define rdot(sums, quad, weights) _mm512_dpbusd_epi32(sums, quad, weights)
#include "avx512_bytes.inc"

#define PRODUCT product_s16_avx512vnni
#define rdot(sums, pair, weights) _mm512_dpwssd_epi32(sums, pair, weights)
#include "avx512_words.inc"

void kernels_fill_avx512vnni(struct kernels *table) {
    table->activation_levels = 255;
    table->weight_levels = 128;
    table->has_byte_dots = 1;
    table->product_s16 = product_s16_avx512vnni;
    table->product_u8 = product_u8_avx512vnni;
}

#pragma clang attribute pop
#endif
