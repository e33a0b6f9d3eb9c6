import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { plainEnvironment } from './plain-environment.ts';
import { everyPlace, lookUp, overrideName } from './tool-places.mjs';

/**
 * A Redis or Valkey server that this machine can start. `path`: its program. `version`: three numbers, such as
 * `7.0.15`.
 */
export type Engine = { readonly path: string; readonly name: 'Redis' | 'Valkey'; readonly version: string };

const PATIENCE_MS = 5_000;
const TOOLS = ['redis-server', 'valkey-server'] as const;

/** The remedy for an operator whose machine has no engine that is new enough. */
export const NAME_A_NEWER_ENGINE = `Install one that is at least as new as the newest store, or name it in ${TOOLS.map(overrideName).join(' or ')} of the worker’s environment.`;

/**
 * Finds every engine of this machine: by its variable, on PATH, and in our cache.
 *
 * @returns the newest first
 */
export async function foundEngines(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<readonly Engine[]> {
  const paths = TOOLS.flatMap((tool) => everyPlace(tool, environment));
  const engines = await Promise.all([...new Set(paths)].map(engineAt));
  return engines.filter((engine) => engine !== null).sort((one, other) => byVersion(other, one));
}

/**
 * @returns the variables that are set but name no program that can be run. They must be reported, because the operator
 *   meant that program to be used
 */
export function misnamedEngines(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): readonly string[] {
  const named = TOOLS.filter((tool) => environment[overrideName(tool)]);
  return named.filter((tool) => lookUp(tool, environment) === undefined).map(overrideName);
}

/** @returns `null` when the program does not say that it is Redis or Valkey */
async function engineAt(path: string): Promise<Engine | null> {
  const options = { timeout: PATIENCE_MS, env: plainEnvironment() };
  const said = await promisify(execFile)(path, ['--version'], options).catch(() => null);
  const [, name, version] = /^(Redis|Valkey) server v=(\d+\.\d+\.\d+)/.exec(said?.stdout ?? '') ?? [];
  return name && version ? { path, name: name as Engine['name'], version } : null;
}

function byVersion(one: Engine, other: Engine): number {
  const [a, b] = [one, other].map(({ version }) => version.split('.').map(Number)) as [number[], number[]];
  return (a[0] ?? 0) - (b[0] ?? 0) || (a[1] ?? 0) - (b[1] ?? 0) || (a[2] ?? 0) - (b[2] ?? 0);
}
