// fflags, frm and fcsr.

import { context as fields } from '../../engine/layout.ts';
import { exceptions } from '../causes.ts';
import type { Hart } from '../hart.ts';
import { type Csr, effects } from './csr.ts';

const guard = ({ context }: Hart): number => (context.get('fpOff') ? exceptions.illegalInstruction : 0);

export const floatingPointCsrs: Readonly<Record<number, Csr>> = {
  1: {
    name: 'fflags',
    read: ({ context }) => BigInt(context.get('fflags')),
    write: ({ context }, value) => {
      context.set('fflags', Number(value & 0x1fn));
      context.set('fpDirty', 1);
      return effects.none;
    },
    guard,
    direct: { kind: 'float', at: fields.fflags, view: 0x1fn },
  },
  2: {
    name: 'frm',
    read: ({ context }) => BigInt(context.get('frm')),
    write: ({ context }, value) => {
      context.set('frm', Number(value & 7n));
      context.set('fpDirty', 1);
      return effects.none;
    },
    guard,
    direct: { kind: 'float', at: fields.frm, view: 7n },
  },
  3: {
    name: 'fcsr',
    read: ({ context }) => BigInt((context.get('frm') << 5) | context.get('fflags')),
    write: ({ context }, value) => {
      context.set('fflags', Number(value & 0x1fn));
      context.set('frm', Number((value >> 5n) & 7n));
      context.set('fpDirty', 1);
      return effects.none;
    },
    guard,
    direct: { kind: 'fcsr' },
  },
};
