// The entropy device: a model of vdev as it is.

import { virtioMmio } from '../../vdev/virtio/mmio.ts';
import { virtioRng } from '../../vdev/virtio/rng.ts';

export const rngModel = virtioMmio(virtioRng);
