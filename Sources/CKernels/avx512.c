// AVX-512 F, BW, VL and DQ: Skylake-X and later, Zen 4 and later.
#include "tables.h"

#if defined(__x86_64__)
#include <immintrin.h>
#include <string.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq"))), apply_to = function)

#define LANES 16
typedef __m512 V;

static inline __mmask16 part_mask(size_t n) { return (__mmask16)((1u << n) - 1); }
static inline V vset1(float x) { return _mm512_set1_ps(x); }
static inline V vload(const float *p) { return _mm512_loadu_ps(p); }
static inline V vload_part(const float *p, size_t n) { return _mm512_maskz_loadu_ps(part_mask(n), p); }
static inline void vstore(float *p, V v) { _mm512_storeu_ps(p, v); }
static inline void vstore_part(float *p, V v, size_t n) { _mm512_mask_storeu_ps(p, part_mask(n), v); }
static inline V vadd(V a, V b) { return _mm512_add_ps(a, b); }
static inline V vsub(V a, V b) { return _mm512_sub_ps(a, b); }
static inline V vmul(V a, V b) { return _mm512_mul_ps(a, b); }
static inline V vdiv(V a, V b) { return _mm512_div_ps(a, b); }
static inline V vfma(V a, V b, V c) { return _mm512_fmadd_ps(a, b, c); }
static inline V vmax(V a, V b) { return _mm512_max_ps(a, b); }
static inline V vmin(V a, V b) { return _mm512_min_ps(a, b); }
static inline V vfrom_i32(V bits) { return _mm512_cvtepi32_ps(_mm512_castps_si512(bits)); }
static inline V vfnma(V a, V b, V c) { return _mm512_fnmadd_ps(a, b, c); }
static inline V vround(V x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
static inline V vpow2(V n) { return _mm512_scalef_ps(_mm512_set1_ps(1.0f), n); }
static inline V vscale2(V x, V n) {
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(x), _mm512_slli_epi32(_mm512_castps_si512(n), 23)));
}
static inline V vmax_int(V a, V b) {
    return _mm512_castsi512_ps(_mm512_max_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
}
static inline V vpair_low(V x) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(x), 16)); }
static inline V vpair_high(V x) { return _mm512_and_ps(x, _mm512_castsi512_ps(_mm512_set1_epi32((int)0xffff0000))); }
static inline V vabs(V x) { return _mm512_abs_ps(x); }
static inline V vcopysign(V magnitude, V sign) {
    return _mm512_or_ps(magnitude, _mm512_and_ps(sign, _mm512_set1_ps(-0.0f)));
}
static inline V vless(V a, V b, V x, V y) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), y, x);
}
static inline float vsum(V v) { return _mm512_reduce_add_ps(v); }
static inline float vtop(V v) { return _mm512_reduce_max_ps(v); }

static inline V vfrom_f16(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
static inline V vfrom_bf16(const uint16_t *p) {
    __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}
static inline void vto_f16(uint16_t *p, V v) {
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
}
static inline void vto_bf16(uint16_t *p, V v) {
    __m512i bits = _mm512_castps_si512(v), high = _mm512_srli_epi32(bits, 16);
    __m512i odd = _mm512_and_si512(high, _mm512_set1_epi32(1));
    __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
    __m512i quiet = _mm512_or_si512(high, _mm512_set1_epi32(0x40));
    __mmask16 nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
    __m512i result = _mm512_mask_mov_epi32(_mm512_srli_epi32(rounded, 16), nan, quiet);
    _mm256_storeu_si256((__m256i *)p, _mm512_cvtepi32_epi16(result));
}

static inline void vto_bf16_pairs(void *p, V a, V b) {
    const __m512i half = _mm512_set1_epi32(0x8000);
    __m512i low = _mm512_srli_epi32(_mm512_add_epi32(_mm512_castps_si512(a), half), 16);
    __m512i high = _mm512_add_epi32(_mm512_castps_si512(b), half);
    _mm512_storeu_si512(p, _mm512_mask_mov_epi16(low, 0xaaaaaaaa, high));
}
static inline void vto_s16_pairs(void *p, V a, V b) {
    __m512i high = _mm512_slli_epi32(_mm512_cvtps_epi32(b), 16);
    _mm512_storeu_si512(p, _mm512_mask_mov_epi16(_mm512_cvtps_epi32(a), 0xaaaaaaaa, high));
}
static inline void vto_u8_quads(void *p, V a, V b, V c, V d, int less) {
    const __m512i order = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
    __m512i low = _mm512_packs_epi32(_mm512_cvtps_epi32(a), _mm512_cvtps_epi32(b));
    __m512i high = _mm512_packs_epi32(_mm512_cvtps_epi32(c), _mm512_cvtps_epi32(d));
    __m512i bytes = _mm512_shuffle_epi8(_mm512_packus_epi16(low, high), order);
    _mm512_storeu_si512(p, _mm512_sub_epi8(bytes, _mm512_set1_epi8((char)less)));
}

// Pairs of rows, then pairs of pairs, then quarters, then halves of the registers.
static inline void transpose_square(float *dst, size_t dst_stride, const float *src, size_t src_stride) {
    __m512 a[16], b[16];
    for (int i = 0; i < 16; i++)
        a[i] = _mm512_loadu_ps(src + i * src_stride);
    for (int i = 0; i < 16; i += 2) {
        b[i] = _mm512_unpacklo_ps(a[i], a[i + 1]);
        b[i + 1] = _mm512_unpackhi_ps(a[i], a[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int j = 0; j < 2; j++) {
            __m512d low = _mm512_castps_pd(b[i + j]), high = _mm512_castps_pd(b[i + j + 2]);
            a[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
            a[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
        }
    for (int j = 0; j < 4; j++) {
        b[j] = _mm512_shuffle_f32x4(a[j], a[j + 4], 0x88);
        b[j + 4] = _mm512_shuffle_f32x4(a[j], a[j + 4], 0xdd);
        b[j + 8] = _mm512_shuffle_f32x4(a[j + 8], a[j + 12], 0x88);
        b[j + 12] = _mm512_shuffle_f32x4(a[j + 8], a[j + 12], 0xdd);
    }
    for (int j = 0; j < 4; j++) {
        _mm512_storeu_ps(dst + j * dst_stride, _mm512_shuffle_f32x4(b[j], b[j + 8], 0x88));
        _mm512_storeu_ps(dst + (j + 4) * dst_stride, _mm512_shuffle_f32x4(b[j + 4], b[j + 12], 0x88));
        _mm512_storeu_ps(dst + (j + 8) * dst_stride, _mm512_shuffle_f32x4(b[j], b[j + 8], 0xdd));
        _mm512_storeu_ps(dst + (j + 12) * dst_stride, _mm512_shuffle_f32x4(b[j + 4], b[j + 12], 0xdd));
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

// Four products fit the 16 bits of a sum: activations have 7 bits, and kernels_weight_scale sees to the weights.
static inline __m512i quad_pairs(__m512i sums, __m512i pairs) {
    return _mm512_add_epi32(sums, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
}

#define PRODUCT product_s16_avx512
#define rdot(sums, pair, weights) _mm512_add_epi32(sums, _mm512_madd_epi16(pair, weights))
#include "avx512_words.inc"

// vpmaddubsw twice, vpaddw, vpmaddwd with ones, vpaddd: 128 products in three multiplications, so at best 85 a cycle where a core
// begins two of them.
#define PRODUCT product_u8_avx512
#define rdot(sums, quad, weights) quad_pairs(sums, _mm512_maddubs_epi16(quad, weights))
#define rdot_both(sums, quad, weights, next, its_weights)                                                              \
    quad_pairs(sums, _mm512_add_epi16(_mm512_maddubs_epi16(quad, weights), _mm512_maddubs_epi16(next, its_weights)))
#include "avx512_bytes.inc"

static void quantize_avx512(uint8_t *dst, const float *src, size_t n, float factor, float zero, int levels) {
    V f = vset1(factor), z = vset1(zero), top = vset1((float)levels);
    for (size_t i = 0; i < n; i += LANES) {
        size_t part = PART(i, n);
        V x = vmin(vmax(vfma(load_some(src + i, part), f, z), vset1(0.0f)), top);
        _mm512_mask_cvtusepi32_storeu_epi8(dst + i, part == LANES ? 0xffff : part_mask(part), _mm512_cvtps_epi32(x));
    }
}

static void quantize_s16_avx512(int16_t *dst, const float *src, size_t n, float factor, float zero, int levels) {
    V f = vset1(factor), z = vset1(zero), top = vset1((float)levels), bottom = vset1(-(float)levels);
    for (size_t i = 0; i < n; i += LANES) {
        size_t part = PART(i, n);
        V x = vmin(vmax(vfma(load_some(src + i, part), f, z), bottom), top);
        _mm512_mask_cvtsepi32_storeu_epi16(dst + i, part == LANES ? 0xffff : part_mask(part), _mm512_cvtps_epi32(x));
    }
}

// Each byte of `src` in 16 bits: the two elements that it holds, times 32, are the factors of a rounding multiplication.
static void decode_int4_avx512(int8_t *dst, const uint8_t *src, const int16_t *ratios, size_t k, size_t columns) {
    for (size_t group = 0; group < k; group += 32, ratios += columns)
        for (size_t column = 0; column < columns; column += 16) {
            __m512i ratio = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(ratios + column)));
            ratio = _mm512_or_si512(ratio, _mm512_slli_epi32(ratio, 16));
            for (size_t quad = group / 4; quad < group / 4 + 8; quad++) {
                size_t at = quad * columns + column;
                __m512i pairs = _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(src + at * 2)));
                __m512i even = _mm512_srai_epi16(_mm512_slli_epi16(pairs, 12), 7);
                __m512i odd = _mm512_slli_epi16(_mm512_and_si512(pairs, _mm512_set1_epi16(-16)), 1);
                even = _mm512_and_si512(_mm512_mulhrs_epi16(even, ratio), _mm512_set1_epi16(255));
                odd = _mm512_slli_epi16(_mm512_mulhrs_epi16(odd, ratio), 8);
                _mm512_storeu_si512(dst + at * 4, _mm512_or_si512(even, odd));
            }
        }
}

void kernels_fill_avx512(struct kernels *table) {
    fill_simd(table);
    fill_half(table);
    table->transpose = transpose_simd;
    table->activation_levels = 127;
    table->weight_levels = 64;
    table->has_byte_dots = 0;
    table->product_s16 = product_s16_avx512;
    table->product_u8 = product_u8_avx512;
    table->quantize_s16 = quantize_s16_avx512;
    table->quantize = quantize_avx512;
    table->decode_int4 = decode_int4_avx512;
}

#pragma clang attribute pop
#endif
