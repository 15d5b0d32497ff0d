// CSRs of S-mode that no other file is about, and the VS-mode registers that they become when V=1.

import { envcfg } from '../fields.ts';
import { type Csr, epcWritable, stored, tvecWritable } from './csr.ts';

const vstvec = stored('vstvec', { writable: tvecWritable });
const vsscratch = stored('vsscratch');
const vsepc = stored('vsepc', { writable: epcWritable });
const vscause = stored('vscause');
const vstval = stored('vstval');

export const supervisorCsrs: Readonly<Record<number, Csr>> = {
  261: stored('stvec', { writable: tvecWritable, guest: vstvec }),
  266: stored('senvcfg', { writable: envcfg.fiom }),
  320: stored('sscratch', { guest: vsscratch }),
  321: stored('sepc', { writable: epcWritable, guest: vsepc }),
  322: stored('scause', { guest: vscause }),
  323: stored('stval', { guest: vstval }),
  517: vstvec,
  576: vsscratch,
  577: vsepc,
  578: vscause,
  579: vstval,
};
