// Transposition in squares of LANES; the including file defines transpose_square, which moves one such square.

static void transpose_simd(float *dst, size_t dst_stride, const float *src, size_t src_stride, size_t rows,
                           size_t columns) {
    for (size_t i = 0; i < rows; i += LANES)
        for (size_t j = 0; j < columns; j += LANES) {
            size_t high = PART(i, rows), wide = PART(j, columns);
            if (high == LANES && wide == LANES) {
                transpose_square(dst + j * dst_stride + i, dst_stride, src + i * src_stride + j, src_stride);
                continue;
            }
            for (size_t y = i; y < i + high; y++)
                for (size_t x = j; x < j + wide; x++)
                    dst[x * dst_stride + y] = src[y * src_stride + x];
        }
}
