// A machine's only program: loads one static executable and answers the few system calls that it makes. Everything runs in ring 0.
//
//     0x0200000  the executable, then its heap
//     0x7000000  page tables
//     0x8000000  this program, then at IMAGE: struct image, the arguments, the executable's file
//     0xc000000  the end of the executable's stack
//    0x10000000  what mmap gives, in pages of 4 KiB that can be taken away
#include <elf.h>
#include <stddef.h>
#include <stdint.h>

enum { PAGE = 4096, MOST_PAGES = 49152 };
static const uintptr_t tables = 0x7000000, page_tables = 0x7100000, area = 0x10000000, stack_end = 0xc000000;

struct image {
    uint64_t executable_offset, argument_count;
    char arguments[];
};
#define IMAGE ((struct image *)0x8010000)

static void out(uint16_t port, uint8_t byte) { __asm__ volatile("outb %0, %1" : : "a"(byte), "Nd"(port)); }

static void print(const char *text) {
    while (*text)
        out(0xe9, (uint8_t)*text++);
}

static void print_number(uint64_t value, unsigned base) {
    char digits[24], *p = digits + sizeof digits;
    *--p = 0;
    do
        *--p = "0123456789abcdef"[value % base];
    while (value /= base);
    print(p);
}

static _Noreturn void end(int status) {
    print("@status ");
    print_number((unsigned)status, 10);
    print("\n");
    for (const char *p = "Shutdown"; *p; p++)
        out(0x8900, (uint8_t)*p);
    for (;;)
        __asm__ volatile("hlt");
}

static void write_register(uint32_t index, uint64_t value) {
    __asm__ volatile("wrmsr" : : "c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

// Pages of the area: which are taken; whether they are there is in their table.
static uint8_t taken[MOST_PAGES];
static uint64_t *const entries = (uint64_t *)0x7100000;

static void set_present(size_t page, size_t count, int present) {
    for (size_t i = page; i < page + count; i++) {
        uintptr_t address = area + i * PAGE;
        entries[i] = present ? address | 3 : 0;
        __asm__ volatile("invlpg (%0)" : : "r"(address) : "memory");
    }
}

static long map(size_t bytes) {
    size_t count = (bytes + PAGE - 1) / PAGE, run = 0;
    for (size_t i = 0; i < MOST_PAGES; i++) {
        run = taken[i] ? 0 : run + 1;
        if (run < count)
            continue;
        size_t first = i + 1 - count;
        set_present(first, count, 1);
        for (size_t j = first; j <= i; j++)
            taken[j] = 1;
        uint64_t *words = (uint64_t *)(area + first * PAGE);
        for (size_t j = 0; j < count * PAGE / 8; j++)
            words[j] = 0;
        return (long)words;
    }
    return -12;
}

static int in_area(uintptr_t address, size_t bytes) {
    return address >= area && (address - area + bytes + PAGE - 1) / PAGE <= MOST_PAGES;
}

static uintptr_t heap;

long system_call(long number, uintptr_t a, uintptr_t b, uintptr_t c) {
    size_t page = (a - area) / PAGE, count = (b + PAGE - 1) / PAGE;
    switch (number) {
    case 1:  // write
        for (size_t i = 0; i < c; i++)
            out(0xe9, ((uint8_t *)b)[i]);
        return (long)c;
    case 9:  // mmap
        return a ? -22 : map(b);
    case 10:  // mprotect
        if (in_area(a, b))
            set_present(page, count, c != 0);
        return 0;
    case 11:  // munmap
        if (!in_area(a, b))
            return -22;
        set_present(page, count, 0);
        for (size_t i = page; i < page + count; i++)
            taken[i] = 0;
        return 0;
    case 12:  // brk
        if (a > heap && a < tables)
            heap = a;
        return (long)heap;
    case 158:  // arch_prctl: ARCH_SET_FS
        if (a == 0x1002)
            write_register(0xc0000100, b);
        return a == 0x1002 ? 0 : -22;
    case 218:  // set_tid_address
        return 1;
    case 60:
    case 231:  // exit, exit_group
        end((int)a & 255);
    default:
        return -38;
    }
}

// What a fault leaves on the stack.
struct fault {
    uint64_t vector, code, address;
};

_Noreturn void fault(const struct fault *fault) {
    uint64_t seen;
    __asm__("mov %%cr2, %0" : "=r"(seen));
    print(fault->vector == 6 ? "\nillegal instruction at " : "\nfault ");
    if (fault->vector != 6) {
        print_number(fault->vector, 10);
        print(" of address 0x");
        print_number(seen, 16);
        print(" at ");
    }
    print("0x");
    print_number(fault->address, 16);
    print("\n");
    end(fault->vector == 6 ? 132 : 139);
}

// The entry, the way of a system call and 32 of faults; vectors 8, 10-14, 17 and 21 push a code of their own.
__asm__(".section .text.entry, \"ax\"\n"
        "        movl $0x9000000, %esp\n"
        "        jmp begin\n"
        ".text\n"
        "entry_call:\n"
        "        movq %rsp, %r8\n"
        "        movq $0x9000000, %rsp\n"
        "        pushq %r8\n"
        "        pushq %rcx\n"
        "        pushq %r11\n"
        "        pushq %rdi\n"
        "        pushq %rsi\n"
        "        pushq %rdx\n"
        "        pushq %r9\n"
        "        pushq %r10\n"
        "        movq %rdx, %rcx\n"
        "        movq %rsi, %rdx\n"
        "        movq %rdi, %rsi\n"
        "        movq %rax, %rdi\n"
        "        call system_call\n"
        "        popq %r10\n"
        "        popq %r9\n"
        "        popq %rdx\n"
        "        popq %rsi\n"
        "        popq %rdi\n"
        "        popq %r11\n"
        "        popq %rcx\n"
        "        popq %rsp\n"
        "        jmpq *%rcx\n"
        "        .balign 16\n"
        "faults: .set vector, 0\n"
        "        .rept 32\n"
        "        .balign 16\n"
        "        .if !(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21)\n"
        "        pushq $0\n"
        "        .endif\n"
        "        pushq $vector\n"
        "        movq %rsp, %rdi\n"
        "        jmp stop\n"
        "        .set vector, vector + 1\n"
        "        .endr\n"
        "stop:   andq $-16, %rsp\n"
        "        call fault\n");
extern const char entry_call[], faults[];

static struct {
    uint16_t low, selector, flags, middle;
    uint32_t high, zero;
} gates[32];

static void prepare(void) {
    for (size_t i = 0; i < MOST_PAGES / 512; i++)
        ((uint64_t *)(tables + 0x2000))[area / 0x200000 + i] = (page_tables + i * PAGE) | 3;
    for (size_t i = 0; i < MOST_PAGES; i++)
        entries[i] = 0;
    for (int i = 0; i < 32; i++) {
        uintptr_t address = (uintptr_t)faults + 16 * (uintptr_t)i;
        gates[i].low = (uint16_t)address;
        gates[i].selector = 24;
        gates[i].flags = 0x8e00;
        gates[i].middle = (uint16_t)(address >> 16);
    }
    struct __attribute__((packed)) {
        uint16_t limit;
        const void *base;
    } descriptor = {sizeof gates - 1, gates};
    __asm__ volatile("lidt %0" : : "m"(descriptor));
    write_register(0xc0000081, 24ull << 32);  // the segment of code after SYSCALL
    write_register(0xc0000082, (uintptr_t)entry_call);
    uint32_t states = 0xd, part = 0;
    __asm__("cpuid" : "+a"(states), "+c"(part) : : "ebx", "edx");
    __asm__ volatile("fninit; xsetbv" : : "a"(states & 0xe7), "d"(0), "c"(0));
}

_Noreturn void begin(void) {
    print("@begin\n");
    prepare();
    const char *file = (const char *)IMAGE + IMAGE->executable_offset;
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)file;
    uintptr_t headers = 0;
    for (int i = 0; i < header->e_phnum; i++) {
        const Elf64_Phdr *part = (const Elf64_Phdr *)(file + header->e_phoff) + i;
        if (part->p_type != PT_LOAD)
            continue;
        for (size_t j = 0; j < part->p_memsz; j++)
            ((char *)part->p_vaddr)[j] = j < part->p_filesz ? file[part->p_offset + j] : 0;
        if (part->p_offset == 0)
            headers = part->p_vaddr + header->e_phoff;
        if (part->p_vaddr + part->p_memsz > heap)
            heap = (part->p_vaddr + part->p_memsz + PAGE - 1) / PAGE * PAGE;
    }

    // As the ABI has it: the count of arguments, they, the environment (none), pairs of what to know.
    uintptr_t random = stack_end - 16, *stack = (uintptr_t *)(stack_end - 4096), *top = stack;
    *top++ = IMAGE->argument_count;
    const char *argument = IMAGE->arguments;
    for (size_t i = 0; i < IMAGE->argument_count; i++) {
        *top++ = (uintptr_t)argument;
        while (*argument++)
            ;
    }
    *top++ = 0;
    *top++ = 0;
    const uintptr_t known[] = {AT_PHDR, headers, AT_PHENT, sizeof(Elf64_Phdr), AT_PHNUM, header->e_phnum, AT_PAGESZ, PAGE,
                               AT_ENTRY, header->e_entry, AT_RANDOM, random, AT_SECURE, 0, AT_NULL, 0};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        *top++ = known[i];
    __asm__ volatile("movq %0, %%rsp; jmpq *%1" : : "r"(stack), "r"(header->e_entry), "d"(0));
    __builtin_unreachable();
}
