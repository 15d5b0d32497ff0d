// `microvisor prove-isolation`: runs a system with different secrets in one cell, and looks whether another can tell.

import type { CommandModule } from 'yargs';
import type { Proof, Verdict } from '../../isolation/prove.ts';
import type { ProofRequest } from '../../isolation/request.ts';
import { formatTime } from '../../manifest/units.ts';
import { Refusal } from '../../refusal.ts';
import { systemOrRefuse } from '../checked-system.ts';
import { limitNsOf } from '../machine-options.ts';
import { wholeNumber } from '../whole-number.ts';

interface ProveArguments {
  manifest: string;
  from: string;
  to: string;
  secrets: number;
  for: string;
  adversary: string | undefined;
  secretRegion: string | undefined;
  withoutWindows: boolean;
  set: string[] | undefined;
  json: boolean;
}

export const proveIsolationCommand: CommandModule<object, ProveArguments> = {
  command: 'prove-isolation <manifest>',
  describe: 'look for ways in which a secret of one cell can be observed by another',
  builder: (yargs) =>
    yargs
      .positional('manifest', { type: 'string', demandOption: true, describe: 'the manifest (YAML)' })
      .option('from', { type: 'string', demandOption: true, requiresArg: true, describe: 'the cell with the secret' })
      .option('to', { type: 'string', demandOption: true, requiresArg: true, describe: 'the cell that watches' })
      .option('secrets', wholeNumber('secrets', 2, 1000, { default: 3, describe: 'how many secrets to compare' }))
      .option('for', { type: 'string', default: '100ms', requiresArg: true, describe: 'virtual time of each run' })
      .option('adversary', {
        type: 'string',
        describe:
          "put the adversarial sender in the first cell's place, with these modulations: 'revoke,ipc'; all, if none are named",
      })
      .option('secret-region', {
        type: 'string',
        requiresArg: true,
        describe: 'the secret fills this region, which the first cell alone maps',
      })
      .option('without-windows', {
        type: 'boolean',
        default: false,
        describe: 'leave the schedule of the manifest out',
      })
      .option('set', { type: 'string', array: true, nargs: 1, describe: 'override a field: machine.harts=2' })
      .option('json', { type: 'boolean', default: false, describe: 'print the result as JSON' })
      .example(
        '$0 prove-isolation examples/two-windows.yaml --from noisy --to quiet --adversary',
        'try everything',
      ) as never,
  handler: proveIsolation,
};

async function proveIsolation(args: ProveArguments): Promise<void> {
  const { manifest } = systemOrRefuse(args.manifest, args.set ?? []);
  const request: ProofRequest = {
    from: args.from,
    to: args.to,
    secrets: args.secrets,
    forNs: limitNsOf(args.for),
    adversary: args.adversary === undefined ? undefined : args.adversary === '' ? ['all'] : args.adversary.split(','),
    secretRegion: args.secretRegion,
    withoutWindows: args.withoutWindows,
  };
  const { requireProvable } = await import('../../isolation/request.ts');
  requireProvable(manifest, request);
  const { proveIsolation: prove, verdictOf } = await import('../../isolation/prove.ts');
  const proof = prove(manifest, request);
  const verdict = verdictOf(proof);
  const report = { version: 1, verdict, ...proof, leak: proof.leak ?? null };
  process.stdout.write(args.json ? `${JSON.stringify(report, null, 2)}\n` : describeProof(proof, verdict, request));
  if (verdict !== 'no leak') throw new Refusal('failed', '');
}

function describeProof(proof: Proof, verdict: Verdict, { from, to, forNs }: ProofRequest): string {
  const { leak, secrets, moments, senderEntries, overruns, sharing } = proof;
  const lines: string[] = [];
  if (leak !== undefined) {
    const when = leak.at === undefined ? '' : ` (cycle ${leak.at})`;
    lines.push(
      `leak: ${to} can tell two secrets of ${from} apart`,
      `  ${leak.text}${when}`,
      `  secrets ${leak.secrets.join(' and ')}`,
    );
  } else if (moments === 0) {
    lines.push(`nothing tested: ${to} did not run in ${formatTime(forNs)}`);
  } else if (verdict === 'nothing tested') {
    lines.push(`nothing tested: ${from} did the same with every secret`);
  } else if (verdict === 'nothing shown') {
    lines.push(`nothing shown: the windows were not kept, although ${to} saw the same with ${secrets.length} secrets`);
  } else {
    lines.push(`no leak: ${to} sees the same with ${secrets.length} secrets of ${from}, to the cycle`);
  }
  lines.push(
    `  ${to} was let run ${moments} times, ${from} entered the kernel ${senderEntries} times, in ${formatTime(forNs)}`,
  );
  if (overruns > 0) lines.push(`  ${overruns} windows began late`);
  for (const { through } of sharing) lines.push(`  they share: ${through}`);
  return `${lines.join('\n')}\n`;
}
