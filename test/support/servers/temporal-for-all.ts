/**
 * One Temporal dev server for the whole test run. It starts when the first test file asks for it, so a run of the
 * domain tests alone starts none. Test files run in processes of their own, so they ask through a socket of this
 * process.
 */
import { rmSync } from 'node:fs';
import { createServer } from 'node:net';
import type { TestProject } from 'vitest/node';
import { startTemporal, type TemporalServer } from '../../../servers/temporal-server.ts';
import { makeTempDir } from '../temp-dir.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Port of 127.0.0.1 that answers a connection with `{"address"}` or `{"problem"}`. */
    temporalDoor: number;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const dir = makeTempDir();
  let server: Promise<TemporalServer> | undefined;
  const door = createServer((visitor) => {
    visitor.on('error', () => {});
    server ??= startTemporal({ dir, headless: true });
    server.then(
      ({ address }) => visitor.end(JSON.stringify({ address })),
      (error: unknown) => visitor.end(JSON.stringify({ problem: String(error) })),
    );
  });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  const address = door.address();
  if (typeof address !== 'object' || address === null) throw new Error('the door has no port');
  project.provide('temporalDoor', address.port);
  return async () => {
    door.close();
    await server?.then((running) => running.stop()).catch(() => {});
    rmSync(dir, { recursive: true, force: true });
  };
}
