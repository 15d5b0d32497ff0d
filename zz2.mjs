import { Rig } from './dist/tools/grind/rig.js';
import { populate } from './dist/tools/grind/round.js';
import { Chooser } from './dist/tools/grind/chooser.js';
import { Picker } from './dist/tools/grind/picker.js';
import { Dice } from './dist/tools/grind/dice.js';
import { describeStep } from './dist/tools/grind/step.js';
const rig = new Rig(process.argv[4]==='domains'?1:2, 8*2**20);
const [seed, round] = [1, 8].map((d, i) => Number(process.argv[2 + i] ?? d));
for (let r = round; r < round + 1; r++) {
  const { system, kept } = populate(rig, { profile: process.argv[4], round: r, sweepEvery: 1 });
  const chooser = new Chooser(new Picker(system, new Dice(seed, r), kept), kept);
  for (let i = 0; i < 4000; i++) {
    const step = chooser.next();
    if (step === null) { console.log('END', rig.log, system.kernel.threads.map(t => `${t.name} ${t.state} ${t.fault?.type} sc${t.schedContext!==null} q${t.queued} d${t.domain}`)); break; }
    process._rawDebug(i, describeStep(step), system.current(0).name, rig.clocks[0]);
    try { system.take(step); } catch (e) { console.log(e); break; }
  }
}
