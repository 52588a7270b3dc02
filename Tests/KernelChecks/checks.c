// A check for each entry of kernels.def: a new entry does not compile until it has one.
#include "CKernels.h"
#include "KernelChecks.h"
#include "guarded.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct check {
    struct kernels spec, table;
    char *message;
    size_t capacity;
    int failed;
    uint64_t random;
};

static const size_t sizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 48, 65, 100, 129};
#define FOR_SIZES(n) for (size_t n##_i = 0, n; n##_i < sizeof sizes / sizeof *sizes && (n = sizes[n##_i], 1); n##_i++)

static void fail(struct check *check, const char *format, ...) {
    if (check->failed++)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(check->message, check->capacity, format, arguments);
    va_end(arguments);
}

static uint32_t next(struct check *check) {
    check->random = check->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(check->random >> 32);
}

// Values between -4 and 4.
static struct guarded floats(struct check *check, size_t n) {
    struct guarded block = guarded_make(n * sizeof(float));
    for (size_t i = 0; i < n; i++)
        ((float *)block.data)[i] = ((float)next(check) - 0x1p31f) * 0x1p-29f;
    return block;
}

static struct guarded twin(struct guarded of) {
    struct guarded block = guarded_make(of.bytes);
    memcpy(block.data, of.data, of.bytes);
    return block;
}

static void release(struct check *check, struct guarded block) {
    if (!guarded_free(&block))
        fail(check, "wrote in front of its memory");
}

// Compares and releases; gaps between rows are compared with the rest.
static void expect(struct check *check, struct guarded actual, struct guarded expected, float tolerance,
                   const char *where) {
    const float *a = actual.data, *e = expected.data;
    for (size_t i = 0; i < actual.bytes / sizeof(float); i++)
        if (memcmp(a + i, e + i, sizeof *a) && !(fabsf(a[i] - e[i]) <= tolerance * fmaxf(1, fabsf(e[i]))) &&
            !(isnan(a[i]) && isnan(e[i])))
            fail(check, "%s: element %zu is %.9g, not %.9g", where, i, a[i], e[i]);
    release(check, actual);
    release(check, expected);
}

#define WHERE(...)                                                                                                     \
    char where[128];                                                                                                   \
    snprintf(where, sizeof where, __VA_ARGS__)

typedef void widen(float *dst, const uint16_t *src, size_t n);
typedef void narrow(uint16_t *dst, const float *src, size_t n);

// Every 16-bit pattern.
static void check_widen(struct check *check, widen *table, widen *spec) {
    FOR_SIZES(n) {
        WHERE("n %zu", n);
        for (uint32_t first = 0; n && first + n <= 0x10000; first += n) {
            if (n < 65 && first > 512 && first + 512 < 0x10000)
                continue;
            struct guarded source = guarded_make(n * 2), actual = guarded_make(n * 4), expected = twin(actual);
            for (size_t i = 0; i < n; i++)
                ((uint16_t *)source.data)[i] = (uint16_t)(first + i);
            table(actual.data, source.data, n);
            spec(expected.data, source.data, n);
            expect(check, actual, expected, 0, where);
            release(check, source);
        }
    }
}

static void check_narrow(struct check *check, narrow *table, narrow *spec) {
    static const uint32_t special[] = {0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0x477fefff, 0x477ff000,
                                       0x33000000, 0x33000001, 0x38800000, 0x387fffff, 0x7f7fffff, 1, 0x3f801000};
    FOR_SIZES(n)
    for (int round = 0; round < 50; round++) {
        struct guarded source = floats(check, n), actual = guarded_make(n * 2), expected = twin(actual);
        uint32_t *bits = source.data;
        for (size_t i = 0; i < n; i++)
            bits[i] = round % 2 ? next(check) : special[next(check) % (sizeof special / sizeof *special)];
        table(actual.data, source.data, n);
        spec(expected.data, source.data, n);
        for (size_t i = 0; i < n; i++) {
            uint16_t a = ((uint16_t *)actual.data)[i], e = ((uint16_t *)expected.data)[i];
            if (a != e && !isnan(((float *)source.data)[i]))
                fail(check, "n %zu: %08x becomes %04x, not %04x", n, bits[i], a, e);
        }
        release(check, source);
        release(check, actual);
        release(check, expected);
    }
}

static void check_f16_to_f32(struct check *check) { check_widen(check, check->table.f16_to_f32, check->spec.f16_to_f32); }
static void check_bf16_to_f32(struct check *check) {
    check_widen(check, check->table.bf16_to_f32, check->spec.bf16_to_f32);
}
static void check_f32_to_f16(struct check *check) { check_narrow(check, check->table.f32_to_f16, check->spec.f32_to_f16); }
static void check_f32_to_bf16(struct check *check) {
    check_narrow(check, check->table.f32_to_bf16, check->spec.f32_to_bf16);
}

static void check_add_scaled(struct check *check) {
    FOR_SIZES(n) {
        WHERE("n %zu", n);
        struct guarded a = floats(check, n), b = floats(check, n), actual = twin(a), expected = twin(b);
        memcpy(expected.data, a.data, a.bytes);
        check->table.add_scaled(actual.data, actual.data, b.data, 0.7f, n);
        check->spec.add_scaled(expected.data, a.data, b.data, 0.7f, n);
        expect(check, actual, expected, 1e-6f, where);
        release(check, a);
        release(check, b);
    }
}

static void check_affine(struct check *check) {
    FOR_SIZES(n) {
        WHERE("n %zu", n);
        struct guarded a = floats(check, n), actual = twin(a), expected = twin(a);
        check->table.affine(actual.data, actual.data, 0.7f, -1.5f, n);
        check->spec.affine(expected.data, a.data, 0.7f, -1.5f, n);
        expect(check, actual, expected, 1e-6f, where);
        release(check, a);
    }
}

static void check_epilogue(struct check *check) {
    FOR_SIZES(n)
    for (int activation = KERNELS_NONE; activation <= KERNELS_TANH; activation++)
        for (int parts = 0; parts < 4; parts++) {
            WHERE("n %zu, activation %d, parts %d", n, activation, parts);
            struct guarded bias = floats(check, n), residual = floats(check, 3 * (n + 5));
            struct guarded actual = floats(check, 2 * (n + 3) + n), expected = twin(actual);
            const float *b = parts & 1 ? bias.data : NULL, *r = parts & 2 ? residual.data : NULL;
            struct guarded sums = floats(check, 2 * (n + 1) + n);
            check->table.epilogue(actual.data, n + 3, actual.data, n + 3, 3, n, b, r, n + 5, activation);
            check->spec.epilogue(expected.data, n + 3, expected.data, n + 3, 3, n, b, r, n + 5, activation);
            check->table.epilogue(actual.data, n + 3, sums.data, n + 1, 2, n, b, r, n + 5, activation);
            check->spec.epilogue(expected.data, n + 3, sums.data, n + 1, 2, n, b, r, n + 5, activation);
            expect(check, actual, expected, 2e-6f, where);
            release(check, sums);
            release(check, bias);
            release(check, residual);
        }
}

static void check_geglu(struct check *check) {
    FOR_SIZES(n) {
        WHERE("n %zu", n);
        struct guarded source = floats(check, 2 * (2 * n + 3) + 2 * n), actual = floats(check, 2 * (n + 1) + n);
        struct guarded expected = twin(actual);
        check->table.geglu(actual.data, n + 1, source.data, 2 * n + 3, 3, n);
        check->spec.geglu(expected.data, n + 1, source.data, 2 * n + 3, 3, n);
        expect(check, actual, expected, 2e-6f, where);
        release(check, source);
    }
}

static void check_column_statistics(struct check *check) {
    FOR_SIZES(n)
    FOR_SIZES(rows) {
        if (!rows)
            continue;
        WHERE("%zu x %zu", rows, n);
        struct guarded source = floats(check, (rows - 1) * (n + 2) + n);
        struct guarded actual = floats(check, 3 * (n + 1) + n), expected = twin(actual);
        check->table.column_statistics(actual.data, n + 1, source.data, n + 2, rows, n);
        check->spec.column_statistics(expected.data, n + 1, source.data, n + 2, rows, n);
        expect(check, actual, expected, 1e-5f, where);
        release(check, source);
    }
}

static void check_scale_shift(struct check *check) {
    FOR_SIZES(n)
    for (int activation = KERNELS_NONE; activation <= KERNELS_TANH; activation++) {
        WHERE("n %zu, activation %d", n, activation);
        struct guarded source = floats(check, 3 * n), scale = floats(check, n), shift = floats(check, n);
        struct guarded actual = twin(source), expected = twin(source);
        check->table.scale_shift(actual.data, actual.data, 3, n, scale.data, shift.data, activation);
        check->spec.scale_shift(expected.data, source.data, 3, n, scale.data, shift.data, activation);
        expect(check, actual, expected, 3e-6f, where);
        release(check, source);
        release(check, scale);
        release(check, shift);
    }
}

static void check_layer_norm(struct check *check) {
    FOR_SIZES(n)
    for (int parts = 0; parts < 4; parts++) {
        WHERE("n %zu, parts %d", n, parts);
        struct guarded source = floats(check, 5 * n), weight = floats(check, n), bias = floats(check, n);
        struct guarded actual = twin(source), expected = twin(source);
        const float *w = parts & 1 ? weight.data : NULL, *b = parts & 2 ? bias.data : NULL;
        check->table.layer_norm(actual.data, actual.data, 5, n, w, b, 1e-5f);
        check->spec.layer_norm(expected.data, source.data, 5, n, w, b, 1e-5f);
        expect(check, actual, expected, 1e-5f, where);
        release(check, source);
        release(check, weight);
        release(check, bias);
    }
}

static void check_transpose(struct check *check) {
    FOR_SIZES(columns)
    FOR_SIZES(rows) {
        WHERE("%zu x %zu", rows, columns);
        struct guarded source = floats(check, rows ? (rows - 1) * (columns + 1) + columns : 0);
        struct guarded actual = floats(check, columns ? (columns - 1) * (rows + 2) + rows : 0), expected = twin(actual);
        check->table.transpose(actual.data, rows + 2, source.data, columns + 1, rows, columns);
        check->spec.transpose(expected.data, rows + 2, source.data, columns + 1, rows, columns);
        expect(check, actual, expected, 0, where);
        release(check, source);
    }
}

static void check_pack_pixels(struct check *check) {
    static const int32_t rows[] = {-1, 0, 0, 1, 2, 2, -1}, columns[] = {-1, -1, 0, 1, 2, 3, 3, 4, -1};
    FOR_SIZES(channels)
    for (size_t stride = 1; stride < 3; stride++) {
        WHERE("%zu channels, stride %zu", channels, stride);
        struct kernels_window window = {rows, columns, 3, 5, channels, 3, 3, stride, 4 / stride + 1, 6 / stride + 1};
        struct guarded source = floats(check, 2 * 3 * 5 * channels);
        struct guarded actual = floats(check, 7 * 9 * channels), expected = twin(actual);
        check->table.pack_pixels(actual.data, source.data, &window, 4, 7);
        check->spec.pack_pixels(expected.data, source.data, &window, 4, 7);
        expect(check, actual, expected, 0, where);
        release(check, source);
    }
}

// Rows of `channels` elements of `size` bytes in one block, each at its own place, for 3 taps; `pointers` has 3 of each row.
static struct guarded product_rows(struct check *check, const void **pointers, size_t channels, size_t size) {
    size_t rows = 3 * KERNELS_PRODUCT_ROWS;
    struct guarded block = guarded_make((rows + 1) * channels * size);
    for (size_t i = 0; i < rows; i++)
        pointers[i] = (char *)block.data + next(check) % (rows + 1) * channels * size;
    return block;
}

// Elements of both operands are drawn by `draw`, which fills a block.
#define CHECK_PRODUCT(entry, sum_type, element_type, weight_type, draw, tolerance)                                     \
    static void check_##entry(struct check *check) {                                                                   \
        for (size_t columns = KERNELS_PANEL_UNIT; columns <= KERNELS_PANEL_COLUMNS; columns += KERNELS_PANEL_UNIT)     \
            for (size_t taps = 1; taps <= 3; taps++)                                                                   \
                for (size_t channels = 4; channels <= 44; channels += 8)                                               \
                    for (int accumulate = 0; accumulate < 2; accumulate++) {                                           \
                        WHERE("%zu columns, %zu taps of %zu, accumulate %d", columns, taps, channels, accumulate);     \
                        const void *rows[3 * KERNELS_PRODUCT_ROWS];                                                    \
                        struct guarded left = product_rows(check, rows, channels, sizeof(element_type));               \
                        struct guarded panel = guarded_make(taps * channels * columns * sizeof(weight_type));          \
                        draw(check, left.data, left.bytes, 1);                                                         \
                        draw(check, panel.data, panel.bytes, 0);                                                       \
                        struct guarded actual =                                                                        \
                            guarded_make(((KERNELS_PRODUCT_ROWS - 1) * (columns + 3) + columns) * sizeof(sum_type));   \
                        memset(actual.data, 0, actual.bytes);                                                          \
                        struct guarded expected = twin(actual);                                                        \
                        const element_type *const *r = (const element_type *const *)rows;                              \
                        check->table.entry(actual.data, columns + 3, r, taps, channels, panel.data, columns,           \
                                           accumulate);                                                                \
                        check->spec.entry(expected.data, columns + 3, r, taps, channels, panel.data, columns,          \
                                          accumulate);                                                                 \
                        expect(check, actual, expected, tolerance, where);                                             \
                        release(check, left);                                                                          \
                        release(check, panel);                                                                         \
                    }                                                                                                  \
    }

static void draw_floats(struct check *check, void *data, size_t bytes, int left) {
    (void)left;
    for (size_t i = 0; i < bytes / sizeof(float); i++)
        ((float *)data)[i] = ((float)next(check) - 0x1p31f) * 0x1p-31f;
}

static void draw_bfloats(struct check *check, void *data, size_t bytes, int left) {
    (void)left;
    for (size_t i = 0; i < bytes / sizeof(uint16_t); i++) {
        float value = ((float)next(check) - 0x1p31f) * 0x1p-31f;
        check->spec.f32_to_bf16((uint16_t *)data + i, &value, 1);
    }
}

// Often the largest activations; pairs of weights of which two fit the 16 bits of kernels_weight_scale, often just so.
static void draw_bytes(struct check *check, void *data, size_t bytes, int left) {
    uint32_t levels = (uint32_t)check->table.activation_levels;
    int most = 127;
    for (size_t i = 0; i < bytes; i++)
        if (left) {
            ((uint8_t *)data)[i] = (uint8_t)(next(check) % 2 ? levels : next(check) % (levels + 1));
        } else {
            int magnitude = next(check) % 2 ? most : (int)(next(check) % (uint32_t)(most + 1));
            ((int8_t *)data)[i] = (int8_t)(next(check) % 4 ? magnitude : -magnitude);
            most = i % 2 || magnitude < 2 ? 127 : 129 - magnitude;
        }
}

static void draw_words(struct check *check, void *data, size_t bytes, int left) {
    (void)left;
    for (size_t i = 0; i < bytes / sizeof(int16_t); i++)
        ((int16_t *)data)[i] = (int16_t)((int)(next(check) % 8001) - 4000);
}

CHECK_PRODUCT(product_f32, float, float, float, draw_floats, 1e-5f)
CHECK_PRODUCT(product_bf16, float, uint16_t, uint16_t, draw_bfloats, 1e-5f)
CHECK_PRODUCT(product_s16, int32_t, int16_t, int16_t, draw_words, 0)
CHECK_PRODUCT(product_u8, int32_t, uint8_t, int8_t, draw_bytes, 0)

typedef void winograd_filter(float *dst, size_t step, const float *filter, size_t n);
typedef void winograd_scatter(float *dst, size_t step, const float *src, const float *zeros,
                              const struct kernels_window *window, size_t first, size_t count);
typedef void winograd_gather(float *dst, size_t stride, const float *sums, size_t tiles, size_t n);

static void check_filter(struct check *check, winograd_filter *table, winograd_filter *spec, size_t side) {
    FOR_SIZES(n) {
        WHERE("n %zu", n);
        struct guarded filter = floats(check, 9 * n);
        struct guarded actual = floats(check, ((side + 2) * (side + 2) - 1) * (n + 3) + n), expected = twin(actual);
        table(actual.data, n + 3, filter.data, n);
        spec(expected.data, n + 3, filter.data, n);
        expect(check, actual, expected, 2e-6f, where);
        release(check, filter);
    }
}

// Whole tiles and such that hang over, across two images, with padding and an enlarged input.
static void check_scatter(struct check *check, winograd_scatter *table, winograd_scatter *spec, size_t side) {
    static const int32_t rows[] = {-1, 0, 0, 1, 2, 2, -1}, columns[] = {-1, 0, 0, 1, 1, 2, 2, 3, 3, 4, -1};
    FOR_SIZES(channels)
    for (size_t first = 0; first < 3; first++) {
        WHERE("%zu channels from tile %zu", channels, first);
        struct kernels_window window = {rows, columns, 3, 5, channels, 3, 3, 1, 5, 9};
        struct guarded source = floats(check, 2 * 3 * 5 * channels), zeros = guarded_make(channels * sizeof(float));
        memset(zeros.data, 0, zeros.bytes);
        size_t tiles = 2 * ((5 + side - 1) / side) * ((9 + side - 1) / side);
        size_t count = tiles > 2 * first ? tiles - 2 * first : 0, step = count * channels + 3;
        struct guarded actual = floats(check, ((side + 2) * (side + 2) - 1) * step + count * channels);
        struct guarded expected = twin(actual);
        table(actual.data, step, source.data, zeros.data, &window, first, count);
        spec(expected.data, step, source.data, zeros.data, &window, first, count);
        expect(check, actual, expected, 2e-5f, where);
        release(check, source);
        release(check, zeros);
    }
}

static void check_gather(struct check *check, winograd_gather *table, winograd_gather *spec, size_t side) {
    for (size_t n = KERNELS_PANEL_UNIT; n <= KERNELS_PANEL_COLUMNS; n += KERNELS_PANEL_UNIT)
        for (size_t tiles = 0; tiles < 4; tiles++) {
            WHERE("%zu tiles, n %zu", tiles, n);
            struct guarded sums = floats(check, (side + 2) * (side + 2) * tiles * n);
            struct guarded actual = floats(check, (side - 1) * (4 * side * n + 5) + side * tiles * n), expected = twin(actual);
            table(actual.data, 4 * side * n + 5, sums.data, tiles, n);
            spec(expected.data, 4 * side * n + 5, sums.data, tiles, n);
            // Sums of products with up to 32 * 32, which may cancel.
            expect(check, actual, expected, side == 4 ? 2e-5f : 2e-3f, where);
            release(check, sums);
        }
}

#define CHECK_WINOGRAD(side, name)                                                                                     \
    static void check_winograd##side##_##name(struct check *check) {                                                   \
        check_##name(check, check->table.winograd##side##_##name, check->spec.winograd##side##_##name, side);          \
    }

CHECK_WINOGRAD(4, filter)
CHECK_WINOGRAD(6, filter)
CHECK_WINOGRAD(4, scatter)
CHECK_WINOGRAD(6, scatter)
CHECK_WINOGRAD(4, gather)
CHECK_WINOGRAD(6, gather)

static void check_range(struct check *check) {
    FOR_SIZES(n) {
        if (!n)
            continue;
        WHERE("n %zu", n);
        struct guarded source = floats(check, n), actual = floats(check, 2), expected = twin(actual);
        check->table.range(actual.data, (float *)actual.data + 1, source.data, n);
        check->spec.range(expected.data, (float *)expected.data + 1, source.data, n);
        expect(check, actual, expected, 0, where);
        release(check, source);
    }
}

static void check_quantize(struct check *check) {
    FOR_SIZES(n)
    for (int levels = 127; levels <= 255; levels += 128) {
        struct guarded source = floats(check, n), actual = guarded_make(n), expected = guarded_make(n);
        check->table.quantize(actual.data, source.data, n, 40.5f, 63.0f, levels);
        check->spec.quantize(expected.data, source.data, n, 40.5f, 63.0f, levels);
        for (size_t i = 0; i < n; i++) {
            int difference = ((uint8_t *)actual.data)[i] - ((uint8_t *)expected.data)[i];
            if (difference < -1 || difference > 1)  // A fused product may round a tie the other way.
                fail(check, "n %zu, levels %d: element %zu differs by %d", n, levels, i, difference);
        }
        release(check, source);
        release(check, actual);
        release(check, expected);
    }
}

static void check_quantize_s16(struct check *check) {
    FOR_SIZES(n) {
        struct guarded source = floats(check, n), actual = guarded_make(n * sizeof(int16_t));
        struct guarded expected = guarded_make(n * sizeof(int16_t));
        check->table.quantize_s16(actual.data, source.data, n, 1040.5f, 63.0f, 3000);
        check->spec.quantize_s16(expected.data, source.data, n, 1040.5f, 63.0f, 3000);
        for (size_t i = 0; i < n; i++) {
            int difference = ((int16_t *)actual.data)[i] - ((int16_t *)expected.data)[i];
            if (difference < -1 || difference > 1)  // A fused product may round a tie the other way.
                fail(check, "n %zu: element %zu differs by %d", n, i, difference);
        }
        release(check, source);
        release(check, actual);
        release(check, expected);
    }
}

static void check_epilogue_u8(struct check *check) {
    FOR_SIZES(n)
    for (int parts = 0; parts < 8; parts++) {
        WHERE("n %zu, parts %d", n, parts);
        struct guarded sums = floats(check, 2 * (n + 3) + n), scale = floats(check, 3), zero = floats(check, 3);
        struct guarded column_scale = floats(check, n), column_sum = floats(check, n), bias = floats(check, n);
        struct guarded residual = floats(check, 2 * (n + 5) + n), actual = floats(check, 2 * (n + 1) + n);
        struct guarded expected = twin(actual);
        for (size_t i = 0; i < 2 * (n + 3) + n; i++)
            ((int32_t *)sums.data)[i] = (int32_t)(next(check) % 2000000) - 1000000;
        for (size_t i = 0; i < n; i++)
            ((int32_t *)column_sum.data)[i] = (int32_t)(next(check) % 20000) - 10000;
        for (size_t r = 0; r < 3; r++)
            ((float *)zero.data)[r] = (float)(next(check) & 255);
        const struct kernels_scales scales = {scale.data, zero.data, parts & 1, column_scale.data, column_sum.data};
        const float *b = parts & 2 ? bias.data : NULL, *s = parts & 4 ? residual.data : NULL;
        int activation = parts & 4 ? KERNELS_SILU : KERNELS_NONE;
        check->table.epilogue_u8(actual.data, n + 1, sums.data, n + 3, 3, n, &scales, b, s, n + 5, activation);
        check->spec.epilogue_u8(expected.data, n + 1, sums.data, n + 3, 3, n, &scales, b, s, n + 5, activation);
        expect(check, actual, expected, 2e-6f, where);
        check->table.epilogue_u8(sums.data, n + 3, sums.data, n + 3, 3, n, &scales, b, s, n + 5, activation);
        release(check, sums);
        release(check, scale);
        release(check, zero);
        release(check, column_scale);
        release(check, column_sum);
        release(check, bias);
        release(check, residual);
    }
}

static void check_decode_int4(struct check *check) {
    for (size_t k = 0; k <= 96; k += 32)
        for (size_t columns = KERNELS_PANEL_UNIT; columns <= KERNELS_PANEL_COLUMNS; columns += KERNELS_PANEL_UNIT) {
            WHERE("k %zu, %zu columns", k, columns);
            struct guarded source = guarded_make(k * columns / 2), ratios = guarded_make(k / 32 * columns * sizeof(int16_t));
            struct guarded actual = guarded_make(k * columns), expected = twin(actual);
            for (size_t i = 0; i < source.bytes; i++)
                ((uint8_t *)source.data)[i] = (uint8_t)next(check);
            for (size_t i = 0; i < ratios.bytes / sizeof(int16_t); i++)
                ((int16_t *)ratios.data)[i] = (int16_t)(next(check) % (127 * 1024 / 7 + 1));
            check->table.decode_int4(actual.data, source.data, ratios.data, k, columns);
            check->spec.decode_int4(expected.data, source.data, ratios.data, k, columns);
            expect(check, actual, expected, 0, where);
            release(check, source);
            release(check, ratios);
        }
}

// Compares panels of `rows` x `columns`, whose elements may round differently; what lies behind them in their block is undefined.
static void expect_panels(struct check *check, struct guarded actual, struct guarded expected, size_t rows,
                          size_t columns, int element, const char *where) {
    size_t group = element == KERNELS_F32 ? 1 : element == KERNELS_U8 ? 4 : 2;
    for (size_t i = 0; i < (rows + group - 1) / group * columns * group; i++) {
        float a, e, tolerance = 1;
        if (element == KERNELS_F32) {
            a = ((float *)actual.data)[i], e = ((float *)expected.data)[i];
            tolerance = 2e-6f * fmaxf(fabsf(e), 1e-3f);
        } else if (element == KERNELS_BF16) {
            check->spec.bf16_to_f32(&a, (uint16_t *)actual.data + i, 1);
            check->spec.bf16_to_f32(&e, (uint16_t *)expected.data + i, 1);
            tolerance = 0.00782f * fabsf(e) + 1e-30f;
        } else if (element == KERNELS_S16) {
            a = ((int16_t *)actual.data)[i], e = ((int16_t *)expected.data)[i];
        } else {
            a = ((int8_t *)actual.data)[i], e = ((int8_t *)expected.data)[i];
        }
        if (!(fabsf(a - e) <= tolerance))
            fail(check, "%s: element %zu of the panel is %.9g, not %.9g", where, i, a, e);
    }
    release(check, actual);
    release(check, expected);
}

static void check_pack_columns(struct check *check) {
    FOR_SIZES(rows)
    for (size_t columns = KERNELS_PANEL_UNIT; columns <= KERNELS_PANEL_COLUMNS; columns += KERNELS_PANEL_UNIT)
        for (int element = KERNELS_BF16; element <= KERNELS_U8; element++) {
            WHERE("%zu rows of %zu, element %d", rows, columns, element);
            struct guarded actual = floats(check, rows * columns), expected = twin(actual), scale = floats(check, rows);
            struct guarded actual_scale = floats(check, columns), expected_scale = twin(actual_scale);
            int levels = element == KERNELS_U8 ? 127 : 7000;
            check->table.pack_columns(actual.data, rows, columns, scale.data, actual_scale.data, levels, element);
            check->spec.pack_columns(expected.data, rows, columns, scale.data, expected_scale.data, levels, element);
            expect_panels(check, actual, expected, rows, columns, element, where);
            expect(check, actual_scale, expected_scale, 1e-6f, where);
            release(check, scale);
        }
}

static void check_softmax_tile(struct check *check) {
    FOR_SIZES(keys)
    for (size_t columns = KERNELS_PANEL_UNIT; keys && columns <= KERNELS_PANEL_COLUMNS; columns += KERNELS_PANEL_UNIT)
        for (int element = KERNELS_F32; element <= KERNELS_U8; element++) {
            WHERE("%zu keys for %zu, element %d", keys, columns, element);
            struct guarded actual = floats(check, keys * columns), factor = floats(check, columns);
            struct guarded maximum = floats(check, columns), sum = floats(check, columns);
            int is_integer = element == KERNELS_S16 || element == KERNELS_U8, one = is_integer ? keys % 2 ? 255 : 128 : 1;
            for (size_t i = 0; i < columns; i++)
                ((float *)factor.data)[i] = (is_integer ? 1e-6f : 1) * (1 + (float)(next(check) % 64));
            for (size_t i = 0; i < keys * columns && is_integer; i++)
                ((int32_t *)actual.data)[i] = (int32_t)(next(check) % 4000000) - 2000000;
            struct guarded expected = twin(actual), expected_maximum = twin(maximum), expected_sum = twin(sum);
            check->table.softmax_tile(actual.data, keys, columns, factor.data, maximum.data, sum.data, one,
                                      element);
            check->spec.softmax_tile(expected.data, keys, columns, factor.data, expected_maximum.data,
                                     expected_sum.data, one, element);
            expect_panels(check, actual, expected, keys, columns, element, where);
            expect(check, maximum, expected_maximum, 0, where);
            expect(check, sum, expected_sum, element == KERNELS_F32 ? 2e-6f : 2e-4f, where);
            release(check, factor);
        }
}

static void check_merge_tile(struct check *check) {
    for (size_t rows = 0; rows < 20; rows++)
        for (size_t columns = KERNELS_PANEL_UNIT; columns <= KERNELS_PANEL_COLUMNS; columns += KERNELS_PANEL_UNIT)
            for (int element = KERNELS_F32; element <= KERNELS_U8; element++)
                for (int first = 0; first < 2; first++) {
                    WHERE("%zu rows of %zu, element %d, first %d", rows, columns, element, first);
                    struct guarded tile = floats(check, rows * columns), row_sum = guarded_make(rows * sizeof(int32_t));
                    struct guarded state = floats(check, 5 * columns), total = floats(check, rows * columns);
                    float *s = state.data;
                    for (size_t i = 0; i < columns; i++) {
                        s[i] = first ? -INFINITY : s[i];
                        s[columns + i] = first ? 0 : s[columns + i];
                        s[4 * columns + i] = fabsf(s[4 * columns + i]) + 0.01f;
                    }
                    if (first)
                        memset(total.data, 0, total.bytes);
                    for (size_t i = 0; i < rows; i++)
                        ((int32_t *)row_sum.data)[i] = (int32_t)(next(check) % 100);
                    for (size_t i = 0; i < rows * columns && element >= KERNELS_S16; i++)
                        ((int32_t *)tile.data)[i] = (int32_t)(next(check) % 20000) - 10000;
                    struct guarded state2 = twin(state), total2 = twin(total);
                    float *t = state2.data;
                    check->table.merge_tile(total.data, s, s + columns, tile.data, s + 2 * columns, s + 3 * columns,
                                            rows, columns, s + 4 * columns, row_sum.data, 64, element);
                    check->spec.merge_tile(total2.data, t, t + columns, tile.data, t + 2 * columns, t + 3 * columns,
                                           rows, columns, t + 4 * columns, row_sum.data, 64, element);
                    expect(check, total, total2, 1e-5f, where);
                    expect(check, state, state2, 1e-5f, where);
                    release(check, tile);
                    release(check, row_sum);
                }
}

static void check_finish_tile(struct check *check) {
    for (size_t rows = 0; rows < 20; rows++)
        for (size_t columns = KERNELS_PANEL_UNIT; columns <= KERNELS_PANEL_COLUMNS; columns += KERNELS_PANEL_UNIT)
            for (int scaled = 0; scaled < 2; scaled++) {
                WHERE("%zu rows of %zu, scaled %d", rows, columns, scaled);
                struct guarded total = floats(check, (rows + (size_t)scaled) * columns), total2 = twin(total);
                struct guarded sum = floats(check, columns), scale = floats(check, 3 * rows);
                for (size_t i = 0; i < columns; i++)
                    ((float *)sum.data)[i] = fabsf(((float *)sum.data)[i]) + 0.5f;
                const float *s = scaled ? scale.data : NULL;
                check->table.finish_tile(total.data, sum.data, rows, columns, s, s ? s + rows : s, s ? s + 2 * rows : s);
                check->spec.finish_tile(total2.data, sum.data, rows, columns, s, s ? s + rows : s, s ? s + 2 * rows : s);
                expect(check, total, total2, 1e-5f, where);
                release(check, sum);
                release(check, scale);
            }
}

static const struct {
    const char *name;
    void (*run)(struct check *check);
} checks[] = {
#define KERNEL(result, name, parameters) {#name, check_##name},
#include "kernels.def"
#undef KERNEL
};

const char *kernel_check_name(size_t index) {
    return index < sizeof checks / sizeof *checks ? checks[index].name : NULL;
}

int kernel_check_run(size_t index, const char *isa, char *message, size_t capacity) {
    struct check check = {.message = message, .capacity = capacity, .random = index + 1};
    kernels_init(&check.spec, "scalar");
    if (!kernels_init(&check.table, isa))
        fail(&check, "this CPU lacks %s", isa);
    else
        checks[index].run(&check);
    return !check.failed;
}
