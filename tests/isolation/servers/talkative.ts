// Says much for each bit of its secret that is set, and computes else.

import { server } from '../../../guests/sdk/index.ts';

export default server({
  init(cell) {
    let secret = BigInt(String(cell.config['secret']));
    for (let round = 0; round < 200; round++) {
      if (secret & 1n) cell.log('this is a line that takes a system call for each of its characters');
      else for (let i = 0; i < 1000; i++) secret ^= 0n;
      secret = (secret >> 1n) | ((secret & 1n) << 63n);
    }
  },
});
