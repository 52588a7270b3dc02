// What is read by the handler is atomic and never freed: no lock, no allocation, nothing that a signal could interrupt half-way.
//
//   SIGBUS ─ address in a slot? ─ yes ─ map zeros from its page to the mapping's end, torn = true ─► the instruction is run again
//                               └ no ── the handler that was there before; the default one dumps core

#define _GNU_SOURCE
#include "CMapping.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <unistd.h>

struct slot {
    // 0: free.
    _Atomic uintptr_t start;
    _Atomic size_t length;
    atomic_bool torn;
};

static struct slot slots[mapping_capacity];
// One more than the highest slot that was ever taken.
static atomic_int used;
static _Atomic uint64_t tears;
static uintptr_t page_bytes;
static struct sigaction older;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static bool is_installed;

static bool replace(uintptr_t address) {
    int count = atomic_load_explicit(&used, memory_order_acquire);
    for (int index = 0; index < count; index += 1) {
        uintptr_t start = atomic_load_explicit(&slots[index].start, memory_order_acquire);
        size_t length = atomic_load_explicit(&slots[index].length, memory_order_relaxed);
        if (start == 0 || address < start || address - start >= length) continue;
        // The file ended before this page: nothing behind it is there either. One mapping, however many pages are missing.
        uintptr_t page = address & ~(page_bytes - 1);
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
        if (mmap((void *)page, start + length - page, PROT_READ, flags, -1, 0) == MAP_FAILED) return false;
        atomic_store_explicit(&slots[index].torn, true, memory_order_release);
        atomic_fetch_add_explicit(&tears, 1, memory_order_release);
        return true;
    }
    return false;
}

static void handle(int number, siginfo_t *info, void *context) {
    int code = errno;
    if (info->si_code == BUS_ADRERR && replace((uintptr_t)info->si_addr)) {
        errno = code;
        return;
    }
    if (older.sa_flags & SA_SIGINFO) {
        older.sa_sigaction(number, info, context);
    } else if (older.sa_handler != SIG_DFL && older.sa_handler != SIG_IGN) {
        older.sa_handler(number);
    } else {
        // Blocked while this runs, delivered when it returns.
        signal(number, SIG_DFL);
        raise(number);
    }
    errno = code;
}

static void install(void) {
    if (is_installed) return;
    is_installed = true;
    page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, NULL, &older);
    sigaction(SIGBUS, &action, NULL);
}

int mapping_register(const void *start, size_t length) {
    int found = -1;
    pthread_mutex_lock(&mutex);
    install();
    for (int index = 0; index < mapping_capacity && found < 0; index += 1) {
        if (atomic_load_explicit(&slots[index].start, memory_order_relaxed) == 0) found = index;
    }
    if (found >= 0) {
        struct slot *slot = &slots[found];
        size_t whole = (length + page_bytes - 1) / page_bytes * page_bytes;
        atomic_store_explicit(&slot->torn, false, memory_order_relaxed);
        atomic_store_explicit(&slot->length, whole, memory_order_relaxed);
        atomic_store_explicit(&slot->start, (uintptr_t)start, memory_order_release);
        if (found >= atomic_load_explicit(&used, memory_order_relaxed)) {
            atomic_store_explicit(&used, found + 1, memory_order_release);
        }
    }
    pthread_mutex_unlock(&mutex);
    return found;
}

void mapping_unregister(int slot) { atomic_store_explicit(&slots[slot].start, 0, memory_order_release); }

bool mapping_is_torn(int slot) { return atomic_load_explicit(&slots[slot].torn, memory_order_acquire); }

uint64_t mapping_tears(void) { return atomic_load_explicit(&tears, memory_order_relaxed); }
