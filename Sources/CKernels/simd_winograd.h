// The transforms of Winograd's F(4x4, 3x3) over the vectors of simd_math.h, written once for every instruction set.
//
// Interpolation at 0, -a, a, -1/a, 1/a and infinity with a = sqrt(1/2): see winograd_filter_scalar for the matrices. Each
// one-dimensional transform is shared by the two directions; a block of channels goes through both while it is in registers
// and in the first-level cache.

// A line of a cache: what is written of each transformed element at once.
#define WINOGRAD_VECTORS (16 / LANES)

// Six pixels to the six elements of a product.
INLINE void winograd_scatter_line(V *to, size_t step, V d0, V d1, V d2, V d3, V d4, V d5) {
    const V a = vset1(0.70710678f), minus_a = vset1(-0.70710678f), b = vset1(1.41421356f), minus_b = vset1(-1.41421356f);
    V even_a = vfma(vset1(-2.0f), d2, d4), odd_a = vfma(vset1(-2.0f), d1, d3);
    V even_b = vfma(vset1(-0.5f), d2, d4), odd_b = vfma(vset1(-0.5f), d1, d3);
    to[0] = vfma(vset1(-2.5f), d2, vadd(d0, d4));
    to[step] = vfma(a, odd_a, even_a);
    to[2 * step] = vfma(minus_a, odd_a, even_a);
    to[3 * step] = vfma(b, odd_b, even_b);
    to[4 * step] = vfma(minus_b, odd_b, even_b);
    to[5 * step] = vfma(vset1(-2.5f), d3, vadd(d1, d5));
}

// `vectors` vectors of channels from c on, the last of them `part` channels: all that a line of a cache holds, so that a line of `dst` is
// written once.
INLINE void winograd_scatter_block(float *dst, size_t step, const float *const *pixels, size_t c, size_t ahead, size_t part,
                                   const int vectors) {
    V lines[WINOGRAD_VECTORS][6][6];
    for (int x = 0; x < 6; x++) {
        UNROLL for (int y = 0; y < 6; y++) __builtin_prefetch(pixels[6 * y + x] + c + ahead);
        UNROLL for (int j = 0; j < vectors; j++) {
            V d[6];
            UNROLL for (int y = 0; y < 6; y++) d[y] = load_some(pixels[6 * y + x] + c + j * LANES, part);
            winograd_scatter_line(&lines[j][0][x], 6, d[0], d[1], d[2], d[3], d[4], d[5]);
        }
    }
    for (int y = 0; y < 6; y++, dst += 6 * step)
        UNROLL for (int j = 0; j < vectors; j++) {
            const V *line = lines[j][y];
            V v[6];
            winograd_scatter_line(v, 1, line[0], line[1], line[2], line[3], line[4], line[5]);
            UNROLL for (int x = 0; x < 6; x++) store_some(dst + x * step + j * LANES, v[x], part);
        }
}

static void winograd_scatter_simd(float *dst, size_t step, const float *src, const float *zeros,
                                  const struct kernels_window *window, size_t first, size_t count) {
    size_t channels = window->channels;
    for (size_t tile = first; tile < first + count; tile++, dst += channels) {
        const float *pixels[36];
        kernels_tile(pixels, src, zeros, window, tile);
        size_t c = 0;
        for (; c + 16 <= channels; c += 16)
            winograd_scatter_block(dst + c, step, pixels, c, 4 * channels, LANES, WINOGRAD_VECTORS);
        for (; c < channels; c += LANES)
            winograd_scatter_block(dst + c, step, pixels, c, 4 * channels, PART(c, channels), 1);
    }
}

// Six sums to four pixels.
INLINE void winograd_gather_line(V *to, V m0, V m1, V m2, V m3, V m4, V m5) {
    V sum_a = vadd(m1, m2), difference_a = vsub(m1, m2), sum_b = vadd(m3, m4), difference_b = vsub(m3, m4);
    to[0] = vadd(vadd(m0, sum_a), sum_b);
    to[1] = vfma(vset1(0.70710678f), difference_a, vmul(vset1(1.41421356f), difference_b));
    to[2] = vfma(vset1(0.5f), sum_a, vadd(sum_b, sum_b));
    to[3] = vfma(vset1(0.35355339f), difference_a, vfma(vset1(2.82842712f), difference_b, m5));
}

static void winograd_gather_simd(float *dst, size_t stride, const float *sums, size_t tiles, size_t n) {
    for (size_t tile = 0; tile < tiles; tile++, dst += 4 * n, sums += 36 * n)
        for (size_t i = 0; i < n; i += LANES) {
            V columns[6][4];
            UNROLL for (int x = 0; x < 6; x++) {
                V m[6];
                UNROLL for (int y = 0; y < 6; y++) m[y] = vload(sums + (6 * y + x) * n + i);
                winograd_gather_line(columns[x], m[0], m[1], m[2], m[3], m[4], m[5]);
            }
            UNROLL for (int y = 0; y < 4; y++) {
                V pixels[4];
                winograd_gather_line(pixels, columns[0][y], columns[1][y], columns[2][y], columns[3][y], columns[4][y],
                                     columns[5][y]);
                UNROLL for (int x = 0; x < 4; x++) vstore(dst + y * stride + x * n + i, pixels[x]);
            }
        }
}

// Three taps to the six elements of a product.
INLINE void winograd_filter_line(V *to, size_t step, V g0, V g1, V g2) {
    V even_a = vmul(vset1(-1 / 3.0f), vfma(vset1(2.0f), g0, g2)), odd_a = vmul(vset1(0.47140452f), g1);
    V even_b = vmul(vset1(1 / 6.0f), vfma(vset1(2.0f), g2, g0)), odd_b = vmul(vset1(0.23570226f), g1);
    to[0] = g0;
    to[step] = vsub(even_a, odd_a);
    to[2 * step] = vadd(even_a, odd_a);
    to[3 * step] = vadd(even_b, odd_b);
    to[4 * step] = vsub(even_b, odd_b);
    to[5 * step] = g2;
}

static void winograd_filter_simd(float *dst, size_t step, const float *filter, size_t n) {
    for (size_t c = 0; c < n; c += LANES, dst += LANES, filter += LANES) {
        size_t part = PART(c, n);
        V lines[6][3];
        UNROLL for (int x = 0; x < 3; x++)
            winograd_filter_line(&lines[0][x], 3, load_some(filter + x * n, part), load_some(filter + (3 + x) * n, part),
                                 load_some(filter + (6 + x) * n, part));
        for (int y = 0; y < 6; y++) {
            V results[6];
            winograd_filter_line(results, 1, lines[y][0], lines[y][1], lines[y][2]);
            for (int x = 0; x < 6; x++)
                store_some(dst + (6 * y + x) * step, results[x], part);
        }
    }
}
