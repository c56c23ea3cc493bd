# From the machine's first instruction to `main`, by PVH (32 bits, no paging;
# Xen's docs/misc/pvh.pandoc) or by Linux's 64-bit entry
# (Documentation/arch/x86/boot.rst); and what an interrupt runs.

    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 8, 18              # XEN_ELFNOTE_PHYS32_ENTRY
    .asciz "Xen"
    .quad pvh_start

    .set PAE_AND_SSE, 0x620     # CR4: PAE, OSFXSR, OSXMMEXCPT
    .set EFER, 0xc0000080
    .set LONG_MODE, 0x100       # EFER: LME
    .set NO_EMULATION, ~4       # CR0: EM
    .set PAGING, 0x80000002     # CR0: PG, MP

    .section .start, "ax"
    .code32
pvh_start:
    cli
    cld
    movl %ebx, %edi             # hvm_start_info
    xorl %esi, %esi             # Protocol::Pvh
    movl $tables, %eax
    movl %eax, %cr3
    movl $PAE_AND_SSE, %eax
    movl %eax, %cr4
    movl $EFER, %ecx
    rdmsr
    orl $LONG_MODE, %eax
    wrmsr
    movl %cr0, %eax
    andl $NO_EMULATION, %eax
    orl $PAGING, %eax
    movl %eax, %cr0
    lgdt segments_pointer
    ljmp $8, $long_start

    .code64
    .globl linux_start
linux_start:
    cli
    cld
    movq %rsi, %rdi             # boot_params
    movl $1, %esi               # Protocol::Linux
    movl $tables, %eax
    movq %rax, %cr3
    movl $PAE_AND_SSE, %eax
    movq %rax, %cr4
    lgdt segments_pointer
    movl $stack_end, %esp
    pushq $8
    pushq $long_start
    lretq

long_start:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss
    movl $stack_end, %esp
    movq %rdi, %r8
    movl $zeroed_start, %edi
    movl $zeroed_end, %ecx
    subl %edi, %ecx
    shrl $3, %ecx
    xorl %eax, %eax
    rep stosq
    movq %r8, %rdi
    call main
    ud2

# Each vector counts itself, and nothing else: whoever waits looks at the rings.
# Interrupts come only within `cpu::wait_for_interrupt`.
    .set VECTORS, 16
    .balign 32
    .globl vectors
vectors:
    .set vector, 0
    .rept VECTORS
    .balign 32
    lock incq INTERRUPTS + 8 * vector
    pushq %rax
    movl $0xfee000b0, %eax      # the local APIC's end of interrupt
    movl $0, (%rax)
    popq %rax
    iretq
    .set vector, vector + 1
    .endr

# The first 4 GiB where they are, in pages of 2 MiB; there from the start, since
# a loop of 2,048 steps is slow where the machine is emulated.
    .section .tables, "aw"
    .balign 4096
tables:
    .quad directories + 3
    .fill 511, 8, 0
directories:
    .quad pages + 0x0003
    .quad pages + 0x1003
    .quad pages + 0x2003
    .quad pages + 0x3003
    .fill 508, 8, 0
pages:
    .set address, 0
    .rept 2048
    .quad address | 0x83        # present, writable, large
    .set address, address + 0x200000
    .endr

segments:
    .quad 0
    .quad 0x00af9b000000ffff    # 64-bit code
    .quad 0x00cf93000000ffff    # data
segments_pointer:
    .word 23
    .quad segments

    .section .stack, "aw", @nobits
    .balign 4096
    .fill 0x40000, 1, 0
stack_end:
