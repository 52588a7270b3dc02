// The dot product of bytes: ARMv8.2 with FEAT_DotProd (Cortex-A55, A76 and later, Neoverse N1).
#include "tables.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#include <string.h>
#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")
#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)

INLINE int8x16_t quad_broadcast(const uint8_t *p) {
    int32_t quad;
    memcpy(&quad, p, sizeof quad);
    return vreinterpretq_s8_s32(vdupq_n_s32(quad));
}

// sdot, which takes activations of 7 bits: 16 products, so at best 32 a cycle where a core begins two of them.
#define PRODUCT product_u8_neondotprod
#define ELEMENT uint8_t
#define WEIGHT int8_t
#define SUM int32_t
#define GROUP 4
#define WIDTH 4
#define VECTORS 4
#define R int32x4_t
#define W int8x16_t
#define rzero() vdupq_n_s32(0)
#define rload_sums(p) vld1q_s32(p)
#define rstore_sums(p, v) vst1q_s32(p, v)
#define rload(p) vld1q_s8(p)
#define rbroadcast(p) quad_broadcast(p)
#define rdot(sums, quad, weights) vdotq_s32(sums, quad, weights)
#include "simd_product.inc"

void kernels_fill_neondotprod(struct kernels *table) {
    table->activation_levels = 127;
    table->has_byte_dots = 1;
    table->product_u8 = product_u8_neondotprod;
}

#pragma clang attribute pop
#endif
