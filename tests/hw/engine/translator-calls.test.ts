// Calls that are inlined into regions: where they return to is what their return address says.

import { it } from 'vitest';
import { BothEngines } from './both-engines.ts';

const translated = (source: string, cycles = 4000): BothEngines => new BothEngines(source).runTranslated(cycles);

it('a call that leaves its return address in t0 does not say where ret goes', () => {
  translated(`
   la ra, elsewhere
again:
   jal t0, f
   addi s1, s1, 1
   xor s1, s1, s0
   j again
elsewhere:
   addi s2, s2, 1
   xor s2, s2, s0
   j again
f: addi s0, s0, 1
   xor s3, s3, s0
   ret
`);
});

it('a jump to t0 is no return from a call that left its return address in ra', () => {
  translated(`
   la t0, elsewhere
again:
   jal f
   addi s1, s1, 1
   xor s1, s1, s0
   j again
elsewhere:
   addi s2, s2, 1
   xor s2, s2, s0
   j again
f: addi s0, s0, 1
   xor s3, s3, s0
   jr t0
`);
});

it('a call through t0 that saves registers returns to its caller, and that one to its own', () => {
  translated(`
   la sp, stack
again:
   jal f
   addi s1, s1, 1
   j again
f: jal t0, save
   addi s2, s2, 3
   xor s3, s3, s2
   ld ra, (sp)
   addi sp, sp, 16
   ret
save:
   addi sp, sp, -16
   sd ra, (sp)
   jr t0
   .balign 16
   .zero 64
stack:
`);
});

it('a function that returns elsewhere every now and then does so: what it loads into ra decides', () => {
  translated(`
   la a2, ordinary
   la a3, extraordinary
again:
   jal f
ordinary:
   addi s1, s1, 1
   xor s2, s2, s1
   j again
extraordinary:
   addi s3, s3, 1
   xor s4, s4, s3
   j again
f: addi s0, s0, 1
   andi t1, s0, 7
   mv ra, a2
   bnez t1, 1f
   mv ra, a3
1: ret
`);
});

it('a function that changes ra inside of the function that it calls returns there', () => {
  translated(`
again:
   jal f
   addi s1, s1, 1
   j again
f: mv s5, ra
   jal g
   addi s2, s2, 1
   xor s6, s6, s2
   jr s5
g: addi s0, s0, 1
   andi t1, s0, 3
   bnez t1, 1f
   mv ra, s5
1: xor s4, s4, s0
   ret
`);
});

it('a return to an address beside the return address goes there', () => {
  translated(`
again:
   jal f
   addi s1, s1, 1
   addi s2, s2, 1
   xor s3, s3, s1
   j again
f: addi s0, s0, 1
   xor s4, s4, s0
   jr 4(ra)
`);
});

it('a function that jumps back to the head of its region from within a call goes on there with the return address that it has', () => {
  translated(`
start:
   la ra, start
f: addi s0, s0, 1
   andi t1, s0, 31
   beqz t1, 1f
   mv s5, ra
   jal g
   xor s3, s3, s0
   mv ra, s5
1: ret
g: addi s1, s1, 1
   andi t1, s1, 3
   beqz t1, f
   ret
`);
});

it('functions that call themselves and each other come back through every call', () => {
  translated(
    `
   la sp, stack
again:
   li a0, 7
   jal f
   add s1, s1, a0
   j again
f: addi sp, sp, -16
   sd ra, (sp)
   sd a0, 8(sp)
   blez a0, 1f
   addi a0, a0, -1
   jal g
   ld t1, 8(sp)
   add a0, a0, t1
1: ld ra, (sp)
   addi sp, sp, 16
   ret
g: addi sp, sp, -16
   sd ra, (sp)
   srai a0, a0, 1
   jal f
   addi a0, a0, 3
   ld ra, (sp)
   addi sp, sp, 16
   ret
   .balign 16
   .zero 1024
stack:
`,
    8000,
  );
});
