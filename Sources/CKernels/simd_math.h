// Elementary functions over one vector, written once for every instruction set.
//
// The including file defines, for its register of LANES floats: V, vset1, vload, vload_part (zeros behind the part), vstore,
// vstore_part, vadd, vsub, vmul, vdiv, vfma (a * b + c), vmax, vmin (both give a NaN in their second operand), vround,
// vpow2 (2^n of an integral n in -126 ... 127), vabs, vcopysign (magnitude, sign), vless (a < b ? x : y), vsum, vtop (sum and maximum of the lanes).
//
// Polynomials are weighted Chebyshev fits of our own (Lawson's iteration); errors stand beside them.

// e^x to 1 ulp; 0 below -87.33, 2.4e38 above 88.37.
static inline V vexp(V x) {
    V low = vset1(-87.33f);
    V y = vmin(vset1(88.37f), vmax(low, x));
    V n = vround(vmul(y, vset1(1.44269504f)));
    V r = vfma(n, vset1(-0.693145752f), y);
    r = vfma(n, vset1(-1.42860677e-6f), r);
    V p = vset1(1.395171916e-3f);  // (e^r - 1 - r) / r^2, relative error of e^r 3e-9
    p = vfma(p, r, vset1(8.369598221e-3f));
    p = vfma(p, r, vset1(4.166618726e-2f));
    p = vfma(p, r, vset1(1.666651289e-1f));
    p = vfma(p, r, vset1(0.5f));
    p = vfma(vmul(r, r), p, r);
    V power = vpow2(n);
    return vless(x, low, vset1(0.0f), vfma(power, p, power));
}

// erf(x) to 2 ulp.
static inline V verf(V x) {
    V t = vabs(x), s = vmul(x, x);
    V p = vset1(7.889122823e-5f);  // erf(x) / x - 1 in x^2 up to 1, error 1e-9
    p = vfma(p, s, vset1(-8.020842265e-4f));
    p = vfma(p, s, vset1(5.189535450e-3f));
    p = vfma(p, s, vset1(-2.685444465e-2f));
    p = vfma(p, s, vset1(1.128360018e-1f));
    p = vfma(p, s, vset1(-3.761262714e-1f));
    p = vfma(p, s, vset1(1.283791659e-1f));
    V small = vfma(p, x, x);
    V u = vmin(vset1(4.0f), t);
    V q = vset1(1.915041132e-4f);  // log erfc(t) from 1 to 4, error of erfc 1.3e-9
    q = vfma(q, u, vset1(-2.999540470e-3f));
    q = vfma(q, u, vset1(2.205199652e-2f));
    q = vfma(q, u, vset1(-1.035668901e-1f));
    q = vfma(q, u, vset1(-6.376000409e-1f));
    q = vfma(q, u, vset1(-1.127426085f));
    q = vfma(q, u, vset1(-2.564459655e-4f));
    V large = vcopysign(vsub(vset1(1.0f), vexp(q)), x);
    return vless(t, vset1(1.0f), small, large);
}

// tanh(x) to 2 ulp.
static inline V vtanh(V x) {
    V t = vabs(x), s = vmul(x, x);
    V p = vset1(-5.660788607e-3f);  // (tanh(x) / x - 1) / x^2 in x^2 up to 0.4, error 5e-9
    p = vfma(p, s, vset1(2.060200731e-2f));
    p = vfma(p, s, vset1(-5.372922989e-2f));
    p = vfma(p, s, vset1(1.333132896e-1f));
    p = vfma(p, s, vset1(-3.333327832e-1f));
    V small = vfma(vmul(p, s), x, x);
    V e = vexp(vadd(t, t));
    V large = vcopysign(vsub(vset1(1.0f), vdiv(vset1(2.0f), vadd(e, vset1(1.0f)))), x);
    return vless(t, vset1(0.625f), small, large);
}

// x / (1 + e^(-factor x)).
static inline V vswish(V x, float factor) { return vdiv(x, vadd(vset1(1.0f), vexp(vmul(x, vset1(-factor))))); }

static inline V vgelu(V x) {
    V half = vmul(x, vset1(0.5f));
    return vfma(half, verf(vmul(x, vset1(0.70710678f))), half);
}

static inline __attribute__((always_inline)) V vactivate(V x, const int activation) {
    switch (activation) {
    case KERNELS_SILU:
        return vswish(x, 1.0f);
    case KERNELS_GELU:
        return vgelu(x);
    case KERNELS_QUICK_GELU:
        return vswish(x, 1.702f);
    case KERNELS_RELU:
        return vmax(vset1(0.0f), x);
    case KERNELS_TANH:
        return vtanh(x);
    default:
        return x;
    }
}
