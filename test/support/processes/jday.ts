import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { main } from '../../../client/main.ts';

export const LAUNCHER = fileURLToPath(new URL('../../../client/jday.mjs', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Environment = Readonly<Record<string, string>>;

export interface RunOptions {
  readonly env?: Environment;
}

/**
 * Runs one verb in this process. A process of its own would cost two seconds of a core. Variables of the caller for
 * Temporal and the stores do not reach the verb.
 */
export function jday(args: readonly string[], { env }: RunOptions = {}): Promise<Ended> {
  return jdayInProcess(args, environmentFor(env), () => undefined);
}

/**
 * Runs one verb in this process.
 *
 * @param environment variables for the verb
 * @param told called with each line of stdout and stderr
 */
export async function jdayInProcess(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  told: (line: string) => void,
): Promise<Ended> {
  const said = { stdout: '', stderr: '' };
  const to = (stream: keyof typeof said) => (line: string) => {
    said[stream] += `${line}\n`;
    told(`${line}\n`);
  };
  const [out, note] = [to('stdout'), to('stderr')];
  const code = await main(args, {
    environment,
    interactive: false,
    piped: true,
    out,
    note,
    repaint: note,
  });
  return { code, ...said };
}

export interface ProcessOptions extends RunOptions {
  readonly cwd?: string;
  /** The program to start instead of the launcher, for example a link to it. */
  readonly program?: string;
}

/** Runs one verb as a process of its own and waits for its end. */
export async function jdayProcess(
  args: readonly string[],
  { env, cwd, program }: ProcessOptions = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [program ?? LAUNCHER, ...args], {
    env: environmentFor(env),
    ...(cwd === undefined ? {} : { cwd }),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const code = new Promise<number | null>((resolve) => child.once('close', resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}

function environmentFor(env: Environment | undefined) {
  const own = Object.entries(process.env).filter(([name]) => !/^(TEMPORAL_|SOURCE_|TARGET_)/.test(name));
  return { ...Object.fromEntries(own), TEMPORAL_CONFIG_FILE: '/nonexistent/temporal.toml', ...env };
}
