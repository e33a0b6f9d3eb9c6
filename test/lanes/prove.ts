/**
 * `npm run prove`: runs the long proofs, or the named parts of them. It goes on where the last run on this commit
 * ended: a file that has passed is not run again. `proof.json` keeps the results, and a table of them ends the run.
 *
 *   npm run prove -- --part faults switch --minutes 60
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { findTool } from '../../servers/tools.ts';
import { filesLeft, isProved, type Proof, type ProvedFile, proofWith, tableOf } from './proof.ts';
import { filesOf, PART_NAMES, type Part } from './proofs.ts';

const RECORD = 'proof.json';
const SERVERS = ['redis-server', 'valkey-server', 'temporal'] as const;

interface Options {
  readonly part: readonly Part[];
  readonly minutes?: number;
  readonly again: boolean;
}

const {
  part: parts,
  minutes,
  again,
} = new Command('prove')
  .description('Runs the long proofs that npm test leaves out.')
  .addOption(new Option('--part <name...>', 'only these parts').choices(PART_NAMES).default(PART_NAMES))
  .option('--minutes <number>', 'ends after this time; the next run goes on from there', positive)
  .option('--again', 'runs also what has passed on this commit', false)
  .parse()
  .opts<Options>();
const untilMs = performance.now() + (minutes ?? Infinity) * 60_000;

let proof = again ? nothingYet() : proofSoFar();
for (const part of parts) {
  const files = filesLeft(proof, [part]);
  console.log(`== ${part}: ${files.length} of ${filesOf(part).length} files to run`);
  if (files.length === 0 || performance.now() >= untilMs) continue;
  proof = proofWith(proof, await run(files));
  writeFileSync(RECORD, `${JSON.stringify(proof, null, 2)}\n`);
}
console.log(`== ${proof.commit}, node ${proof.node}, ${JSON.stringify(proof.servers)}`);
for (const line of tableOf(proof, parts)) console.log(line);
const left = filesLeft(proof, parts);
const failed = proof.files.filter((one) => left.includes(one.file) && !isProved(one));
if (left.length > failed.length) console.log(`${left.length - failed.length} files did not end; run again`);
process.exitCode = left.length === 0 ? 0 : 1;

/** Runs the files, until the time is over. Resolves with what has ended. */
async function run(files: readonly string[]): Promise<readonly ProvedFile[]> {
  const folder = mkdtempSync(join(tmpdir(), 'jday-proof-'));
  const results = join(folder, 'results.jsonl');
  try {
    writeFileSync(results, '');
    const env = { ...process.env, JDAY_PROOF: 'full', JDAY_PROOF_RESULTS: results };
    const vitest = spawn('npx', ['vitest', 'run', ...files], { stdio: 'inherit', env });
    const timer = Number.isFinite(untilMs)
      ? setTimeout(() => void vitest.kill('SIGTERM'), untilMs - performance.now())
      : undefined;
    await once(vitest, 'exit');
    clearTimeout(timer);
    const lines = readFileSync(results, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as ProvedFile);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The proof of the last run, if that was on this commit and nothing has changed since. */
function proofSoFar(): Proof {
  const now = nothingYet();
  try {
    const kept = JSON.parse(readFileSync(RECORD, 'utf8')) as Proof;
    const same = JSON.stringify({ ...kept, files: [] }) === JSON.stringify(now);
    return same && !now.commit.endsWith('+changes') ? kept : now;
  } catch {
    return now;
  }
}

function nothingYet(): Proof {
  const git = (...args: readonly string[]) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const changes = git('status', '--porcelain') === '' ? '' : '+changes';
  const servers = Object.fromEntries(SERVERS.map((name) => [name, versionOf(name)]));
  return { commit: git('rev-parse', 'HEAD') + changes, node: process.version, servers, files: [] };
}

function versionOf(name: (typeof SERVERS)[number]): string | null {
  try {
    const said = execFileSync(findTool(name), ['--version'], { encoding: 'utf8' });
    return /\d+\.\d+\.\d+/.exec(said)?.[0] ?? null;
  } catch {
    return null;
  }
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It is a number of minutes above 0.');
  return value;
}
