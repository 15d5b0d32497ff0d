// What a load or store that trapped wanted: from the transformed instruction that htinst holds (privileged spec, 19.6.3),
// or from the instruction itself.

export interface MemoryAccess {
  kind: 'load' | 'store';
  size: 1 | 2 | 4 | 8;
  /** Of a load: whether the register gets the value sign-extended. */
  signed: boolean;
  /** Destination of a load, source of a store. */
  register: number;
  /** Bytes of the instruction. */
  length: 2 | 4;
}

const opcode = { load: 0x03, store: 0x23 };
const sizes = [1, 2, 4, 8] as const;

/**
 * Whether htinst is a pseudoinstruction (table 19.5: 0x2000, 0x2020, 0x3000, 0x3020): the access was the hart's own, to a
 * page table. A transformed instruction has bit 0 set.
 */
export const isPseudoInstruction = (htinst: bigint): boolean => htinst !== 0n && (htinst & 1n) === 0n;

/**
 * A transformed instruction: of a compressed one it is the expansion, with bit 1 cleared. undefined: it is no load or
 * store of a general register.
 */
export function fromTransformed(htinst: bigint): MemoryAccess | undefined {
  const word = Number(htinst & 0xffff_ffffn);
  return standard(word | 2, (word & 2) === 0 ? 2 : 4);
}

/** An instruction as it stands in memory, in its low 16 or 32 bits. */
export function fromInstruction(word: number): MemoryAccess | undefined {
  return (word & 3) === 3 ? standard(word, 4) : compressed(word & 0xffff);
}

function standard(word: number, length: 2 | 4): MemoryAccess | undefined {
  const funct3 = (word >>> 12) & 7;
  switch (word & 0x7f) {
    case opcode.load:
      // lb, lh, lw, ld, lbu, lhu, lwu
      if (funct3 === 7) return undefined;
      return { kind: 'load', size: sizes[funct3 & 3]!, signed: funct3 < 4, register: (word >>> 7) & 31, length };
    case opcode.store:
      // sb, sh, sw, sd
      if (funct3 > 3) return undefined;
      return { kind: 'store', size: sizes[funct3]!, signed: false, register: (word >>> 20) & 31, length };
    default:
      return undefined;
  }
}

/** C.LW, C.LD, C.SW, C.SD and their stack-relative forms. */
function compressed(word: number): MemoryAccess | undefined {
  const funct3 = word >>> 13;
  const size = (funct3 & 3) === 2 ? 4 : 8;
  // funct3 2, 3: loads of words and doublewords; 6, 7: stores. The others are of floating point, or something else.
  if ((funct3 & 2) === 0) return undefined;
  const kind = funct3 < 4 ? 'load' : 'store';
  switch (word & 3) {
    case 0:
      return { kind, size, signed: true, register: 8 + ((word >>> 2) & 7), length: 2 };
    case 2: {
      const register = kind === 'load' ? (word >>> 7) & 31 : (word >>> 2) & 31;
      if (kind === 'load' && register === 0) return undefined;
      return { kind, size, signed: true, register, length: 2 };
    }
    default:
      return undefined;
  }
}
