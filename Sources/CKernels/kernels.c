// The choice of kernels: scalar first, then overrides upward, each level that the CPU has.
#include "tables.h"
#include <math.h>
#include <string.h>
#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

struct level {
    const char *isa;
    int (*supported)(void);
    void (*fill)(struct kernels *table);
};

static int always(void) { return 1; }

#if defined(__x86_64__)
static int has_avx2(void) {
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
}

static int has_avxvnni(void) { return has_avx2() && __builtin_cpu_supports("avxvnni"); }

static int has_avx512(void) {
    return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}

static int has_avx512vnni(void) { return has_avx512() && __builtin_cpu_supports("avx512vnni"); }

static int has_avx512bf16(void) { return has_avx512vnni() && __builtin_cpu_supports("avx512bf16"); }
#elif defined(__aarch64__)
// The bits as Linux defines them (asm/hwcap.h), also for older headers.
static int has_neondotprod(void) { return getauxval(AT_HWCAP) >> 20 & 1; }

static int has_neoni8mm(void) { return getauxval(AT_HWCAP2) >> 13 & 1; }

static int has_neonbf16(void) { return getauxval(AT_HWCAP2) >> 14 & 1; }
#endif

// Ascending: where a CPU has two of them, the later one's entries are the faster ones. A level that the CPU lacks is passed over: some
// have AVX-VNNI and no AVX-512, some AVX-512 and no AVX-VNNI.
static const struct level levels[] = {
    {"scalar", always, kernels_fill_scalar},
#if defined(__x86_64__)
    {"avx2", has_avx2, kernels_fill_avx2},
    {"avxvnni", has_avxvnni, kernels_fill_avxvnni},
    {"avx512", has_avx512, kernels_fill_avx512},
    {"avx512vnni", has_avx512vnni, kernels_fill_avx512vnni},
    {"avx512bf16", has_avx512bf16, kernels_fill_avx512bf16},
#elif defined(__aarch64__)
    {"neon", always, kernels_fill_neon},
    {"neondotprod", has_neondotprod, kernels_fill_neondotprod},
    {"neoni8mm", has_neoni8mm, kernels_fill_neoni8mm},
    {"neonbf16", has_neonbf16, kernels_fill_neonbf16},
#endif
};

static const size_t level_count = sizeof levels / sizeof *levels;

float kernels_weight_scale(const float *row, size_t taps, size_t channels) {
    float most = 1e-30f, most_summed = 0;
    for (size_t tap = 0; tap < taps; tap++, row += channels) {
        for (size_t k = 0; k < channels; k++)
            most = fabsf(row[k]) > most ? fabsf(row[k]) : most;
        for (size_t k = 0; k + 8 <= channels; k += 8) {
            float above[4], below[4];
            for (size_t i = 0; i < 4; i++) {
                float first = row[k + i], second = row[k + 4 + i];
                above[i] = (first > 0 ? first : 0) + (second > 0 ? second : 0);
                below[i] = above[i] - (first + second);
            }
            for (size_t i = 0; i < 4; i += 2) {
                float positive = above[i] + above[i + 1], negative = below[i] + below[i + 1];
                float summed = positive > negative ? positive : negative;
                most_summed = summed > most_summed ? summed : most_summed;
            }
        }
    }
    return most / 127 > most_summed / 256 ? most / 127 : most_summed / 256;
}

/// The squared error of a group rounded to -7 ... 7 times `scale`.
static float group_error(const float *group, float scale) {
    float sums[8] = {0}, inverse = 1 / scale;
    for (size_t k = 0; k < KERNELS_GROUP; k += 8)
        for (size_t i = 0; i < 8; i++) {
            float units = group[k + i] * inverse;
            units = units > 7 ? 7 : units;
            units = units < -7 ? -7 : units;
            // Adding and taking away 1.5 times 2^23 rounds to the nearest even integer.
            float error = group[k + i] - ((units + 0x1.8p23f) - 0x1.8p23f) * scale;
            sums[i] += error * error;
        }
    return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

/// The nearest number of 11 significant bits.
static float half_rounded(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = (bits + 0xfff + (bits >> 13 & 1)) & ~0x1fffu;
    memcpy(&value, &bits, sizeof value);
    return value;
}

float kernels_group_scale(const float *group) {
    const float least_scale = 0x1p-21f, most_scale = 65504;
    float most = 0;
    for (size_t k = 0; k < KERNELS_GROUP; k++)
        most = fabsf(group[k]) > most ? fabsf(group[k]) : most;
    float widest = half_rounded(most / 7);
    if (!(widest > least_scale))
        return least_scale;
    if (widest > most_scale)
        return most_scale;
    float best = widest, least = group_error(group, widest);
    for (int step = 1; step < 8 && least > 0; step++) {
        float scale = half_rounded(widest * (1 - 0.03f * (float)step)), error = group_error(group, scale);
        if (error < least) {
            least = error;
            best = scale;
        }
    }
    return best > least_scale ? best : least_scale;
}

void kernels_gather(const void **rows, const void *src, const void *zeros, size_t pixel_bytes,
                    const struct kernels_window *window, size_t first, size_t last) {
    const char *base = src;
    if (!window) {
        for (size_t i = 0; i < KERNELS_PRODUCT_ROWS; i++)
            rows[i] = base + (first + i < last ? first + i : last) * pixel_bytes;
        return;
    }
    size_t area = window->output_height * window->output_width;
    for (size_t i = 0; i < KERNELS_PRODUCT_ROWS; i++) {
        size_t pixel = first + i < last ? first + i : last;
        const char *image = base + pixel / area * window->height * window->width * pixel_bytes;
        const int32_t *high = window->row_map + pixel % area / window->output_width * window->stride;
        const int32_t *wide = window->column_map + pixel % area % window->output_width * window->stride;
        const void **row = rows + i;
        for (size_t y = 0; y < window->taps_high; y++)
            for (size_t x = 0; x < window->taps_wide; x++, row += KERNELS_PRODUCT_ROWS)
                *row = high[y] < 0 || wide[x] < 0
                           ? zeros
                           : image + ((size_t)high[y] * window->width + (size_t)wide[x]) * pixel_bytes;
    }
}

void kernels_tile(const float **pixels, const float *src, const float *zeros, const struct kernels_window *window,
                  size_t side, size_t tile) {
    size_t high = window->output_height, wide = window->output_width;
    size_t tiles_wide = (wide + side - 1) / side, tiles = tiles_wide * ((high + side - 1) / side);
    const float *image = src + tile / tiles * window->height * window->width * window->channels;
    size_t top = tile % tiles / tiles_wide * side, left = tile % tiles_wide * side;
    for (size_t y = top; y < top + side + 2; y++)
        for (size_t x = left; x < left + side + 2; x++, pixels++) {
            int32_t row = y < high + 2 ? window->row_map[y] : -1, column = x < wide + 2 ? window->column_map[x] : -1;
            *pixels = row < 0 || column < 0
                          ? zeros
                          : image + ((size_t)row * window->width + (size_t)column) * window->channels;
        }
}

const char *kernels_isa(size_t index) {
    for (size_t i = 0; i < level_count; i++)
        if (levels[i].supported() && index-- == 0)
            return levels[i].isa;
    return NULL;
}

const char *kernels_init(struct kernels *table, const char *isa) {
    const char *name = NULL;
    for (size_t i = 0; i < level_count; i++) {
        if (!levels[i].supported())
            continue;
        levels[i].fill(table);
        name = levels[i].isa;
        if (isa && strcmp(isa, name) == 0)
            return name;
    }
    if (!isa)
        return name;
    kernels_fill_scalar(table);
    return NULL;
}
