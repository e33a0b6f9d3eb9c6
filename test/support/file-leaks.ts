import { afterAll } from 'vitest';
import { livingChildren } from '../../servers/child.ts';

// Registered before the file's own hooks, hence run after them.
afterAll(() => {
  const pids = livingChildren();
  if (pids.length > 0) throw new Error(`this file did not stop its servers: pids ${pids.join(', ')}`);
});
