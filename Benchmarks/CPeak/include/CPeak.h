#ifndef CPEAK_H
#define CPEAK_H

/// Runs about `operations` operations (a multiplication and an addition are two) between registers, by the instructions that the kernels of
/// `isa` have for a product at `precision`: "fp32", "bf16" or "int8". Returns how many it ran.
double peak_run(const char *isa, const char *precision, double operations);

#endif
