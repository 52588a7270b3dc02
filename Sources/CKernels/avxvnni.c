// AVX-VNNI: Alder Lake and later, its small cores (N100) among them, Zen 5. Four products of bytes, or two of 16-bit
// integers, and their sum in one instruction.
#include "tables.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
#pragma clang attribute push(__attribute__((target("avx2,avxvnni"))), apply_to = function)

static inline __m256i quad_broadcast(const uint8_t *p) {
    int32_t quad;
    memcpy(&quad, p, sizeof quad);
    return _mm256_set1_epi32(quad);
}

// vpdpbusd on 32 bytes: 32 products, so at best 64 a cycle where a core begins two of them (32 on Gracemont).
#define PRODUCT product_u8_avxvnni
#define ELEMENT uint8_t
#define WEIGHT int8_t
#define SUM int32_t
#define GROUP 4
#define WIDTH 8
#define VECTORS 2
#define R __m256i
#define rzero() _mm256_setzero_si256()
#define rload_sums(p) _mm256_loadu_si256((const __m256i *)(p))
#define rstore_sums(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define rload(p) _mm256_loadu_si256((const __m256i *)(p))
#define rbroadcast(p) quad_broadcast(p)
#define rdot(sums, quad, weights) _mm256_dpbusd_avx_epi32(sums, quad, weights)
#include "simd_product.inc"

static inline __m256i pair_broadcast(const int16_t *p) {
    int32_t pair;
    memcpy(&pair, p, sizeof pair);
    return _mm256_set1_epi32(pair);
}

#define PRODUCT product_s16_avxvnni
#define ELEMENT int16_t
#define WEIGHT int16_t
#define SUM int32_t
#define GROUP 2
#define WIDTH 8
#define VECTORS 2
#define R __m256i
#define rzero() _mm256_setzero_si256()
#define rload_sums(p) _mm256_loadu_si256((const __m256i *)(p))
#define rstore_sums(p, v) _mm256_storeu_si256((__m256i *)(p), v)
#define rload(p) _mm256_loadu_si256((const __m256i *)(p))
#define rbroadcast(p) pair_broadcast(p)
#define rdot(sums, pair, weights) _mm256_dpwssd_avx_epi32(sums, pair, weights)
#include "simd_product.inc"

void kernels_fill_avxvnni(struct kernels *table) {
    table->activation_levels = 255;
    table->weight_levels = 128;
    table->product_s16 = product_s16_avxvnni;
    table->product_u8 = product_u8_avxvnni;
}

#pragma clang attribute pop
#endif
