import { grind } from './dist/tools/grind/grinder.js';
const [profile, calls, seed] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4] ?? 1)];
const t = process.cpuUsage().user;
const report = grind({ calls, seed, profile, sweepEvery: 64, shrinkAttempts: 100, onProgress: (n) => { console.log(n, (process.cpuUsage().user-t)/1e6); } });
console.log(report.calls, report.failure?.error.stack);
