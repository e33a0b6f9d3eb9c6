import { mkdirSync, readdirSync, readFileSync, copyFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Stage } from './stage.ts';
import { until } from './until.ts';

type CpuProfile = {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

export type SelfTime = { readonly where: string; readonly ms: number; readonly share: number };

const FOLDER = 'profile';
const KEPT_IN = '.jday/bench';
const SHOWN = 25;

/** Returns the options that make Node write a CPU profile when it ends. Empty if no profile was asked for. */
export function profiling(stage: Stage): readonly string[] {
  return stage.profile ? ['--cpu-prof', '--cpu-prof-dir', stage.path(FOLDER)] : [];
}

/**
 * Keeps the profile that the ended process has written, and prints where its time went. Does nothing if no profile was
 * asked for.
 */
export async function reportProfile(stage: Stage): Promise<void> {
  if (!stage.profile) return;
  const dir = stage.path(FOLDER);
  const file = await until('the profile', () => profileIn(dir), { withinMs: 20_000 });
  mkdirSync(KEPT_IN, { recursive: true });
  const kept = join(KEPT_IN, basename(file));
  copyFileSync(file, kept);
  const rows = selfTimes(JSON.parse(readFileSync(file, 'utf8')) as CpuProfile).slice(0, SHOWN);
  process.stdout.write(`\nself time of the process (${kept}, opens in Chrome DevTools)\n`);
  for (const { where, ms, share } of rows)
    process.stdout.write(
      `${ms.toFixed(0).padStart(8)} ms ${(share * 100).toFixed(1).padStart(5)} %  ${where}\n`,
    );
}

/**
 * Returns the time that each function used itself, without its callees, longest first. Idle time and `(program)` are
 * left out.
 */
export function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): readonly SelfTime[] {
  const places = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  const micros = new Map<string, number>();
  for (const [i, id] of samples.entries()) {
    const where = places.get(id) ?? '(unknown)';
    if (where !== '(idle)' && where !== '(program)')
      micros.set(where, (micros.get(where) ?? 0) + (timeDeltas[i] ?? 0));
  }
  const total = [...micros.values()].reduce((sum, one) => sum + one, 0);
  return [...micros]
    .map(([where, one]) => ({ where, ms: one / 1_000, share: one / total }))
    .sort((one, other) => other.ms - one.ms);
}

function placeOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const file = url.split('/').slice(-2).join('/');
  return `${functionName || '(anonymous)'}${file === '' ? '' : ` ${file}:${lineNumber + 1}`}`;
}

function profileIn(dir: string): string | undefined {
  try {
    const [name] = readdirSync(dir).filter((one) => one.endsWith('.cpuprofile'));
    return name === undefined ? undefined : join(dir, name);
  } catch {
    return undefined;
  }
}
