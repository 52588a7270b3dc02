// AVX2, FMA and F16C: Haswell and later, every Zen.
#include "tables.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define LANES 8
typedef __m256 V;

static inline __m256i part_mask(size_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline V vset1(float x) { return _mm256_set1_ps(x); }
static inline V vload(const float *p) { return _mm256_loadu_ps(p); }
static inline V vload_part(const float *p, size_t n) { return _mm256_maskload_ps(p, part_mask(n)); }
static inline void vstore(float *p, V v) { _mm256_storeu_ps(p, v); }
static inline void vstore_part(float *p, V v, size_t n) { _mm256_maskstore_ps(p, part_mask(n), v); }
static inline V vadd(V a, V b) { return _mm256_add_ps(a, b); }
static inline V vsub(V a, V b) { return _mm256_sub_ps(a, b); }
static inline V vmul(V a, V b) { return _mm256_mul_ps(a, b); }
static inline V vdiv(V a, V b) { return _mm256_div_ps(a, b); }
static inline V vfma(V a, V b, V c) { return _mm256_fmadd_ps(a, b, c); }
static inline V vmax(V a, V b) { return _mm256_max_ps(a, b); }
static inline V vmin(V a, V b) { return _mm256_min_ps(a, b); }
static inline V vfrom_i32(V bits) { return _mm256_cvtepi32_ps(_mm256_castps_si256(bits)); }
static inline V vfnma(V a, V b, V c) { return _mm256_fnmadd_ps(a, b, c); }
static inline V vround(V x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
static inline V vpow2(V n) {
    __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
}
static inline V vscale2(V x, V n) {
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), _mm256_slli_epi32(_mm256_castps_si256(n), 23)));
}
static inline V vmax_int(V a, V b) {
    return _mm256_castsi256_ps(_mm256_max_epi32(_mm256_castps_si256(a), _mm256_castps_si256(b)));
}
static inline V vpair_low(V x) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(x), 16)); }
static inline V vpair_high(V x) { return _mm256_and_ps(x, _mm256_castsi256_ps(_mm256_set1_epi32((int)0xffff0000))); }
static inline V vabs(V x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x); }
static inline V vcopysign(V magnitude, V sign) {
    return _mm256_or_ps(magnitude, _mm256_and_ps(sign, _mm256_set1_ps(-0.0f)));
}
static inline V vless(V a, V b, V x, V y) { return _mm256_blendv_ps(y, x, _mm256_cmp_ps(a, b, _CMP_LT_OQ)); }
static inline float vsum(V v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
static inline float vtop(V v) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

static inline V vfrom_f16(const uint16_t *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)); }
static inline V vfrom_bf16(const uint16_t *p) {
    __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}
static inline void vto_f16(uint16_t *p, V v) {
    _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
static inline void vto_bf16(uint16_t *p, V v) {
    __m256i bits = _mm256_castps_si256(v), high = _mm256_srli_epi32(bits, 16);
    __m256i odd = _mm256_and_si256(high, _mm256_set1_epi32(1));
    __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    __m256i quiet = _mm256_or_si256(high, _mm256_set1_epi32(0x40));
    __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
    __m256i result = _mm256_blendv_epi8(_mm256_srli_epi32(rounded, 16), quiet, nan);
    __m128i packed = _mm_packus_epi32(_mm256_castsi256_si128(result), _mm256_extracti128_si256(result, 1));
    _mm_storeu_si128((__m128i *)p, packed);
}

static inline void vto_bf16_pairs(void *p, V a, V b) {
    const __m256i half = _mm256_set1_epi32(0x8000);
    __m256i low = _mm256_srli_epi32(_mm256_add_epi32(_mm256_castps_si256(a), half), 16);
    __m256i high = _mm256_add_epi32(_mm256_castps_si256(b), half);
    _mm256_storeu_si256(p, _mm256_blend_epi16(low, high, 0xaa));
}
static inline void vto_s16_pairs(void *p, V a, V b) {
    __m256i high = _mm256_slli_epi32(_mm256_cvtps_epi32(b), 16);
    _mm256_storeu_si256(p, _mm256_blend_epi16(_mm256_cvtps_epi32(a), high, 0xaa));
}
static inline void vto_u8_quads(void *p, V a, V b, V c, V d, int less) {
    const __m256i order = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    __m256i low = _mm256_packs_epi32(_mm256_cvtps_epi32(a), _mm256_cvtps_epi32(b));
    __m256i high = _mm256_packs_epi32(_mm256_cvtps_epi32(c), _mm256_cvtps_epi32(d));
    __m256i bytes = _mm256_shuffle_epi8(_mm256_packus_epi16(low, high), order);
    _mm256_storeu_si256(p, _mm256_sub_epi8(bytes, _mm256_set1_epi8((char)less)));
}

// Pairs of rows, then pairs of pairs, then halves of the registers.
static inline void transpose_square(float *dst, size_t dst_stride, const float *src, size_t src_stride) {
    __m256 a[8], b[8];
    for (int i = 0; i < 8; i++)
        a[i] = _mm256_loadu_ps(src + i * src_stride);
    for (int i = 0; i < 8; i += 2) {
        b[i] = _mm256_unpacklo_ps(a[i], a[i + 1]);
        b[i + 1] = _mm256_unpackhi_ps(a[i], a[i + 1]);
    }
    for (int i = 0; i < 8; i += 4)
        for (int j = 0; j < 2; j++) {
            a[i + 2 * j] = _mm256_shuffle_ps(b[i + j], b[i + j + 2], 0x44);
            a[i + 2 * j + 1] = _mm256_shuffle_ps(b[i + j], b[i + j + 2], 0xee);
        }
    for (int i = 0; i < 4; i++) {
        _mm256_storeu_ps(dst + i * dst_stride, _mm256_permute2f128_ps(a[i], a[i + 4], 0x20));
        _mm256_storeu_ps(dst + (i + 4) * dst_stride, _mm256_permute2f128_ps(a[i], a[i + 4], 0x31));
    }
}

// 16 registers: 12 hold sums, two the right operand, one the left. Blocks of 3 vectors spill and run at half the speed.
#define PRODUCT_VECTORS 2
#include "simd_math.h"
#include "simd_ops.h"
#include "simd_attention.h"
#include "simd_product.h"
#include "simd_winograd.h"
#include "simd_half.h"
#include "simd_transpose.h"
#include "simd_table.h"
#include "avx2_bytes.h"

#define PRODUCT product_s16_avx2
#define rdot(sums, pair, weights) _mm256_add_epi32(sums, _mm256_madd_epi16(pair, weights))
#include "avx2_words.inc"

static void quantize_s16_avx2(int16_t *dst, const float *src, size_t n, float factor, float zero, int levels) {
    V f = vset1(factor), z = vset1(zero), top = vset1((float)levels), bottom = vset1(-(float)levels);
    for (size_t i = 0; i < n; i += LANES) {
        size_t part = PART(i, n);
        __m256i x = _mm256_cvtps_epi32(vmin(vmax(vfma(load_some(src + i, part), f, z), bottom), top));
        __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
        if (part == LANES)
            _mm_storeu_si128((__m128i *)(dst + i), words);
        else
            memcpy(dst + i, &words, part * sizeof *dst);
    }
}

void kernels_fill_avx2(struct kernels *table) {
    fill_simd(table);
    fill_half(table);
    table->transpose = transpose_simd;
    table->activation_levels = 127;
    table->weight_levels = 64;
    table->element_of_bf16 = KERNELS_S16;
    table->product_s16 = product_s16_avx2;
    table->product_u8 = product_u8_avx2;
    table->quantize_s16 = quantize_s16_avx2;
    table->quantize = quantize_avx2;
    table->decode_int4 = decode_int4_avx2;
}

#pragma clang attribute pop
#endif
