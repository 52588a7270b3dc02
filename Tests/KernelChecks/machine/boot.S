// The last 4 KiB of the machine's ROM: from reset to 64 bits, with the rest of the ROM copied to memory at MACHINE and entered there.
// The linker is told ROM and SIZE: where that rest lies, and its bytes.
#define MACHINE 0x8000000
#define TABLES 0x7000000

        .text
        .code16
start:  lgdtl %cs:(descriptors - start + 0xf000)
        movl %cr0, %eax
        orl $1, %eax
        movl %eax, %cr0
        ljmpl $8, $protected

        .code32
protected:
        movw $16, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        cld
        movl $ROM, %esi
        movl $MACHINE, %edi
        movl $SIZE, %ecx
        rep movsb

        // Four levels of page tables: the first 4 GiB where they are, in pages of 2 MiB, the first of which is not there.
        xorl %eax, %eax
        movl $TABLES, %edi
        movl $(6 * 1024), %ecx
        rep stosl
        movl $(TABLES + 0x1003), TABLES
        movl $(TABLES + 0x2003), TABLES + 0x1000
        movl $(TABLES + 0x3003), TABLES + 0x1008
        movl $(TABLES + 0x4003), TABLES + 0x1010
        movl $(TABLES + 0x5003), TABLES + 0x1018
        movl $1, %ecx
1:      movl %ecx, %eax
        shll $21, %eax
        orl $0x83, %eax
        movl %eax, TABLES + 0x2000(, %ecx, 8)
        incl %ecx
        cmpl $2048, %ecx
        jne 1b

        movl $0x40620, %eax  // PAE, OSFXSR, OSXMMEXCPT, OSXSAVE
        movl %eax, %cr4
        movl $TABLES, %eax
        movl %eax, %cr3
        movl $0xc0000080, %ecx
        movl $0x101, %eax  // long mode, SYSCALL
        xorl %edx, %edx
        wrmsr
        movl $0x80010023, %eax  // PG, WP, NE, MP, PE
        movl %eax, %cr0
        ljmpl $24, $MACHINE

        .balign 8
table:  .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
descriptors:
        .word 31
        .long table

        .org 0xff0
        .code16
        jmp start
        .org 0x1000
