// A machine with a program on it, for tests: assembles, starts harts, runs, and looks at what is left.

import { resetContext } from '../../../hw/hart/reset.ts';
import { type Assembly, assemble } from '../../../hw/isa/assemble.ts';
import { Machine, type MachineConfig } from '../../../hw/machine/machine.ts';

export const ram = 0x8000_0000n;

/** Registers by their ABI names, as far as tests need them. */
const registers = {
  t0: 5,
  t1: 6,
  t2: 7,
  s0: 8,
  s1: 9,
  a0: 10,
  a1: 11,
  a2: 12,
  a3: 13,
  a4: 14,
  a5: 15,
  t3: 28,
} as const;
export type RegisterName = keyof typeof registers;

const assemblies = new Map<string, Assembly>();

/** Assembles at the start of RAM; the same text only once. */
function assembled(source: string): Assembly {
  let assembly = assemblies.get(source);
  if (!assembly) {
    assembly = assemble(source, { origin: ram });
    assemblies.set(source, assembly);
  }
  return assembly;
}

/** What opens physical memory to every mode and leaves for S-mode at `supervisor`, with all traps to `machine`. */
export const enterSupervisor = `
  la t0, machine
  csrw mtvec, t0
  li t0, -1
  csrw pmpaddr0, t0
  li t0, 0x1f
  csrw pmpcfg0, t0
  li t0, 0x1800
  csrc mstatus, t0
  li t0, 0x0800
  csrs mstatus, t0
  la t0, supervisor
  csrw mepc, t0
  mret
`;

export class Bench {
  readonly machine: Machine;
  readonly symbols: Map<string, bigint>;

  /** Every hart starts in M-mode at the first instruction, with its number in a0. */
  constructor(source: string, config: Partial<MachineConfig> = {}) {
    this.machine = new Machine({ harts: 1, ramSize: 1 << 20, ...config });
    this.machine.attachAclint();
    const { bytes, symbols } = assembled(source);
    this.symbols = symbols;
    this.machine.writeMemory(Number(ram), bytes);
    for (const { context, id } of this.machine.harts) {
      resetContext(context, { pc: ram, privilege: 3 });
      context.setX(10, BigInt(id));
    }
  }

  /** Opens physical memory to every mode. */
  openMemory(): this {
    for (const { context } of this.machine.harts) {
      context.setCsr('pmpaddr0', (1n << 54n) - 1n);
      context.setCsr('pmpcfg0', 0x1fn);
    }
    return this;
  }

  /** The first hart goes on in another mode, for which physical memory is open. */
  enter(privilege: 0 | 1, virtual: boolean): this {
    const hart = this.machine.harts[0]!;
    hart.context.set('privilege', privilege);
    hart.context.set('virtual', virtual ? 1 : 0);
    this.openMemory().machine.engine.chooseBanks(hart);
    return this;
  }

  run(limit: number): this {
    this.machine.run(limit);
    return this;
  }

  x(name: RegisterName, hart = 0): bigint {
    return this.machine.harts[hart]!.context.x(registers[name]);
  }
  pc(hart = 0): bigint {
    return this.machine.harts[hart]!.context.pc;
  }
  address(symbol: string): bigint {
    const address = this.symbols.get(symbol);
    if (address === undefined) throw new Error(`there is no symbol ${symbol}`);
    return address;
  }
  /** Bytes of RAM as an unsigned number; `where` is a symbol or an address. */
  memory(where: string | bigint, size = 8): bigint {
    const address = typeof where === 'string' ? this.address(where) : where;
    const bytes = this.machine.readMemory(Number(address), size)!;
    return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  }
  store(address: bigint, value: bigint, size = 8): void {
    const bytes = Uint8Array.from({ length: size }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));
    this.machine.writeMemory(Number(address), bytes);
  }

  /** Everything that software can see, and the path to it. */
  state(): unknown {
    const { machine } = this;
    return {
      hash: machine.hash.value,
      now: machine.now,
      harts: machine.harts.map((hart) => ({
        pc: hart.context.pc,
        x: Array.from({ length: 32 }, (_, index) => hart.context.x(index)),
        mstatus: hart.context.csr('mstatus'),
        mepc: hart.context.csr('mepc'),
        mcause: hart.context.csr('mcause'),
        retired: machine.instructionsOf(hart),
      })),
      ram: checksum(machine.readMemory(Number(ram), 0x1_0000)!),
    };
  }
}

function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) | 0;
  return sum;
}
