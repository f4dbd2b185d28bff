/* Where Xen enters the domain, and where it brings traps and events to. */
        .section .note.Xen, "a", @note
        .macro note type, body:vararg
        .long 4, 2f - 1f, \type
        .asciz "Xen"
1:      \body
2:      .balign 4
        .endm
        note 6, .asciz "xenoscope-sample"       /* GUEST_OS */
        note 8, .asciz "generic"                /* LOADER */
        note 5, .asciz "xen-3.0"                /* XEN_VERSION */
        note 3, .quad 0xffffffff80000000        /* VIRT_BASE */
        note 1, .quad _start                    /* ENTRY */
        note 4, .quad 0                         /* PADDR_OFFSET */
        note 2, .quad hypercall_page            /* HYPERCALL_PAGE */

        .text
        .globl _start
_start:
        cld
        lea stack_top(%rip), %rsp
        mov %rsi, start_info(%rip)
        xor %ebp, %ebp                          /* unwinding ends here */
        call main
1:      jmp 1b

/* Xen's frame, from the stack pointer up: rcx, r11, [error code], rip, cs, rflags, rsp, ss. */
        .macro save_registers
        push %rdi; push %rsi; push %rdx; push %rcx; push %rax
        push %r8; push %r9; push %r10; push %r11
        push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15
        .endm

/* rdi: the handler to call with the registers. Leaves through hypercall iret, which unmasks events atomically. */
        .macro deliver handler
        save_registers
        cld
        mov %rsp, %rdi
        mov %rsp, %rbp
        and $-16, %rsp
        call \handler
        mov %rbp, %rsp
        jmp leave_trap
        .endm

        .globl upcall_entry
upcall_entry:
        pop %rcx
        pop %r11
        push $0
        deliver upcall

        .macro trap_entry name, vector, has_error
        .globl trap_\name
trap_\name:
        pop %rcx
        pop %r11
        .if \has_error == 0
        push $0
        .endif
        save_registers
        cld
        mov %rsp, %rdi
        mov $\vector, %esi
        mov %rsp, %rbp
        and $-16, %rsp
        call trap
        mov %rbp, %rsp
        jmp leave_trap
        .endm

        trap_entry divide_error, 0, 0
        trap_entry breakpoint, 3, 0
        trap_entry invalid_opcode, 6, 0
        trap_entry general_protection, 13, 1
        trap_entry page_fault, 14, 1

leave_trap:
        pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx
        pop %r11; pop %r10; pop %r9; pop %r8
        pop %rax; pop %rcx; pop %rdx; pop %rsi; pop %rdi
        movq $0, (%rsp)                         /* the error code's place: iret's flags word */
        jmp hypercall_page + 23 * 32            /* slot of hypercall iret */

        .globl failsafe_entry
failsafe_entry:
        ud2

/* long read_word(const u64 *address): the load that may fault, and where the handler sends it then. */
        .globl read_word, read_word_failed
read_word:
        mov (%rdi), %rax
        ret
read_word_failed:
        mov $-14, %rax                          /* -EFAULT */
        ret

        .bss
        .balign 4096
        .globl shared_info_page, spare_page
shared_info_page:
        .skip 4096
spare_page:
        .skip 4096
        .balign 16
        .skip 16384
stack_top:

        .section .hypercall, "ax", @progbits
        .balign 4096
hypercall_page:
        .skip 4096

        .section .note.GNU-stack, "", @progbits
