import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

export const LAUNCHER = fileURLToPath(new URL('../../client/jday.mjs', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Started instead of the launcher, a link to it for example. */
  readonly program?: string;
}

/** Runs one verb as a process of its own and waits for its end. No Temporal setting of the caller reaches it. */
export async function jday(args: readonly string[], { env, cwd, program }: RunOptions = {}): Promise<Ended> {
  const own = Object.entries(process.env).filter(([name]) => !/^(TEMPORAL_|SOURCE_|TARGET_)/.test(name));
  const child = spawn(process.execPath, [program ?? LAUNCHER, ...args], {
    env: { ...Object.fromEntries(own), TEMPORAL_CONFIG_FILE: '/nonexistent/temporal.toml', ...env },
    ...(cwd === undefined ? {} : { cwd }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}
