// The privileged instructions: trap returns, fences of address translation (with Svinval), and the hypervisor's.

import { extension, type Row } from './instruction.ts';
import type { SystemOperation } from './semantics.ts';

/** A row whose meaning is a system operation of the same name. */
const system = (name: SystemOperation, encoding: string, syntax: string, brief: string): Row => ({
  name,
  encoding,
  syntax,
  brief,
  semantics: (s) => s.system(name),
});

export const rvPrivileged = extension('privileged', [
  system('mret', '0011000 00010 00000 000 00000 1110011', '', 'Returns from a trap in M-mode.'),
  system('sret', '0001000 00010 00000 000 00000 1110011', '', 'Returns from a trap in S-mode (HS or VS).'),
  system('wfi', '0001000 00101 00000 000 00000 1110011', '', 'Waits until an enabled interrupt is pending.'),
  system(
    'sfence.vma',
    '0001001 rs2 rs1 000 00000 1110011',
    'rs1=zero, rs2=zero',
    'Orders page table stores before later translations of address rs1 and ASID rs2; x0 means all.',
  ),
]);

export const rvSvinval = extension('Svinval', [
  system(
    'sinval.vma',
    '0001011 rs2 rs1 000 00000 1110011',
    'rs1, rs2',
    'Invalidates translations as sfence.vma does, between sfence.w.inval and sfence.inval.ir.',
  ),
  system(
    'sfence.w.inval',
    '0001100 00000 00000 000 00000 1110011',
    '',
    'Orders earlier page table stores before later sinval.vma.',
  ),
  system(
    'sfence.inval.ir',
    '0001100 00001 00000 000 00000 1110011',
    '',
    'Orders earlier sinval.vma before later translations.',
  ),
  system(
    'hinval.vvma',
    '0010011 rs2 rs1 000 00000 1110011',
    'rs1, rs2',
    'Invalidates VS-stage translations as hfence.vvma does.',
  ),
  system(
    'hinval.gvma',
    '0110011 rs2 rs1 000 00000 1110011',
    'rs1, rs2',
    'Invalidates G-stage translations as hfence.gvma does.',
  ),
]);

const loads = [
  ['hlv.b', '0110000 00000', 'Loads a byte, sign-extended'],
  ['hlv.bu', '0110000 00001', 'Loads a byte, zero-extended'],
  ['hlv.h', '0110010 00000', 'Loads a halfword, sign-extended'],
  ['hlv.hu', '0110010 00001', 'Loads a halfword, zero-extended'],
  ['hlv.w', '0110100 00000', 'Loads a word, sign-extended'],
  ['hlv.wu', '0110100 00001', 'Loads a word, zero-extended'],
  ['hlv.d', '0110110 00000', 'Loads a doubleword'],
  ['hlvx.hu', '0110010 00011', 'Loads a halfword that is executable, zero-extended'],
  ['hlvx.wu', '0110100 00011', 'Loads a word that is executable, zero-extended'],
] as const;

const stores = [
  ['hsv.b', '0110001', 'byte'],
  ['hsv.h', '0110011', 'halfword'],
  ['hsv.w', '0110101', 'word'],
  ['hsv.d', '0110111', 'doubleword'],
] as const;

export const rvH = extension('H', [
  system(
    'hfence.vvma',
    '0010001 rs2 rs1 000 00000 1110011',
    'rs1=zero, rs2=zero',
    'Orders VS-stage page table stores before later translations of guest virtual address rs1 and ASID rs2.',
  ),
  system(
    'hfence.gvma',
    '0110001 rs2 rs1 000 00000 1110011',
    'rs1=zero, rs2=zero',
    'Orders G-stage page table stores before later translations of guest physical address rs1 (shifted right by 2) and VMID rs2.',
  ),
  ...loads.map(([name, funct, does]) =>
    system(
      name,
      `${funct} rs1 100 rd 1110011`,
      'rd, (rs1)',
      `${does}, from the guest virtual address in rs1, as VS- or VU-mode (hstatus.SPVP) would.`,
    ),
  ),
  ...stores.map(([name, funct7, noun]) =>
    system(
      name,
      `${funct7} rs2 rs1 100 00000 1110011`,
      'rs2, (rs1)',
      `Stores the low ${noun} of rs2 to the guest virtual address in rs1, as VS- or VU-mode (hstatus.SPVP) would.`,
    ),
  ),
]);
