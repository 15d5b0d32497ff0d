// Zicsr: reading and writing control and status registers.

import { extension } from './instruction.ts';

export const rvZicsr = extension('Zicsr', [
  {
    name: 'csrrw',
    encoding: 'csr rs1 001 rd 1110011',
    syntax: 'rd, csr, rs1',
    brief: 'Writes rs1 to a CSR; rd is the old value, which is not read when rd is x0.',
    semantics: (s) => s.system('csrrw'),
  },
  {
    name: 'csrrs',
    encoding: 'csr rs1 010 rd 1110011',
    syntax: 'rd, csr, rs1',
    brief: 'Sets the bits of rs1 in a CSR, which is not written when rs1 is x0; rd is the old value.',
    semantics: (s) => s.system('csrrs'),
  },
  {
    name: 'csrrc',
    encoding: 'csr rs1 011 rd 1110011',
    syntax: 'rd, csr, rs1',
    brief: 'Clears the bits of rs1 in a CSR, which is not written when rs1 is x0; rd is the old value.',
    semantics: (s) => s.system('csrrc'),
  },
  {
    name: 'csrrwi',
    encoding: 'csr zimm 101 rd 1110011',
    syntax: 'rd, csr, zimm',
    brief: 'Writes a 5-bit immediate to a CSR; rd is the old value, which is not read when rd is x0.',
    semantics: (s) => s.system('csrrwi'),
  },
  {
    name: 'csrrsi',
    encoding: 'csr zimm 110 rd 1110011',
    syntax: 'rd, csr, zimm',
    brief: 'Sets the bits of a 5-bit immediate in a CSR, which is not written when it is 0; rd is the old value.',
    semantics: (s) => s.system('csrrsi'),
  },
  {
    name: 'csrrci',
    encoding: 'csr zimm 111 rd 1110011',
    syntax: 'rd, csr, zimm',
    brief: 'Clears the bits of a 5-bit immediate in a CSR, which is not written when it is 0; rd is the old value.',
    semantics: (s) => s.system('csrrci'),
  },
]);
