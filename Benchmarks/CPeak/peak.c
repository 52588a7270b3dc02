#include "CPeak.h"
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#define REGISTER "v"
#elif defined(__aarch64__)
#include <arm_neon.h>
#define REGISTER "w"
#endif

// Twelve sums: as many as any core's latency times its multipliers, and they fit 16 registers. The empty statement keeps them there, and
// the operands from being known. `products` is what one step multiplies.
#define PEAK(name, features, vector, products, step)                                                                   \
    __attribute__((target(features))) static double name(double operations) {                                         \
        vector x, y, sums[12];                                                                                         \
        memset(&x, 0, sizeof x);                                                                                       \
        memset(&y, 0, sizeof y);                                                                                       \
        memset(sums, 0, sizeof sums);                                                                                  \
        double each = 12 * 2 * products, done = 0;                                                                     \
        for (; done < operations; done += each) {                                                                      \
            _Pragma("clang loop unroll(full)") for (int i = 0; i < 12; i++) {                                          \
                vector sum = sums[i];                                                                                  \
                __asm__ volatile("" : "+" REGISTER(x), "+" REGISTER(y));                                               \
                sums[i] = step;                                                                                        \
                __asm__ volatile("" : "+" REGISTER(sums[i]));                                                          \
            }                                                                                                          \
        }                                                                                                              \
        return done;                                                                                                   \
    }

struct peak {
    const char *isa, *precision;
    double (*run)(double operations);
};

// A table has an entry where its instructions differ from those of the ones before it.
#if defined(__x86_64__)
// Four products in 16 bits, as product_u8 does where no instruction sums them in 32.
#define QUADS(v)                                                                                                       \
    v##_add_epi32(sum, v##_madd_epi16(v##_add_epi16(v##_maddubs_epi16(x, y), v##_maddubs_epi16(y, x)), v##_set1_epi16(1)))

// "scalar" is what the compiler may use without asking the CPU: vectors of four.
PEAK(scalar_fp32, "sse2", __m128, 4, _mm_add_ps(_mm_mul_ps(x, y), sum))
PEAK(avx2_fp32, "avx2,fma", __m256, 8, _mm256_fmadd_ps(x, y, sum))
PEAK(avx2_int8, "avx2", __m256i, 64, QUADS(_mm256))
PEAK(avxvnni_int8, "avx2,avxvnni", __m256i, 32, _mm256_dpbusd_avx_epi32(sum, x, y))
PEAK(avx512_fp32, "avx512f", __m512, 16, _mm512_fmadd_ps(x, y, sum))
PEAK(avx512_int8, "avx512f,avx512bw", __m512i, 128, QUADS(_mm512))
PEAK(avx512vnni_int8, "avx512f,avx512vnni", __m512i, 64, _mm512_dpbusd_epi32(sum, x, y))
PEAK(avx512bf16_bf16, "avx512f,avx512bf16", __m512, 32, _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)y))

static const struct peak peaks[] = {
    {"scalar", "fp32", scalar_fp32},         {"avx2", "fp32", avx2_fp32},     {"avx2", "int8", avx2_int8},
    {"avxvnni", "int8", avxvnni_int8},       {"avx512", "fp32", avx512_fp32}, {"avx512", "int8", avx512_int8},
    {"avx512vnni", "int8", avx512vnni_int8}, {"avx512bf16", "bf16", avx512bf16_bf16},
};
static const char *const tables[] = {"scalar", "avx2", "avxvnni", "avx512", "avx512vnni", "avx512bf16"};
#elif defined(__aarch64__)
static inline int32x4_t pairs(int32x4_t sum, int8x16_t x, int8x16_t y) {
    int16x8_t low = vmlal_s8(vmull_s8(vget_low_s8(x), vget_low_s8(y)), vget_low_s8(y), vget_high_s8(x));
    int16x8_t high = vmlal_high_s8(vmull_high_s8(x, y), x, x);
    return vpadalq_s16(vpadalq_s16(sum, low), high);
}

PEAK(neon_fp32, "neon", float32x4_t, 4, vfmaq_f32(sum, x, y))
PEAK(neon_int8, "neon", int32x4_t, 32, pairs(sum, vreinterpretq_s8_s32(x), vreinterpretq_s8_s32(y)))
PEAK(neondotprod_int8, "dotprod", int32x4_t, 16, vdotq_s32(sum, vreinterpretq_s8_s32(x), vreinterpretq_s8_s32(y)))
PEAK(neoni8mm_int8, "i8mm", int32x4_t, 32, vusmmlaq_s32(sum, vreinterpretq_u8_s32(x), vreinterpretq_s8_s32(y)))
PEAK(neonbf16_bf16, "bf16", float32x4_t, 16, vbfmmlaq_f32(sum, vreinterpretq_bf16_f32(x), vreinterpretq_bf16_f32(y)))

static const struct peak peaks[] = {
    {"scalar", "fp32", neon_fp32},
    {"neon", "int8", neon_int8},
    {"neondotprod", "int8", neondotprod_int8},
    {"neoni8mm", "int8", neoni8mm_int8},
    {"neonbf16", "bf16", neonbf16_bf16},
};
static const char *const tables[] = {"scalar", "neon", "neondotprod", "neoni8mm", "neonbf16"};
#endif

double peak_run(const char *isa, const char *precision, double operations) {
    const struct peak *best = &peaks[0];  // Floats, for a precision that has no instructions of its own.
    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        for (size_t p = 0; p < sizeof peaks / sizeof *peaks; p++)
            if (strcmp(peaks[p].isa, tables[t]) == 0 &&
                (strcmp(peaks[p].precision, precision) == 0 || (strcmp(peaks[p].precision, "fp32") == 0 && strcmp(best->precision, "fp32") == 0)))
                best = &peaks[p];
        if (strcmp(tables[t], isa) == 0)
            break;
    }
    return best->run(operations);
}
