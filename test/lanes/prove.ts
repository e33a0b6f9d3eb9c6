/**
 * `npm run prove`: runs the long proofs, or the named parts of them, and ends with the code of the tests.
 *
 *   npm run prove -- --part faults switch
 */
import { spawnSync } from 'node:child_process';
import { Command, Option } from 'commander';
import { filesOf, PART_NAMES, type Part } from './proofs.ts';

const { part: parts } = new Command('prove')
  .description('Runs the long proofs that npm test leaves out.')
  .addOption(new Option('--part <name...>', 'only these parts').choices(PART_NAMES).default(PART_NAMES))
  .parse()
  .opts<{ part: readonly Part[] }>();
const files = parts.flatMap(filesOf);
const env = { ...process.env, JDAY_PROOF: 'full' };
process.exitCode = spawnSync('npx', ['vitest', 'run', ...files], { stdio: 'inherit', env }).status ?? 1;
