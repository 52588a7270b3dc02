// A run of each entry of kernels.def: a new entry does not compile until it has one.
#include "CEntries.h"
#include <CKernels.h>
#include <string.h>

enum { ROWS = 48, N = 320, ALL = ROWS * N, COLUMNS = KERNELS_PANEL_COLUMNS, TILES = 2 * ALL / (64 * COLUMNS) };

// All zeros: these cost what other numbers cost.
struct data {
    float a[2 * ALL], b[2 * ALL], c[2 * ALL], rows[4][2 * N];
    uint16_t half[ALL], half_panel[N * COLUMNS];
    int32_t sums[ALL], integers[N];
    uint8_t bytes[ALL], nibbles[N * COLUMNS / 2];
    int8_t byte_panel[N * COLUMNS];
    float panel[N * COLUMNS];
    int16_t ratios[N / 32 * COLUMNS], words[ALL], word_panel[N * COLUMNS];
};

#define MOVES(name, bytes, ...)                                                                                        \
    static struct entry_work run_##name(const struct kernels *table, struct data *d) {                                 \
        table->name(__VA_ARGS__);                                                                                      \
        return (struct entry_work){0, bytes};                                                                          \
    }
// All rows by one panel.
#define PRODUCT(name, left, result, right)                                                                             \
    static struct entry_work run_##name(const struct kernels *table, struct data *d) {                                 \
        for (size_t first = 0; first < ROWS; first += KERNELS_PRODUCT_ROWS) {                                          \
            const void *rows[KERNELS_PRODUCT_ROWS];                                                                    \
            kernels_gather(rows, d->left, NULL, N * sizeof *d->left, NULL, first, ROWS - 1);                           \
            table->name(d->result + first * COLUMNS, COLUMNS, (void *)rows, 1, N, d->right, COLUMNS, 0);               \
        }                                                                                                              \
        return (struct entry_work){2.0 * ROWS * N * COLUMNS, 0};                                                       \
    }

MOVES(f16_to_f32, 6.0 * ALL, d->a, d->half, ALL)
MOVES(bf16_to_f32, 6.0 * ALL, d->a, d->half, ALL)
MOVES(f32_to_f16, 6.0 * ALL, d->half, d->a, ALL)
MOVES(f32_to_bf16, 6.0 * ALL, d->half, d->a, ALL)
MOVES(add_scaled, 12.0 * ALL, d->a, d->b, d->c, 0.5f, ALL)
MOVES(affine, 8.0 * ALL, d->a, d->b, 0.5f, 1, ALL)
MOVES(epilogue, 12.0 * ALL, d->a, N, d->b, N, ROWS, N, d->rows[0], d->c, N, KERNELS_SILU)
MOVES(geglu, 12.0 * ALL, d->a, N, d->b, 2 * N, ROWS, N)
MOVES(column_statistics, 4.0 * ALL, d->rows[0], N, d->a, N, ROWS, N)
MOVES(scale_shift, 8.0 * ALL, d->a, d->b, ROWS, N, d->rows[0], d->rows[1], KERNELS_SILU)
MOVES(layer_norm, 8.0 * ALL, d->a, d->b, ROWS, N, d->rows[0], d->rows[1], 1e-5f)
MOVES(transpose, 8.0 * ALL, d->a, ROWS, d->b, N, ROWS, N)
PRODUCT(product_f32, a, b, panel)
PRODUCT(product_bf16, half, b, half_panel)
PRODUCT(product_s16, words, sums, word_panel)
PRODUCT(product_u8, bytes, sums, byte_panel)
MOVES(range, 4.0 * ALL, d->rows[0], d->rows[1], d->a, ALL)
MOVES(quantize, 5.0 * ALL, d->bytes, d->a, ALL, 20, 64, 127)
MOVES(quantize_s16, 6.0 * ALL, d->words, d->a, ALL, 20, 0, 511)
MOVES(decode_int4, 1.5 * N * COLUMNS, d->byte_panel, d->nibbles, d->ratios, N, COLUMNS)

MOVES(winograd4_filter, 4.0 * (9 + 36) * N, d->a, N, d->b, N)
MOVES(winograd6_filter, 4.0 * (9 + 64) * N, d->a, N, d->b, N)
MOVES(winograd4_gather, 4.0 * (16 + 36) * TILES * COLUMNS, d->b, 4 * TILES * COLUMNS, d->a, TILES, COLUMNS)
MOVES(winograd6_gather, 4.0 * (36 + 64) * TILES * COLUMNS, d->b, 6 * TILES * COLUMNS, d->a, TILES, COLUMNS)
MOVES(pack_columns, 8.0 * ALL, d->a, ALL / COLUMNS, COLUMNS, d->rows[0], d->rows[1], 127, KERNELS_U8)
MOVES(softmax_tile, 8.0 * ALL, d->a, ALL / COLUMNS, COLUMNS, d->rows[0], d->rows[1], d->rows[2], 1, KERNELS_F32)
MOVES(merge_tile, 12.0 * ALL, d->a, d->rows[0], d->rows[0] + N, d->b, d->rows[1], d->rows[1] + N, ALL / COLUMNS, COLUMNS,
      d->rows[2], d->integers, 1, KERNELS_F32)
MOVES(finish_tile, 8.0 * ALL, d->a, d->rows[0], ALL / COLUMNS, COLUMNS, NULL, NULL, NULL)

static struct entry_work run_epilogue_u8(const struct kernels *table, struct data *d) {
    struct kernels_scales scales = {d->rows[0], d->rows[1], 1, d->rows[2], d->integers};
    table->epilogue_u8(d->a, N, d->sums, N, ROWS, N, &scales, d->rows[3], d->c, N, KERNELS_NONE);
    return (struct entry_work){0, 12.0 * ALL};
}

// The four tiles of 2 x 2 tiles' pixels.
#define SCATTERS(name, side)                                                                                           \
    static struct entry_work run_##name(const struct kernels *table, struct data *d) {                                 \
        enum { PIXELS = 2 * side, PRODUCTS = (side + 2) * (side + 2), CHANNELS = 2 * ALL / (4 * 64) };                  \
        int32_t seen[PIXELS + 2];                                                                                      \
        for (int i = 0; i < PIXELS + 2; i++)                                                                           \
            seen[i] = i <= PIXELS ? i - 1 : -1;                                                                        \
        struct kernels_window window = {seen, seen, PIXELS, PIXELS, CHANNELS, 3, 3, 1, PIXELS, PIXELS};                 \
        table->name(d->a, 4 * CHANNELS, d->b, d->c, &window, 0, 4);                                                    \
        return (struct entry_work){0, 4.0 * 4 * 2 * PRODUCTS * CHANNELS};                                              \
    }
SCATTERS(winograd4_scatter, 4)
SCATTERS(winograd6_scatter, 6)

// The rows of a 3 x 3 convolution over 4 x 4 pixels.
static struct entry_work run_pack_pixels(const struct kernels *table, struct data *d) {
    static const int32_t seen[] = {-1, 0, 1, 2, 3, -1};
    enum { CHANNELS = 2 * ALL / (16 * 9) };
    struct kernels_window window = {seen, seen, 4, 4, CHANNELS, 3, 3, 1, 4, 4};
    table->pack_pixels(d->a, d->b, &window, 0, 16);
    return (struct entry_work){0, 4.0 * 16 * CHANNELS * (1 + 9)};
}

static const struct {
    const char *name;
    struct entry_work (*run)(const struct kernels *table, struct data *data);
} entries[] = {
#define KERNEL(result, name, parameters) {#name, run_##name},
#include "kernels.def"
#undef KERNEL
};

const char *entry_name(size_t index) { return index < sizeof entries / sizeof *entries ? entries[index].name : NULL; }

const char *entry_precision(size_t index) {
    const char *name = entries[index].name;
    return strcmp(name, "product_bf16") == 0 ? "bf16" : strcmp(name, "product_u8") == 0 ? "int8" : "fp32";
}

struct entry_work entry_run(size_t index, const char *isa, size_t times) {
    static _Alignas(64) struct data data;
    struct kernels table;
    struct entry_work work = {0, 0};
    kernels_init(&table, isa);
    for (size_t i = 0; i < times; i++) {
        struct entry_work one = entries[index].run(&table, &data);
        work.operations += one.operations;
        work.bytes += one.bytes;
    }
    return work;
}
