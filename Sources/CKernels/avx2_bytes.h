// Bytes in the registers of AVX2: their products, and the way from floats and 4-bit weights to bytes and back.

// Four products fit the 16 bits of a sum: activations have 7 bits, and kernels_weight_scale sees to the weights.
static inline __m256i quad_pairs(__m256i sums, __m256i pairs) {
    return _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

// vpmaddubsw twice, vpaddw, vpmaddwd with ones, vpaddd: 64 products in three multiplications, so at best 43 a cycle where a core begins
// two of them (32 if each vpmaddubsw had its own vpmaddwd).
#define PRODUCT product_u8_avx2
#define rdot(sums, quad, weights) quad_pairs(sums, _mm256_maddubs_epi16(quad, weights))
#define rdot_both(sums, quad, weights, next, its_weights)                                                              \
    quad_pairs(sums, _mm256_add_epi16(_mm256_maddubs_epi16(quad, weights), _mm256_maddubs_epi16(next, its_weights)))
#include "avx2_bytes.inc"

static inline __m256i round_clamped(const float *p, V factor, V zero, V levels) {
    return _mm256_cvtps_epi32(vmin(vmax(vfma(vload(p), factor, zero), vset1(0.0f)), levels));
}

static void quantize_avx2(uint8_t *dst, const float *src, size_t n, float factor, float zero, int levels) {
    V f = vset1(factor), z = vset1(zero), top = vset1((float)levels);
    size_t i = 0;
    for (; i + 16 <= n; i += 16) {
        __m256i words = _mm256_packs_epi32(round_clamped(src + i, f, z, top), round_clamped(src + i + 8, f, z, top));
        words = _mm256_permute4x64_epi64(words, 0xd8);
        _mm_storeu_si128((__m128i *)(dst + i),
                         _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
    }
    for (; i < n; i++) {
        __m128 x = _mm_fmadd_ss(_mm_set_ss(src[i]), _mm_set_ss(factor), _mm_set_ss(zero));
        dst[i] = (uint8_t)_mm_cvtss_si32(_mm_min_ss(_mm_max_ss(x, _mm_setzero_ps()), _mm_set_ss((float)levels)));
    }
}

// Each byte of `src` in 16 bits: the two elements that it holds, times 32, are the factors of a rounding multiplication.
static void decode_int4_avx2(int8_t *dst, const uint8_t *src, const int16_t *ratios, size_t k, size_t columns) {
    for (size_t group = 0; group < k; group += 32, ratios += columns)
        for (size_t column = 0; column < columns; column += 8) {
            __m256i ratio = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(ratios + column)));
            ratio = _mm256_or_si256(ratio, _mm256_slli_epi32(ratio, 16));
            for (size_t quad = group / 4; quad < group / 4 + 8; quad++) {
                size_t at = quad * columns + column;
                __m256i pairs = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(src + at * 2)));
                __m256i even = _mm256_srai_epi16(_mm256_slli_epi16(pairs, 12), 7);
                __m256i odd = _mm256_slli_epi16(_mm256_and_si256(pairs, _mm256_set1_epi16(-16)), 1);
                even = _mm256_and_si256(_mm256_mulhrs_epi16(even, ratio), _mm256_set1_epi16(255));
                odd = _mm256_slli_epi16(_mm256_mulhrs_epi16(odd, ratio), 8);
                _mm256_storeu_si256((__m256i *)(dst + at * 4), _mm256_or_si256(even, odd));
            }
        }
}
