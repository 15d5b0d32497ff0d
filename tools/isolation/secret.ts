// Where a cell finds its secret: the same manifest, but for eight bytes that only the sender can read.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cell, ImageFile, Manifest } from '../manifest/model.ts';
import { Refusal } from '../refusal.ts';

/** The secrets of so many runs: no bits, all bits, then at random by the seed. */
export function secretsOf(seed: number, count: number): bigint[] {
  return Array.from({ length: count }, (_, index) => {
    if (index < 2) return index === 0 ? 0n : 2n ** 64n - 1n;
    return createHash('sha256').update(`${seed} ${index}`).digest().readBigUInt64LE();
  });
}

/** As wide for each secret, so that nothing else changes. */
export const secretText = (secret: bigint): string => `0x${secret.toString(16).padStart(16, '0')}`;

/** A file that is made for one run. */
export function temporaryFile(folder: string, name: string, bytes: Uint8Array): ImageFile {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { name, path, bytes: bytes.length, sha256, format: 'data', segments: [] };
}

/** `cell` with other values. */
export const withCell = (manifest: Manifest, name: string, change: (cell: Cell) => Cell): Manifest => ({
  ...manifest,
  cells: manifest.cells.map((cell) => (cell.name === name ? change(cell) : cell)),
});

/**
 * Gives a cell its secret: a server in TypeScript finds it as `secret` of its configuration, the kernel of a VM at the end of its
 * command line, whoever else in a region that it alone maps. Throws a Refusal if that cannot be.
 */
export function withSecret(
  manifest: Manifest,
  name: string,
  secret: bigint,
  region: string | undefined,
  folder: string,
): Manifest {
  if (region !== undefined) return withSecretRegion(manifest, name, secret, region, folder);
  const text = secretText(secret);
  return withCell(manifest, name, (cell) => {
    if (cell.kind === 'vm') return { ...cell, bootargs: `${cell.bootargs} secret=${text}` };
    if (cell.kind === 'native' && cell.program.format === 'typescript') {
      return { ...cell, config: { ...cell.config, secret: text } };
    }
    throw new Refusal(
      'usage',
      `${name} has no place for a secret`,
      'name a region that it alone maps with --secret-region, or put the adversary in its place with --adversary',
    );
  });
}

function withSecretRegion(manifest: Manifest, name: string, secret: bigint, region: string, folder: string): Manifest {
  const found = manifest.regions.find((each) => each.name === region);
  const users = manifest.cells.filter(({ maps }) => maps.some((mapping) => mapping.region === region));
  if (found === undefined || users.length !== 1 || users[0]!.name !== name) {
    throw new Refusal('usage', `--secret-region: ${name} alone has to map the region ${region}`);
  }
  const bytes = new Uint8Array(found.size);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + 8 <= bytes.length; at += 8) view.setBigUint64(at, secret, true);
  const prefill = temporaryFile(folder, `secret-${secretText(secret)}`, bytes);
  return { ...manifest, regions: manifest.regions.map((each) => (each === found ? { ...each, prefill } : each)) };
}
