#include "CPeak.h"
#include <string.h>

// Twelve sums: as many as any core's latency times its multiply-add units, and they fit 16 registers. The empty statement
// keeps them there.
#define PEAK(name, attributes, vector, lanes, constraint, multiply_add)                                                \
    attributes static double name(double operations) {                                                                \
        vector factor, sums[12];                                                                                       \
        for (int i = 0; i < lanes; i++)                                                                                \
            factor[i] = 0.999f;                                                                                        \
        for (int i = 0; i < 12; i++)                                                                                   \
            sums[i] = factor;                                                                                          \
        double each = 12 * 2 * lanes, done = 0;                                                                        \
        for (; done < operations; done += each) {                                                                      \
            _Pragma("clang loop unroll(full)") for (int i = 0; i < 12; i++) {                                          \
                sums[i] = multiply_add(sums[i], factor, factor);                                                       \
                __asm__ volatile("" : "+" constraint(sums[i]));                                                        \
            }                                                                                                          \
        }                                                                                                              \
        return done;                                                                                                   \
    }

#define SEPARATE(a, b, c) ((a) * (b) + (c))

typedef float v4 __attribute__((vector_size(16)));
typedef float v8 __attribute__((vector_size(32)));
typedef float v16 __attribute__((vector_size(64)));

// "scalar" is what the compiler may use without asking the CPU: vectors of four.
#if defined(__x86_64__)
PEAK(peak_scalar, , v4, 4, "x", SEPARATE)
PEAK(peak_avx2, __attribute__((target("avx2,fma"))), v8, 8, "x", __builtin_elementwise_fma)
PEAK(peak_avx512, __attribute__((target("avx512f"))), v16, 16, "v", __builtin_elementwise_fma)
#elif defined(__aarch64__)
PEAK(peak_scalar, , v4, 4, "w", SEPARATE)
PEAK(peak_neon, , v4, 4, "w", __builtin_elementwise_fma)
#endif

double peak_run(const char *isa, double operations) {
#if defined(__x86_64__)
    if (strncmp(isa, "avx512", 6) == 0)
        return peak_avx512(operations);
    if (strcmp(isa, "avx2") == 0)
        return peak_avx2(operations);
#elif defined(__aarch64__)
    if (strcmp(isa, "neon") == 0)
        return peak_neon(operations);
#endif
    return peak_scalar(operations);
}
