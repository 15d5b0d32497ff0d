// Isolation, tested: the same system with different secrets in one cell, and whether another can tell.

import { loadPrograms } from '../boot/programs.ts';
import { System, silentEvents } from '../boot/system.ts';
import { inTemporaryFolder } from '../host/temporary-folder.ts';
import type { Manifest } from '../manifest/model.ts';
import { buildPlan } from '../plan/build.ts';
import type { Plan } from '../plan/plan.ts';
import { type Sharing, sharings } from '../plan/sharing.ts';
import { armAdversary, chosenModulations, withAdversary } from './adversary.ts';
import { firstDifference, type Leak } from './difference.ts';
import { type Observation, Observer } from './observation.ts';
import { type ProofRequest, requireProvable } from './request.ts';
import { secretPlaceOf, secretsOf, secretText, withSecret } from './secret.ts';

export type Verdict = 'leak' | 'nothing tested' | 'nothing shown' | 'no leak';

export interface Proof {
  secrets: string[];
  /** The first thing that the observer can tell, and with which two secrets; undefined: nothing. */
  leak: (Leak & { secrets: [string, string] }) | undefined;
  /** How often the observer was let run in the first run, and how often the sender entered the kernel. */
  moments: number;
  senderEntries: number;
  /** Whether the sender did different things. If not, nothing was tested. */
  senderDiffers: boolean;
  overruns: number;
  /** What the two cells share by the manifest. */
  sharing: Sharing[];
}

/** In two words; the first that holds. A leak is one even if windows began late. */
export function verdictOf({ leak, moments, senderDiffers, overruns }: Proof): Verdict {
  if (leak !== undefined) return 'leak';
  if (moments === 0 || !senderDiffers) return 'nothing tested';
  return overruns > 0 ? 'nothing shown' : 'no leak';
}

/** Throws a Refusal for what cannot be run. */
export function proveIsolation(manifest: Manifest, request: ProofRequest): Proof {
  requireProvable(manifest, request);
  const tested = request.withoutWindows ? { ...manifest, schedule: undefined } : manifest;
  return inTemporaryFolder('isolation', (folder) => prove(tested, request, folder));
}

function prove(manifest: Manifest, request: ProofRequest, folder: string): Proof {
  const secrets = secretsOf(manifest.system.seed, request.secrets);
  const proof: Proof = {
    secrets: secrets.map(secretText),
    leak: undefined,
    moments: 0,
    senderEntries: 0,
    senderDiffers: false,
    overruns: 0,
    sharing: sharings(buildPlan(manifest)).filter(
      ({ cells }) => cells.includes(request.from) && cells.includes(request.to),
    ),
  };
  let first: Observation | undefined;
  for (const secret of secrets) {
    const { observation, plan } = observe(manifest, request, secret, folder);
    proof.overruns = Math.max(proof.overruns, observation.overruns);
    if (first === undefined) {
      first = observation;
      proof.moments = first.moments.length;
      proof.senderEntries = first.sender.entries;
      continue;
    }
    const { sender } = observation;
    if (sender.digest !== first.sender.digest || sender.entries !== first.sender.entries) proof.senderDiffers = true;
    const leak = firstDifference(plan, request, first, observation);
    if (leak === undefined) continue;
    proof.leak = { ...leak, secrets: [secretText(secrets[0]!), secretText(secret)] };
    break;
  }
  return proof;
}

function observe(
  manifest: Manifest,
  request: ProofRequest,
  secret: bigint,
  folder: string,
): { observation: Observation; plan: Plan } {
  const { from, to, adversary, secretRegion, forNs } = request;
  let variant: Manifest;
  if (adversary === undefined) {
    variant = withSecret(manifest, from, secret, secretPlaceOf(manifest, from, secretRegion), folder);
  } else {
    const chosen = chosenModulations(manifest.cells.find(({ name }) => name === from)!, adversary);
    variant = withAdversary(manifest, from, secret, chosen, folder);
  }
  const plan = buildPlan(variant);
  if (adversary !== undefined) armAdversary(plan, from);
  let observer: Observer | undefined;
  const system = new System(variant, plan, loadPrograms(plan), {
    ...silentEvents,
    debug: (cell, bytes) => observer?.print(cell, bytes),
  });
  observer = new Observer(system, from, to);
  system.start();
  system.run(Math.round((forNs * system.machine.clockHz) / 1e9));
  return { observation: observer.finish(), plan };
}
