// Virtio entropy device (virtio 1.3, section 5.4), fed by a seeded stream.

import { type EntropyState, takeEntropy } from '../entropy.ts';
import { needsReset, returnChain, takeChain, type VirtioDevice } from './transport.ts';
import { scatter, totalLength } from './virtqueue.ts';

const requestQueue = 0;
/** Bytes given for one request at most; the driver asks again. */
const requestLimit = 4096;

/** Its state is the stream: `entropyState(seed, name)`. Entropy that was given is gone, also after a reset. */
export const virtioRng: VirtioDevice<EntropyState> = {
  name: 'virtio-rng',
  deviceId: 4,
  queueSizes: () => [64],
  features: () => [],
  config: () => new Uint8Array(),
  notified(virtio, bus, queue) {
    for (let chain = takeChain(virtio, bus, queue); chain !== undefined; chain = takeChain(virtio, bus, queue)) {
      const length = Math.min(totalLength(chain.writable), requestLimit);
      if (!scatter(bus, chain.writable, 0, takeEntropy(virtio.device, length))) {
        needsReset(virtio, bus, 'a buffer is not in memory');
        return;
      }
      returnChain(virtio, bus, requestQueue, chain, length);
    }
  },
  reset() {},
};
