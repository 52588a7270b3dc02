// All checks of all tables that this CPU can run, as a plain program: for a machine, or an emulated one, without Swift.
#include "CKernels.h"
#include "KernelChecks.h"
#include <stdio.h>

int main(void) {
    int failures = 0, count = 0;
    const char *isa, *name, *best = NULL;
    for (size_t level = 0; (isa = kernels_isa(level)); level++)
        for (size_t i = 0; (name = kernel_check_name(i)); i++, count++) {
            best = isa;
            char message[256];
            if (!kernel_check_run(i, isa, message, sizeof message)) {
                printf("%s %s: %s\n", isa, name, message);
                failures++;
            }
        }
    printf("%d checks up to %s, %d failed\n", count, best, failures);
    return failures > 0;
}
