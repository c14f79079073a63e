/* fiber/switch_x86_64.S - the switch between stacks, System V AMD64.
 *
 * A suspended fiber is one pointer to this frame on its own stack (64 bytes):
 *
 *      0  MXCSR (4 bytes), x87 control word (2 bytes), 2 unused
 *      8  r15     16  r14     24  r13     32  r12     40  rbx     48  rbp
 *     56  return address of the hob__switch call
 *
 * These are all that a call has to preserve. The control words are compared (MXCSR without its
 * status flags, which a call need not keep) and loaded only when they differ, since loading them
 * costs more than all the rest. The switch ends in `ret`: the
 * processor's return stack then stays balanced, and the one call site is where it expects to go.
 *
 * The unwind information is the same before and after the stack pointer is exchanged, because both
 * stacks have the same frame there. Shadow stacks are never claimed (SHSTK): the linker then leaves
 * them off for the process. */

#if defined(__x86_64__)

    .text

/* int hob__switch(void **save, void *to): 0, so that a call that suspends may end in it */
    .globl  hob__switch
    .protected hob__switch
    .type   hob__switch, @function
    .p2align 6
hob__switch:
    .cfi_startproc
    endbr64
    pushq   %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rbp, 0
    pushq   %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rbx, 0
    pushq   %r12
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r12, 0
    pushq   %r13
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r13, 0
    pushq   %r14
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r14, 0
    pushq   %r15
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r15, 0
    stmxcsr -8(%rsp)
    fnstcw  -4(%rsp)
    movl    -8(%rsp), %eax
    movzwl  -4(%rsp), %ecx
    leaq    -8(%rsp), %rdx
    movq    %rdx, (%rdi)
    leaq    8(%rsi), %rsp
.Lresume: /* eax: MXCSR, ecx: x87 control word, rsp: a suspended fiber's frame */
    xorl    -8(%rsp), %eax
    testl   $0xffc0, %eax
    jne     .Lmxcsr
.Lmxcsr_done:
    cmpw    %cx, -4(%rsp)
    jne     .Lx87
.Lx87_done:
    .cfi_remember_state
    popq    %r15
    .cfi_adjust_cfa_offset -8
    .cfi_restore r15
    popq    %r14
    .cfi_adjust_cfa_offset -8
    .cfi_restore r14
    popq    %r13
    .cfi_adjust_cfa_offset -8
    .cfi_restore r13
    popq    %r12
    .cfi_adjust_cfa_offset -8
    .cfi_restore r12
    popq    %rbx
    .cfi_adjust_cfa_offset -8
    .cfi_restore rbx
    popq    %rbp
    .cfi_adjust_cfa_offset -8
    .cfi_restore rbp
    xorl    %eax, %eax
    ret
    .cfi_restore_state
.Lmxcsr:
    ldmxcsr -8(%rsp)
    jmp     .Lmxcsr_done
.Lx87:
    fldcw   -4(%rsp)
    jmp     .Lx87_done
    .cfi_endproc
    .size   hob__switch, .-hob__switch

/* void hob__enter(void **save, void *top, void *(*entry)(void *arg), void *arg)
 * Suspends the caller as hob__switch does and calls entry(arg) on a fresh stack, whose control
 * words are at top - 16. entry returns the saved stack pointer of the fiber to go on with: a call
 * and a return, so that when this is the caller again, the processor has predicted all of it.
 * Unwinders end here. */
    .globl  hob__enter
    .protected hob__enter
    .globl  hob__enter_end
    .hidden hob__enter_end
    .type   hob__enter, @function
    .p2align 6
hob__enter:
    .cfi_startproc
    endbr64
    pushq   %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rbp, 0
    pushq   %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rbx, 0
    pushq   %r12
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r12, 0
    pushq   %r13
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r13, 0
    pushq   %r14
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r14, 0
    pushq   %r15
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset r15, 0
    subq    $8, %rsp
    .cfi_adjust_cfa_offset 8
    stmxcsr (%rsp)
    fnstcw  4(%rsp)
    movl    (%rsp), %eax
    movzwl  4(%rsp), %r8d
    movq    %rsp, (%rdi)
    .cfi_undefined rip
    leaq    -16(%rsi), %rsp
    xorl    (%rsp), %eax
    testl   $0xffc0, %eax
    jne     .Lenter_mxcsr
.Lenter_mxcsr_done:
    cmpw    %r8w, 4(%rsp)
    jne     .Lenter_x87
.Lenter_x87_done:
    movq    %rcx, %rdi
    xorl    %ebp, %ebp
    call    *%rdx
    movq    %rax, %rdx
    stmxcsr (%rsp)
    fnstcw  4(%rsp)
    movl    (%rsp), %eax
    movzwl  4(%rsp), %ecx
    leaq    8(%rdx), %rsp
    jmp     .Lresume
.Lenter_mxcsr:
    ldmxcsr (%rsp)
    jmp     .Lenter_mxcsr_done
.Lenter_x87:
    fldcw   4(%rsp)
    jmp     .Lenter_x87_done
hob__enter_end:
    .cfi_endproc
    .size   hob__enter, .-hob__enter

/* void hob__walk(void *saved_sp, void (*cb)(void *arg), void *arg)
 * While cb runs, the unwind information of this frame describes the suspended fiber's frame instead
 * of its own: rbx holds the saved stack pointer. Nothing runs on the fiber's stack. */
    .globl  hob__walk
    .hidden hob__walk
    .type   hob__walk, @function
    .p2align 4
hob__walk:
    .cfi_startproc
    endbr64
    pushq   %rbx
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rbx, 0
    movq    %rdi, %rbx
    movq    %rdx, %rdi
    .cfi_remember_state
    .cfi_def_cfa rbx, 64
    .cfi_offset r15, -56
    .cfi_offset r14, -48
    .cfi_offset r13, -40
    .cfi_offset r12, -32
    .cfi_offset rbx, -24
    .cfi_offset rbp, -16
    .cfi_offset rip, -8
    call    *%rsi
    nop
    .cfi_restore_state
    popq    %rbx
    .cfi_def_cfa_offset 8
    .cfi_restore rbx
    ret
    .cfi_endproc
    .size   hob__walk, .-hob__walk

/* Works with indirect branch tracking; says nothing of shadow stacks. */
    .section .note.gnu.property, "a"
    .p2align 3
    .long   4, 16, 5
    .asciz  "GNU"
    .long   0xc0000002, 4, 1, 0

#endif
    .section .note.GNU-stack, "", %progbits
