/* fiber/switch_aarch64.S - the switch between stacks, AAPCS64.
 *
 * A suspended fiber is one pointer to this frame on its own stack (176 bytes):
 *
 *      0  x29, x30 (where hob__switch returns to)
 *     16  x19 ... x28
 *     96  d8 ... d15 (the low halves are what a call preserves)
 *    160  FPCR        168  unused
 *
 * FPCR is compared and loaded only when it differs. x18 belongs to the platform and is left alone.
 * Return addresses are not signed here: every function signs its own, and the saved x30 is a plain
 * one, so that unwinders need no key. See switch_x86_64.S for
 * the reasons of the rest. */

#if defined(__aarch64__)

    .text

/* bti c */
#define LANDING hint 34

/* int hob__switch(void **save, void *to): 0, so that a call that suspends may end in it */
    .globl  hob__switch
    .protected hob__switch
    .type   hob__switch, %function
    .p2align 6
hob__switch:
    .cfi_startproc
    LANDING
    stp     x29, x30, [sp, #-176]!
    .cfi_def_cfa_offset 176
    .cfi_offset x29, -176
    .cfi_offset x30, -168
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    stp     d8, d9, [sp, #96]
    stp     d10, d11, [sp, #112]
    stp     d12, d13, [sp, #128]
    stp     d14, d15, [sp, #144]
    .cfi_offset x19, -160
    .cfi_offset x20, -152
    .cfi_offset x21, -144
    .cfi_offset x22, -136
    .cfi_offset x23, -128
    .cfi_offset x24, -120
    .cfi_offset x25, -112
    .cfi_offset x26, -104
    .cfi_offset x27, -96
    .cfi_offset x28, -88
    .cfi_offset d8, -80
    .cfi_offset d9, -72
    .cfi_offset d10, -64
    .cfi_offset d11, -56
    .cfi_offset d12, -48
    .cfi_offset d13, -40
    .cfi_offset d14, -32
    .cfi_offset d15, -24
    mrs     x9, fpcr
    str     x9, [sp, #160]
    mov     x10, sp
    str     x10, [x0]
    mov     sp, x1
.Lresume: /* x9: FPCR, sp: a suspended fiber's frame */
    ldr     x10, [sp, #160]
    cmp     x9, x10
    b.ne    2f
1:
    ldp     x19, x20, [sp, #16]
    ldp     x21, x22, [sp, #32]
    ldp     x23, x24, [sp, #48]
    ldp     x25, x26, [sp, #64]
    ldp     x27, x28, [sp, #80]
    ldp     d8, d9, [sp, #96]
    ldp     d10, d11, [sp, #112]
    ldp     d12, d13, [sp, #128]
    ldp     d14, d15, [sp, #144]
    .cfi_remember_state
    ldp     x29, x30, [sp], #176
    .cfi_def_cfa_offset 0
    .cfi_restore x29
    .cfi_restore x30
    .cfi_restore x19
    .cfi_restore x20
    .cfi_restore x21
    .cfi_restore x22
    .cfi_restore x23
    .cfi_restore x24
    .cfi_restore x25
    .cfi_restore x26
    .cfi_restore x27
    .cfi_restore x28
    .cfi_restore d8
    .cfi_restore d9
    .cfi_restore d10
    .cfi_restore d11
    .cfi_restore d12
    .cfi_restore d13
    .cfi_restore d14
    .cfi_restore d15
    mov     w0, #0
    ret
    .cfi_restore_state
2:
    msr     fpcr, x10
    b       1b
    .cfi_endproc
    .size   hob__switch, .-hob__switch

/* void hob__enter(void **save, void *top, void *(*entry)(void *arg), void *arg)
 * See switch_x86_64.S. The fresh stack's FPCR is at top - 16. */
    .globl  hob__enter
    .protected hob__enter
    .globl  hob__enter_end
    .hidden hob__enter_end
    .type   hob__enter, %function
    .p2align 6
hob__enter:
    .cfi_startproc
    LANDING
    stp     x29, x30, [sp, #-176]!
    .cfi_def_cfa_offset 176
    .cfi_offset x29, -176
    .cfi_offset x30, -168
    stp     x19, x20, [sp, #16]
    stp     x21, x22, [sp, #32]
    stp     x23, x24, [sp, #48]
    stp     x25, x26, [sp, #64]
    stp     x27, x28, [sp, #80]
    stp     d8, d9, [sp, #96]
    stp     d10, d11, [sp, #112]
    stp     d12, d13, [sp, #128]
    stp     d14, d15, [sp, #144]
    .cfi_offset x19, -160
    .cfi_offset x20, -152
    .cfi_offset x21, -144
    .cfi_offset x22, -136
    .cfi_offset x23, -128
    .cfi_offset x24, -120
    .cfi_offset x25, -112
    .cfi_offset x26, -104
    .cfi_offset x27, -96
    .cfi_offset x28, -88
    .cfi_offset d8, -80
    .cfi_offset d9, -72
    .cfi_offset d10, -64
    .cfi_offset d11, -56
    .cfi_offset d12, -48
    .cfi_offset d13, -40
    .cfi_offset d14, -32
    .cfi_offset d15, -24
    mrs     x9, fpcr
    str     x9, [sp, #160]
    mov     x10, sp
    str     x10, [x0]
    .cfi_undefined x30
    sub     x1, x1, #16
    mov     sp, x1
    ldr     x10, [sp]
    cmp     x9, x10
    b.ne    4f
3:
    mov     x0, x3
    mov     x29, xzr
    blr     x2
    mrs     x9, fpcr
    mov     sp, x0
    b       .Lresume
4:
    msr     fpcr, x10
    b       3b
hob__enter_end:
    .cfi_endproc
    .size   hob__enter, .-hob__enter

/* void hob__walk(void *saved_sp, void (*cb)(void *arg), void *arg)
 * While cb runs, the unwind information of this frame describes the suspended fiber's frame:
 * x19 holds the saved stack pointer. */
    .globl  hob__walk
    .hidden hob__walk
    .type   hob__walk, %function
    .p2align 4
hob__walk:
    .cfi_startproc
    LANDING
    stp     x29, x30, [sp, #-32]!
    .cfi_def_cfa_offset 32
    .cfi_offset x29, -32
    .cfi_offset x30, -24
    str     x19, [sp, #16]
    .cfi_offset x19, -16
    mov     x19, x0
    mov     x0, x2
    .cfi_remember_state
    .cfi_def_cfa x19, 176
    .cfi_offset x29, -176
    .cfi_offset x30, -168
    .cfi_offset x19, -160
    .cfi_offset x20, -152
    .cfi_offset x21, -144
    .cfi_offset x22, -136
    .cfi_offset x23, -128
    .cfi_offset x24, -120
    .cfi_offset x25, -112
    .cfi_offset x26, -104
    .cfi_offset x27, -96
    .cfi_offset x28, -88
    .cfi_offset d8, -80
    .cfi_offset d9, -72
    .cfi_offset d10, -64
    .cfi_offset d11, -56
    .cfi_offset d12, -48
    .cfi_offset d13, -40
    .cfi_offset d14, -32
    .cfi_offset d15, -24
    blr     x1
    nop
    .cfi_restore_state
    ldr     x19, [sp, #16]
    .cfi_restore x19
    ldp     x29, x30, [sp], #32
    .cfi_def_cfa_offset 0
    .cfi_restore x29
    .cfi_restore x30
    ret
    .cfi_endproc
    .size   hob__walk, .-hob__walk

/* Works with branch target identification. */
    .section .note.gnu.property, "a"
    .p2align 3
    .long   4, 16, 5
    .asciz  "GNU"
    .long   0xc0000000, 4, 1, 0

#endif
    .section .note.GNU-stack, "", %progbits
