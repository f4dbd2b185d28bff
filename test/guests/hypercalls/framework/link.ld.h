/* Linker script, through the preprocessor: one image at pfn 0x100 of the domain. */
#ifdef __x86_64__
#define BASE 0xffffffff80000000
#else
#define BASE 0xc0000000
#endif
ENTRY(_start)
PHDRS { text PT_LOAD FLAGS(5); data PT_LOAD FLAGS(6); note PT_NOTE FLAGS(4); }
SECTIONS
{
    . = BASE + 0x100000;
    .text : AT(ADDR(.text) - BASE) { *(.text*) } :text
    . = ALIGN(4096);
    .hypercall : AT(ADDR(.hypercall) - BASE) { *(.hypercall) } :text
    .rodata : AT(ADDR(.rodata) - BASE) {
        *(.rodata*) *(.trap_entries)
        . = ALIGN(8);
        fixups_start = .; KEEP(*(.fixups)) fixups_end = .;
        . = ALIGN(8);
        tests_start = .; KEEP(*(.tests)) tests_end = .;
    } :text
    .note.Xen : AT(ADDR(.note.Xen) - BASE) { *(.note.Xen) } :text :note
    . = ALIGN(4096);
    .data : AT(ADDR(.data) - BASE) { *(.data*) } :data
    .bss : AT(ADDR(.bss) - BASE) { *(.bss*) *(COMMON) } :data
    image_end = .;
    /DISCARD/ : { *(.comment) *(.eh_frame*) *(.note.gnu*) }
}
