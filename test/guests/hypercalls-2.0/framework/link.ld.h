/* Linker script, through the preprocessor: one image at 0xC0100000, page 0x100 of the domain. */
ENTRY(_start)
PHDRS { text PT_LOAD FLAGS(5); data PT_LOAD FLAGS(6); }
SECTIONS
{
    . = 0xc0100000;
    .text : { *(.text*) } :text
    .rodata : {
        *(.rodata*) *(.trap_entries)
        . = ALIGN(8);
        fixups_start = .; KEEP(*(.fixups)) fixups_end = .;
        . = ALIGN(8);
        tests_start = .; KEEP(*(.tests)) tests_end = .;
    } :text
    __xen_guest : { KEEP(*(__xen_guest)) } :text
    . = ALIGN(4096);
    .data : { *(.data*) } :data
    .bss : { *(.bss*) *(COMMON) } :data
    image_end = .;
    /DISCARD/ : { *(.comment) *(.eh_frame*) *(.note*) }
}
