// AVX-512 VNNI: Cascade Lake and later, Zen 4 and later. Four products of bytes and their sum in one instruction.
#include "tables.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni"))), apply_to = function)

static inline __m512i quad_broadcast(const uint8_t *p) {
    int32_t quad;
    memcpy(&quad, p, sizeof quad);
    return _mm512_set1_epi32(quad);
}

#define PRODUCT product_u8_avx512vnni
#define ELEMENT uint8_t
#define WEIGHT int8_t
#define SUM int32_t
#define GROUP 4
#define WIDTH 16
#define VECTORS 4
#define R __m512i
#define rzero() _mm512_setzero_si512()
#define rload_sums(p) _mm512_loadu_si512(p)
#define rstore_sums(p, v) _mm512_storeu_si512(p, v)
#define rload(p) _mm512_loadu_si512(p)
#define rbroadcast(p) quad_broadcast(p)
#define rdot(sums, quad, weights) _mm512_dpbusd_epi32(sums, quad, weights)
#include "simd_product.inc"

void kernels_fill_avx512vnni(struct kernels *table) {
    table->activation_levels = 255;
    table->product_u8 = product_u8_avx512vnni;
}

#pragma clang attribute pop
#endif
