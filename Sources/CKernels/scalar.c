// The specification of every kernel: short and obvious.
#include "tables.h"
#include <math.h>
#include <string.h>

static float bits_to_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t float_to_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void f16_to_f32_scalar(float *dst, const uint16_t *src, size_t n) {
    for (size_t i = 0; i < n; i++) {
        int exponent = src[i] >> 10 & 31, mantissa = src[i] & 1023;
        float magnitude = exponent == 31  ? bits_to_float(0x7f800000u | (uint32_t)mantissa << 13)
                          : exponent == 0 ? ldexpf((float)mantissa, -24)
                                          : ldexpf((float)(mantissa + 1024), exponent - 25);
        dst[i] = src[i] & 0x8000 ? -magnitude : magnitude;
    }
}

static void bf16_to_f32_scalar(float *dst, const uint16_t *src, size_t n) {
    for (size_t i = 0; i < n; i++)
        dst[i] = bits_to_float((uint32_t)src[i] << 16);
}

static void f32_to_f16_scalar(uint16_t *dst, const float *src, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = float_to_bits(src[i]);
        uint16_t sign = bits >> 16 & 0x8000;
        float magnitude = fabsf(src[i]);
        if (isnan(magnitude))
            dst[i] = sign | 0x7e00 | (bits >> 13 & 0x1ff);
        else if (magnitude >= 65520.0f)
            dst[i] = sign | 0x7c00;
        else if (magnitude < 0x1p-14f)
            dst[i] = sign | (uint16_t)rintf(magnitude * 0x1p24f);
        else
            dst[i] = sign | (((bits & 0x7fffffff) - (112u << 23) + 0xfff + (bits >> 13 & 1)) >> 13);
    }
}

static void f32_to_bf16_scalar(uint16_t *dst, const float *src, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = float_to_bits(src[i]);
        dst[i] = isnan(src[i]) ? bits >> 16 | 0x40 : (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    }
}

static void add_scaled_scalar(float *dst, const float *a, const float *b, float factor, size_t n) {
    for (size_t i = 0; i < n; i++)
        dst[i] = a[i] + factor * b[i];
}

static void affine_scalar(float *dst, const float *src, float factor, float offset, size_t n) {
    for (size_t i = 0; i < n; i++)
        dst[i] = factor * src[i] + offset;
}

static float activate(float x, int activation) {
    switch (activation) {
    case KERNELS_SILU:
        return x / (1.0f + expf(-x));
    case KERNELS_GELU:
        return 0.5f * x * (1.0f + erff(x * 0.70710678f));
    case KERNELS_QUICK_GELU:
        return x / (1.0f + expf(-1.702f * x));
    case KERNELS_RELU:
        return x > 0.0f ? x : 0.0f;
    case KERNELS_TANH:
        return tanhf(x);
    default:
        return x;
    }
}

static void epilogue_scalar(float *y, size_t stride, const float *x, size_t x_stride, size_t rows, size_t n,
                            const float *bias, const float *residual, size_t residual_stride, int activation) {
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < n; i++) {
            float value = x[r * x_stride + i] + (bias ? bias[i] : 0.0f);
            y[r * stride + i] = activate(value + (residual ? residual[r * residual_stride + i] : 0.0f), activation);
        }
}

static void epilogue_u8_scalar(float *y, size_t stride, const int32_t *sums, size_t sums_stride, size_t rows, size_t n,
                               const struct kernels_scales *scales, const float *bias, const float *residual,
                               size_t residual_stride, int activation) {
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < n; i++) {
            float sum = (float)sums[r * sums_stride + i];
            sum -= scales->zero[r * scales->step] * (float)scales->column_sum[i];
            float value = sum * (scales->scale[r * scales->step] * scales->column_scale[i]) + (bias ? bias[i] : 0.0f);
            y[r * stride + i] = activate(value + (residual ? residual[r * residual_stride + i] : 0.0f), activation);
        }
}

static void geglu_scalar(float *dst, size_t dst_stride, const float *src, size_t src_stride, size_t rows, size_t n) {
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < n; i++)
            dst[r * dst_stride + i] = src[r * src_stride + i] * activate(src[r * src_stride + n + i], KERNELS_GELU);
}

static void column_statistics_scalar(float *statistics, size_t statistics_stride, const float *src, size_t stride,
                                     size_t rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        double sum = 0, squares = 0;
        float least = src[i], most = src[i];
        for (size_t r = 0; r < rows; r++) {
            sum += src[r * stride + i];
            least = fminf(least, src[r * stride + i]);
            most = fmaxf(most, src[r * stride + i]);
        }
        for (size_t r = 0; r < rows; r++)
            squares += (src[r * stride + i] - sum / rows) * (src[r * stride + i] - sum / rows);
        statistics[i] = (float)(sum / rows);
        statistics[statistics_stride + i] = (float)squares;
        statistics[2 * statistics_stride + i] = least;
        statistics[3 * statistics_stride + i] = most;
    }
}

static void scale_shift_scalar(float *dst, const float *src, size_t rows, size_t n, const float *scale,
                               const float *shift, int activation) {
    for (size_t r = 0; r < rows; r++)
        for (size_t i = 0; i < n; i++)
            dst[r * n + i] = activate(src[r * n + i] * scale[i] + shift[i], activation);
}

static void layer_norm_scalar(float *dst, const float *src, size_t rows, size_t n, const float *weight,
                              const float *bias, float epsilon) {
    for (size_t r = 0; r < rows; r++) {
        double sum = 0, squares = 0;
        for (size_t i = 0; i < n; i++)
            sum += src[r * n + i];
        double mean = sum / n;
        for (size_t i = 0; i < n; i++)
            squares += (src[r * n + i] - mean) * (src[r * n + i] - mean);
        double factor = 1.0 / sqrt(squares / n + epsilon);
        for (size_t i = 0; i < n; i++)
            dst[r * n + i] =
                (float)((src[r * n + i] - mean) * factor) * (weight ? weight[i] : 1.0f) + (bias ? bias[i] : 0.0f);
    }
}

static void transpose_scalar(float *dst, size_t dst_stride, const float *src, size_t src_stride, size_t rows,
                             size_t columns) {
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            dst[j * dst_stride + i] = src[i * src_stride + j];
}

static void pack_pixels_scalar(float *dst, const float *src, const struct kernels_window *window, size_t first,
                               size_t count) {
    size_t channels = window->channels, area = window->output_height * window->output_width;
    for (size_t pixel = first; pixel < first + count; pixel++) {
        const float *image = src + pixel / area * window->height * window->width * channels;
        const int32_t *rows = window->row_map + pixel % area / window->output_width * window->stride;
        const int32_t *columns = window->column_map + pixel % area % window->output_width * window->stride;
        for (size_t i = 0; i < window->taps_high; i++)
            for (size_t j = 0; j < window->taps_wide; dst += channels) {
                size_t run = 1;  // Neighbours in the input are copied at once.
                if (rows[i] < 0 || columns[j] < 0) {
                    memset(dst, 0, channels * sizeof *dst);
                } else {
                    while (j + run < window->taps_wide && columns[j + run] == columns[j] + (int32_t)run)
                        run++;
                    const float *pixels = image + ((size_t)rows[i] * window->width + (size_t)columns[j]) * channels;
                    memcpy(dst, pixels, run * channels * sizeof *dst);
                    dst += (run - 1) * channels;
                }
                j += run;
            }
    }
}

static float from_bf16(uint16_t bits) {
    uint32_t wide = (uint32_t)bits << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

// The products differ in their types, in the elements of a group and in how an element is read.
#define PRODUCT(name, sum_type, element_type, weight_type, group, read)                                                \
    static void product_##name##_scalar(sum_type *c, size_t c_stride, const element_type *const *rows, size_t taps,     \
                                        size_t channels, const weight_type *panel, size_t columns, int accumulate) {   \
        for (size_t i = 0; i < KERNELS_PRODUCT_ROWS; i++)                                                              \
            for (size_t j = 0; j < columns; j++) {                                                                     \
                sum_type sum = accumulate ? c[i * c_stride + j] : 0;                                                   \
                for (size_t k = 0; k < taps * channels; k++)                                                           \
                    sum += read(rows[k / channels * KERNELS_PRODUCT_ROWS + i][k % channels]) *                         \
                           read(panel[(k / group * columns + j) * group + k % group]);                                 \
                c[i * c_stride + j] = sum;                                                                             \
            }                                                                                                          \
    }

PRODUCT(f32, float, float, float, 1, )
PRODUCT(bf16, float, uint16_t, uint16_t, 2, from_bf16)
PRODUCT(s16, int32_t, int16_t, int16_t, 2, )
PRODUCT(u8, int32_t, uint8_t, int8_t, 4, )

#define A 0.70710678f
#define B 1.41421356f

// The rows of a matrix: one-dimensional transforms, applied to the rows and the columns of a square.
static const float winograd4_g[6][3] = {{1, 0, 0},
                                        {-2 / 3.0f, -2 / 3.0f * A, -1 / 3.0f},
                                        {-2 / 3.0f, 2 / 3.0f * A, -1 / 3.0f},
                                        {1 / 6.0f, 1 / 6.0f * B, 1 / 3.0f},
                                        {1 / 6.0f, -1 / 6.0f * B, 1 / 3.0f},
                                        {0, 0, 1}};
static const float winograd4_b[6][6] = {{1, 0, -2.5f, 0, 1, 0},      {0, -2 * A, -2, A, 1, 0},    {0, 2 * A, -2, -A, 1, 0},
                                        {0, -B / 2, -0.5f, B, 1, 0}, {0, B / 2, -0.5f, -B, 1, 0}, {0, 1, 0, -2.5f, 0, 1}};
static const float winograd4_a[4][6] = {{1, 1, 1, 1, 1, 0},
                                        {0, A, -A, B, -B, 0},
                                        {0, 0.5f, 0.5f, 2, 2, 0},
                                        {0, A / 2, -A / 2, 2 * B, -2 * B, 1}};
static const float winograd6_g[8][3] = {{1, 0, 0},
                                        {-2 / 9.0f, -2 / 9.0f, -2 / 9.0f},
                                        {-2 / 9.0f, 2 / 9.0f, -2 / 9.0f},
                                        {1 / 90.0f, 1 / 45.0f, 2 / 45.0f},
                                        {1 / 90.0f, -1 / 45.0f, 2 / 45.0f},
                                        {1 / 45.0f, 1 / 90.0f, 1 / 180.0f},
                                        {1 / 45.0f, -1 / 90.0f, 1 / 180.0f},
                                        {0, 0, 1}};
static const float winograd6_b[8][8] = {{1, 0, -5.25f, 0, 5.25f, 0, -1, 0},      {0, 1, 1, -4.25f, -4.25f, 1, 1, 0},
                                        {0, -1, 1, 4.25f, -4.25f, -1, 1, 0},     {0, 0.5f, 0.25f, -2.5f, -1.25f, 2, 1, 0},
                                        {0, -0.5f, 0.25f, 2.5f, -1.25f, -2, 1, 0}, {0, 2, 4, -2.5f, -5, 0.5f, 1, 0},
                                        {0, -2, 4, 2.5f, -5, -0.5f, 1, 0},       {0, -1, 0, 5.25f, 0, -5.25f, 0, 1}};
static const float winograd6_a[6][8] = {{1, 1, 1, 1, 1, 32, 32, 0},   {0, 1, -1, 2, -2, 16, -16, 0},
                                        {0, 1, 1, 4, 4, 8, 8, 0},     {0, 1, -1, 8, -8, 4, -4, 0},
                                        {0, 1, 1, 16, 16, 2, 2, 0},   {0, 1, -1, 32, -32, 1, -1, 1}};

// Element (row, column) of t x t^T from these rows of t, which have `n` elements.
static float winograd(const float *row, const float *column, const float *x, int n) {
    double sum = 0;
    for (int i = 0; i < n * n; i++)
        sum += (double)row[i / n] * column[i % n] * x[i];
    return (float)sum;
}

#define WINOGRAD(side, points)                                                                                         \
    static void winograd##side##_filter_scalar(float *dst, size_t step, const float *filter, size_t n) {               \
        for (size_t c = 0; c < n; c++) {                                                                               \
            float f[9];                                                                                                \
            for (int i = 0; i < 9; i++)                                                                                \
                f[i] = filter[i * n + c];                                                                              \
            for (int i = 0; i < points * points; i++)                                                                  \
                dst[i * step + c] = winograd(winograd##side##_g[i / points], winograd##side##_g[i % points], f, 3);    \
        }                                                                                                              \
    }                                                                                                                  \
    static void winograd##side##_scatter_scalar(float *dst, size_t step, const float *src, const float *zeros,         \
                                                const struct kernels_window *window, size_t first, size_t count) {     \
        for (size_t tile = first; tile < first + count; tile++)                                                        \
            for (size_t c = 0; c < window->channels; c++, dst++) {                                                     \
                const float *pixels[points * points];                                                                  \
                float d[points * points];                                                                              \
                kernels_tile(pixels, src, zeros, window, side, tile);                                                  \
                for (int i = 0; i < points * points; i++)                                                              \
                    d[i] = pixels[i][c];                                                                               \
                for (int i = 0; i < points * points; i++)                                                              \
                    dst[i * step] = winograd(winograd##side##_b[i / points], winograd##side##_b[i % points], d, points); \
            }                                                                                                          \
    }                                                                                                                  \
    static void winograd##side##_gather_scalar(float *dst, size_t stride, const float *sums, size_t tiles, size_t n) { \
        for (size_t tile = 0; tile < tiles; tile++)                                                                    \
            for (size_t j = 0; j < n; j++) {                                                                           \
                float m[points * points];                                                                              \
                for (int i = 0; i < points * points; i++)                                                              \
                    m[i] = sums[(tile * points * points + i) * n + j];                                                 \
                for (int i = 0; i < side * side; i++)                                                                  \
                    dst[i / side * stride + (side * tile + i % side) * n + j] =                                        \
                        winograd(winograd##side##_a[i / side], winograd##side##_a[i % side], m, points);               \
            }                                                                                                          \
    }

WINOGRAD(4, 6)
WINOGRAD(6, 8)

static void range_scalar(float *least, float *most, const float *src, size_t n) {
    *least = *most = src[0];
    for (size_t i = 1; i < n; i++) {
        *least = fminf(*least, src[i]);
        *most = fmaxf(*most, src[i]);
    }
}

static void quantize_scalar(uint8_t *dst, const float *src, size_t n, float factor, float zero, int levels) {
    for (size_t i = 0; i < n; i++)
        dst[i] = (uint8_t)fminf(fmaxf(rintf(src[i] * factor + zero), 0.0f), (float)levels);
}

static void decode_int4_scalar(int8_t *dst, const uint8_t *src, const int16_t *ratios, size_t k, size_t columns) {
    for (size_t i = 0; i < k * columns; i++) {
        int bits = src[i / 2] >> i % 2 * 4 & 15, element = bits < 8 ? bits : bits - 16;
        dst[i] = (int8_t)((element * ratios[i / (32 * columns) * columns + i / 4 % columns] + 512) >> 10);
    }
}

static void quantize_s16_scalar(int16_t *dst, const float *src, size_t n, float factor, float zero, int levels) {
    for (size_t i = 0; i < n; i++)
        dst[i] = (int16_t)fminf(fmaxf(rintf(src[i] * factor + zero), -(float)levels), (float)levels);
}

// Writes one element of a panel whose rows are read before they are overwritten: a group of rows takes the place of one.
static void put(void *panel, size_t row, size_t column, size_t columns, float value, int element) {
    switch (element) {
    case KERNELS_F32: ((float *)panel)[row * columns + column] = value; break;
    case KERNELS_BF16: f32_to_bf16_scalar((uint16_t *)panel + (row / 2 * columns + column) * 2 + row % 2, &value, 1); break;
    case KERNELS_S16: ((int16_t *)panel)[(row / 2 * columns + column) * 2 + row % 2] = (int16_t)rintf(value); break;
    default: ((int8_t *)panel)[(row / 4 * columns + column) * 4 + row % 4] = (int8_t)rintf(value);
    }
}

static size_t grouped(size_t rows, int element) {
    size_t group = element == KERNELS_F32 ? 1 : element == KERNELS_U8 ? 4 : 2;
    return (rows + group - 1) / group * group;
}

static void pack_columns_scalar(void *panel, size_t rows, size_t columns, const float *row_scale, float *column_scale,
                                int levels, int element) {
    int is_integer = element == KERNELS_S16 || element == KERNELS_U8;
    for (size_t c = 0; c < columns; c++) {
        float top = 0x1p-100f, group[4];
        for (size_t r = 0; r < rows && is_integer; r++)
            top = fmaxf(top, fabsf(((float *)panel)[r * columns + c] * row_scale[r]));
        for (size_t r = 0; r < grouped(rows, element); r++) {
            for (size_t i = r; r % 4 == 0 && i < r + 4; i++)
                group[i - r] = i < rows ? ((float *)panel)[i * columns + c] * (is_integer ? row_scale[i] * ((float)levels / top) : 1) : 0;
            put(panel, r, c, columns, group[r % 4], element);
        }
        if (is_integer)
            column_scale[c] = top / (float)levels;
    }
}

static void softmax_tile_scalar(void *tile, size_t keys, size_t columns, const float *factor, float *maximum, float *sum,
                                int one, int element) {
    int is_integer = element == KERNELS_S16 || element == KERNELS_U8, less = element == KERNELS_U8 ? (one + 1) / 2 : 0;
#define SCORE(k) (is_integer ? (float)((int32_t *)tile)[(k)*columns + c] : ((float *)tile)[(k)*columns + c])
    for (size_t c = 0; c < columns; c++) {
        float top = SCORE(0), total = 0, group[4];
        for (size_t k = 1; k < keys; k++)
            top = fmaxf(top, SCORE(k));
        for (size_t k = 0; k < grouped(keys, element); k++) {
            for (size_t i = k; k % 4 == 0 && i < k + 4; i++)
                total += group[i - k] = i < keys ? (float)one * exp2f(factor[c] * (SCORE(i) - top)) : 0;
            put(tile, k, c, columns, group[k % 4] - (float)less, element);
        }
        maximum[c] = top;
        sum[c] = total;
    }
#undef SCORE
}

static void merge_tile_scalar(float *total, float *maximum, float *sum, const void *tile, const float *tile_maximum,
                              const float *tile_sum, size_t rows, size_t columns, const float *factor,
                              const int32_t *row_sum, int less, int element) {
    for (size_t c = 0; c < columns; c++) {
        float top = fmaxf(maximum[c], tile_maximum[c]);
        float old = exp2f(factor[c] * (maximum[c] - top)), new = exp2f(factor[c] * (tile_maximum[c] - top));
        for (size_t i = c, r = 0; r < rows; r++, i += columns) {
            float value = element == KERNELS_S16 || element == KERNELS_U8 ? (float)((const int32_t *)tile)[i] : ((const float *)tile)[i];
            total[i] = total[i] * old + (value + (element == KERNELS_U8 ? (float)less * (float)row_sum[r] : 0)) * new;
        }
        sum[c] = sum[c] * old + tile_sum[c] * new;
        maximum[c] = top;
    }
}

static void finish_tile_scalar(float *total, const float *sum, size_t rows, size_t columns, const float *scale,
                               const float *zero, const float *mean) {
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++) {
            float value = total[r * columns + c] / sum[c];
            total[r * columns + c] =
                scale ? scale[r] * (value + mean[r] * (1 - total[rows * columns + c] / sum[c])) + zero[r] : value;
        }
}

void kernels_fill_scalar(struct kernels *table) {
    table->activation_levels = 255;
    table->weight_levels = 128;
    table->has_byte_dots = 0;
    table->element_of_bf16 = KERNELS_BF16;
#define KERNEL(result, name, parameters) table->name = name##_scalar;
#include "kernels.def"
#undef KERNEL
}
