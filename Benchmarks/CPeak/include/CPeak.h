#ifndef CPEAK_H
#define CPEAK_H

/// Runs about `operations` floating-point operations of fused multiply-adds between registers, with the vectors of `isa`.
/// Returns how many it ran.
double peak_run(const char *isa, double operations);

#endif
