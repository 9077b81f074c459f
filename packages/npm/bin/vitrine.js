#!/usr/bin/env node
// `npx vitrine …`: runs the program of this platform's package, and ends as it ends.
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { found, unstartable } from '../node/program.js';

const fail = (error) => {
  console.error(`vitrine: ${error.message}`);
  process.exit(1);
};

let program;
try {
  program = found();
} catch (error) {
  fail(error);
}
const child = spawn(program, process.argv.slice(2), { stdio: 'inherit' });
// a terminal sends these to both; whoever stops this process alone means the program too
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('error', (error) => fail(unstartable(program, error)));
child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)));
