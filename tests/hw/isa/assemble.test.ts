import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AssemblyError, assemble } from '../../../hw/isa/assemble.ts';

const origin = 0x8000_0000;

const wordsOf = (source: string): string => {
  const { bytes } = assemble(source, { origin });
  const size = bytes.length === 2 ? 2 : 4;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0'));
  const words: string[] = [];
  for (let at = 0; at < hex.length; at += size)
    words.push(
      hex
        .slice(at, at + size)
        .reverse()
        .join(''),
    );
  return words.join(' ');
};

const dwordAt = (bytes: Uint8Array, at: number): bigint => new DataView(bytes.buffer).getBigUint64(at, true);

// The words are those that GNU's assembler and linker make of the lines at this address, without relaxation.
test.each([
  ['li a0, 0', '00000513'],
  ['li a0, -2048', '80000513'],
  ['li a0, 2048', '00001537 8005051b'],
  ['li a0, 0x7fffffff', '80000537 fff5051b'],
  ['li a0, 0x123456789abcdef0', '00247537 8ad5051b 00e51513 c4d50513 00c51513 5e750513 00d51513 ef050513'],
  ['nop', '00000013'],
  ['mv a0, a1', '00058513'],
  ['not a0, a1', 'fff5c513'],
  ['neg a0, a1', '40b00533'],
  ['negw a0, a1', '40b0053b'],
  ['sext.w a0, a1', '0005851b'],
  ['zext.b a0, a1', '0ff5f513'],
  ['zext.w a0, a1', '0805853b'],
  ['zext.h a0, a1', '0805c53b'],
  ['seqz a0, a1', '0015b513'],
  ['snez a0, a1', '00b03533'],
  ['sltz a0, a1', '0005a533'],
  ['sgtz a0, a1', '00b02533'],
  ['sgt a0, a1, a2', '00b62533'],
  ['beqz a0, . + 8', '00050463'],
  ['bnez a0, . - 8', 'fe051ce3'],
  ['blez a0, . + 8', '00a05463'],
  ['bgez a0, . + 8', '00055463'],
  ['bltz a0, . + 8', '00054463'],
  ['bgtz a0, . + 8', '00a04463'],
  ['bgt a0, a1, . + 8', '00a5c463'],
  ['ble a0, a1, . + 8', '00a5d463'],
  ['bgtu a0, a1, . + 8', '00a5e463'],
  ['bleu a0, a1, . + 8', '00a5f463'],
  ['j . + 2048', '0010006f'],
  ['jal . - 2048', '801ff0ef'],
  ['jr a0', '00050067'],
  ['jalr a0', '000500e7'],
  ['jr 8(a0)', '00850067'],
  ['jalr a0, 4(a1)', '00458567'],
  ['jalr a0, a1, 4', '00458567'],
  ['ret', '00008067'],
  ['call . + 0x12345678', '12345097 678080e7'],
  ['tail . - 0x12345678', 'edcbb317 98830067'],
  ['la a0, . + 0x800', '00001517 80050513'],
  ['csrr a0, mhartid', 'f1402573'],
  ['csrw mtvec, a0', '30551073'],
  ['csrwi mie, 3', '3041d073'],
  ['csrs sstatus, a1', '1005a073'],
  ['csrsi mstatus, 8', '30046073'],
  ['csrc hvip, a1', '6455b073'],
  ['csrci vsstatus, 2', '20017073'],
  ['csrrwi a0, 0x7c0, 31', '7c0fd573'],
  ['rdtime a0', 'c0102573'],
  ['rdcycle a0', 'c0002573'],
  ['rdinstret a0', 'c0202573'],
  ['frflags a0', '00102573'],
  ['fsflags a0', '00151073'],
  ['frrm a0', '00202573'],
  ['fsrm a0, a1', '00259573'],
  ['fscsr a0', '00351073'],
  ['fmv.s fa0, fa1', '20b58553'],
  ['fneg.d fa0, fa1', '22b59553'],
  ['fabs.d fa0, fa1', '22b5a553'],
  ['fgt.d a0, fa1, fa2', 'a2b61553'],
  ['fadd.s fa0, fa1, fa2', '00c5f553'],
  ['fadd.s fa0, fa1, fa2, rtz', '00c59553'],
  ['fcvt.w.d a0, fa0, rtz', 'c2051553'],
  ['fcvt.d.w fa0, a0', 'd2050553'],
  ['fmadd.d fa0, fa1, fa2, fa3, rmm', '6ac5c543'],
  ['fence', '0ff0000f'],
  ['fence rw, w', '0310000f'],
  ['fence.tso', '8330000f'],
  ['pause', '0100000f'],
  ['lr.w.aq a0, (a1)', '1405a52f'],
  ['sc.d.rl a0, a2, (a1)', '1ac5b52f'],
  ['amoadd.d.aqrl a0, a1, (a2)', '06b6352f'],
  ['sfence.vma', '12000073'],
  ['sfence.vma a0', '12050073'],
  ['hfence.gvma a0, a1', '62b50073'],
  ['hlv.wu a0, (a1)', '6815c573'],
  ['hlvx.hu a0, (a1)', '6435c573'],
  ['hsv.d a0, (a1)', '6ea5c073'],
  ['sinval.vma a0, a1', '16b50073'],
  ['slli a0, a1, 63', '03f59513'],
  ['sll a0, a1, 3', '00359513'],
  ['add a0, a1, -3', 'ffd58513'],
  ['lui a0, 0xfffff', 'fffff537'],
  ['auipc a0, 1', '00001517'],
  ['lw a0, -4(s0)', 'ffc42503'],
  ['sd ra, 2047(sp)', '7e113fa3'],
  ['flw fa0, (a0)', '00052507'],
  ['c.addi4spn a0, sp, 1020', '1fe8'],
  ['c.addi16sp sp, -512', '7101'],
  ['c.lui a0, 0xfffe0', '7501'],
  ['c.j . - 2048', 'b001'],
  ['c.beqz a0, . + 254', 'cd7d'],
  ['c.sdsp ra, 504(sp)', 'ff86'],
  ['c.fld fa0, 248(a0)', '3d68'],
  ['c.ebreak', '9002'],
  ['unimp', 'c0001073'],
  ['wfi', '10500073'],
  ['mret', '30200073'],
])('%s', (source, words) => {
  expect(wordsOf(source)).toBe(words);
});

test('li makes any constant', () => {
  const constants = [0xffff_ffffn, 0x8000_0000n, -0x8000_0000n, 2n ** 63n - 1n, -(2n ** 63n), 0x8000_0000_0000_0800n];
  for (const constant of constants) {
    const { bytes } = assemble(`li a0, ${constant}`);
    let value = 0n;
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < bytes.length; at += 4) {
      const word = view.getInt32(at, true);
      const imm = BigInt(word >> 20);
      const source = ((word >>> 15) & 31) === 0 ? 0n : value;
      const opcode = word & 0x7f;
      if (opcode === 0x37) value = BigInt(word & ~0xfff);
      else if (opcode === 0x1b) value = BigInt.asIntN(32, source + imm);
      else if (((word >>> 12) & 7) === 1) value = BigInt.asIntN(64, source << imm);
      else value = BigInt.asIntN(64, source + imm);
    }
    expect(value).toBe(BigInt.asIntN(64, constant));
  }
});

test('labels, local labels and comments', () => {
  const source = `
    # before
start:  li a0, 3     // three
1:      addi a0, a0, -1 /* a
        comment; that spans */ ; bnez a0, 1b
        beqz a0, 1f
        j start
1: 2:   j 2b
  `;
  const { symbols } = assemble(source, { origin });
  expect(symbols).toEqual(new Map([['start', 0x8000_0000n]]));
  expect(wordsOf(source)).toBe('00300513 fff50513 fe051ee3 00050463 ff1ff06f 0000006f');
});

test('sections become one image in a fixed order, each aligned to 8 bytes', () => {
  const { bytes, sections, symbols } = assemble(
    `
    .data
value: .dword text
    .text
text: nop
    .section .rodata.names
name: .asciz "x"
    .bss
    .zero 3
    .section .extra, "aw"
    .byte 7
    .text
    nop
    nop
    `,
    { origin },
  );
  expect(sections).toEqual([
    { name: '.text', address: 0x8000_0000n, size: 12 },
    { name: '.rodata.names', address: 0x8000_0010n, size: 2 },
    { name: '.data', address: 0x8000_0018n, size: 8 },
    { name: '.bss', address: 0x8000_0020n, size: 3 },
    { name: '.extra', address: 0x8000_0028n, size: 1 },
  ]);
  expect(symbols.get('value')).toBe(0x8000_0018n);
  expect(dwordAt(bytes, 0x18)).toBe(0x8000_0000n);
  expect(bytes.at(-1)).toBe(7);
});

test('data directives', () => {
  const { bytes } = assemble(`
    .section .data
    .byte 1, -1, 'a', '\\n', ~0 & 0xff
    .half 0x1234, -2
    .balign 4, 0xee
    .word 0xffffffff, -1, 1 << 31
    .balign 8
here: .dword 0x123456789abcdef0, . - here, -1
    .ascii "ab", "\\x41\\101\\0"
    .asciz "#;,\\""
    .string "é"
    .fill 2, 3, 0x1234
    .skip 2, 0xaa
  `);
  expect([...bytes]).toEqual([
    ...[1, 255, 97, 10, 255, 0x34, 0x12, 0xfe, 0xff, 0xee, 0xee, 0xee],
    ...[255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0x80],
    ...[0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12, 8, 0, 0, 0, 0, 0, 0, 0],
    ...[255, 255, 255, 255, 255, 255, 255, 255],
    ...[97, 98, 65, 65, 0, 35, 59, 44, 34, 0, 0xc3, 0xa9, 0, 0x34, 0x12, 0, 0x34, 0x12, 0, 0xaa, 0xaa],
  ]);
});

test('code is aligned with nops', () => {
  expect(wordsOf('c.nop\nc.nop\nnop\n.balign 16\nnop')).toBe('00010001 00000013 00000013 00000013 00000013');
  expect([...assemble('c.nop\n.align 2').bytes]).toEqual([1, 0, 1, 0]);
});

test('expressions have the precedence of C', () => {
  const value = (expression: string): bigint => dwordAt(assemble(`.equ X, ${expression}\n.dword X`).bytes, 0);
  expect(value('1 + 2 * 3')).toBe(7n);
  expect(value('1 << 4 + 1')).toBe(32n);
  expect(value('(1 | 6) & 3 == 3')).toBe(1n);
  expect(value('-7 / 2 + 0x10 + 0b11 + 010')).toBe(24n);
  expect(value('!0 + !5 + (3 > 2 && 1 <= 1 || 0)')).toBe(2n);
  expect(value('10 % 4 ^ 1')).toBe(3n);
});

test('%hi, %lo, %pcrel_hi and %pcrel_lo split addresses', () => {
  expect(wordsOf('lui a0, %hi(0x12345fff)\naddi a0, a0, %lo(0x12345fff)\nlw a0, %lo(0x12345fff)(a0)')).toBe(
    '12346537 fff50513 fff52503',
  );
  expect(wordsOf('1: auipc a0, %pcrel_hi(far)\nsw a1, %pcrel_lo(1b)(a0)\n.org 0x80001800\nfar:').slice(0, 17)).toBe(
    '00002517 80b52023',
  );
});

test('loads and stores reach symbols', () => {
  expect(wordsOf('value: lw a0, value\nsd a1, value, t0\nfld fa0, value, t1')).toBe(
    '00000517 00052503 00000297 feb2bc23 00000317 ff033507',
  );
});

test('macros and repetition', () => {
  const source = `
    .macro push register, offset=0
    addi sp, sp, -8
    sd \\register, \\offset(sp)
    .endm
    push ra
    push s0, 16
    .rept 2
    nop
    .endr
    .macro spin
loop\\@: j loop\\@
    .endm
    spin
    spin
  `;
  const { symbols } = assemble(source);
  expect(symbols.size).toBe(2);
  expect(wordsOf(source)).toBe('ff810113 00113023 ff810113 00813823 00000013 00000013 0000006f 0000006f');
});

test('lines tell where bytes come from', () => {
  const { lines } = assemble('nop\n\nla a0, .\n.zero 3', { origin });
  expect(lines).toEqual([
    { line: 1, address: 0x8000_0000n, length: 4 },
    { line: 3, address: 0x8000_0004n, length: 8 },
    { line: 4, address: 0x8000_000cn, length: 3 },
  ]);
});

// One line each: the source, then column, message and hint.
test.each([
  ['addi a0, a0, 5000', '14: 5000 is not in -2048 to 2047 (load it with li first)'],
  ['addi a0, 5', '1: addi takes other operands (write addi rd, rs1, imm)'],
  ['addi a0, 5, 6', '10: 5 is not an x register (write addi rd, rs1, imm)'],
  ['adi a0, a0, 5', '1: there is no instruction adi'],
  ['fadd.s fa0, a1, fa2', '13: a1 is not an f register (write fadd.s fd, fs1, fs2, [rm])'],
  ['fadd.s fa0, fa1, fa2, up', '23: up is not a rounding mode (write fadd.s fd, fs1, fs2, [rm])'],
  ['ld a0, 12(f0)', '8: 12(f0) is not a memory operand such as 8(sp) (write ld rd, imm(rs1))'],
  [
    'beq a0, a1, . + 4096',
    '13: the target is 4096 bytes away: it reaches -4096 to 4094 (branch around a jump, or use tail or call)',
  ],
  ['j . + 3', '3: the target is an odd address'],
  ['j nowhere', '3: nowhere is not defined'],
  ['j 1f', '3: there is no local label for 1f'],
  ['li a0, 1 << 64', '8: 18446744073709551616 does not fit 64 bits'],
  ['li a0, later\nlater:', '8: later is not defined'],
  ['slli a0, a0, 64', '14: 64 is not in 0 to 63'],
  ['csrr a0, mfoo', '10: there is no CSR called mfoo'],
  ['csrwi satp, 32', '13: 32 is not in 0 to 31'],
  ['c.lw a0, 3(a1)', '10: 3 is not a multiple of 4'],
  ['c.lw t0, 4(a1)', '6: t0 is not one of s0, s1, a0 to a5'],
  ['c.addi4spn a0, sp, 0', '20: 0 is not allowed here'],
  ['c.mv a0, zero', '10: zero is not allowed here'],
  ['c.lwsp a0, 4(a0)', '14: a0 is not sp'],
  ['lr.w a0, 4(a1)', '10: this instruction takes no offset'],
  ['addi.aq a0, a0, 1', '1: there is no instruction addi.aq'],
  ['la a0, 0x123456789abc', '8: 20013850860220 is out of reach: it must lie within 2 GiB of the instruction (use li)'],
  ['lui a0, 0x100000', '9: 1048576 is not in 0 to 0xfffff'],
  ['addi a0, a0, %pcrel_lo(0)', '14: %pcrel_lo needs the label of an instruction with %pcrel_hi'],
  ['.word 1 << 40', '7: 1099511627776 does not fit 4 bytes'],
  ['.asciz hello', '8: a string in double quotes is expected'],
  ['.asciz "a\\q"', '10: unknown escape \\q'],
  ['.ascii "abc', '8: this string has no end'],
  ['/* never', '1: this comment has no end'],
  ['.zero -1', '7: -1 is not in 0 to 268435456'],
  ['.balign 12', '9: an alignment must be a power of two'],
  ['.org 4', '6: .org cannot go back by 2147483644 bytes'],
  ['.blah', '1: there is no directive .blah'],
  ['.equ 3, 4', '1: .equ takes a name and a value'],
  ['.byte 1 / 0', '9: division by zero'],
  ['.byte (1', '9: a closing parenthesis is missing'],
  ['.byte 1 2', '9: unexpected 2 in an expression'],
  ['.rept x\n.endr', '7: .rept needs a number from 0 to 200000'],
  ['.rept 2', '1: .rept has no end'],
  ['.macro m\nm\n.endm\nm', '1: macros expand without end'],
  ['call a0', '1: call takes other operands (write call [rd,] symbol)'],
])('reports the mistake in %j', (source, expected) => {
  try {
    assemble(source, { origin, file: 'f.s' });
  } catch (error) {
    if (!(error instanceof AssemblyError)) throw error;
    const [{ column, message, hint }] = error.issues as [(typeof error.issues)[0]];
    expect(`${column}: ${message}${hint ? ` (${hint})` : ''}`).toBe(expected);
    return;
  }
  expect.fail('assembled');
});

test('reports every mistake at once, by line', () => {
  const source = 'x: foo\nnop\nx: j nowhere\n.byte 256\nnop\naddi a0, a0, 1 << 12';
  expect(() => assemble(source, { file: 'bad.s' })).toThrow(
    [
      'bad.s:1:4: there is no instruction foo',
      'bad.s:3:1: x is defined twice',
      'bad.s:3:6: nowhere is not defined',
      'bad.s:4:7: 256 does not fit 1 byte',
      'bad.s:5:1: an instruction at an odd address (put .balign 4 before it)',
      'bad.s:6:14: 4096 is not in -2048 to 2047 (load it with li first)',
    ].join('\n'),
  );
});

test('any text assembles or is refused with issues', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'addi',
      'c.addi',
      'li',
      'la',
      'lw',
      'csrr',
      '.word',
      '.asciz',
      '.macro m x',
      '.endm',
      '.rept 2',
      '.endr',
    ),
    fc.constantFrom(
      '.org',
      '.balign',
      '.equ',
      '.section',
      '.fill',
      '.zero',
      'fence',
      'amoadd.w.aq',
      'm',
      'x:',
      '1:',
      '=',
      '\\x',
    ),
    fc.constantFrom(
      'a0',
      'fa0',
      'sp',
      '(sp)',
      '8(a0)',
      '1f',
      '1b',
      'x',
      '.',
      '%lo(x)',
      '%pcrel_lo(1b)',
      ',',
      ',',
      ',',
      '\n',
    ),
    fc.constantFrom(
      '(',
      ')',
      '+',
      '-',
      '<<',
      '"',
      "'",
      '"ab\\n"',
      ';',
      '#',
      '/*',
      '*/',
      '0x',
      '99999999999999999999',
      '-5',
    ),
    fc.string({ maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), fc.constantFrom(' ', ''), (pieces, separator) => {
      try {
        assemble(pieces.join(separator), { origin });
      } catch (error) {
        if (!(error instanceof AssemblyError)) throw error;
        expect(error.issues.length).toBeGreaterThan(0);
      }
    }),
    { numRuns: 3000 },
  );
});
