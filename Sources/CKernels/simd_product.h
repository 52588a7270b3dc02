// Products of floats and of 16-bit floats over the vectors of simd_math.h. The including file defines PRODUCT_VECTORS, and for pairs
// of bfloat16 in 32 bits vpair_low and vpair_high: the first and the second of each pair as a float.

// A fused multiply-add of LANES products; two begin in a cycle, so at best 2 LANES products a cycle.
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

// The empty statement makes the compiler load all lanes first: else it widens one lane and then copies it by a shuffle.
INLINE V pair_broadcast(const uint16_t *p) {
    float pair;
    memcpy(&pair, p, sizeof pair);
    V pairs = vset1(pair);
#if defined(__x86_64__)
    __asm__("" : "+v"(pairs));
#endif
    return pairs;
}

INLINE V pair_half(V pairs, const int half) { return half ? vpair_high(pairs) : vpair_low(pairs); }

// A shift or a mask widens one element of each pair; then a fused multiply-add, as for floats. With more than two registers of sums a row
// compilers spill.
#define PRODUCT product_bf16_simd
#define ELEMENT uint16_t
#define WEIGHT uint16_t
#define SUM float
#define GROUP 2
#define WIDTH LANES
#define VECTORS 2
#define R V
#define rzero() vset1(0.0f)
#define rload_sums vload
#define rstore_sums vstore
#define HALVES 2
#define rload(p, half) pair_half(vload((const float *)(p)), half)
#define rbroadcast(p, half) pair_half(pair_broadcast(p), half)
#define rdot(sums, element, weights) vfma(element, weights, sums)
#include "simd_product.inc"
