// The elementwise and row kernels over the vectors of simd_math.h, written once for every instruction set.

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

// Runs `statement` once for each known activation, as a constant, so that loops hold no switch.
#define FOR_ACTIVATION(activation, call)                                                                               \
    switch (activation) {                                                                                              \
    case KERNELS_SILU: call(KERNELS_SILU); break;                                                                      \
    case KERNELS_GELU: call(KERNELS_GELU); break;                                                                      \
    case KERNELS_QUICK_GELU: call(KERNELS_QUICK_GELU); break;                                                          \
    case KERNELS_RELU: call(KERNELS_RELU); break;                                                                      \
    case KERNELS_TANH: call(KERNELS_TANH); break;                                                                      \
    default: call(KERNELS_NONE);                                                                                       \
    }

// The elements of the vector at `i` of `n`: all LANES, or the rest.
#define PART(i, n) ((n) - (i) < LANES ? (n) - (i) : LANES)

INLINE V load_some(const float *p, size_t part) { return part == LANES ? vload(p) : vload_part(p, part); }

INLINE void store_some(float *p, V v, size_t part) {
    if (part == LANES)
        vstore(p, v);
    else
        vstore_part(p, v, part);
}

static void add_scaled_simd(float *dst, const float *a, const float *b, float factor, size_t n) {
    V f = vset1(factor);
    for (size_t i = 0; i < n; i += LANES) {
        size_t part = PART(i, n);
        store_some(dst + i, vfma(f, load_some(b + i, part), load_some(a + i, part)), part);
    }
}

static void affine_simd(float *dst, const float *src, float factor, float offset, size_t n) {
    V f = vset1(factor), o = vset1(offset);
    for (size_t i = 0; i < n; i += LANES) {
        size_t part = PART(i, n);
        store_some(dst + i, vfma(f, load_some(src + i, part), o), part);
    }
}

// Some columns of a row; `x` holds floats or, with `scales`, integers. `part` is the constant LANES but for the last columns.
INLINE void epilogue_vector(float *y, const float *x, size_t i, size_t part, V scale, V minus_zero,
                            const struct kernels_scales *scales, const float *bias, const float *residual,
                            const int activation) {
    V v = load_some(x + i, part), b = bias ? load_some(bias + i, part) : vset1(0.0f);
    if (scales) {
        V column_sum = vfrom_i32(load_some((const float *)scales->column_sum + i, part));
        v = vfma(minus_zero, column_sum, vfrom_i32(v));
        v = vfma(v, vmul(scale, load_some(scales->column_scale + i, part)), b);
    } else if (bias) {
        v = vadd(v, b);
    }
    if (residual)
        v = vadd(v, load_some(residual + i, part));
    store_some(y + i, vactivate(v, activation), part);
}

INLINE void epilogue_rows(float *y, size_t stride, const float *x, size_t x_stride, size_t rows, size_t n,
                          const struct kernels_scales *scales, const float *bias, const float *residual,
                          size_t residual_stride, const int activation) {
    for (size_t r = 0; r < rows; r++, y += stride, x += x_stride) {
        V scale = vset1(scales ? scales->scale[r * scales->step] : 1.0f);
        V minus_zero = vset1(scales ? -scales->zero[r * scales->step] : 0.0f);
        const float *added = residual ? residual + r * residual_stride : NULL;
        size_t i = 0;
        for (; i + LANES <= n; i += LANES)
            epilogue_vector(y, x, i, LANES, scale, minus_zero, scales, bias, added, activation);
        if (i < n)
            epilogue_vector(y, x, i, n - i, scale, minus_zero, scales, bias, added, activation);
    }
}

static void epilogue_simd(float *y, size_t stride, const float *x, size_t x_stride, size_t rows, size_t n,
                          const float *bias, const float *residual, size_t residual_stride, int activation) {
#define CALL(a) epilogue_rows(y, stride, x, x_stride, rows, n, NULL, bias, residual, residual_stride, a)
    FOR_ACTIVATION(activation, CALL)
#undef CALL
}

static void epilogue_u8_simd(float *y, size_t stride, const int32_t *sums, size_t sums_stride, size_t rows, size_t n,
                             const struct kernels_scales *scales, const float *bias, const float *residual,
                             size_t residual_stride, int activation) {
    const struct kernels_scales copy = *scales;
#define CALL(a) epilogue_rows(y, stride, (const float *)sums, sums_stride, rows, n, &copy, bias, residual, residual_stride, a)
    FOR_ACTIVATION(activation, CALL)
#undef CALL
}

static void geglu_simd(float *dst, size_t dst_stride, const float *src, size_t src_stride, size_t rows, size_t n) {
    for (size_t r = 0; r < rows; r++, dst += dst_stride, src += src_stride)
        for (size_t i = 0; i < n; i += LANES) {
            size_t part = PART(i, n);
            store_some(dst + i, vmul(load_some(src + i, part), vgelu(load_some(src + n + i, part))), part);
        }
}

// Four columns of vectors at once hide the latency of the sums; `width` says how many of them.
INLINE void statistics_columns(float *statistics, size_t statistics_stride, const float *src, size_t stride, size_t rows,
                               size_t part, const int width) {
    V sum[4], squares[4], center[4], least[4], most[4], count = vset1((float)rows);
    if (width == 4)
        part = LANES;
    UNROLL for (int j = 0; j < width; j++) {
        sum[j] = squares[j] = vset1(0.0f);
        least[j] = most[j] = load_some(src + j * LANES, part);
    }
    for (size_t r = 0; r < rows; r++)
        UNROLL for (int j = 0; j < width; j++) {
            V x = load_some(src + r * stride + j * LANES, part);
            sum[j] = vadd(sum[j], x);
            least[j] = vmin(least[j], x);
            most[j] = vmax(most[j], x);
        }
    UNROLL for (int j = 0; j < width; j++) center[j] = vdiv(sum[j], count);
    for (size_t r = 0; r < rows; r++)
        UNROLL for (int j = 0; j < width; j++) {
            V d = vsub(load_some(src + r * stride + j * LANES, part), center[j]);
            squares[j] = vfma(d, d, squares[j]);
        }
    UNROLL for (int j = 0; j < width; j++) {
        float *target = statistics + j * LANES;
        store_some(target, center[j], part);
        store_some(target + statistics_stride, squares[j], part);
        store_some(target + 2 * statistics_stride, least[j], part);
        store_some(target + 3 * statistics_stride, most[j], part);
    }
}

static void column_statistics_simd(float *statistics, size_t statistics_stride, const float *src, size_t stride,
                                   size_t rows, size_t n) {
    size_t i = 0;
    for (; i + 4 * LANES <= n; i += 4 * LANES)
        statistics_columns(statistics + i, statistics_stride, src + i, stride, rows, LANES, 4);
    for (; i < n; i += LANES)
        statistics_columns(statistics + i, statistics_stride, src + i, stride, rows, PART(i, n), 1);
}

INLINE void scale_shift_rows(float *dst, const float *src, size_t rows, size_t n, const float *scale,
                             const float *shift, const int activation) {
    for (size_t r = 0; r < rows; r++, dst += n, src += n)
        for (size_t i = 0; i < n; i += LANES) {
            size_t part = PART(i, n);
            V v = vfma(load_some(src + i, part), load_some(scale + i, part), load_some(shift + i, part));
            store_some(dst + i, vactivate(v, activation), part);
        }
}

static void scale_shift_simd(float *dst, const float *src, size_t rows, size_t n, const float *scale,
                             const float *shift, int activation) {
#define CALL(a) scale_shift_rows(dst, src, rows, n, scale, shift, a)
    FOR_ACTIVATION(activation, CALL)
#undef CALL
}

static void layer_norm_simd(float *dst, const float *src, size_t rows, size_t n, const float *weight,
                            const float *bias, float epsilon) {
    for (size_t r = 0; r < rows; r++, dst += n, src += n) {
        V a = vset1(0.0f), b = a;
        size_t i = 0;
        for (; i + 2 * LANES <= n; i += 2 * LANES) {
            a = vadd(a, vload(src + i));
            b = vadd(b, vload(src + i + LANES));
        }
        for (; i < n; i += LANES)
            a = vadd(a, load_some(src + i, PART(i, n)));
        float center = vsum(vadd(a, b)) / (float)n;
        V c = vset1(center);
        // The center is rounded: what it misses the mean by is found beside the squares, and taken off again.
        V missed = vset1(0.0f), squares = missed;
        for (i = 0; i + LANES <= n; i += LANES) {
            V d = vsub(vload(src + i), c);
            missed = vadd(missed, d);
            squares = vfma(d, d, squares);
        }
        float shift = vsum(missed), square = vsum(squares);
        for (; i < n; i++) {
            shift += src[i] - center;
            square += (src[i] - center) * (src[i] - center);
        }
        shift /= (float)n;
        float factor = 1.0f / __builtin_sqrtf(square / (float)n - shift * shift + epsilon);
        V f = vset1(factor), g = vset1(-shift * factor);
        for (i = 0; i < n; i += LANES) {
            size_t part = PART(i, n);
            V v = vfma(vsub(load_some(src + i, part), c), f, g);
            V w = weight ? load_some(weight + i, part) : vset1(1.0f);
            store_some(dst + i, vfma(v, w, bias ? load_some(bias + i, part) : vset1(0.0f)), part);
        }
    }
}

static void range_simd(float *least, float *most, const float *src, size_t n) {
    float low = src[0], high = src[0];
    size_t i = 0;
    if (n >= LANES) {
        V small = vload(src), large = small;
        for (; i + LANES <= n; i += LANES) {
            small = vmin(vload(src + i), small);
            large = vmax(vload(src + i), large);
        }
        low = -vtop(vsub(vset1(0.0f), small));
        high = vtop(large);
    }
    for (; i < n; i++) {
        low = src[i] < low ? src[i] : low;
        high = src[i] > high ? src[i] : high;
    }
    *least = low;
    *most = high;
}
