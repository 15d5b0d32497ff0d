import { Rig } from './dist/tools/grind/rig.js';
import { runRound } from './dist/tools/grind/round.js';
import { Coverage } from './dist/tools/grind/coverage.js';
import { Microvisor } from './dist/microvisor/index.js';
const profile = process.argv[2];
const rig = new Rig(profile==='domains'?1:2, 8*2**20);
let entries = 0, ev = 0;
const te = rig.port.traceEntry; rig.port.traceEntry = () => { entries++; };
const e = rig.enterForEvents.bind(rig); rig.enterForEvents = (...a) => { const r = e(...a); if (r) ev++; return r; };
for (let r = 0; r < 6; r++) {
  const t = process.cpuUsage().user; entries = ev = 0;
  const res = runRound(rig, { profile, seed: 1, round: r, calls: 4000, sweepEvery: 64 }, new Coverage());
  console.log(r, res.calls, 'entries', entries, 'events', ev, 'cpu', (process.cpuUsage().user - t) / 1e6, res.failure?.error.message);
}
