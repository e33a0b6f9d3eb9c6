import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { becomeReady, type Child, startChild } from '../../../servers/child.ts';
import { freePort } from '../../../servers/free-port.ts';
import { findTool } from '../../../servers/tools.ts';
import { eventually } from '../eventually.ts';
import { connectTo } from './redis.ts';

export interface TestSentinel {
  readonly port: number;
  /** Address of the store through this Sentinel. `login`: user and password with `@`; absent = the default user. */
  url(login?: string): string;
  /** Returns the port of the master that it names now. */
  masterPort(): Promise<number>;
  stop(): Promise<void>;
}

/**
 * Starts a real Sentinel that watches a master under the name `mine`. It is the only one, so one vote is enough.
 * Resolves when it knows the replica of the master.
 *
 * @param settings more settings of sentinel.conf
 */
export async function startSentinel(
  dir: string,
  masterPort: number,
  binary = findTool('redis-server'),
  settings: Readonly<Record<string, string>> = {},
): Promise<TestSentinel> {
  mkdirSync(dir, { recursive: true });
  const port = await freePort();
  const file = join(dir, 'sentinel.conf');
  const lines = [
    'bind 127.0.0.1',
    `port ${port}`,
    ...Object.entries(settings).map(([name, value]) => `${name} ${value}`),
    `dir ${JSON.stringify(dir)}`,
    `sentinel monitor mine 127.0.0.1 ${masterPort} 1`,
    'sentinel down-after-milliseconds mine 500',
    'sentinel failover-timeout mine 3000',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
  const child: Child = startChild({
    program: binary,
    args: [file, '--sentinel'],
    cwd: dir,
    logFile: join(dir, 'sentinel.log'),
  });
  await becomeReady(child, 'sentinel', () => child.log().includes('+monitor master mine'), 20_000);
  const asked = await connectTo(port, { enableReadyCheck: false });
  const master = async () => (await asked.call('SENTINEL', ['MASTER', 'mine'])) as string[];
  const field = async (name: string) => {
    const told = await master();
    return told[told.indexOf(name) + 1] ?? '';
  };
  await eventually('the Sentinel to know the replica', async () => (await field('num-slaves')) === '1');
  return {
    port,
    url: (login = '') => `redis+sentinel://${login}127.0.0.1:${port}/mine/0`,
    masterPort: async () => Number(await field('port')),
    stop: async () => {
      asked.disconnect();
      await child.stop();
    },
  };
}
