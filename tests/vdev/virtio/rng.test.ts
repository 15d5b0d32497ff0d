import { describe, expect, it } from 'vitest';
import { entropyState, takeEntropy } from '../../../vdev/entropy.ts';
import { virtioRng } from '../../../vdev/virtio/rng.ts';
import { Driver } from './driver.ts';

function draw(seed: number, lengths: number[]): number[] {
  const driver = new Driver(virtioRng, entropyState(seed, 'rng'));
  driver.start();
  return lengths.flatMap((length) => {
    const { addresses } = driver.send(0, [{ in: length }]);
    driver.notify(0);
    return driver.bytes(addresses[0]!, driver.used(0)[0]!.length);
  });
}

describe('virtio entropy device', () => {
  it('gives the same bytes for the same seed, however they are asked for', () => {
    expect(draw(42, [100])).toEqual(draw(42, [1, 63, 36]));
    expect(draw(42, [100])).not.toEqual(draw(43, [100]));
    expect(draw(42, [100])).toEqual([...takeEntropy(entropyState(42, 'rng'), 100)]);
  });

  it('gives at most 4096 bytes for one request', () => {
    expect(draw(42, [5000]).length).toBe(4096);
  });

  it('does not repeat itself after a reset', () => {
    const driver = new Driver(virtioRng, entropyState(1, 'rng'));
    const word = () => {
      driver.start();
      const { addresses } = driver.send(0, [{ in: 32 }]);
      driver.notify(0);
      return driver.bytes(addresses[0]!, 32);
    };
    expect(word()).not.toEqual(word());
  });
});
