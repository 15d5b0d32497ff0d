// The message info word: label, capabilities unwrapped, extra capabilities, length. Source: libsel4 shared_types.bf (64 bit).

export interface MessageInfo {
  /** 52 bits. */
  label: number;
  /** 3 bits: which extra capabilities arrived as badges. */
  capsUnwrapped: number;
  /** 0 to 3. */
  extraCaps: number;
  /** Words, 0 to 127; the kernel transfers at most 120. */
  length: number;
}

/** The word as an unsigned 64-bit integer. */
export function messageInfoWord(info: Partial<MessageInfo>): bigint {
  const low = ((info.capsUnwrapped ?? 0) << 9) | ((info.extraCaps ?? 0) << 7) | (info.length ?? 0);
  return (BigInt(info.label ?? 0) << 12n) | BigInt(low);
}

export function messageInfoFromWord(word: bigint): MessageInfo {
  const unsigned = BigInt.asUintN(64, word);
  const low = Number(unsigned & 0xfffn);
  return {
    label: Number(unsigned >> 12n),
    capsUnwrapped: (low >> 9) & 7,
    extraCaps: (low >> 7) & 3,
    length: low & 127,
  };
}
