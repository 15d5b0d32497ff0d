// The worker that runs a system: everything of the machine happens here, and the command's thread stays responsive.

import { parentPort, workerData } from 'node:worker_threads';
import { programsOf } from '../boot/programs-of.ts';
import { ModuleGarbage } from '../host/module-garbage.ts';
import { Nap, runPaced } from '../host/pace.ts';
import { setServerV8Flags } from '../host/v8-flags.ts';
import { buildPlan } from '../plan/build.ts';
import { Refusal } from '../refusal.ts';
import { ConsolePieces } from './console-pieces.ts';
import { Outflow } from './message-flow.ts';
import type { FromWorker, RunRequest, ToWorker } from './protocol.ts';
import { RunningSystem } from './running-system.ts';

const request = workerData as RunRequest;
const flow = new Outflow(request.flow);
const pieces = new ConsolePieces((message) => {
  parentPort!.postMessage(message);
  flow.posted();
});
const tell = (message: FromWorker): void => pieces.tell(message);

setServerV8Flags();

async function run(): Promise<void> {
  const plan = buildPlan(request.system);
  const running = new RunningSystem(request, plan, await programsOf(plan), tell);
  let stopped = false;
  const nap = new Nap();
  parentPort!.on('message', (message: ToWorker) => {
    if (message.kind === 'input') running.input(message.bytes);
    else stopped = true;
    nap.wake();
  });
  const { machine } = running.system;
  const garbage = new ModuleGarbage(machine);
  const reason = await runPaced(machine, {
    limit: machine.now + (request.limitNs * machine.clockHz) / 1e9,
    realTime: request.realTime,
    inputMayCome: () => request.interactive,
    nap,
    ended: () => {
      running.progress();
      pieces.flush();
      garbage.look();
      return stopped || running.finished;
    },
  });
  tell({ kind: 'ended', report: running.report(stopped ? 'stopped' : reason) });
}

run()
  .catch((error: unknown) => {
    if (!(error instanceof Refusal)) throw error;
    tell({ kind: 'refused', why: error.kind, message: error.message, hint: error.hint });
  })
  .finally(() => parentPort!.close());
