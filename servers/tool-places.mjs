// Where a server binary may be found. Plain JavaScript, because the set-up asks too, before any package is there.
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

/** Versions and hashes of what we download ourselves: one place for the set-up and for the search below. */
export const PINNED = JSON.parse(readFileSync(new URL('./pinned.json', import.meta.url), 'utf8'));

const OVERRIDES = {
  'redis-server': 'REDIS_SERVER_PATH',
  'valkey-server': 'VALKEY_SERVER_PATH',
  temporal: 'TEMPORAL_CLI_PATH',
  prometheus: 'PROMETHEUS_PATH',
  promtool: 'PROMTOOL_PATH',
};

export function overrideName(tool) {
  return OVERRIDES[tool];
}

export function cacheFolder(environment = process.env) {
  if (environment.JDAY_CACHE) return resolve(environment.JDAY_CACHE);
  const base = environment.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(base, 'jday');
}

/** Each version has its own folder: a new pin never runs an old binary. */
export function cachedPath(tool, environment = process.env) {
  return join(cacheFolder(environment), `${tool}-${PINNED[tool].version}`, tool);
}

/** Path of the tool or undefined: the override, then PATH, then our cache (where Valkey stands in for Redis). */
export function lookUp(tool, environment = process.env) {
  const override = environment[OVERRIDES[tool]];
  if (override) return isExecutable(override) ? override : undefined;
  return onPath(tool, environment) ?? inCache(tool, environment);
}

function inCache(tool, environment = process.env) {
  const pinned = tool === 'redis-server' ? 'valkey-server' : tool;
  if (PINNED[pinned] === undefined) return undefined;
  const path = cachedPath(pinned, environment);
  return isExecutable(path) ? path : undefined;
}

export function onPath(tool, environment = process.env) {
  return (environment.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, tool))
    .find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
