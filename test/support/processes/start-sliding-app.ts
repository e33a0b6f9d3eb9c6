import { once } from 'node:events';
import { forkProgram } from './fork-program.ts';

export type Sliding = {
  readonly port: number;
  readonly keys: number;
  readonly ttlMs: number;
  readonly everyMs: number;
};

export const sessionName = (key: number) => `session:${key}`;

/** Starts the app. `slide` begins the renewals. `stop` resolves when the last renewal is answered. */
export async function startSlidingApp(sliding: Sliding): Promise<{ slide(): void; stop(): Promise<void> }> {
  const child = forkProgram('sliding-app');
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
