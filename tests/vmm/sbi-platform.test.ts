import { describe, expect, it } from 'vitest';
import { bootVm } from '../../guests/vmm/boot.ts';
import { readFdt } from '../../vdev/fdt-reader.ts';
import { FakeVm, ramBase } from './fake-vm.ts';

const id = {
  base: 0x10n,
  time: 0x54494d45n,
  ipi: 0x735049n,
  rfence: 0x52464e43n,
  hsm: 0x48534dn,
  reset: 0x53525354n,
  console: 0x4442434en,
};
const all = (1n << 64n) - 1n;
const minusOne = all;
const minus = (code: bigint) => BigInt.asUintN(64, -code);

/** a0 and a1 after a call. */
const answer = ({ exit }: ReturnType<FakeVm['sbi']>) => [exit.x[10], exit.x[11]];

describe('power-on', () => {
  it('starts vCPU 0 at the kernel with its hart id and the device tree, and no other', () => {
    const fake = new FakeVm();
    bootVm(fake.vm);
    const { entry, treeAt } = fake.vm.config;
    expect(fake.started).toEqual([{ vcpu: 0, entry: { pc: BigInt(entry), a0: 0n, a1: BigInt(treeAt) } }]);
    expect(fake.register(0, 'privilege')).toBe(1n);
  });

  it('describes the machine that there is: harts without H, RAM, command line, transports, clock', () => {
    const fake = new FakeVm({ bootargs: 'console=hvc0', initrd: { start: ramBase + 0x8000, end: ramBase + 0x9000 } });
    bootVm(fake.vm);
    const at = fake.vm.config.treeAt - ramBase;
    const size = new DataView(fake.ram.buffer).getUint32(at + 4);
    const text = JSON.stringify(readFdt(fake.ram.slice(at, at + size)), (_key, value) =>
      value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
    );
    expect(text).toContain('console=hvc0');
    expect(text).toContain('virtio_mmio@10001000');
    expect(text).not.toContain('virtio_mmio@10002000');
    expect(text).toContain('rv64imafdc_');
    expect(text).toContain('initrd-start');
  });
});

describe('SBI over VCPU invocations', () => {
  it('the timer is vstimecmp', () => {
    const fake = new FakeVm();
    const { exit } = fake.sbi(id.time, 0n, [123_456n], 1);
    expect(fake.register(1, 'vstimecmp')).toBe(123_456n);
    expect(exit.pc).toBe(0x8000_2004n);
  });

  it('an IPI is VSSIP of each hart named that runs', () => {
    const fake = new FakeVm();
    fake.sbi(id.hsm, 0n, [1n, BigInt(ramBase), 0n]);
    fake.sbi(id.ipi, 0n, [3n, 0n]);
    expect([0, 1].map((vcpu) => fake.register(vcpu, 'hvip'))).toEqual([4n, 4n]);
  });

  it('a hart that is stopped gets no IPI', () => {
    const fake = new FakeVm();
    fake.sbi(id.ipi, 0n, [0n, minusOne]);
    expect([0, 1].map((vcpu) => fake.register(vcpu, 'hvip'))).toEqual([4n, 0n]);
  });

  it('a remote fence is one VCPUFence per page whatever the harts, and one for all when there are many pages', () => {
    const fake = new FakeVm();
    fake.sbi(id.rfence, 2n, [3n, 0n, 0x1800n, 0x1000n, 5n]);
    expect(fake.fences.map(({ kind, address, asid }) => [kind, address, asid])).toEqual([
      [0, 0x1000n, 5n],
      [0, 0x2000n, 5n],
    ]);
    fake.fences.length = 0;
    fake.sbi(id.rfence, 1n, [3n, 0n, 0n, 0x1000_0000n]);
    fake.sbi(id.rfence, 0n, [1n, 0n]);
    expect(fake.fences.map(({ kind, address, asid }) => [kind, address, asid])).toEqual([
      [0, all, all],
      [2, all, all],
    ]);
  });

  it('there is no hypervisor extension to fence for', () => {
    expect(answer(new FakeVm().sbi(id.rfence, 3n, [1n, 0n]))[0]).toBe(minus(2n));
  });

  it('a hart starts where it is told, with paging, interrupts and old IPIs off', () => {
    const fake = new FakeVm();
    fake.registers[1]!.set('vsatp', 8n << 60n)
      .set('vsstatus', 0x22n)
      .set('hvip', 0x404n);
    const entry = BigInt(ramBase + 0x100);
    expect(answer(fake.sbi(id.hsm, 0n, [1n, entry, 99n]))).toEqual([0n, 0n]);
    expect(fake.started).toEqual([{ vcpu: 1, entry: { pc: entry, a0: 1n, a1: 99n } }]);
    expect(['vsatp', 'vsstatus', 'hvip'].map((name) => fake.register(1, name as 'vsatp'))).toEqual([0n, 0x20n, 0x400n]);
    expect(answer(fake.sbi(id.hsm, 0n, [1n, entry, 99n]))[0]).toBe(minus(6n));
    expect(answer(fake.sbi(id.hsm, 0n, [2n, entry, 99n]))[0]).toBe(minus(3n));
    expect(answer(fake.sbi(id.hsm, 0n, [0n, 0n, 0n]))[0]).toBe(minus(6n));
  });

  it('a hart stops, and can be started again', () => {
    const fake = new FakeVm();
    const entry = BigInt(ramBase);
    fake.sbi(id.hsm, 0n, [1n, entry, 0n]);
    expect(fake.sbi(id.hsm, 1n, [], 1).disposition).toBe('stop');
    expect(answer(fake.sbi(id.hsm, 2n, [1n]))).toEqual([0n, 1n]);
    expect(answer(fake.sbi(id.hsm, 0n, [1n, entry, 0n]))[0]).toBe(0n);
    expect(fake.started).toHaveLength(2);
  });

  it('a retentive suspend waits and goes on behind the call; its end shows in the hart’s status', () => {
    const fake = new FakeVm();
    const { disposition, exit } = fake.sbi(id.hsm, 3n, [0n]);
    expect([disposition, exit.pc, exit.x[10]]).toEqual(['wait', 0x8000_2004n, 0n]);
    expect(fake.vm.state.sbi.harts[0]).toBe('suspended');
    expect(answer(fake.sbi(id.hsm, 2n, [0n]))).toEqual([0n, 0n]);
  });

  it('a non-retentive suspend waits and goes on at the address given, as if started', () => {
    const fake = new FakeVm();
    fake.registers[0]!.set('vsatp', 8n << 60n).set('vsstatus', 2n);
    const { disposition, exit } = fake.sbi(id.hsm, 3n, [0x8000_0000n, BigInt(ramBase + 0x40), 7n]);
    expect([disposition, exit.pc, exit.x[10], exit.x[11]]).toEqual(['wait', BigInt(ramBase + 0x40), 0n, 7n]);
    expect([fake.register(0, 'vsatp'), fake.register(0, 'vsstatus')]).toEqual([0n, 0n]);
  });

  it('a reset ends the machine and says how', () => {
    const ended = (type: bigint, reason: bigint) => {
      const fake = new FakeVm();
      expect(fake.sbi(id.reset, 0n, [type, reason]).disposition).toBe('stop');
      return fake.endings;
    };
    expect(ended(0n, 0n)).toEqual([{ kind: 'shutdown', failure: false }]);
    expect(ended(1n, 0n)).toEqual([{ kind: 'cold-reboot', failure: false }]);
    expect(ended(0n, 1n)).toEqual([{ kind: 'shutdown', failure: true }]);
  });

  it('console output goes to the terminal’s stream, as much as there is room for', () => {
    const fake = new FakeVm();
    fake.ram.set(Buffer.from('hello'), 0x100);
    fake.channels.room.set(0, 3);
    expect(answer(fake.sbi(id.console, 0n, [5n, BigInt(ramBase + 0x100), 0n]))).toEqual([0n, 3n]);
    expect(fake.channels.text(0)).toBe('hel');
  });

  it('console output without a terminal goes to the log', () => {
    const fake = new FakeVm({ devices: [], channels: [] });
    fake.sbi(id.console, 2n, [65n]);
    fake.sbi(1n, 0n, [66n]);
    expect(fake.channels.logged).toBe('AB');
  });

  it('console input comes from the terminal’s stream', () => {
    const fake = new FakeVm();
    fake.channels.deliver(0, Buffer.from('xyz'));
    expect(answer(fake.sbi(id.console, 1n, [2n, BigInt(ramBase + 0x200), 0n]))).toEqual([0n, 2n]);
    expect(Buffer.from(fake.ram.subarray(0x200, 0x202)).toString()).toBe('xy');
    expect(fake.sbi(2n, 0n).exit.x[10]).toBe(BigInt('z'.charCodeAt(0)));
    expect(fake.sbi(2n, 0n).exit.x[10]).toBe(all);
  });

  it('a console buffer outside RAM is refused', () => {
    const answers = answer(new FakeVm().sbi(id.console, 0n, [16n, BigInt(ramBase + 0x10_0000 - 8), 0n]));
    expect(answers[0]).toBe(minus(3n));
  });

  it('a legacy call reads its hart mask in the caller’s memory, also across pages, and faults as a load would', () => {
    const fake = new FakeVm();
    fake.ram[0xfff] = 1;
    expect(fake.sbi(4n, 0n, [BigInt(ramBase + 0xfff)]).exit.x[10]).toBe(0n);
    expect(fake.register(0, 'hvip')).toBe(4n);
    const { exit } = fake.sbi(4n, 0n, [0x1234n]);
    expect([fake.register(0, 'vscause'), fake.register(0, 'vstval'), exit.pc]).toEqual([5n, 0x1234n, 0n]);
    fake.registers[0]!.set('vsatp', (8n << 60n) | BigInt(ramBase >>> 12));
    fake.sbi(4n, 0n, [0x5000n]);
    expect(fake.register(0, 'vscause')).toBe(13n);
  });

  it('an IPI that is pending can be cleared the old way', () => {
    const fake = new FakeVm();
    fake.registers[0]!.set('hvip', 0x404n);
    expect(fake.sbi(3n, 0n).exit.x[10]).toBe(1n);
    expect(fake.register(0, 'hvip')).toBe(0x400n);
    expect(fake.sbi(3n, 0n).exit.x[10]).toBe(0n);
  });
});
