// Finds server programs. This file is plain JavaScript, because the set-up uses it before any package is installed.
import { accessSync, constants, readFileSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';

/** Versions and hashes of the programs that we download. The set-up and the search below both use them. */
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

/** Each version has its own folder, so that a new version in pinned.json never runs an old program. */
export function cachedPath(tool, environment = process.env) {
  return join(cacheFolder(environment), `${tool}-${PINNED[tool].version}`, tool);
}

/**
 * @returns the path of the tool or undefined. The order is: the override variable, PATH, our cache. In the cache Valkey
 *   stands in for Redis
 */
export function lookUp(tool, environment = process.env) {
  const override = environment[OVERRIDES[tool]];
  if (override) return isExecutable(override) ? override : undefined;
  return onPath(tool, environment) ?? inCache(tool, environment);
}

/**
 * @returns every path of the tool, in that order, each file once. A path keeps the name that it has there and is not
 *   resolved: Debian's program decides by the name under which it is called which tool to be
 */
export function everyPlace(tool, environment = process.env) {
  const override = environment[OVERRIDES[tool]];
  const cached = PINNED[tool] === undefined ? [] : [cachedPath(tool, environment)];
  const paths = [...(override ? [override] : []), ...pathsOf(tool, environment), ...cached];
  const places = new Map(
    paths
      .filter(isExecutable)
      .map((path) => [realpathSync(path), path])
      .reverse(),
  );
  return [...places.values()].reverse();
}

function inCache(tool, environment = process.env) {
  const pinned = tool === 'redis-server' ? 'valkey-server' : tool;
  if (PINNED[pinned] === undefined) return undefined;
  const path = cachedPath(pinned, environment);
  return isExecutable(path) ? path : undefined;
}

export function onPath(tool, environment = process.env) {
  return pathsOf(tool, environment).find(isExecutable);
}

function pathsOf(tool, environment) {
  const folders = (environment.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, tool));
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
