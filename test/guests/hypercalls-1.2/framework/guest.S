/* What the domain builder looks for. */
        .section __xen_guest, "a", @progbits
        .asciz "GUEST_OS=xenoscope-hypercalls,XEN_VER=1.2,VIRT_BASE=0xC0000000,LOADER=generic"

        .section .note.GNU-stack, "", @progbits
