#ifndef COPENBLAS_H
#define COPENBLAS_H

#include <cblas.h>

/// The functions of OpenBLAS that are used, with the types of its own header.
struct openblas {
    __typeof__(cblas_sgemm) *sgemm;
    __typeof__(cblas_sgemv) *sgemv;
    __typeof__(openblas_get_corename) *corename;
    __typeof__(openblas_get_config) *configuration;
};

/// Loads the library with the kernels of `core` (NULL: as it detects the CPU), one thread, and fills `functions`.
///
/// Overrides the environment's OPENBLAS_* settings: a stale pin would halve the speed. Call it before other threads read
/// the environment. Returns NULL, or the loader's sentence on why not.
const char *openblas_load(struct openblas *functions, const char *core);

#endif
