// Conversions of 16-bit floats, a vector at a time; the including file defines vfrom_f16, vfrom_bf16, vto_f16 and vto_bf16,
// which read or write LANES elements.

#define CONVERT_FROM(name, convert)                                                                                    \
    static void name##_simd(float *dst, const uint16_t *src, size_t n) {                                               \
        size_t i = 0;                                                                                                  \
        for (; i + LANES <= n; i += LANES)                                                                             \
            vstore(dst + i, convert(src + i));                                                                         \
        if (i < n) {                                                                                                   \
            uint16_t rest[LANES] = {0};                                                                                \
            memcpy(rest, src + i, (n - i) * sizeof *src);                                                              \
            vstore_part(dst + i, convert(rest), n - i);                                                                \
        }                                                                                                              \
    }

#define CONVERT_TO(name, convert)                                                                                      \
    static void name##_simd(uint16_t *dst, const float *src, size_t n) {                                               \
        size_t i = 0;                                                                                                  \
        for (; i + LANES <= n; i += LANES)                                                                             \
            convert(dst + i, vload(src + i));                                                                          \
        if (i < n) {                                                                                                   \
            uint16_t rest[LANES];                                                                                      \
            convert(rest, vload_part(src + i, n - i));                                                                 \
            memcpy(dst + i, rest, (n - i) * sizeof *dst);                                                              \
        }                                                                                                              \
    }

CONVERT_FROM(f16_to_f32, vfrom_f16)
CONVERT_FROM(bf16_to_f32, vfrom_bf16)
CONVERT_TO(f32_to_f16, vto_f16)
CONVERT_TO(f32_to_bf16, vto_bf16)

INLINE void fill_half(struct kernels *table) {
    table->f16_to_f32 = f16_to_f32_simd;
    table->bf16_to_f32 = bf16_to_f32_simd;
    table->f32_to_f16 = f32_to_f16_simd;
    table->f32_to_bf16 = f32_to_bf16_simd;
}
