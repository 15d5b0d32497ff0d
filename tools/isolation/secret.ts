// Where a cell finds its secret: the same manifest, but for eight bytes that only the sender can read.

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Cell, ImageFile, Manifest, Region } from '../manifest/model.ts';
import { suggest } from '../manifest/nearest.ts';
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

/** What a cell's secret is put in. */
export type SecretPlace = 'config' | 'bootargs' | Region;

/**
 * Where a cell can find its secret: a server in TypeScript as `secret` of its configuration, the kernel of a VM at the end of its
 * command line, whoever else in a region that it alone maps. Throws a Refusal if that cannot be.
 */
export function secretPlaceOf(manifest: Manifest, name: string, region: string | undefined): SecretPlace {
  if (region !== undefined) return ownRegion(manifest, name, region);
  const cell = manifest.cells.find((each) => each.name === name)!;
  if (cell.kind === 'vm') return 'bootargs';
  if (cell.kind === 'native' && cell.program.format === 'typescript') return 'config';
  throw new Refusal(
    'usage',
    `${name} has no place for a secret`,
    'name a region that it alone maps with --secret-region, or put the adversary in its place with --adversary',
  );
}

function ownRegion(manifest: Manifest, name: string, region: string): Region {
  const found = manifest.regions.find((each) => each.name === region);
  if (found === undefined) {
    const known = manifest.regions.map((each) => each.name);
    throw new Refusal('usage', `--secret-region: there is no region ${region}`, suggest(region, known, 'regions'));
  }
  const users = manifest.cells.filter(({ maps }) => maps.some((mapping) => mapping.region === region));
  if (users.length === 1 && users[0]!.name === name) return found;
  const hint = users.length === 0 ? 'no cell maps it' : `it is mapped by ${users.map((each) => each.name).join(', ')}`;
  throw new Refusal('usage', `--secret-region: ${name} alone has to map the region ${region}`, hint);
}

/** Gives a cell its secret. */
export function withSecret(
  manifest: Manifest,
  name: string,
  secret: bigint,
  place: SecretPlace,
  folder: string,
): Manifest {
  const text = secretText(secret);
  if (typeof place !== 'string') return withSecretRegion(manifest, secret, place, folder);
  return withCell(manifest, name, (cell) =>
    place === 'bootargs' && cell.kind === 'vm'
      ? { ...cell, bootargs: `${cell.bootargs} secret=${text}` }
      : { ...cell, config: { ...cell.config, secret: text } },
  );
}

function withSecretRegion(manifest: Manifest, secret: bigint, region: Region, folder: string): Manifest {
  const bytes = new Uint8Array(region.size);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at + 8 <= bytes.length; at += 8) view.setBigUint64(at, secret, true);
  const prefill = temporaryFile(folder, `secret-${secretText(secret)}`, bytes);
  return { ...manifest, regions: manifest.regions.map((each) => (each === region ? { ...each, prefill } : each)) };
}
