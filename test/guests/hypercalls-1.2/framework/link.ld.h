/* Linker script, through the preprocessor: one image at 0xC0000000, page 0 of the domain. */
ENTRY(_start)
PHDRS { text PT_LOAD FLAGS(5); data PT_LOAD FLAGS(6); }
SECTIONS
{
    . = 0xc0000000;
    .text : { *(.text.start) *(.text*) } :text
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
