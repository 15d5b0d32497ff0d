import { describe, expect, test } from 'vitest';
import { benchIpc, compare } from '../../tools/bench/ipc.ts';
import { ipcTable } from '../../tools/bench/ipc-report.ts';
import { kernelOperations, nothing } from '../../tools/bench/kernel-operations.ts';
import { buildKernelProgram } from '../../tools/bench/kernel-program.ts';
import { runKernelProgram } from '../../tools/bench/kernel-run.ts';
import { complaintOf } from '../../tools/bench/sel4.ts';
import { firstSegment, sel4Loader } from '../../tools/bench/sel4-loader.ts';
import { readElf } from '../../tools/image/elf.ts';
import { Refusal } from '../../tools/refusal.ts';
import { RootTaskSystem } from '../../tools/root-task/root-task-system.ts';

describe.each(kernelOperations)('the operation $name', (operation) => {
  test('takes as many cycles each time, but for the round in which a time slice ends', () => {
    const { cycles, hostNs } = runKernelProgram(operation, 10);
    expect(new Set(cycles.subarray(2)).size).toBeLessThanOrEqual(2);
    expect(hostNs).toHaveLength(10);
  });
});

/** The table of docs/time.md. Who changes the kernel's path or a cost on purpose changes both. */
const calibrated: Readonly<Record<string, number>> = {
  call: 816,
  'call-local': 816,
  signal: 2158,
  fault: 2446,
  switch: 2021,
  map: 1628,
  retype: 1347,
  revoke: 440_760,
  interrupt: 1081,
};

const middle = (cycles: Float64Array): number => cycles.subarray(2).toSorted()[(cycles.length - 2) >> 1]!;

test('the operations in machine code take the cycles that the cost table was calibrated to', () => {
  const stamps = middle(runKernelProgram(nothing, 10).cycles);
  const inMachineCode = kernelOperations.filter(({ clientRealm, serverRealm }) => clientRealm + serverRealm === 0);
  const measured = inMachineCode.map((each) => [each.name, middle(runKernelProgram(each, 10).cycles) - stamps]);
  expect(Object.fromEntries(measured)).toEqual(calibrated);
});

test.each(['call', 'fault', 'signal', 'switch', 'interrupt'])('the fast path changes nothing: %s', (source) => {
  const { elf } = buildKernelProgram({ source, spaces: 2, clientRealm: 0, serverRealm: 0 }, 50, true);
  const image = readElf(elf);
  if (!image.ok) throw new Error(image.error.message);
  const [fast, long] = [true, false].map((fastPath) => {
    const options = { profile: 'domains', harts: 1, numDomains: 1, clockHz: 1e9, rootCNodeSizeBits: 13 } as const;
    const silent = { console: () => {}, log: () => {}, halted: () => {}, outcome: () => {} };
    const system = new RootTaskSystem({ ...options, ramSize: 16 << 20 }, silent);
    system.kernel.config.fastPath = fastPath;
    system.start(image.value);
    system.run(Infinity);
    return [system.machine.now, system.machine.hash.value];
  });
  expect(fast).toEqual(long);
});

test('a report has a row for each operation asked for, and refuses others', async () => {
  const report = await benchIpc({ operations: ['revoke'], sel4: undefined, rounds: 1, onProgress: () => {} });
  expect(report.operations.map(({ operation }) => operation)).toEqual(['revoke']);
  expect(report.operations[0]!.comparison).toBeNull();
  expect(ipcTable(report)).toContain('| revoke ');
  const unknown = { operations: ['nap'], sel4: undefined, rounds: 1, onProgress: () => {} };
  await expect(benchIpc(unknown)).rejects.toThrow(Refusal);
});

test('the loader refuses a kernel that it cannot map', () => {
  const task = readElf(buildKernelProgram(kernelOperations[0]!, 1, false).elf);
  if (!task.ok) throw new Error(task.error.message);
  const segment = { ...task.value.segments[0]!, physicalAddress: 0x1000n };
  expect(() => sel4Loader({ ...task.value, segments: [segment] }, task.value)).toThrow(Refusal);
});

test('an ELF that is no seL4 is refused before it is run', () => {
  const task = readElf(buildKernelProgram(kernelOperations[0]!, 1, false).elf);
  if (!task.ok) throw new Error(task.error.message);
  expect(() => firstSegment(task.value)).toThrow(/no seL4 kernel/);
});

describe('a run beside seL4', () => {
  const ended = { ending: 'exit', output: 'OpenSBI\n0000000000000000\n', status: 0 } as const;

  test('counts if the task has written its result', () => {
    expect(complaintOf('kernel.elf', ended)).toBeUndefined();
  });

  test.each([
    ['did not run to its end', { output: 'OpenSBI\n' }],
    ['failed (1)', { status: 1 }],
    ['did not end within 120 s', { status: null, ending: 'limit' }],
  ] as const)('is refused with a remedy if it %s', (how, difference) => {
    const complaint = complaintOf('kernel.elf', { ...ended, ...difference }, 'take another');
    expect(complaint).toMatchObject({ kind: 'failed', message: `the root task ${how} on kernel.elf` });
    expect(complaint?.hint).toBe('take another');
  });

  test('is refused if more work took no longer', async () => {
    const even = async () => ({ wallMs: 5, cpuMs: 10 });
    await expect(compare(kernelOperations[0]!, even, even, 1)).rejects.toThrow(/the longer run took no longer/);
  });
});
