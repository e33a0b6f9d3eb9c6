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
import {
  explained,
  filesLeft,
  isProved,
  type Proof,
  type ProvedFile,
  proofWith,
  proofWithout,
  tableOf,
} from './proof.ts';
import { filesOf, PART_NAMES, type Part, quarantined } from './proofs.ts';

const RECORD = 'proof.json';
const SERVERS = ['redis-server', 'valkey-server', 'temporal'] as const;
const VITEST = join('node_modules', 'vitest', 'vitest.mjs');
/** Time for the tests to end after SIGTERM, ms. */
const GRACE_MS = 20_000;

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

/** Aborted when the time is over, or when a person or the system ends the run. What has ended by then is kept. */
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
const timer = minutes === undefined ? undefined : setTimeout(() => stop.abort(), minutes * 60_000);

let proof = again ? proofWithout(proofSoFar(), parts) : proofSoFar();
for (const part of parts) {
  const files = filesLeft(proof, [part]);
  console.log(`== ${part}: ${files.length} of ${filesOf(part).length} files to run`);
  if (files.length === 0 || stop.signal.aborted) continue;
  const found = await run(files);
  if (nothingYet().commit !== proof.commit) {
    console.error('prove: the sources have changed during the run, so its results are of no commit');
    break;
  }
  proof = proofWith(proof, found);
  writeFileSync(RECORD, `${JSON.stringify(proof, null, 2)}\n`);
}
clearTimeout(timer);
console.log(`== ${proof.commit}, node ${proof.node}, ${JSON.stringify(proof.servers)}`);
for (const line of tableOf(proof, parts)) console.log(line);
for (const { file, why } of quarantined) console.log(`quarantined: ${file} — ${why}`);
const left = filesLeft(proof, parts);
const failed = proof.files.filter((one) => left.includes(one.file) && !isProved(one));
if (left.length > failed.length)
  console.log(`${left.length - failed.length} files have no result; run again`);
process.exitCode = left.length === 0 ? 0 : 1;

/** Runs the files, until the run is stopped. Resolves with what has ended. */
async function run(files: readonly string[]): Promise<readonly ProvedFile[]> {
  const folder = mkdtempSync(join(tmpdir(), 'jday-proof-'));
  const results = join(folder, 'results.jsonl');
  try {
    writeFileSync(results, '');
    // A seed that is left in the shell would make one case of each proof.
    const { JDAY_SEED: _, ...rest } = process.env;
    const env = { ...rest, JDAY_PROOF: 'full', JDAY_PROOF_RESULTS: results };
    const vitest = spawn(process.execPath, [VITEST, 'run', ...files], { stdio: 'inherit', env });
    let late: NodeJS.Timeout | undefined;
    const end = () => {
      vitest.kill('SIGTERM');
      late = setTimeout(() => void vitest.kill('SIGKILL'), GRACE_MS);
    };
    stop.signal.addEventListener('abort', end);
    const [code] = (await once(vitest, 'exit')) as [number | null];
    stop.signal.removeEventListener('abort', end);
    clearTimeout(late);
    const lines = readFileSync(results, 'utf8').split('\n').slice(0, -1);
    const ended = lines.map((line) => JSON.parse(line) as ProvedFile);
    return stop.signal.aborted ? ended : explained(ended, code);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The proof of the last run, if that was on this commit and nothing has changed since. */
function proofSoFar(): Proof {
  const now = nothingYet();
  const kept = recorded();
  if (kept === null) return now;
  const same = JSON.stringify({ ...kept, files: [] }) === JSON.stringify(now);
  if (same && !now.commit.endsWith('+changes')) return kept;
  console.log(`== begins anew: ${RECORD} is of ${kept.commit}, node ${kept.node}; this is ${now.commit}`);
  return now;
}

function recorded(): Proof | null {
  try {
    return JSON.parse(readFileSync(RECORD, 'utf8')) as Proof;
  } catch {
    return null;
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
