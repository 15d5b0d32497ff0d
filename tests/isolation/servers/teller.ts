// Signals on its channel if the lowest bit of its secret is set.

import { server } from '../../../guests/sdk/index.ts';

export default server({
  init(cell) {
    const secret = BigInt(String(cell.config['secret']));
    if (secret & 1n) cell.channel('told').notify();
  },
});
