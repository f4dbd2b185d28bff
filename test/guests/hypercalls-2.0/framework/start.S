/* Where Xen enters the domain, and where it brings exceptions and events to. */
/* The first bytes of the image: a Xen 1.2 enters it there. */
        .section .text.start, "ax", @progbits
        .globl _start
_start:
        cld
        mov $stack_top, %esp
        mov %esi, start_info
        xor %ebp, %ebp
        call kernel_main
1:      jmp 1b

        .text
        .set FLAT_RING1_DS, 0x821
        .set FLAT_RING3_CS, 0x82b
        .set FLAT_RING3_DS, 0x833

/*
 * Registers are saved in the order of struct registers (kernel.h), below [error code, eip, cs, eflags, (esp, ss)] as Xen
 * pushed them. The way back is a plain IRET: ring 1 may return to rings 1 and 3 by itself.
 */
        .macro trap_common vector
        push %eax; push %ecx; push %edx; push %ebx; push %ebp; push %esi; push %edi
        cld
        mov %esp, %ebp
        mov $FLAT_RING1_DS, %eax
        mov %eax, %ds
        mov %eax, %es
        push $\vector
        push %ebp
        call trap
        mov %ebp, %esp
        jmp leave_trap
        .endm

        .macro trap_entry vector, has_error
        .text
1:
        .if \vector == 14
        popl %ss:fault_address                  /* CR2 lies below the error code */
        .endif
        .if \has_error == 0
        push $0
        .endif
        trap_common \vector
        .section .trap_entries, "a"
        .long 1b
        .endm

        .section .trap_entries, "a"
        .globl trap_entries
        .balign 4
trap_entries:
        .irp vector, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
        trap_entry \vector, 0
        .endr
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

        .macro callback name, vector
        .text
        .globl \name
\name:  push $0
        trap_common \vector
        .endm

        callback event_entry, 0x100
        callback software_entry, 0x120
/* A handler that says that it was another one: for tests which change the table. */
        callback other_entry, 0x121

/* The failsafe frame carries the selectors that failed; they are dropped. */
        .globl failsafe_entry
failsafe_entry:
        lea 16(%esp), %esp
        push $0
        trap_common 0x101

leave_trap:
        pop %edi; pop %esi; pop %ebp; pop %ebx; pop %edx; pop %ecx; pop %eax
        lea 4(%esp), %esp                       /* the error code */
        iret

/*
 * void enter_user(void *ip, void *sp): runs user code until it comes back with a trap that the handler ends with
 * `user_done`. The callee-saved registers and the stack pointer wait in `kernel_context`.
 */
        .globl enter_user, user_done
enter_user:
        mov 4(%esp), %eax
        mov 8(%esp), %ecx
        push %ebx; push %ebp; push %esi; push %edi
        mov %esp, kernel_context
        push $FLAT_RING3_DS
        push %ecx
        push $0x202
        push $FLAT_RING3_CS
        push %eax
        mov $FLAT_RING3_DS, %eax
        mov %eax, %ds
        mov %eax, %es
        iret
user_done:
        mov $FLAT_RING1_DS, %eax
        mov %eax, %ds
        mov %eax, %es
        mov kernel_context, %esp
        pop %edi; pop %esi; pop %ebp; pop %ebx
        ret

        .data
        .balign 4
        .globl kernel_context, fault_address
kernel_context:
        .long 0
fault_address:
        .long 0

        .bss
        .balign 4096
        .globl stack_top, trap_stack_top, shared_info_page
shared_info_page:
        .skip 4096
        .skip 16384
stack_top:
        .skip 8192
trap_stack_top:                                 /* for traps from user mode (stack_switch) */

        .section .note.GNU-stack, "", @progbits
