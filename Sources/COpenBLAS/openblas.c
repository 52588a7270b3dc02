#include "COpenBLAS.h"
#include <dlfcn.h>
#include <stdlib.h>

const char *openblas_load(struct openblas *functions, const char *core) {
    // Read once by the library's constructor. One thread: the callers are parallel, and its own would spin beside them.
    setenv("OPENBLAS_NUM_THREADS", "1", 1);
    unsetenv("OPENBLAS_BLOCK_FACTOR");
    if (core)
        setenv("OPENBLAS_CORETYPE", core, 1);
    else
        unsetenv("OPENBLAS_CORETYPE");
    void *library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return dlerror();
    functions->sgemm = (__typeof__(functions->sgemm))dlsym(library, "cblas_sgemm");
    functions->sgemv = (__typeof__(functions->sgemv))dlsym(library, "cblas_sgemv");
    functions->corename = (__typeof__(functions->corename))dlsym(library, "openblas_get_corename");
    functions->configuration = (__typeof__(functions->configuration))dlsym(library, "openblas_get_config");
    if (!functions->sgemm || !functions->sgemv || !functions->corename || !functions->configuration)
        return "a function of the CBLAS interface is missing";
    return NULL;
}
