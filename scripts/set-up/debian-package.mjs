import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { onPath } from '../../servers/tool-places.mjs';
import { run } from './run.mjs';

const POLICY = '/usr/sbin/policy-rc.d';
const OURS =
  '#!/bin/sh\n# Put here by the set-up of jday while it installs a package, removed right after.\nexit 101\n';

export function canInstallDebianPackages() {
  return process.getuid?.() === 0 && onPath('apt-get') !== undefined && existsSync('/etc/debian_version');
}

/** Installs a package without letting its service start; refreshes the package lists only when they do not know it. */
export async function installDebianPackage(name) {
  await withoutServices(async () => {
    try {
      await aptGet('install', '--yes', '--no-install-recommends', name);
    } catch {
      await aptGet('update');
      await aptGet('install', '--yes', '--no-install-recommends', name);
    }
  });
}

function aptGet(...args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return run('apt-get', ['-o', 'DPkg::Lock::Timeout=120', ...args], { env });
}

/** Debian asks this file before it starts a service; a policy that is there already is somebody else's and stays. */
async function withoutServices(work) {
  if (existsSync(POLICY) && readFileSync(POLICY, 'utf8') !== OURS) return work();
  writeFileSync(POLICY, OURS, { mode: 0o755 });
  try {
    await work();
  } finally {
    rmSync(POLICY, { force: true });
  }
}
