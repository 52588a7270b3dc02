// AVX-512 BF16: Cooper Lake, Sapphire Rapids and later, Zen 4 and later. Two products of bfloat16 and their sum in one instruction.
#include "tables.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16"))), apply_to = function)

static inline __m512bh pair_broadcast(const uint16_t *p) {
    int32_t pair;
    memcpy(&pair, p, sizeof pair);
    return (__m512bh)_mm512_set1_epi32(pair);
}

// vdpbf16ps on 64 bytes: 32 products, so at best 64 a cycle where a core begins two of them (32 on Zen 4, Sapphire Rapids).
#define PRODUCT product_bf16_avx512bf16
#define ELEMENT uint16_t
#define WEIGHT uint16_t
#define SUM float
#define GROUP 2
#define WIDTH 16
#define VECTORS 4
#define R __m512
#define rzero() _mm512_setzero_ps()
#define rload_sums(p) _mm512_loadu_ps(p)
#define rstore_sums(p, v) _mm512_storeu_ps(p, v)
#define rload(p) (__m512)_mm512_loadu_si512(p)
#define rbroadcast(p) (__m512)pair_broadcast(p)
#define rdot(sums, pair, weights) _mm512_dpbf16_ps(sums, (__m512bh)(pair), (__m512bh)(weights))
#include "simd_product.inc"

void kernels_fill_avx512bf16(struct kernels *table) {
    table->element_of_bf16 = KERNELS_BF16;
    table->product_bf16 = product_bf16_avx512bf16;
}

#pragma clang attribute pop
#endif
