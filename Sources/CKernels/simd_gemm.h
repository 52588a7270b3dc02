// c (+)= a b over the vectors of simd_math.h: a block of c stays in registers while k runs. The including file chooses the
// blocks: ROWS_1 ... rows for a block of 1 ... MOST_VECTORS (2 or 4) vectors.

typedef void gemm_block(float *c, size_t c_stride, const float *a, size_t a_stride, const float *b, size_t b_stride,
                        size_t k, int accumulate, size_t part);


// `part` elements of the last of `vectors` vectors are there; `whole` says that these are all of them.
INLINE void gemm_registers(float *c, size_t c_stride, const float *a, size_t a_stride, const float *b, size_t b_stride,
                           size_t k, int accumulate, size_t part, const int whole, const int rows, const int vectors) {
    V sum[16][4];
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < vectors; j++) {
            const float *p = c + (size_t)i * c_stride + j * LANES;
            sum[i][j] = vset1(0.0f);
            if (accumulate)
                sum[i][j] = whole || j < vectors - 1 ? vload(p) : vload_part(p, part);
        }
    for (size_t p = 0; p < k; p++, b += b_stride) {
        V right[4];
        UNROLL for (int j = 0; j < vectors; j++)
            right[j] = whole || j < vectors - 1 ? vload(b + j * LANES) : vload_part(b + j * LANES, part);
        UNROLL for (int i = 0; i < rows; i++) {
            V left = vset1(a[(size_t)i * a_stride + p]);
            UNROLL for (int j = 0; j < vectors; j++)
                sum[i][j] = vfma(left, right[j], sum[i][j]);
        }
    }
    UNROLL for (int i = 0; i < rows; i++)
        UNROLL for (int j = 0; j < vectors; j++) {
            float *p = c + (size_t)i * c_stride + j * LANES;
            if (whole || j < vectors - 1)
                vstore(p, sum[i][j]);
            else
                vstore_part(p, sum[i][j], part);
        }
}

#define GEMM_BLOCK(rows, vectors)                                                                                      \
    static void gemm_##rows##_##vectors(float *c, size_t c_stride, const float *a, size_t a_stride, const float *b,    \
                                        size_t b_stride, size_t k, int accumulate, size_t part) {                      \
        if (part == LANES)                                                                                             \
            gemm_registers(c, c_stride, a, a_stride, b, b_stride, k, accumulate, part, 1, rows, vectors);              \
        else                                                                                                           \
            gemm_registers(c, c_stride, a, a_stride, b, b_stride, k, accumulate, part, 0, rows, vectors);              \
    }
#define GEMM_BLOCKS(most, vectors) GEMM_BLOCK(most, vectors) GEMM_BLOCK(2, vectors) GEMM_BLOCK(1, vectors)
#define GEMM_STEPS_(most, vectors)                                                                                     \
    {{gemm_##most##_##vectors, most}, {gemm_2_##vectors, 2}, {gemm_1_##vectors, 1}}
#define GEMM_STEPS(most, vectors) GEMM_STEPS_(most, vectors)

GEMM_BLOCKS(ROWS_1, 1)
GEMM_BLOCKS(ROWS_2, 2)
#if MOST_VECTORS > 2
GEMM_BLOCKS(ROWS_3, 3)
GEMM_BLOCKS(ROWS_4, 4)
#endif

static void gemm_simd(float *c, size_t c_stride, const float *a, size_t a_stride, const float *b, size_t b_stride,
                      size_t m, size_t n, size_t k, int accumulate) {
    static const struct {
        gemm_block *block;
        size_t rows;
    } steps[MOST_VECTORS][3] = {
        GEMM_STEPS(ROWS_1, 1),
        GEMM_STEPS(ROWS_2, 2),
#if MOST_VECTORS > 2
        GEMM_STEPS(ROWS_3, 3),
        GEMM_STEPS(ROWS_4, 4),
#endif
    };
    while (n > 0) {
        size_t vectors = (n + LANES - 1) / LANES;
        if (vectors > MOST_VECTORS)  // A single vector at the end would wait for its own sums.
            vectors = vectors % MOST_VECTORS == 1 ? MOST_VECTORS - 1 : MOST_VECTORS;
        size_t columns = n < vectors * LANES ? n : vectors * LANES;
        size_t row = 0;
        for (int step = 0; step < 3; step++)
            for (size_t rows = steps[vectors - 1][step].rows; row + rows <= m; row += rows)
                steps[vectors - 1][step].block(c + row * c_stride, c_stride, a + row * a_stride, a_stride, b, b_stride,
                                               k, accumulate, columns - (vectors - 1) * LANES);
        b += columns;
        c += columns;
        n -= columns;
    }
}
