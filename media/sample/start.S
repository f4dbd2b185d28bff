/*
 * What the domain builders read, where they enter the kernel, and where Xen brings exceptions and events to.
 *
 * Xen 4's builder reads the notes, that of 2.0 the section __xen_guest. Xen 1.2 enters an image at its first byte, which
 * is why _start is there.
 */
        .macro note type, body:vararg
        .long 4, 2f - 1f, \type
        .asciz "Xen"
1:      \body
2:      .balign 4
        .endm

        .section .note.Xen, "a", @note
        note 6, .asciz "xenoscope-sample"       /* GUEST_OS */
        note 8, .asciz "generic"                /* LOADER */
        note 5, .asciz "xen-3.0"                /* XEN_VERSION */
        note 9, .asciz "yes"                    /* PAE_MODE: page tables of three levels */
        note 3, .long 0xc0000000                /* VIRT_BASE */
        note 4, .long 0                         /* PADDR_OFFSET */
        note 1, .long _start                    /* ENTRY */

        .section __xen_guest, "", @progbits
        .asciz "GUEST_OS=xenoscope-sample,XEN_VER=2.0,XEN_VER=1.2,VIRT_BASE=0xC0000000,LOADER=generic"

        .cfi_sections .debug_frame

/* ESI: start_info, on all versions. */
        .section .text.start, "ax", @progbits
        .globl _start
        .type _start, @function
_start:
        .cfi_startproc
        .cfi_undefined eip                      /* unwinding ends here */
        cld
        mov $stack_top, %esp
        xor %ebp, %ebp
        push %esi
        call main
1:      jmp 1b
        .cfi_endproc

/*
 * Xen interrupts ring 1 in ring 1: it pushes EFLAGS, CS, EIP on the kernel's own stack, an error code where there is
 * one, and before Xen 3 the address of a page fault. The CFI says so to debuggers.
 */
        .macro entry name, words=0
        .text
        .globl \name
        .type \name, @function
\name:
        .cfi_startproc simple
        .cfi_signal_frame
        .cfi_def_cfa esp, 12 + 4 * \words
        .cfi_offset eip, -12
        .endm

        .macro push_word value
        push \value
        .cfi_adjust_cfa_offset 4
        .endm

        .macro push_register name
        push %\name
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset \name, 0
        .endm

        .macro pop_register name
        pop %\name
        .cfi_adjust_cfa_offset -4
        .cfi_restore \name
        .endm

/* struct registers (traps.h), from its end to its start. */
        .macro save_registers
        push_register eax
        push_register ecx
        push_register edx
        push_register ebx
        push_register ebp
        push_register esi
        push_register edi
        cld
        .endm

        .macro restore_registers
        pop_register edi
        pop_register esi
        pop_register ebp
        pop_register ebx
        pop_register edx
        pop_register ecx
        pop_register eax
        .endm

        .macro drop_words count
        lea 4 * \count(%esp), %esp
        .cfi_adjust_cfa_offset -4 * \count
        .endm

/* On the stack: error code and address. An exception leaves events as they were, so a plain iret returns from it. */
        .macro call_trap vector
        save_registers
        mov %esp, %eax
        push_word $\vector
        push_word %eax
        call trap
        drop_words 2
        restore_registers
        drop_words 2
        iret
        .cfi_endproc
        .endm

        .macro trap_entry name, vector
        entry trap_\name
        push_word $0
        push_word $0
        call_trap \vector
        .endm

        trap_entry divide_error, 0
        trap_entry breakpoint, 3
        trap_entry invalid_opcode, 6

        entry trap_general_protection, words=1
        push_word $0
        call_trap 13

/* Xen 4 leaves the address in vcpu_info.arch.cr2. */
        entry trap_page_fault_4, words=1
        push_word shared_info_page+8
        call_trap 14

        entry trap_page_fault_2, words=2
        call_trap 14

        entry failsafe_entry, words=4
        call failsafe
1:      jmp 1b
        .cfi_endproc

/*
 * Events come with events off. Xen 4 has a hypercall that returns and lets them in again in one step: EFLAGS on the
 * frame have IF set, which Xen takes for "on".
 */
        .set HYPERCALL_iret, 23

        entry upcall_entry_4
        push_word $0
        push_word $0
        save_registers
        call upcall
        restore_registers
        drop_words 2
        push_word %eax
        mov $HYPERCALL_iret, %eax
        int $0x82
        .cfi_endproc

/*
 * Before, there is none: the kernel lets events in, and then has to leave. An event that comes in between would find a
 * frame on the stack that is done with; a stream of them would fill the stack. So the way out can be taken back: up to
 * its last instruction but one it changes neither the frame nor ESP, and an upcall that interrupted it there goes on
 * with the old frame, as if it had never begun to leave. At the iret itself all registers are the interrupted code's
 * again: its frame becomes that of the new upcall.
 */
        .macro revocable_upcall version, events_on, test_pending, events_off
        entry upcall_entry_\version
        cmpl $leave_\version, (%esp)
        jb 1f
        cmpl $iret_\version, (%esp)
        ja 1f
        lea 12(%esp), %esp
        jb 2f
1:      push_word $0
        push_word $0
        save_registers
2:      call upcall
        \events_on
leave_\version:
        \test_pending
        je 3f
        \events_off
        jmp 2b
3:      mov (%esp), %edi
        mov 4(%esp), %esi
        mov 8(%esp), %ebp
        mov 12(%esp), %ebx
        mov 16(%esp), %edx
        mov 20(%esp), %ecx
        mov 24(%esp), %eax
        lea 36(%esp), %esp
        .cfi_def_cfa_offset 12
iret_\version:
        iret
        .cfi_endproc
        .endm

/* Xen 2.0: a byte that says "masked" behind a byte that says "pending". */
        revocable_upcall 2_0, "movb $0, shared_info_page+1", "cmpb $0, shared_info_page", "movb $1, shared_info_page+1"
/* Xen 1.2: bit 31 of the second word enables all, the first word is what is pending. */
        revocable_upcall 1_2, "lock btsl $31, shared_info_page+4", "cmpl $0, shared_info_page", "lock btrl $31, shared_info_page+4"

/* int try_read(const u32 *address, u32 *value): traps.c goes on at try_read_failed if the load faults. */
        .text
        .globl try_read, try_read_here, try_read_failed
        .type try_read, @function
try_read:
        .cfi_startproc
        mov 4(%esp), %ecx
        mov 8(%esp), %edx
try_read_here:
        mov (%ecx), %eax
        mov %eax, (%edx)
        xor %eax, %eax
        ret
try_read_failed:
        mov $-1, %eax
        ret
        .cfi_endproc

/* int try_write(u32 *address, u32 value) */
        .globl try_write, try_write_here, try_write_failed
        .type try_write, @function
try_write:
        .cfi_startproc
        mov 4(%esp), %ecx
        mov 8(%esp), %edx
try_write_here:
        mov %edx, (%ecx)
        xor %eax, %eax
        ret
try_write_failed:
        mov $-1, %eax
        ret
        .cfi_endproc

        .bss
        .balign 4096
        .globl shared_info_page
shared_info_page:
        .skip 4096
        .skip 16384
stack_top:

        .section .note.GNU-stack, "", @progbits
