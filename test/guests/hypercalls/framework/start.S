/*
 * Where Xen enters the domain, and where it brings exceptions and events to. One source for both widths: what differs
 * is the register set, and the frame that Xen pushes.
 */
#ifdef __x86_64__
#define WORD .quad
#define WORD_BYTES 8
#define VIRT_BASE 0xffffffff80000000
#define SP %rsp
#else
#define WORD .long
#define WORD_BYTES 4
#define VIRT_BASE 0xc0000000
#define SP %esp
#endif

        .section .note.Xen, "a", @note
        .macro note type, body:vararg
        .long 4, 2f - 1f, \type
        .asciz "Xen"
1:      \body
2:      .balign 4
        .endm
        note 6, .asciz "xenoscope-hypercalls"   /* GUEST_OS */
        note 8, .asciz "generic"                /* LOADER */
        note 5, .asciz "xen-3.0"                /* XEN_VERSION */
        note 3, WORD VIRT_BASE                  /* VIRT_BASE */
        note 1, WORD _start                     /* ENTRY */
        note 4, WORD 0                          /* PADDR_OFFSET */
        note 2, WORD hypercall_page             /* HYPERCALL_PAGE */
#ifdef __i386__
        note 9, .asciz "yes"                    /* PAE_MODE */
#endif

        .text
        .globl _start
_start:
        cld
#ifdef __x86_64__
        lea stack_top(%rip), %rsp
        mov %rsi, start_info(%rip)
        xor %ebp, %ebp
#else
        mov $stack_top, %esp
        mov %esi, start_info
        xor %ebp, %ebp
#endif
        call kernel_main
1:      jmp 1b

/*
 * Registers are saved in the order of struct registers (traps.h), below [error code, ip, cs, flags, (sp, ss)] as Xen
 * pushed them; on 64-bit Xen pushed rcx and r11 below that, which are popped first. The return is hypercall iret, which
 * restores the event mask together with everything else.
 */
        .macro trap_common vector
#ifdef __x86_64__
        push %rdi; push %rsi; push %rdx; push %rcx; push %rax
        push %r8; push %r9; push %r10; push %r11
        push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15
        cld
        mov %rsp, %rdi
        mov $\vector, %esi
        mov %rsp, %rbp
        and $-16, %rsp
        call trap
        mov %rbp, %rsp
#else
        push %eax; push %ecx; push %edx; push %ebx; push %ebp; push %esi; push %edi
        cld
        mov %esp, %ebp
        mov $FLAT_KERNEL_DS, %eax
        mov %eax, %ds
        mov %eax, %es
        push $\vector
        push %ebp
        call trap
        mov %ebp, %esp
#endif
        jmp leave_trap
        .endm

        .set FLAT_KERNEL_DS, 0xe021

        .macro discard_rcx_r11
#ifdef __x86_64__
        pop %rcx
        pop %r11
#endif
        .endm

        .macro trap_entry vector, has_error
        .text
1:      discard_rcx_r11
        .if \has_error == 0
        push $0
        .endif
        trap_common \vector
        .section .trap_entries, "a"
        WORD 1b
        .endm

        .section .trap_entries, "a"
        .globl trap_entries
        .balign WORD_BYTES
trap_entries:
        .irp vector, 0, 1, 2, 3, 4, 5, 6, 7
        trap_entry \vector, 0
        .endr
        trap_entry 8, 1
        trap_entry 9, 0
        .irp vector, 10, 11, 12, 13, 14
        trap_entry \vector, 1
        .endr
        .irp vector, 15, 16
        trap_entry \vector, 0
        .endr
        trap_entry 17, 1
        .irp vector, 18, 19
        trap_entry \vector, 0
        .endr

/* Callbacks come as vectors of their own, above those of the processor. */
        .macro callback name, vector
        .text
        .globl \name
\name:  discard_rcx_r11
        push $0
        trap_common \vector
        .endm

        callback event_entry, 0x100
        callback syscall_entry, 0x102
        callback nmi_entry, 0x104
        callback software_entry, 0x120
/* A handler that says that it was another one: for tests which change the table. */
        callback other_entry, 0x121

/* The failsafe frame carries the selectors that failed; they are dropped. */
        .text
        .globl failsafe_entry
failsafe_entry:
        discard_rcx_r11
        lea 4 * WORD_BYTES(SP), SP
        push $0
        trap_common 0x101

        .globl leave_trap
leave_trap:
#ifdef __x86_64__
        pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx
        pop %r11; pop %r10; pop %r9; pop %r8
        pop %rax; pop %rcx; pop %rdx; pop %rsi; pop %rdi
        movq $0, (%rsp)                         /* the error code's place: iret's flags word */
#else
        pop %edi; pop %esi; pop %ebp; pop %ebx; pop %edx; pop %ecx; pop %eax
        lea 4(%esp), %esp                       /* the error code; flags are the frame's to restore */
#endif
        jmp hypercall_page + 23 * 32

/*
 * void enter_user(void *ip, void *sp): runs user code until it comes back with a trap or system call that the handler
 * ends with `leave_user`. The callee-saved registers and the stack pointer wait in `kernel_context`.
 */
        .globl enter_user, user_done
enter_user:
#ifdef __x86_64__
        push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15
        mov %rsp, kernel_context(%rip)
        push $0xe02b
        push %rsi
        push $0x202
        push $0xe033
        push %rdi
        push $0
        jmp hypercall_page + 23 * 32
user_done:
        mov kernel_context(%rip), %rsp
        pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx
        ret
#else
        mov 4(%esp), %eax
        mov 8(%esp), %ecx
        push %ebx; push %ebp; push %esi; push %edi
        mov %esp, kernel_context
        push $0xe033
        push %ecx
        push $0x202
        push $0xe02b
        push %eax
        mov $0xe033, %eax
        mov %eax, %ds
        mov %eax, %es
        jmp hypercall_page + 23 * 32
user_done:
        mov $FLAT_KERNEL_DS, %eax
        mov %eax, %ds
        mov %eax, %es
        mov kernel_context, %esp
        pop %edi; pop %esi; pop %ebp; pop %ebx
        ret
#endif

        .data
        .balign 8
        .globl kernel_context
kernel_context:
        WORD 0

        .bss
        .balign 4096
        .globl stack_top, trap_stack_top, shared_info_page
shared_info_page:
        .skip 4096
        .skip 16384
stack_top:
        .skip 8192
trap_stack_top:                                 /* for traps from user mode (stack_switch) */

        .section .hypercall, "ax", @progbits
        .balign 4096
        .globl hypercall_page
hypercall_page:
        .skip 4096

        .section .note.GNU-stack, "", @progbits
