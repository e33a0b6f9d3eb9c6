import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export type Sliding = {
  readonly port: number;
  readonly keys: number;
  readonly ttlMs: number;
  readonly everyMs: number;
};

export const sessionName = (key: number) => `session:${key}`;

const PROGRAM = fileURLToPath(new URL('./sliding-app.ts', import.meta.url));

/** Starts the app. `slide` begins the renewals. `stop` resolves when the last renewal is answered. */
export async function startSlidingApp(sliding: Sliding): Promise<{ slide(): void; stop(): Promise<void> }> {
  const child = fork(PROGRAM, {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  await once(child, 'message');
  return {
    slide: () => void child.send(sliding),
    stop: async () => {
      child.send('stop');
      await exited;
    },
  };
}
