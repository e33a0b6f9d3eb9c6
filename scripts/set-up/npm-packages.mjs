import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run } from './run.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export function npmPackages({ dev }) {
  return {
    ready: () => isInstalled(ROOT, { dev }),
    get: async () => {
      // Under `npm run` this is npm itself, so the same one is used whatever PATH says.
      const npm = process.env.npm_execpath;
      const [program, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
      await run(program, [...first, 'ci', '--include=dev'], { cwd: ROOT });
      return `npm packages, ${Object.keys(packagesOf(`${ROOT}node_modules/.package-lock.json`)).length} of them`;
    },
  };
}

/**
 * Compares what npm noted down after its last install with the lockfile, package by package. Times of files would not do:
 * git sets them as it likes, and a needless `npm ci` pulls the packages from under whoever is running.
 */
export function isInstalled(root, { dev }) {
  try {
    const installed = packagesOf(`${root}node_modules/.package-lock.json`);
    return Object.entries(packagesOf(`${root}package-lock.json`)).every(([path, wanted]) => {
      if (path === '' || wanted.optional || wanted.devOptional) return true;
      if (!dev && wanted.dev) return true;
      return installed[path]?.version === wanted.version && installed[path]?.integrity === wanted.integrity;
    });
  } catch {
    return false;
  }
}

function packagesOf(lockfile) {
  return JSON.parse(readFileSync(lockfile, 'utf8')).packages;
}
