// `microvisor bench ipc`: what the kernel's operations take, in virtual cycles and host time, alone or beside seL4 on QEMU.

import { writeFileSync } from 'node:fs';
import { cpus, platform, release } from 'node:os';
import { join } from 'node:path';
import { version } from '../cli/version.ts';
import { inTemporaryFolderAsync } from '../host/temporary-folder.ts';
import { Refusal } from '../refusal.ts';
import { type KernelOperation, kernelOperations, nothing } from './kernel-operations.ts';
import { buildKernelProgram } from './kernel-program.ts';
import { runKernelProgram } from './kernel-run.ts';
import { qemuVersion } from './rival.ts';
import { runOnMicrovisor, runOnSel4, type TaskRunner } from './sel4.ts';
import { type Sample, sampleOf } from './statistics.ts';

/** The middle value, and the one that 99 of 100 do not exceed. */
export interface Percentiles {
  p50: number;
  p99: number;
}

export interface OperationResult {
  /** A name of `kernelOperations`. */
  operation: string;
  describe: string;
  cycles: Percentiles;
  hostNs: Percentiles;
  /** Processor nanoseconds per time in whole processes without time stamps; null without a rival, and for realms, which seL4 lacks. */
  comparison: { microvisor: Sample; sel4: Sample; ratio: Sample } | null;
}

/** What `microvisor bench ipc --json` prints. */
export interface IpcBenchReport {
  version: 1;
  microvisor: string;
  rival: { name: 'seL4'; kernel: string; qemu: string } | null;
  host: { cpu: string; cpus: number; platform: string; node: string };
  /** How often each comparison was made. */
  rounds: number;
  operations: OperationResult[];
}

export interface IpcBenchOptions {
  /** Names; none: all. */
  operations: readonly string[];
  /** Path of seL4's kernel.elf. */
  sel4: string | undefined;
  rounds: number;
  onProgress: (what: string) => void;
}

const percentile = (sorted: Float64Array, share: number): number => sorted[Math.floor((sorted.length - 1) * share)]!;
function percentiles(values: Float64Array, less: number): Percentiles {
  const sorted = values.toSorted();
  return { p50: percentile(sorted, 0.5) - less, p99: percentile(sorted, 0.99) - less };
}

/** Times of the second half: the first warms the engines up. */
const warm = (values: Float64Array): Float64Array => values.subarray(values.length >> 1);

/** How much more often the compared runs do it: the short one, and the long one beyond that; seL4 on QEMU is the slower. */
const scale = { microvisor: [20, 60], sel4: [1, 12] } as const;

/** Processor nanoseconds per time: a long run less a short one, so that start and warm-up cancel out. */
async function steadyNs(
  run: TaskRunner,
  operation: KernelOperation,
  [short, more]: readonly [number, number],
  folder: string,
): Promise<number> {
  const timeOf = async (factor: number): Promise<number> => {
    const path = join(folder, `${operation.name}-${factor}.elf`);
    writeFileSync(path, buildKernelProgram(operation, operation.rounds * factor, false).elf);
    const { cpuMs, wallMs } = await run(path);
    return cpuMs ?? wallMs;
  };
  const first = await timeOf(short);
  const second = await timeOf(short + more);
  if (second > first) return ((second - first) * 1e6) / (operation.rounds * more);
  throw new Refusal(
    'failed',
    `${operation.name}: the longer run took no longer`,
    'try again when the host is less busy',
  );
}

/** Throws a Refusal when a run fails or is nothing to compare with. */
export function compare(
  operation: KernelOperation,
  microvisor: TaskRunner,
  sel4: TaskRunner,
  rounds: number,
): Promise<NonNullable<OperationResult['comparison']>> {
  return inTemporaryFolderAsync('bench', async (folder) => {
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < rounds; round++) {
      ours.push(await steadyNs(microvisor, operation, scale.microvisor, folder));
      theirs.push(await steadyNs(sel4, operation, scale.sel4, folder));
    }
    const ratio = theirs.map((time, round) => time / ours[round]!);
    return { microvisor: sampleOf(ours), sel4: sampleOf(theirs), ratio: sampleOf(ratio) };
  });
}

/** Throws a Refusal for names that it does not know, for a kernel that cannot be started, and without QEMU. */
export async function benchIpc({ operations, sel4, rounds, onProgress }: IpcBenchOptions): Promise<IpcBenchReport> {
  const wanted = operations.length > 0 ? operations : kernelOperations.map(({ name }) => name);
  const chosen = wanted.map((name) => {
    const operation = kernelOperations.find((each) => each.name === name);
    if (operation) return operation;
    throw new Refusal('usage', `there is no operation ${name}`, kernelOperations.map((each) => each.name).join(', '));
  });
  const rival = sel4 === undefined ? undefined : { name: 'seL4' as const, kernel: sel4, qemu: qemuVersion() };
  const runSel4 = sel4 === undefined ? undefined : runOnSel4(sel4);
  const stamps = runKernelProgram(nothing, 20_000);
  const stampCycles = percentiles(warm(stamps.cycles), 0).p50;
  const stampNs = percentiles(warm(stamps.hostNs), 0).p50;
  const results: OperationResult[] = [];
  for (const operation of chosen) {
    onProgress(operation.name);
    const { cycles, hostNs } = runKernelProgram(operation, operation.rounds);
    const isMachineCode = operation.clientRealm === 0 && operation.serverRealm === 0;
    results.push({
      operation: operation.name,
      describe: operation.describe,
      cycles: percentiles(warm(cycles), operation.clientRealm === 0 ? stampCycles : 0),
      hostNs: percentiles(warm(hostNs), stampNs),
      comparison: runSel4 && isMachineCode ? await compare(operation, runOnMicrovisor, runSel4, rounds) : null,
    });
  }
  return {
    version: 1,
    microvisor: version(),
    rival: rival ?? null,
    host: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cpus: cpus().length,
      platform: `${platform()} ${release()}`,
      node: process.versions.node,
    },
    rounds,
    operations: results,
  };
}
