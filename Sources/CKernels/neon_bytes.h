// Bytes and 16-bit integers in the registers of NEON: their products, and the way from floats and 4-bit weights to them.

// Sums of four columns before they are whole: two neighbours make one sum.
struct halves {
    int32x4_t low, high;
};

INLINE struct halves halves_load(const int32_t *p) {
    int32x4_t sums = vld1q_s32(p), zero = vdupq_n_s32(0);
    return (struct halves){vzip1q_s32(sums, zero), vzip2q_s32(sums, zero)};
}

INLINE int8x16_t quad_broadcast(const uint8_t *p) {
    int32_t quad;
    memcpy(&quad, p, sizeof quad);
    return vreinterpretq_s8_s32(vdupq_n_s32(quad));
}

INLINE struct halves quad_dot(struct halves sums, int8x16_t quad, int8x16_t weights) {
    sums.low = vpadalq_s16(sums.low, vmull_s8(vget_low_s8(quad), vget_low_s8(weights)));
    sums.high = vpadalq_s16(sums.high, vmull_high_s8(quad, weights));
    return sums;
}

// Two products fit 16 bits: both numbers have 7 and a sign.
INLINE struct halves quad_dot_both(struct halves sums, int8x16_t quad, int8x16_t weights, int8x16_t next, int8x16_t its_weights) {
    int16x8_t low = vmlal_s8(vmull_s8(vget_low_s8(quad), vget_low_s8(weights)), vget_low_s8(next), vget_low_s8(its_weights));
    int16x8_t high = vmlal_high_s8(vmull_high_s8(quad, weights), next, its_weights);
    return (struct halves){vpadalq_s16(sums.low, low), vpadalq_s16(sums.high, high)};
}

// smull, smlal and sadalp for 16 products: 8 a multiplication, so at best 8 a cycle where a core begins one of them, 16 where two.
#define PRODUCT product_u8_neon
#define ELEMENT uint8_t
#define WEIGHT int8_t
#define SUM int32_t
#define GROUP 4
#define WIDTH 4
#define VECTORS 1
#define R struct halves
#define W int8x16_t
#define rzero() ((struct halves){vdupq_n_s32(0), vdupq_n_s32(0)})
#define rload_sums(p) halves_load(p)
#define rstore_sums(p, v) vst1q_s32(p, vpaddq_s32((v).low, (v).high))
#define rload(p) vld1q_s8(p)
#define rbroadcast(p) quad_broadcast(p)
#define rdot(sums, quad, weights) quad_dot(sums, quad, weights)
#define rdot_both(sums, quad, weights, next, its_weights) quad_dot_both(sums, quad, weights, next, its_weights)
#include "simd_product.inc"

INLINE int16x8_t pair_broadcast_s16(const int16_t *p) {
    int32_t pair;
    memcpy(&pair, p, sizeof pair);
    return vreinterpretq_s16_s32(vdupq_n_s32(pair));
}

INLINE struct halves pair_dot_s16(struct halves sums, int16x8_t pair, int16x8_t weights) {
    return (struct halves){vmlal_s16(sums.low, vget_low_s16(pair), vget_low_s16(weights)),
                           vmlal_high_s16(sums.high, pair, weights)};
}

// smlal: 4 products, so at best 4 a cycle where a core begins one of them, 8 where two.
#define PRODUCT product_s16_neon
#define ELEMENT int16_t
#define WEIGHT int16_t
#define SUM int32_t
#define GROUP 2
#define WIDTH 4
#define VECTORS 2
#define R struct halves
#define W int16x8_t
#define rzero() ((struct halves){vdupq_n_s32(0), vdupq_n_s32(0)})
#define rload_sums(p) halves_load(p)
#define rstore_sums(p, v) vst1q_s32(p, vpaddq_s32((v).low, (v).high))
#define rload(p) vld1q_s16(p)
#define rbroadcast(p) pair_broadcast_s16(p)
#define rdot(sums, pair, weights) pair_dot_s16(sums, pair, weights)
#include "simd_product.inc"

INLINE uint16x4_t rounded(const float *p, V factor, V zero, V levels) {
    V x = vminq_f32(vmaxq_f32(vfmaq_f32(zero, vld1q_f32(p), factor), vdupq_n_f32(0)), levels);
    return vmovn_u32(vcvtnq_u32_f32(x));
}

static void quantize_neon(uint8_t *dst, const float *src, size_t n, float factor, float zero, int levels) {
    V f = vset1(factor), z = vset1(zero), top = vset1((float)levels);
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        vst1_u8(dst + i, vmovn_u16(vcombine_u16(rounded(src + i, f, z, top), rounded(src + i + 4, f, z, top))));
    if (i < n) {
        float rest[8] = {0};
        memcpy(rest, src + i, (n - i) * sizeof *src);
        uint8_t bytes[8];
        vst1_u8(bytes, vmovn_u16(vcombine_u16(rounded(rest, f, z, top), rounded(rest + 4, f, z, top))));
        memcpy(dst + i, bytes, n - i);
    }
}

static void quantize_s16_neon(int16_t *dst, const float *src, size_t n, float factor, float zero, int levels) {
    V f = vset1(factor), z = vset1(zero), top = vset1((float)levels), bottom = vset1(-(float)levels);
    for (size_t i = 0; i < n; i += 4) {
        size_t part = PART(i, n);
        V x = vminq_f32(vmaxq_f32(vfmaq_f32(z, load_some(src + i, part), f), bottom), top);
        int16x4_t words = vmovn_s32(vcvtnq_s32_f32(x));
        if (part == 4) {
            vst1_s16(dst + i, words);
        } else {
            int16_t all[4];
            vst1_s16(all, words);
            memcpy(dst + i, all, part * sizeof *dst);
        }
    }
}

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
