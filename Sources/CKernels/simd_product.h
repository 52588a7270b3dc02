// Products of floats and of 16-bit floats over the vectors of simd_math.h. The including file defines PRODUCT_VECTORS, and for pairs
// of bfloat16 in 32 bits vpair_low and vpair_high: the first and the second of each pair as a float.

#define PRODUCT product_f32_simd
#define ELEMENT float
#define WEIGHT float
#define SUM float
#define GROUP 1
#define WIDTH LANES
#define VECTORS PRODUCT_VECTORS
#define R V
#define rzero() vset1(0.0f)
#define rload_sums vload
#define rstore_sums vstore
#define rload vload
#define rbroadcast(p) vset1(*(p))
#define rdot(sums, element, weights) vfma(element, weights, sums)
#include "simd_product.inc"

INLINE V pair_broadcast(const uint16_t *p) {
    float pair;
    memcpy(&pair, p, sizeof pair);
    return vset1(pair);
}

#define PRODUCT product_bf16_simd
#define ELEMENT uint16_t
#define WEIGHT uint16_t
#define SUM float
#define GROUP 2
#define WIDTH LANES
#define VECTORS PRODUCT_VECTORS
#define R V
#define rzero() vset1(0.0f)
#define rload_sums vload
#define rstore_sums vstore
#define rload(p) vload((const float *)(p))
#define rbroadcast(p) pair_broadcast(p)
#define rdot(sums, pair, weights)                                                                                      \
    vfma(vpair_high(pair), vpair_high(weights), vfma(vpair_low(pair), vpair_low(weights), sums))
#include "simd_product.inc"
