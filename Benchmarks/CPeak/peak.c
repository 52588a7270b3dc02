#include "CPeak.h"
#include <string.h>

// Twenty sums: more than any core's latency times its multiply-add units. The empty statement keeps them in registers.
#define PEAK(name, attributes, vector, lanes, constraint)                                                              \
    attributes static double name(double operations) {                                                                \
        vector factor, sums[20];                                                                                       \
        for (int i = 0; i < lanes; i++)                                                                                \
            factor[i] = 0.999f;                                                                                        \
        for (int i = 0; i < 20; i++)                                                                                   \
            sums[i] = factor;                                                                                          \
        double each = 20 * 2 * lanes, done = 0;                                                                        \
        for (; done < operations; done += each) {                                                                      \
            _Pragma("clang loop unroll(full)") for (int i = 0; i < 20; i++) {                                          \
                sums[i] = __builtin_elementwise_fma(sums[i], factor, factor);                                          \
                __asm__ volatile("" : "+" constraint(sums[i]));                                                        \
            }                                                                                                          \
        }                                                                                                              \
        return done;                                                                                                   \
    }

typedef float v4 __attribute__((vector_size(16)));
#if defined(__x86_64__)
typedef float v8 __attribute__((vector_size(32)));
typedef float v16 __attribute__((vector_size(64)));
PEAK(peak_avx2, __attribute__((target("avx2,fma"))), v8, 8, "x")
PEAK(peak_avx512, __attribute__((target("avx512f"))), v16, 16, "v")
#elif defined(__aarch64__)
PEAK(peak_neon, , v4, 4, "w")
#endif

double peak_run(const char *isa, double operations) {
#if defined(__x86_64__)
    if (strcmp(isa, "avx512") == 0)
        return peak_avx512(operations);
    if (strcmp(isa, "avx2") == 0)
        return peak_avx2(operations);
#elif defined(__aarch64__)
    if (strcmp(isa, "neon") == 0)
        return peak_neon(operations);
#endif
    volatile float sum = 0;
    double done = 0;
    for (; done < operations; done += 2)
        sum = sum * 0.999f + 0.999f;
    return done;
}
