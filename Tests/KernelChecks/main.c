// usage: checks [-ENTRY] [TABLE ...]
// All checks but that of ENTRY, for the named tables or for all that this CPU can run, as a plain program: for a machine, or an emulated one,
// without Swift.
#include "CKernels.h"
#include "KernelChecks.h"
#include <stdio.h>
#include <string.h>

static int count, failures;

static void check(const char *isa, const char *without) {
    const char *name;
    for (size_t i = 0; (name = kernel_check_name(i)); i++) {
        char message[256];
        if (strcmp(name, without) == 0)
            continue;
        count++;
        if (!kernel_check_run(i, isa, message, sizeof message)) {
            printf("%s %s: %s\n", isa, name, message);
            failures++;
        }
    }
}

int main(int argc, char **argv) {
    const char *isa, *without = "";
    if (argc > 1 && argv[1][0] == '-') {
        without = argv[1] + 1;
        argc--;
        argv++;
    }
    for (int i = 1; i < argc; i++)
        check(argv[i], without);
    for (size_t level = 0; argc == 1 && (isa = kernels_isa(level)); level++)
        check(isa, without);
    size_t best = 0;
    while (kernels_isa(best + 1))
        best++;
    printf("%d checks on a CPU with %s, %d failed\n", count, kernels_isa(best), failures);
    return failures > 0;
}
