// The transforms of Winograd's F(4x4, 3x3) and F(6x6, 3x3) over the vectors of simd_math.h, written once for every instruction set: their
// one-dimensional parts; see scalar.c for the matrices.

// Vectors of a line of a cache: what is written of each transformed element at once.
#define WINOGRAD_VECTORS (16 / LANES)

INLINE void winograd4_filter_line(V *to, size_t step, const V *g) {
    V even_a = vmul(vset1(-1 / 3.0f), vfma(vset1(2.0f), g[0], g[2])), odd_a = vmul(vset1(0.47140452f), g[1]);
    V even_b = vmul(vset1(1 / 6.0f), vfma(vset1(2.0f), g[2], g[0])), odd_b = vmul(vset1(0.23570226f), g[1]);
    to[0] = g[0];
    to[step] = vsub(even_a, odd_a);
    to[2 * step] = vadd(even_a, odd_a);
    to[3 * step] = vadd(even_b, odd_b);
    to[4 * step] = vsub(even_b, odd_b);
    to[5 * step] = g[2];
}

INLINE void winograd4_scatter_line(V *to, size_t step, const V *d) {
    const V a = vset1(0.70710678f), minus_a = vset1(-0.70710678f), b = vset1(1.41421356f), minus_b = vset1(-1.41421356f);
    V even_a = vfma(vset1(-2.0f), d[2], d[4]), odd_a = vfma(vset1(-2.0f), d[1], d[3]);
    V even_b = vfma(vset1(-0.5f), d[2], d[4]), odd_b = vfma(vset1(-0.5f), d[1], d[3]);
    to[0] = vfma(vset1(-2.5f), d[2], vadd(d[0], d[4]));
    to[step] = vfma(a, odd_a, even_a);
    to[2 * step] = vfma(minus_a, odd_a, even_a);
    to[3 * step] = vfma(b, odd_b, even_b);
    to[4 * step] = vfma(minus_b, odd_b, even_b);
    to[5 * step] = vfma(vset1(-2.5f), d[3], vadd(d[1], d[5]));
}

INLINE void winograd4_gather_line(V *to, size_t step, const V *m) {
    V sum_a = vadd(m[1], m[2]), difference_a = vsub(m[1], m[2]), sum_b = vadd(m[3], m[4]), difference_b = vsub(m[3], m[4]);
    to[0] = vadd(vadd(m[0], sum_a), sum_b);
    to[step] = vfma(vset1(0.70710678f), difference_a, vmul(vset1(1.41421356f), difference_b));
    to[2 * step] = vfma(vset1(0.5f), sum_a, vadd(sum_b, sum_b));
    to[3 * step] = vfma(vset1(0.35355339f), difference_a, vfma(vset1(2.82842712f), difference_b, m[5]));
}

#define SIDE 4
#include "simd_winograd.inc"

INLINE void winograd6_filter_line(V *to, size_t step, const V *g) {
    V even_a = vmul(vset1(-2 / 9.0f), vadd(g[0], g[2])), odd_a = vmul(vset1(2 / 9.0f), g[1]);
    V even_b = vmul(vset1(1 / 90.0f), vfma(vset1(4.0f), g[2], g[0])), odd_b = vmul(vset1(1 / 45.0f), g[1]);
    V even_c = vmul(vset1(1 / 180.0f), vfma(vset1(4.0f), g[0], g[2])), odd_c = vmul(vset1(1 / 90.0f), g[1]);
    to[0] = g[0];
    to[step] = vsub(even_a, odd_a);
    to[2 * step] = vadd(even_a, odd_a);
    to[3 * step] = vadd(even_b, odd_b);
    to[4 * step] = vsub(even_b, odd_b);
    to[5 * step] = vadd(even_c, odd_c);
    to[6 * step] = vsub(even_c, odd_c);
    to[7 * step] = g[2];
}

INLINE void winograd6_scatter_line(V *to, size_t step, const V *d) {
    V even_a = vfma(vset1(-4.25f), d[4], vadd(d[2], d[6])), odd_a = vfma(vset1(-4.25f), d[3], vadd(d[1], d[5]));
    V even_b = vfma(vset1(0.25f), d[2], vfma(vset1(-1.25f), d[4], d[6]));
    V odd_b = vfma(vset1(0.5f), d[1], vfma(vset1(-2.5f), d[3], vadd(d[5], d[5])));
    V even_c = vfma(vset1(4.0f), vfma(vset1(-1.25f), d[4], d[2]), d[6]);
    V odd_c = vfma(vset1(0.5f), d[5], vfma(vset1(-2.5f), d[3], vadd(d[1], d[1])));
    to[0] = vfma(vset1(5.25f), vsub(d[4], d[2]), vsub(d[0], d[6]));
    to[step] = vadd(even_a, odd_a);
    to[2 * step] = vsub(even_a, odd_a);
    to[3 * step] = vadd(even_b, odd_b);
    to[4 * step] = vsub(even_b, odd_b);
    to[5 * step] = vadd(even_c, odd_c);
    to[6 * step] = vsub(even_c, odd_c);
    to[7 * step] = vfma(vset1(5.25f), vsub(d[3], d[5]), vsub(d[7], d[1]));
}

INLINE void winograd6_gather_line(V *to, size_t step, const V *m) {
    V sum_a = vadd(m[1], m[2]), difference_a = vsub(m[1], m[2]), sum_b = vadd(m[3], m[4]), difference_b = vsub(m[3], m[4]);
    V sum_c = vadd(m[5], m[6]), difference_c = vsub(m[5], m[6]);
    to[0] = vfma(vset1(32.0f), sum_c, vadd(vadd(m[0], sum_a), sum_b));
    to[step] = vfma(vset1(16.0f), difference_c, vfma(vset1(2.0f), difference_b, difference_a));
    to[2 * step] = vfma(vset1(8.0f), sum_c, vfma(vset1(4.0f), sum_b, sum_a));
    to[3 * step] = vfma(vset1(4.0f), difference_c, vfma(vset1(8.0f), difference_b, difference_a));
    to[4 * step] = vfma(vset1(2.0f), sum_c, vfma(vset1(16.0f), sum_b, sum_a));
    to[5 * step] = vfma(vset1(32.0f), difference_b, vadd(vadd(m[7], difference_a), difference_c));
}

#define SIDE 6
#include "simd_winograd.inc"
