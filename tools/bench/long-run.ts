// A process that `microvisor bench memory` starts for a long run: it runs a system from a manifest for some virtual time, stops
// now and then, collects all garbage, and tells what is left, as a line of JSON (`LongSample`). To be started with --expose-gc.

import { programsOf } from '../boot/programs-of.ts';
import { runPaced } from '../host/pace.ts';
import { setKernelV8Flags, setServerV8Flags, setV8Flags } from '../host/v8-flags.ts';
import { loadManifest } from '../manifest/load.ts';
import { buildPlan } from '../plan/build.ts';
import { flowBytes } from '../run/message-flow.ts';
import { RunningSystem } from '../run/running-system.ts';
import { memoryOf, residentOfLargestMap } from './host-memory.ts';
import type { LongSample } from './memory-report.ts';

declare const gc: () => void;

const [manifestPath, limitNs, samples, ...typing] = process.argv.slice(2) as [string, string, string, ...string[]];

setV8Flags();
setKernelV8Flags();
setServerV8Flags();

const loaded = loadManifest(manifestPath);
if (!loaded.ok) throw new Error(loaded.diagnostics.map(({ message }) => message).join('\n'));
const { manifest } = loaded;
const plan = buildPlan(manifest);
let consoleBytes = 0;
const running = new RunningSystem(
  {
    manifest: manifestPath,
    system: manifest,
    limitNs: Number(limitNs),
    expect: [],
    type: typing,
    realTime: false,
    interactive: false,
    attach: undefined,
    save: undefined,
    load: undefined,
    executing: new SharedArrayBuffer(4),
    flow: new SharedArrayBuffer(flowBytes),
  },
  plan,
  await programsOf(plan),
  (message) => {
    if (message.kind === 'console') consoleBytes += message.bytes.length;
  },
);
const { machine, kernel } = running.system;

/** What finalizers free, they free after the collection, and that may leave more garbage. */
async function collectGarbage(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function sample(): Promise<LongSample> {
  await collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  const { residentBytes, maps } = memoryOf(process.pid)!;
  const { user, system } = process.cpuUsage();
  const { alive, statistics } = machine.engine.translator!;
  const report = running.report('limit');
  return {
    virtualS: machine.nowNs / 1e9,
    cpuS: (user + system) / 1e6,
    residentBytes,
    machineBytes: residentOfLargestMap(process.pid),
    heapBytes: heapUsed,
    externalBytes: external,
    maps,
    instructions: report.instructions,
    messages: report.cells.reduce((sum, { messages }) => sum + messages, 0),
    restarts: report.cells.reduce((sum, { restarts }) => sum + restarts, 0),
    consoleBytes,
    ...alive,
    translated: statistics.regions,
    codePages: machine.engine.code.count,
    threads: kernel.threads.length,
  };
}

for (let i = 1; i <= Number(samples); i++) {
  const limit = (Number(limitNs) * machine.clockHz * i) / Number(samples) / 1e9;
  const never = { realTime: false, inputMayCome: () => false, ended: () => false };
  const reason = await runPaced(machine, { limit: Math.round(limit), ...never });
  process.stdout.write(`${JSON.stringify(await sample())}\n`);
  if (reason !== 'limit') break;
}
