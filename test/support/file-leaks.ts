import { afterAll } from 'vitest';
import { livingChildren } from '../../servers/child.ts';
import { eventually } from './eventually.ts';

// Vitest runs `afterAll` hooks in reverse order. This hook is registered first, so it runs after the hooks of the file.
afterAll(async () => {
  const pids = livingChildren();
  if (pids.length === 0) return;
  // They end here. Otherwise each later file of this worker would be blamed, too.
  for (const pid of pids) if (pid > 0) process.kill(pid, 'SIGKILL');
  await eventually('the end of servers that were left', () => livingChildren().length === 0);
  throw new Error(`this file did not stop its servers: pids ${pids.join(', ')}`);
});
