// Numbers that programs compute with: limits of integers and of both floating-point formats, and random ones.

import type { Dice } from '../../../tools/dice.ts';

/** What registers begin with, as integers and as singles and doubles: numbers at which something changes. */
export function constants(dice: Dice, count: number): bigint[] {
  const special = [
    0n,
    1n,
    -1n,
    1n << 63n,
    (1n << 63n) - 1n,
    0x7fff_ffffn,
    -0x8000_0000n,
    0xffn,
    0x3ff0_0000_0000_0000n,
    0xbff8_0000_0000_0000n,
    0x7ff0_0000_0000_0000n,
    0xfff0_0000_0000_0000n,
    0x7ff8_0000_0000_0000n,
    0x7ff0_0000_0000_0001n,
    0x0010_0000_0000_0000n,
    0x000f_ffff_ffff_ffffn,
    0x7fef_ffff_ffff_ffffn,
    0x4340_0000_0000_0000n,
    0x41df_ffff_ffc0_0000n,
    -0x1_0000_0000n | 0x3f80_0000n,
    -0x1_0000_0000n | 0x7f80_0000n,
    -0x1_0000_0000n | 0x7fc0_0000n,
    -0x1_0000_0000n | 0x7f80_0001n,
    -0x1_0000_0000n | 0x0080_0000n,
    -0x1_0000_0000n | 0x0000_0001n,
    -0x1_0000_0000n | 0xcb00_0000n,
    -0x1_0000_0000n | 0x7f7f_ffffn,
    0x3fd5_5555_5555_5555n,
    -0x1_0000_0000n | 0x3eaa_aaabn,
    0x3f80_0000n,
  ];
  const word = (): bigint => BigInt(dice.below(2 ** 31)) | (BigInt(dice.below(2 ** 31)) << 33n);
  const near = (): bigint => 0x3ff0_0000_0000_0000n + BigInt(dice.below(2 ** 31)) * 0x1_0000n;
  const single = (): bigint => -0x1_0000_0000n | BigInt(0x3f80_0000 + dice.below(0x0180_0000));
  return Array.from({ length: count }, () => dice.of([() => dice.of(special), word, near, single])());
}
