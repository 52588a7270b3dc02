#ifndef CKERNELS_H
#define CKERNELS_H

#include <stddef.h>
#include <stdint.h>

/// Functions of an element that kernels can fuse.
enum kernels_activation {
    KERNELS_NONE,
    KERNELS_SILU,
    KERNELS_GELU,
    KERNELS_QUICK_GELU,
    KERNELS_RELU,
    KERNELS_TANH,
};

/// How the pixels that a convolution's filter sees lie in its input `[batch, height, width, channels]`.
///
/// Output pixel (image, y, x) sees, at tap (i, j), the input pixel (row_map[y * stride + i], column_map[x * stride + j]);
/// a negative entry is padding: zeros. The maps also say how an input is enlarged on the way. A packed row has
/// `taps_high * taps_wide * channels` elements, channels innermost.
struct kernels_window {
    const int32_t *row_map;
    const int32_t *column_map;
    size_t height, width, channels;
    size_t taps_high, taps_wide, stride;
    size_t output_height, output_width;
};

/// What the sums of a product of bytes stand for: `(sum - zero * column_sum) * (scale * column_scale)`.
struct kernels_scales {
    /// Of row `r`, at `[r * step]`: an element of the left side stands for `scale * (byte - zero)`.
    const float *scale, *zero;
    size_t step;
    /// Of a column: what its weights are multiplied by, and the sum of their bytes.
    const float *column_scale;
    const int32_t *column_sum;
};

/// Rows that a product takes at a time.
#define KERNELS_PRODUCT_ROWS 6
/// Columns of a panel of weights: at most so many, and always a multiple of the unit.
#define KERNELS_PANEL_COLUMNS 64
#define KERNELS_PANEL_UNIT 16

/// What attention multiplies: the elements of `product_f32`, `product_bf16`, `product_s16` or `product_u8`.
enum kernels_element { KERNELS_F32, KERNELS_BF16, KERNELS_S16, KERNELS_U8 };

/// The kernels of one instruction set.
struct kernels {
    /// The largest byte that `product_u8` takes as an activation: 127 where its instructions would saturate beyond.
    int32_t activation_levels;
    /// `product_u8` takes weights from -weight_levels to weight_levels (127 where that is 128) in any order: 64 where
    /// `kernels_weight_scale` is needed for more.
    int32_t weight_levels;
    /// Not 0 where one instruction sums four products of bytes.
    int32_t has_byte_dots;
    /// What attention multiplies fastest where bfloat16's precision is enough: a `kernels_element` no less exact.
    int32_t element_of_bf16;
#define KERNEL(result, name, parameters) result(*name) parameters;
#include "kernels.def"
#undef KERNEL
};

/// The scale that makes bytes of a row of weights, `taps` times `channels`: the largest weight becomes 127 at most, and `product_u8` may
/// sum four products in 16 bits.
///
/// Those four are of channels 8 i + {0, 1, 4, 5} or 8 i + {2, 3, 6, 7}. Times activations up to 127, weights of one sign stay within 16
/// bits where they sum to 258 at most: to 256 before they are rounded. Where they would not, the whole row's scale grows, at most
/// to twice as much.
float kernels_weight_scale(const float *row, size_t taps, size_t channels);

/// Weights of 4 bits that share a scale.
#define KERNELS_GROUP 32
/// The scale of a group of weights of 4 bits, a number that float16 has: of some that reach the largest weight (7 times the scale) or not
/// quite, the one that leaves the least squared error. Multiples of a scale up to 7 times it, the largest among them, find it again.
float kernels_group_scale(const float *group);

/// Fills the pointers that a product takes: `rows[tap * KERNELS_PRODUCT_ROWS + i]` is what row `first + i` sees at a tap, rows past
/// `last` repeat it. `window` is NULL where the rows lie one after the other; padding is seen at `zeros`.
void kernels_gather(const void **rows, const void *src, const void *zeros, size_t pixel_bytes,
                    const struct kernels_window *window, size_t first, size_t last);

/// The pixels (side + 2 rows of side + 2) that tile `tile` of a 3x3 convolution sees. A tile is `side` x `side` pixels of the output; tiles
/// are counted image by image, row by row, and those at the end of a row or an image may hang over. What lies outside is seen at
/// `zeros`.
void kernels_tile(const float **pixels, const float *src, const float *zeros, const struct kernels_window *window,
                  size_t side, size_t tile);

/// Fills `table` with the best kernels up to the instruction set `isa` (NULL: whatever this CPU has).
///
/// Returns the name of the instruction set: "scalar"; "avx2", "avxvnni", "avx512", "avx512vnni" or "avx512bf16"; "neon", "neondotprod",
/// "neoni8mm" or "neonbf16". NULL, and scalar kernels, where `isa` is unknown or this CPU lacks it.
const char *kernels_init(struct kernels *table, const char *isa);

/// The name of the `index`-th instruction set that this CPU can run, "scalar" first; NULL after the last.
const char *kernels_isa(size_t index);

/// Tells the CPU that this thread spins.
static inline void kernels_pause(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#endif
