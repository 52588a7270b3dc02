// NEON as every ARMv8 has it.
#include "tables.h"

#if defined(__aarch64__)
#include <arm_neon.h>
#include <string.h>

#define LANES 4
typedef float32x4_t V;

static inline V vset1(float x) { return vdupq_n_f32(x); }
static inline V vload(const float *p) { return vld1q_f32(p); }
static inline V vload_part(const float *p, size_t n) {
    float some[4] = {0};
    memcpy(some, p, n * sizeof *p);
    return vld1q_f32(some);
}
static inline void vstore(float *p, V v) { vst1q_f32(p, v); }
static inline void vstore_part(float *p, V v, size_t n) {
    float all[4];
    vst1q_f32(all, v);
    memcpy(p, all, n * sizeof *p);
}
static inline V vadd(V a, V b) { return vaddq_f32(a, b); }
static inline V vsub(V a, V b) { return vsubq_f32(a, b); }
static inline V vmul(V a, V b) { return vmulq_f32(a, b); }
static inline V vdiv(V a, V b) { return vdivq_f32(a, b); }
static inline V vfma(V a, V b, V c) { return vfmaq_f32(c, a, b); }
static inline V vmax(V a, V b) { return vmaxq_f32(a, b); }
static inline V vmin(V a, V b) { return vminq_f32(a, b); }
static inline V vfrom_i32(V bits) { return vcvtq_f32_s32(vreinterpretq_s32_f32(bits)); }
static inline V vfnma(V a, V b, V c) { return vfmsq_f32(c, a, b); }
static inline V vround(V x) { return vrndnq_f32(x); }
static inline V vpow2(V n) {
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)), 23));
}
static inline V vscale2(V x, V n) {
    return vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(x), vshlq_n_s32(vreinterpretq_s32_f32(n), 23)));
}
static inline V vmax_int(V a, V b) {
    return vreinterpretq_f32_s32(vmaxq_s32(vreinterpretq_s32_f32(a), vreinterpretq_s32_f32(b)));
}
static inline V vpair_low(V x) { return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(x), 16)); }
static inline V vpair_high(V x) {
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(x), vdupq_n_u32(0xffff0000)));
}
static inline V vabs(V x) { return vabsq_f32(x); }
static inline V vcopysign(V magnitude, V sign) { return vbslq_f32(vdupq_n_u32(0x80000000u), sign, magnitude); }
static inline V vless(V a, V b, V x, V y) { return vbslq_f32(vcltq_f32(a, b), x, y); }
static inline float vsum(V v) { return vaddvq_f32(v); }
static inline float vtop(V v) { return vmaxvq_f32(v); }

static inline V vfrom_f16(const uint16_t *p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
static inline V vfrom_bf16(const uint16_t *p) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16)); }
static inline void vto_f16(uint16_t *p, V v) { vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32(v))); }
static inline void vto_bf16(uint16_t *p, V v) {
    uint32x4_t bits = vreinterpretq_u32_f32(v), high = vshrq_n_u32(bits, 16);
    uint32x4_t odd = vandq_u32(high, vdupq_n_u32(1));
    uint32x4_t rounded = vaddq_u32(vaddq_u32(bits, vdupq_n_u32(0x7fff)), odd);
    uint32x4_t quiet = vorrq_u32(high, vdupq_n_u32(0x40));
    vst1_u16(p, vmovn_u32(vbslq_u32(vceqq_f32(v, v), vshrq_n_u32(rounded, 16), quiet)));
}

static inline void vto_bf16_pairs(void *p, V a, V b) {
    const uint32x4_t half = vdupq_n_u32(0x8000);
    uint32x4_t low = vaddq_u32(vreinterpretq_u32_f32(a), half), high = vaddq_u32(vreinterpretq_u32_f32(b), half);
    vst1q_u32(p, vsriq_n_u32(high, low, 16));
}
static inline uint32x4_t bits_of_rounded(V v) { return vreinterpretq_u32_s32(vcvtnq_s32_f32(v)); }
static inline void vto_s16_pairs(void *p, V a, V b) { vst1q_u32(p, vsliq_n_u32(bits_of_rounded(a), bits_of_rounded(b), 16)); }
static inline void vto_u8_quads(void *p, V a, V b, V c, V d, int less) {
    uint32x4_t low = vsliq_n_u32(bits_of_rounded(a), bits_of_rounded(b), 8);
    uint32x4_t three = vsliq_n_u32(low, bits_of_rounded(c), 16), four = vsliq_n_u32(three, bits_of_rounded(d), 24);
    vst1q_u8(p, vsubq_u8(vreinterpretq_u8_u32(four), vdupq_n_u8((uint8_t)less)));
}

static inline void transpose_square(float *dst, size_t dst_stride, const float *src, size_t src_stride) {
    float32x4x2_t low = vtrnq_f32(vld1q_f32(src), vld1q_f32(src + src_stride));
    float32x4x2_t high = vtrnq_f32(vld1q_f32(src + 2 * src_stride), vld1q_f32(src + 3 * src_stride));
    for (int i = 0; i < 2; i++) {
        vst1q_f32(dst + i * dst_stride, vcombine_f32(vget_low_f32(low.val[i]), vget_low_f32(high.val[i])));
        vst1q_f32(dst + (i + 2) * dst_stride, vcombine_f32(vget_high_f32(low.val[i]), vget_high_f32(high.val[i])));
    }
}

// 32 registers: 24 hold sums.
#define PRODUCT_VECTORS 4
#include "simd_math.h"
#include "simd_ops.h"
#include "simd_attention.h"
#include "simd_product.h"
#include "simd_winograd.h"
#include "simd_half.h"
#include "simd_transpose.h"
#include "simd_table.h"
#include "neon_bytes.h"

void kernels_fill_neon(struct kernels *table) {
    fill_simd(table);
    fill_half(table);
    table->transpose = transpose_simd;
    table->activation_levels = 127;
    table->product_u8 = product_u8_neon;
    table->product_s16 = product_s16_neon;
    table->quantize = quantize_neon;
    table->quantize_s16 = quantize_s16_neon;
    table->decode_int4 = decode_int4_neon;
    table->element_of_bf16 = KERNELS_F32;
}

#endif
