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
static inline V vround(V x) { return vrndnq_f32(x); }
static inline V vpow2(V n) {
    return vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127)), 23));
}
static inline V vpair_low(V x) { return vreinterpretq_f32_u32(vshlq_n_u32(vreinterpretq_u32_f32(x), 16)); }
static inline V vpair_high(V x) {
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(x), vdupq_n_u32(0xffff0000)));
}
static inline V vabs(V x) { return vabsq_f32(x); }
static inline V vcopysign(V magnitude, V sign) { return vbslq_f32(vdupq_n_u32(0x80000000u), sign, magnitude); }
static inline V vless(V a, V b, V x, V y) { return vbslq_f32(vcltq_f32(a, b), x, y); }
static inline V vkeep(V v, size_t n) {
    static const uint32_t lanes[4] = {0, 1, 2, 3};
    uint32x4_t kept = vcltq_u32(vld1q_u32(lanes), vdupq_n_u32((uint32_t)n));
    return vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(v), kept));
}
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

static inline void transpose_square(float *dst, size_t dst_stride, const float *src, size_t src_stride) {
    float32x4x2_t low = vtrnq_f32(vld1q_f32(src), vld1q_f32(src + src_stride));
    float32x4x2_t high = vtrnq_f32(vld1q_f32(src + 2 * src_stride), vld1q_f32(src + 3 * src_stride));
    for (int i = 0; i < 2; i++) {
        vst1q_f32(dst + i * dst_stride, vcombine_f32(vget_low_f32(low.val[i]), vget_low_f32(high.val[i])));
        vst1q_f32(dst + (i + 2) * dst_stride, vcombine_f32(vget_high_f32(low.val[i]), vget_high_f32(high.val[i])));
    }
}

// 32 registers: 24 hold sums.
#define MOST_VECTORS 4
#define PRODUCT_VECTORS 4
#define ROWS_1 12
#define ROWS_2 12
#define ROWS_3 8
#define ROWS_4 6
#include "simd_math.h"
#include "simd_ops.h"
#include "simd_gemm.h"
#include "simd_product.h"
#include "simd_winograd.h"
#include "simd_half.h"
#include "simd_transpose.h"
#include "simd_table.h"

// Each byte of `src` in 16 bits: the two elements that it holds, times 32, are the factors of a rounding multiplication.
static void decode_int4_neon(int8_t *dst, const uint8_t *src, const int16_t *ratios, size_t k, size_t columns) {
    for (size_t group = 0; group < k; group += 32, ratios += columns)
        for (size_t column = 0; column < columns; column += 4) {
            int16x4_t four = vld1_s16(ratios + column);
            int16x8_t ratio = vcombine_s16(vzip1_s16(four, four), vzip2_s16(four, four));
            for (size_t quad = group / 4; quad < group / 4 + 8; quad++) {
                size_t at = quad * columns + column;
                uint8x8_t pairs = vld1_u8(src + at * 2);
                int16x8_t even = vshll_n_s8(vreinterpret_s8_u8(vshl_n_u8(pairs, 4)), 1);
                int16x8_t odd = vshll_n_s8(vreinterpret_s8_u8(vand_u8(pairs, vdup_n_u8(0xf0))), 1);
                int8x16_t low = vreinterpretq_s8_s16(vqrdmulhq_s16(even, ratio));
                vst1q_s8(dst + at * 4, vtrn1q_s8(low, vreinterpretq_s8_s16(vqrdmulhq_s16(odd, ratio))));
            }
        }
}

void kernels_fill_neon(struct kernels *table) {
    fill_simd(table);
    fill_half(table);
    table->transpose = transpose_simd;
    table->decode_int4 = decode_int4_neon;
}

#endif
