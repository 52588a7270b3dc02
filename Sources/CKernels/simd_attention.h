// Attention's kernels over the vectors of simd_math.h. A column is a query, so maxima, sums and factors are vectors, and nothing is ever
// summed or compared across lanes.
//
// The including file defines, of lanes that hold 32-bit integers, vfrom_i32 and vmax_int; vscale2 (a times 2^n, given n + 1.5 * 2^23,
// both normal); vfnma (c - a * b); and what writes LANES columns of rounded rows interleaved: vto_bf16_pairs, vto_s16_pairs and
// vto_u8_quads (0 ... 255, less a number of bytes).

#define IS_INTEGER(element) ((element) == KERNELS_S16 || (element) == KERNELS_U8)
#define GROUP_OF(element) ((element) == KERNELS_F32 ? 1 : (element) == KERNELS_U8 ? 4 : 2)

// Runs `call` with the element as a constant, so that loops hold no switch.
#define FOR_ELEMENT(element, call)                                                                                     \
    switch (element) {                                                                                                 \
    case KERNELS_F32: call(KERNELS_F32); break;                                                                        \
    case KERNELS_BF16: call(KERNELS_BF16); break;                                                                      \
    case KERNELS_S16: call(KERNELS_S16); break;                                                                        \
    default: call(KERNELS_U8);                                                                                         \
    }

// Steps of four vectors at a time: an out-of-order core holds too few instructions of one vector's chain to hide its latency.
#define FOUR(i) UNROLL for (int i = 0; i < 4; i++)

// w = 2^(d * f) for d * f from -125 to 0: to 1.5 ulp, or, where the result is rounded to 12 bits or less, to 1e-4.
INLINE void exp2_four(V *w, const V *d, V f, const int exact) {
    static const float fine[] = {-1.326472707e-3f, 9.671512649e-3f, -5.550733744e-2f, 2.402224209e-1f, -6.931469776e-1f, 1.0f};
    static const float coarse[] = {-5.500893e-2f, 2.422109596e-1f, -6.932829273e-1f, 1.0f};
    const float *coefficients = exact ? fine : coarse;  // 2^-r, relative error 9e-8 or 1e-4
    const V magic = vset1(0x1.8p23f);
    V shifted[4], r[4];
    FOUR(i) shifted[i] = vfma(d[i], f, magic);
    FOUR(i) r[i] = vsub(shifted[i], magic);
    FOUR(i) r[i] = vfnma(d[i], f, r[i]);
    FOUR(i) w[i] = vset1(coefficients[0]);
    UNROLL for (int j = 1; j < (exact ? 6 : 4); j++)
        FOUR(i) w[i] = vfma(w[i], r[i], vset1(coefficients[j]));
    FOUR(i) w[i] = vscale2(w[i], shifted[i]);
}

// Writes rows `row` ... `row` + 3 of a panel, of which `some` are there and the others zeros.
INLINE void store_four(float *panel, size_t row, size_t columns, const V *w, size_t some, int less, const int element) {
    float *p = panel + row / GROUP_OF(element) * columns;
    if (element == KERNELS_U8)
        vto_u8_quads(p, w[0], w[1], w[2], w[3], less);
    else
        FOUR(i) {
            if (i % GROUP_OF(element) || (size_t)i >= some)
                continue;
            if (element == KERNELS_F32)
                vstore(p, w[i]);
            else if (element == KERNELS_BF16)
                vto_bf16_pairs(p, w[i], w[(i + 1) % 4]);
            else
                vto_s16_pairs(p, w[i], w[(i + 1) % 4]);
            p += columns;
        }
}

// Rows `row` ... `row` + 3 of a tile; those past `some` repeat the first.
INLINE void load_four(V *v, const float *tile, size_t row, size_t columns, size_t some) {
    FOUR(i) v[i] = vload(tile + (row + ((size_t)i < some ? (size_t)i : 0)) * columns);
}

INLINE void pack_rows(float *panel, size_t row, size_t columns, const float *row_scale, V factor, size_t some,
                      const int element) {
    V v[4];
    load_four(v, panel, row, columns, some);
    if (IS_INTEGER(element))
        FOUR(i) v[i] = vmul(v[i], vmul(factor, vset1(row_scale[row + ((size_t)i < some ? (size_t)i : 0)])));
    FOUR(i) v[i] = (size_t)i < some ? v[i] : vset1(0.0f);
    if (element == KERNELS_U8)
        FOUR(i) v[i] = vadd(v[i], vset1(128.0f));
    store_four(panel, row, columns, v, some, 128, element);
}

INLINE void pack_panel(float *panel, size_t rows, size_t columns, const float *row_scale, float *column_scale,
                       float levels, const int element) {
    for (size_t c = 0; c < columns; c += LANES, panel += LANES) {
        V factor = vset1(0.0f), top = vset1(0x1p-100f);
        if (IS_INTEGER(element)) {
            for (size_t r = 0; r < rows; r++)
                top = vmax(top, vabs(vmul(vload(panel + r * columns), vset1(row_scale[r]))));
            factor = vdiv(vset1(levels), top);
            vstore(column_scale + c, vdiv(top, vset1(levels)));
        }
        size_t r = 0;
        for (; r + 4 <= rows; r += 4)
            pack_rows(panel, r, columns, row_scale, factor, 4, element);
        if (r < rows)
            pack_rows(panel, r, columns, row_scale, factor, rows - r, element);
    }
}

static void pack_columns_simd(void *panel, size_t rows, size_t columns, const float *row_scale, float *column_scale,
                              int levels, int element) {
#define CALL(element) pack_panel(panel, rows, columns, row_scale, column_scale, (float)levels, element)
    FOR_ELEMENT(element, CALL)
#undef CALL
}

// Vectors of 16 columns: a cache line of a row, which is read and written as a whole.
#define LINE (KERNELS_PANEL_UNIT / LANES)
#define EACH(j) UNROLL for (int j = 0; j < LINE; j++)

INLINE void column_tops(V *top, const float *scores, size_t keys, size_t columns, const int element) {
#define HIGHER(a, b) (IS_INTEGER(element) ? vmax_int(a, b) : vmax(a, b))
    V other[LINE];
    EACH(j) top[j] = other[j] = vload(scores + j * LANES);
    size_t k = 1;
    for (; k + 2 <= keys; k += 2) {
        EACH(j) top[j] = HIGHER(top[j], vload(scores + k * columns + j * LANES));
        EACH(j) other[j] = HIGHER(other[j], vload(scores + (k + 1) * columns + j * LANES));
    }
    if (k < keys)
        EACH(j) top[j] = HIGHER(top[j], vload(scores + k * columns + j * LANES));
    EACH(j) top[j] = HIGHER(top[j], other[j]);
#undef HIGHER
    if (IS_INTEGER(element))
        EACH(j) top[j] = vfrom_i32(top[j]);
}

// Weights of four rows and one vector of columns. Returns their sum.
INLINE V softmax_rows(float *tile, size_t row, size_t columns, V f, V top, V least, size_t some, int one, const int element) {
    V d[4], w[4];
    load_four(d, tile, row, columns, some);
    if (IS_INTEGER(element))
        FOUR(i) d[i] = vfrom_i32(d[i]);
    FOUR(i) d[i] = vmax(least, vsub(d[i], top));
    exp2_four(w, d, f, element == KERNELS_F32);
    if (IS_INTEGER(element))
        FOUR(i) w[i] = vmul(w[i], vset1((float)one));
    FOUR(i) w[i] = (size_t)i < some ? w[i] : vset1(0.0f);
    store_four(tile, row, columns, w, some, (one + 1) / 2, element);
    return vadd(vadd(w[0], w[1]), vadd(w[2], w[3]));
}

INLINE void softmax_panel(float *tile, size_t keys, size_t columns, const float *factor, float *maximum, float *sum,
                          int one, const int element) {
    for (size_t c = 0; c < columns; c += KERNELS_PANEL_UNIT, tile += KERNELS_PANEL_UNIT) {
        V f[LINE], top[LINE], least[LINE], total[LINE];
        column_tops(top, tile, keys, columns, element);
        EACH(j) f[j] = vload(factor + c + j * LANES);
        EACH(j) least[j] = vdiv(vset1(-125.0f), f[j]);
        EACH(j) total[j] = vset1(0.0f);
        size_t k = 0;
        for (; k + 4 <= keys; k += 4)
            EACH(j) total[j] = vadd(total[j], softmax_rows(tile + j * LANES, k, columns, f[j], top[j], least[j], 4, one, element));
        if (k < keys)
            EACH(j)
                total[j] = vadd(total[j], softmax_rows(tile + j * LANES, k, columns, f[j], top[j], least[j], keys - k, one, element));
        EACH(j) vstore(maximum + c + j * LANES, top[j]);
        EACH(j) vstore(sum + c + j * LANES, total[j]);
    }
}

static void softmax_tile_simd(void *tile, size_t keys, size_t columns, const float *factor, float *maximum, float *sum,
                              int one, int element) {
#define CALL(element) softmax_panel(tile, keys, columns, factor, maximum, sum, one, element)
    FOR_ELEMENT(element, CALL)
#undef CALL
}

INLINE void merge_line(float *total, const float *tile, size_t rows, size_t columns, const int32_t *row_sum, int less,
                       const V *old, const V *new, const int element) {
    for (size_t r = 0; r < rows; r++, total += columns, tile += columns)
        UNROLL for (int j = 0; j < LINE; j++) {
            V sum = vload(tile + j * LANES);
            if (IS_INTEGER(element))
                sum = vfrom_i32(sum);
            if (element == KERNELS_U8)
                sum = vfma(vset1((float)less), vset1((float)row_sum[r]), sum);
            vstore(total + j * LANES, vfma(vload(total + j * LANES), old[j], vmul(sum, new[j])));
        }
}

static void merge_tile_simd(float *total, float *maximum, float *sum, const void *tile, const float *tile_maximum,
                            const float *tile_sum, size_t rows, size_t columns, const float *factor,
                            const int32_t *row_sum, int less, int element) {
    for (size_t c = 0; c < columns; c += KERNELS_PANEL_UNIT) {
        V old[LINE], new[LINE];
        UNROLL for (int j = 0; j < LINE; j++) {
            size_t i = c + (size_t)j * LANES;
            V f = vload(factor + i), least = vdiv(vset1(-125.0f), f), a = vload(maximum + i), b = vload(tile_maximum + i);
            V top = vmax(a, b), d[4] = {vmax(least, vsub(a, top)), vmax(least, vsub(b, top)), vset1(0.0f), vset1(0.0f)};
            V w[4];
            exp2_four(w, d, f, 1);
            old[j] = w[0];
            new[j] = w[1];
            vstore(maximum + i, top);
            vstore(sum + i, vfma(vload(sum + i), old[j], vmul(vload(tile_sum + i), new[j])));
        }
#define CALL(element) merge_line(total + c, (const float *)tile + c, rows, columns, row_sum, less, old, new, element)
        FOR_ELEMENT(element, CALL)
#undef CALL
    }
}

static void finish_tile_simd(float *total, const float *sum, size_t rows, size_t columns, const float *scale,
                             const float *zero, const float *mean) {
    for (size_t c = 0; c < columns; c += LANES, total += LANES) {
        V factor = vdiv(vset1(1.0f), vload(sum + c)), missed = vset1(0.0f);
        if (scale)
            missed = vfnma(vload(total + rows * columns), factor, vset1(1.0f));
        for (size_t r = 0; r < rows; r++) {
            V x = vmul(vload(total + r * columns), factor);
            if (scale)
                x = vfma(vset1(scale[r]), vfma(vset1(mean[r]), missed, x), vset1(zero[r]));
            vstore(total + r * columns, x);
        }
    }
}
