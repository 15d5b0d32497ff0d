import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { vmState } from '../../guests/vmm/vm.ts';
import { virtioSlot, virtMap } from '../../vdev/virt-map.ts';
import { FakeVm, plainConfig, ramBase } from './fake-vm.ts';

const cause = {
  instructionAccessFault: 1,
  illegalInstruction: 2,
  loadAccessFault: 5,
  storeAccessFault: 7,
  ecall: 10,
  fetchGuestPageFault: 20,
  loadGuestPageFault: 21,
  virtualInstruction: 22,
  storeGuestPageFault: 23,
};

/** The transformed instruction of a load into, or a store from, a register. */
const loadOf = (funct3: number, rd: number): bigint => BigInt((funct3 << 12) | (rd << 7) | 0x03);
const storeOf = (funct3: number, rs2: number): bigint => BigInt((rs2 << 20) | (funct3 << 12) | 0x23);
const [lw, lb, lwu, ld] = [2, 0, 6, 3];
const [sw, sd] = [2, 3];

const at = (address: number) => ({ htval: BigInt(Math.floor(address / 4)), stval: BigInt(address) });
const slot0 = virtioSlot(0).base;

describe('a guest page fault at a device', () => {
  it('loads a register of the device, and goes on behind the instruction', () => {
    const { exit } = new FakeVm().handle({ cause: cause.loadGuestPageFault, ...at(slot0), htinst: loadOf(lw, 15) });
    expect(exit.x[15]).toBe(0x7472_6976n);
    expect(exit.pc).toBe(0x8000_2004n);
    expect(exit.written).toBe(15);
  });

  it('goes on two bytes further behind a compressed instruction', () => {
    const { exit } = new FakeVm().handle({
      cause: cause.loadGuestPageFault,
      ...at(slot0),
      htinst: loadOf(lw, 15) & ~2n,
    });
    expect(exit.pc).toBe(0x8000_2002n);
  });

  it('extends the sign of a signed load and not of an unsigned one', () => {
    const fake = new FakeVm();
    fake.vm.state.rtc.timeHigh = 0x8000_0001;
    const high = virtMap.rtc.base + 4;
    const load = (funct3: number) =>
      fake.handle({ cause: cause.loadGuestPageFault, ...at(high), htinst: loadOf(funct3, 5) }).exit.x[5];
    expect(load(lw)).toBe(0xffff_ffff_8000_0001n);
    expect(load(lwu)).toBe(0x8000_0001n);
  });

  it('splits eight bytes, low half first', () => {
    const fake = new FakeVm();
    fake.nowNs = 5_000_000_000;
    const { exit } = fake.handle({ cause: cause.loadGuestPageFault, ...at(virtMap.rtc.base), htinst: loadOf(ld, 5) });
    expect(exit.x[5]).toBe(1_000_005_000_000_000n);
  });

  it('keeps the two lowest bits of the address, which htval lacks', () => {
    const { exit } = new FakeVm().handle({
      cause: cause.loadGuestPageFault,
      ...at(slot0 + 0x101),
      htinst: loadOf(lb, 5),
    });
    expect(exit.x[5]).toBe(0n);
    expect(exit.pc).toBe(0x8000_2004n);
  });

  it('stores the register, and a load into x0 changes no register', () => {
    const fake = new FakeVm();
    const priority = virtMap.plic.base + 4;
    const x = new Array<bigint>(32).fill(0n);
    x[9] = 0xffff_ffff_0000_0005n;
    fake.handle({ cause: cause.storeGuestPageFault, ...at(priority), htinst: storeOf(sw, 9), x });
    expect(fake.vm.state.plic.priority[1]).toBe(5);
    const { exit } = fake.handle({ cause: cause.loadGuestPageFault, ...at(priority), htinst: loadOf(lw, 0) });
    expect(exit.written).toBe(0);
    expect(exit.x[0]).toBe(0n);
  });

  it('reads the instruction from guest memory when htinst is zero, paging off', () => {
    const fake = new FakeVm();
    fake.ram.set([0x1c, 0x41], 0x2000); // c.lw a5, 0(a0)
    const { exit } = fake.handle({ cause: cause.loadGuestPageFault, ...at(slot0) });
    expect(exit.x[15]).toBe(0x7472_6976n);
    expect(exit.pc).toBe(0x8000_2002n);
  });

  it('reads the instruction through the guest’s page tables', () => {
    const fake = new FakeVm();
    const view = new DataView(fake.ram.buffer);
    const entry = (at: number, target: number, bits: bigint) =>
      view.setBigUint64(at, (BigInt(target >>> 12) << 10n) | bits, true);
    entry(0x4000, ramBase + 0x5000, 1n); // virtual 0x1000: root, middle, leaf
    entry(0x5000, ramBase + 0x6000, 1n);
    entry(0x6008, ramBase + 0x7000, 0x4bn);
    view.setUint32(0x7000, 0x0005_2783, true); // lw a5, 0(a0)
    fake.registers[0]!.set('vsatp', (8n << 60n) | BigInt((ramBase + 0x4000) >>> 12));
    const { exit } = fake.handle({ cause: cause.loadGuestPageFault, ...at(slot0), pc: 0x1000n });
    expect(exit.x[15]).toBe(0x7472_6976n);
    expect(exit.pc).toBe(0x1004n);
  });

  it('tries again when the instruction cannot be read any more', () => {
    const fake = new FakeVm();
    fake.registers[0]!.set('vsatp', 8n << 60n);
    const { exit, disposition } = fake.handle({ cause: cause.loadGuestPageFault, ...at(slot0), pc: 0x1000n });
    expect([disposition, exit.pc]).toEqual(['run', 0x1000n]);
  });
});

describe('a guest page fault elsewhere', () => {
  const nowhere = 0x4000_0000;
  const outcome = (fake: FakeVm) => ({
    vscause: fake.register(0, 'vscause'),
    vstval: fake.register(0, 'vstval'),
    vsepc: fake.register(0, 'vsepc'),
  });

  it('is an access fault of the guest, at the same instruction', () => {
    const fake = new FakeVm();
    fake.registers[0]!.set('vstvec', 0x8000_0101n);
    const { exit } = fake.handle({ cause: cause.loadGuestPageFault, ...at(nowhere), htinst: loadOf(lw, 5) });
    expect(outcome(fake)).toEqual({ vscause: 5n, vstval: 0x4000_0000n, vsepc: 0x8000_2000n });
    expect(exit.pc).toBe(0x8000_0100n);
    fake.handle({ cause: cause.storeGuestPageFault, ...at(nowhere), htinst: storeOf(sd, 5) });
    expect(outcome(fake).vscause).toBe(7n);
    fake.handle({ cause: cause.fetchGuestPageFault, ...at(nowhere) });
    expect(outcome(fake).vscause).toBe(1n);
  });

  it('pushes interrupt enable and privilege as a hart does', () => {
    const fake = new FakeVm();
    fake.registers[0]!.set('vsstatus', 0x4_0002n);
    fake.handle({ cause: cause.loadGuestPageFault, ...at(nowhere), htinst: loadOf(lw, 5) });
    expect(fake.register(0, 'vsstatus')).toBe(0x4_0120n);
    fake.registers[0]!.set('privilege', 0n);
    fake.registers[0]!.set('vsstatus', 0x20n);
    fake.handle({ cause: cause.loadGuestPageFault, ...at(nowhere), htinst: loadOf(lw, 5) });
    expect([fake.register(0, 'vsstatus'), fake.register(0, 'privilege')]).toEqual([0n, 1n]);
  });

  it('of the hart’s own walk is an access fault of the kind that the instruction would have', () => {
    const fake = new FakeVm();
    fake.handle({ cause: cause.storeGuestPageFault, ...at(slot0), htinst: 0x3000n });
    expect(outcome(fake).vscause).toBe(7n);
  });

  it('of an atomic, or across the end of a device, is an access fault', () => {
    const fake = new FakeVm();
    fake.handle({ cause: cause.storeGuestPageFault, ...at(slot0), htinst: 0x0050_202fn });
    expect(outcome(fake).vscause).toBe(7n);
    fake.handle({ cause: cause.loadGuestPageFault, ...at(slot0 + 0xffe), htinst: loadOf(lw, 5) });
    expect(outcome(fake).vscause).toBe(5n);
  });
});

describe('other exits', () => {
  it('virtual instructions are illegal ones: the guest has no hypervisor extension', () => {
    const fake = new FakeVm();
    fake.handle({ cause: cause.virtualInstruction, stval: 0x6000_25f3n });
    expect([fake.register(0, 'vscause'), fake.register(0, 'vstval')]).toEqual([2n, 0x6000_25f3n]);
  });

  it('a cause that no guest can bring about ends the machine, and tells', () => {
    const fake = new FakeVm();
    expect(fake.handle({ cause: 9, vcpu: 1 }).disposition).toBe('stop');
    expect(fake.endings).toEqual([{ kind: 'unexpected-trap', vcpu: 1, cause: 9 }]);
    expect(fake.handle({ cause: cause.ecall }).disposition).toBe('stop');
    expect(fake.endings).toHaveLength(1);
  });

  it('the clock’s alarm is looked at', () => {
    const fake = new FakeVm();
    const store = (offset: number, value: bigint) => {
      const x = new Array<bigint>(32).fill(0n);
      x[5] = value;
      fake.handle({ cause: cause.storeGuestPageFault, ...at(virtMap.rtc.base + offset), htinst: storeOf(sw, 5), x });
    };
    const time = 1_000_000_000_000_000n + 100n;
    store(0x10, 1n);
    store(0x0c, time >> 32n);
    store(0x08, time & 0xffff_ffffn);
    expect(fake.vm.state.rtc.interruptPending).toBe(false);
    fake.nowNs = 100;
    fake.handle({ cause: cause.virtualInstruction });
    expect(fake.vm.state.rtc.interruptPending).toBe(true);
  });
});

describe('whatever a guest does', () => {
  const word = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
  const places = [
    ...Array.from({ length: 5 }, (_, slot) => virtioSlot(slot).base),
    virtMap.plic.base,
    virtMap.rtc.base,
    ramBase,
  ];
  const address = fc.oneof(
    word,
    fc
      .record({ place: fc.constantFrom(...places), offset: fc.integer({ min: -8, max: 0x2100 }) })
      .map(({ place, offset }) => BigInt(place + offset)),
    fc.integer({ min: 0, max: virtMap.plic.size }).map((offset) => BigInt(virtMap.plic.base + offset)),
  );
  const instruction = fc.oneof(
    fc.constant(0n),
    fc.constantFrom(0x2000n, 0x2020n, 0x3000n, 0x3020n),
    fc
      .record({ funct3: fc.integer({ min: 0, max: 7 }), register: fc.integer({ min: 0, max: 31 }) })
      .chain(({ funct3, register }) =>
        fc.constantFrom(loadOf(funct3, register), storeOf(funct3, register), loadOf(funct3, register) & ~2n),
      ),
    word,
  );
  const exits = fc.record({
    vcpu: fc.integer({ min: 0, max: 1 }),
    cause: fc.constantFrom(1, 2, 5, 7, 10, 20, 21, 21, 22, 23, 23),
    address,
    htinst: instruction,
    pc: fc.oneof(
      word,
      fc.integer({ min: 0, max: 0x10_0000 }).map((offset) => BigInt(ramBase + offset)),
    ),
    values: fc.array(fc.oneof(word, fc.integer({ min: 0, max: 64 }).map(BigInt), address), {
      minLength: 31,
      maxLength: 31,
    }),
    extension: fc.constantFrom(
      0x10n,
      0x54494d45n,
      0x735049n,
      0x52464e43n,
      0x48534dn,
      0x4442434en,
      0n,
      1n,
      2n,
      3n,
      4n,
      5n,
      6n,
      7n,
    ),
  });
  const config = {
    ...plainConfig,
    devices: [
      { virtio: 'console', channel: 0 },
      { virtio: 'blk', channel: 1 },
      { virtio: 'net', channel: 2 },
      { virtio: 'rng', channel: null },
    ] as (typeof plainConfig)['devices'],
    ports: [3, 4],
    channels: [
      plainConfig.channels[0]!,
      { number: 1, name: 'disk', type: 'queue', sends: true, receives: true, messageBytes: 1024 },
      { number: 2, name: 'lan', type: 'queue', sends: true, receives: true, messageBytes: 1600 },
      { number: 3, name: 'sample', type: 'sample', sends: true, receives: false, messageBytes: 64 },
      { number: 4, name: 'bell', type: 'notify', sends: true, receives: true, messageBytes: 0 },
    ] as (typeof plainConfig)['channels'],
  };

  it('no exit throws, leaves RAM or ends the machine, and its state stays plain data', () => {
    let cases = 0;
    fc.assert(
      fc.property(
        fc.array(exits, { minLength: 20, maxLength: 60 }),
        fc.uint8Array({ maxLength: 64 }),
        (list, garbage) => {
          const fake = new FakeVm(config);
          fake.ram.set(garbage, 0x1000);
          for (const { vcpu, cause: code, address: where, htinst, pc, values, extension } of list) {
            const x = [0n, ...values];
            x[17] = extension;
            const { disposition, exit } = fake.handle({
              vcpu,
              cause: code,
              htval: where >> 2n,
              stval: where,
              htinst,
              pc,
              x,
            });
            expect(['run', 'wait', 'stop']).toContain(disposition);
            expect(exit.x.every((value) => value >= 0n && value < 1n << 64n)).toBe(true);
            expect(exit.pc >= 0n && exit.pc < 1n << 64n).toBe(true);
            cases++;
          }
          expect(fake.endings).toEqual([]);
          const { state } = fake.vm;
          expect(JSON.parse(JSON.stringify(state))).toEqual(state);
        },
      ),
      { numRuns: 400 },
    );
    expect(cases).toBeGreaterThan(10_000);
  });

  it('no access to any register of any device throws, in any width, with a queue set up over garbage', () => {
    let accesses = 0;
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            place: fc.constantFrom(...places.slice(0, 7)),
            offset: fc.oneof(
              {
                weight: 3,
                arbitrary: fc.constantFrom(
                  0x14,
                  0x20,
                  0x24,
                  0x30,
                  0x38,
                  0x44,
                  0x44,
                  0x50,
                  0x50,
                  0x50,
                  0x64,
                  0x70,
                  0x80,
                  0x90,
                  0xa0,
                ),
              },
              fc.integer({ min: 0, max: 0x1100 }),
            ),
            funct3: fc.constantFrom(0, 1, 2, 2, 2, 3),
            isStore: fc.boolean(),
            value: fc.oneof(
              fc.constantFrom(
                0n,
                1n,
                3n,
                11n,
                15n,
                8n,
                64n,
                128n,
                BigInt(ramBase),
                BigInt(ramBase + 0x1000),
                BigInt(ramBase + 0xf_fff0),
              ),
              word,
            ),
          }),
          { minLength: 40, maxLength: 60 },
        ),
        fc.uint8Array({ minLength: 0x1800, maxLength: 0x1800 }),
        (list, garbage) => {
          const fake = new FakeVm(config);
          fake.ram.set(garbage, 0);
          fake.channels.deliver(1, garbage.subarray(0, 40));
          fake.channels.deliver(2, garbage.subarray(0, 60));
          for (const { place, offset, funct3, isStore, value } of list) {
            const x = new Array<bigint>(32).fill(value);
            fake.handle({
              cause: isStore ? cause.storeGuestPageFault : cause.loadGuestPageFault,
              ...at(place + offset),
              htinst: isStore ? storeOf(funct3, 5) : loadOf(funct3, 5),
              x,
            });
            accesses++;
          }
        },
      ),
      { numRuns: 250 },
    );
    expect(accesses).toBeGreaterThan(10_000);
  });

  it('a machine begins in the same state each time', () => {
    expect(vmState(config)).toEqual(vmState(config));
  });
});
