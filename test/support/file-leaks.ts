import { afterAll } from 'vitest';
import { livingChildren } from '../../servers/child.ts';

// Vitest runs `afterAll` hooks in reverse order. This hook is registered first, so it runs after the hooks of the file.
afterAll(() => {
  const pids = livingChildren();
  if (pids.length > 0) throw new Error(`this file did not stop its servers: pids ${pids.join(', ')}`);
});
